"""Killed at any moment, a diagnosis loses nothing and does nothing twice."""

import multiprocessing
import random
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from suwen.core.settings import Settings
from suwen.lifecycle.logged import finding_ids
from suwen.records import Store, finding_of, report_of

KILLS = 30
KILLS_A_HOME = 8
IMPORTED = ("suwen.app.diagnose", "suwen.app.rooms", "suwen.app.outputs", "onnxruntime", "lightgbm")
"""Read once, before the processes part: a kill during an import shows nothing."""
PROGRAM = """
import os, sys
os.environ |= {environment!r}
sys.argv = {arguments!r}
from suwen.app.main import main
main()
"""


@pytest.fixture(scope="module")
def apart():
    """Starts processes that share nothing but the imported modules."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*IMPORTED])
    return context


@pytest.fixture(scope="module")
def start(apart, demo_patients):
    """A function that starts `suwen diagnose` of one patient."""

    def started(out: Path, home: Path) -> BaseProcess:
        arguments = ["suwen", "diagnose", str(demo_patients["alder"]), "--out", str(out)]
        environment = {"SUWEN_HOME": str(home), "SUWEN_DATA": ""}
        program = PROGRAM.format(environment=environment, arguments=arguments)
        process = apart.Process(target=exec, args=(program, {}))
        process.start()
        return process

    return started


def seconds_of(process: BaseProcess) -> float:
    """Wait until a diagnosis is done and return how long that took."""
    begun = time.monotonic()
    process.join(120)
    assert process.exitcode == 0
    return time.monotonic() - begun


def state(home: Path) -> dict:
    """Everything a reader would see, without what differs from run to run (ids, times)."""
    with Store.open(Settings(home=home)) as store:
        entries = list(store.log.entries())
        assert store.log.verify().intact
        (patient,) = {entry.patient for entry in entries if entry.patient}
        person = next(person for person in store.persons() if person.id.startswith("os."))
        access = store.session(person, "treatment")
        case = access.case(patient)
        findings = [finding_of(record) for record in access.search("Finding", patient)]
        reports = [report_of(record) for record in access.search("Report", patient)]
        keyed = [name for entry in entries for name in finding_ids(entry)]
        assert sorted(keyed) == sorted(finding.id for finding in findings)
        return {
            "records": sorted((r.type, r.reference.rpartition("/")[2]) for r in case.records),
            "findings": sorted(
                (f.task, f.band, f.probability and f.probability.value, len(f.attachments))
                for f in findings
            ),
            "reports": [
                (len(r.findings), sorted(s.text.en for s in r.statements)) for r in reports
            ],
        }


def test_a_diagnosis_killed_thirty_times_equals_one_that_was_never_killed(start, tmp_path):
    calm = tmp_path / "calm"
    seconds_of(start(tmp_path / "first-out", tmp_path / "first"))  # The modules are read now.
    seconds = seconds_of(start(tmp_path / "calm-out", calm))
    expected = state(calm)
    assert expected["findings"]
    chance = random.Random(20)
    kills, rounds = 0, 0
    while kills < KILLS:  # an attempt that ends before its kill does not count
        home, out = tmp_path / f"home-{rounds}", tmp_path / f"out-{rounds}"
        for _ in range(KILLS_A_HOME):
            process = start(out, home)
            begun = time.monotonic()
            process.join(chance.random() * seconds)
            if process.exitcode is None:
                process.kill()
                kills += 1
            else:
                seconds = time.monotonic() - begun  # Less busy than when it was measured.
            process.join()
        seconds = min(seconds, seconds_of(start(out, home)))
        assert state(home) == expected, f"after kill {kills}, round {rounds}"
        names = sorted(path.name for path in out.iterdir())
        assert names == sorted(path.name for path in (tmp_path / "calm-out").iterdir())
        rounds += 1
