"""Killed at any moment, a diagnosis loses nothing and does nothing twice."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from suwen.app.demo_patients import write_demo_folders
from suwen.core.settings import Settings
from suwen.records import Store, finding_of, report_of

KILLS = 30
KILLS_A_HOME = 8


def command(folder: Path, out: Path, home: Path) -> subprocess.Popen:
    program = "from suwen.app.main import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", program, "diagnose", str(folder), "--out", str(out)],
        env=os.environ | {"SUWEN_HOME": str(home), "SUWEN_DATA": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(folder: Path, out: Path, home: Path) -> float:
    start = time.monotonic()
    process = command(folder, out, home)
    output, problems = process.communicate(timeout=120)
    assert process.returncode == 0, output + problems
    return time.monotonic() - start


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
        keyed = [entry.detail["finding"] for entry in entries if entry.act == "finding"]
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


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_demo_folders(tmp_path_factory.mktemp("patients"))[0]


def test_a_diagnosis_killed_thirty_times_equals_one_that_was_never_killed(folder, tmp_path):
    calm = tmp_path / "calm"
    seconds = finish(folder, tmp_path / "calm-out", calm)
    expected = state(calm)
    assert expected["findings"]
    chance = random.Random(20)
    kills, rounds = 0, 0
    while kills < KILLS:  # an attempt that ends before its kill does not count
        home, out = tmp_path / f"home-{rounds}", tmp_path / f"out-{rounds}"
        for _ in range(KILLS_A_HOME):
            process = command(folder, out, home)
            start = time.monotonic()
            try:
                process.wait(chance.uniform(0.3, 1.0) * seconds)
                seconds = time.monotonic() - start  # Less busy than when it was measured.
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                kills += 1
            process.communicate()
        seconds = min(seconds, finish(folder, out, home))
        assert state(home) == expected, f"after kill {kills}, round {rounds}"
        names = sorted(path.name for path in out.iterdir())
        assert names == sorted(path.name for path in (tmp_path / "calm-out").iterdir())
        rounds += 1
