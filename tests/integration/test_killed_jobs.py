"""Killed at any moment, a diagnosis loses nothing and does nothing twice."""

import multiprocessing
import random
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from suwen.app import rooms
from suwen.core import registry
from suwen.core.settings import Settings
from suwen.lifecycle.logged import finding_ids
from suwen.records import Store, finding_of, report_of

Start = Callable[..., BaseProcess]
RANDOM_KILLS = 6
MOST_STARTS = 120
IMPORTED = ("suwen.app.diagnose", "suwen.app.rooms", "suwen.app.outputs", "onnxruntime", "lightgbm")
"""Read once, before the processes part: a kill during an import shows nothing."""
PROGRAM = """
import json, os, signal, sys
from pathlib import Path
os.environ |= {environment!r}
sys.argv = {arguments!r}
from dbos._dbos import _get_or_create_dbos_registry
from suwen.app import jobs
from suwen.records.log import Log

seen = Path({seen!r})
current = []

def moment(name):
    # dies here, unless this moment has been died at before
    known = seen.read_text().splitlines() if seen.exists() else []
    if {dying!r} and name not in known:
        with seen.open("a") as file:
            file.write(name + "\\n")
        os.kill(os.getpid(), signal.SIGKILL)

def stepping(name, function, argument):
    def watched(argument):
        current.append(name)
        moment(f"before {{name}}")
        result = function(argument)
        moment(f"after {{name}}")
        current.pop()
        return result
    return run_step(name, watched, argument)

def anchoring(log, head):
    # the entries are in the database now, and the anchor file does not know of them
    if current:
        moment(f"within {{current[-1]}}")
    anchor(log, head)

# a job that was cut off goes on when dbos looks for it: each second, here sooner
_get_or_create_dbos_registry().get_internal_queue()._polling_interval_sec = 0.02
run_step, jobs._run_step = jobs._run_step, stepping
anchor, Log.anchor = Log.anchor, anchoring
from suwen.app.main import main
main()
"""


@pytest.fixture(scope="module")
def apart():
    """Starts processes that share nothing but the imported modules, those of every task too."""
    context = multiprocessing.get_context("forkserver")
    rooms.load()
    tasks = {type(task).__module__ for task in registry.tasks()}
    context.set_forkserver_preload([*IMPORTED, *sorted(tasks)])
    return context


@pytest.fixture(scope="module")
def start(apart, demo_patients) -> Start:
    """A function that starts `suwen diagnose` of one patient; `dying` at moments not in `seen`."""

    def started(out: Path, home: Path, seen: Path, *, dying: bool = False) -> BaseProcess:
        arguments = ["suwen", "diagnose", str(demo_patients["alder"]), "--out", str(out)]
        environment = {"SUWEN_HOME": str(home), "SUWEN_DATA": ""}
        program = PROGRAM.format(
            environment=environment, arguments=arguments, seen=str(seen), dying=dying
        )
        process = apart.Process(target=exec, args=(program, {}))
        process.start()
        return process

    return started


def seconds_of(process: BaseProcess) -> float:
    """Wait until a diagnosis is done and return how long that took."""
    begun = time.monotonic()
    process.join(240)
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
                (f.task, f.band, f.probability.value if f.probability else -1.0, len(f.attachments))
                for f in findings
            ),
            "reports": [
                (len(r.findings), sorted(s.text.en for s in r.statements)) for r in reports
            ],
        }


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def calm(start, tmp_path_factory) -> tuple[dict, list[str], float]:
    """What a diagnosis leaves that was never killed: its state, its files, its seconds."""
    place = tmp_path_factory.mktemp("calm")
    seconds = seconds_of(start(place / "out", place / "home", place / "none"))
    expected = state(place / "home")
    assert expected["findings"]
    return expected, names(place / "out"), seconds


def test_killed_before_within_and_after_each_step_it_ends_as_if_never_killed(start, calm, tmp_path):
    home, out, seen = tmp_path / "home", tmp_path / "out", tmp_path / "seen"
    for _ in range(MOST_STARTS):
        process = start(out, home, seen, dying=True)
        process.join(240)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
    assert process.exitcode == 0
    died = [line.split(" ", 1) for line in seen.read_text().splitlines()]
    steps = {name for when, name in died if when == "before"}
    assert {name for when, name in died if when == "after"} == steps
    assert {"intake", "open", "report", "outputs"} < steps
    assert {finding[0] for finding in calm[0]["findings"]} < steps
    writing = {name for when, name in died if when == "within"}
    assert {"intake", "report", "imaging.nodule_segmentation"} <= writing
    assert (state(home), names(out)) == calm[:2]


def test_killed_at_random_moments_it_ends_as_if_never_killed(start, calm, tmp_path):
    home, out, seconds = tmp_path / "home", tmp_path / "out", calm[2]
    chance = random.Random(20)
    kills = 0
    while kills < RANDOM_KILLS:  # an attempt that ends before its kill does not count
        process = start(out, home, tmp_path / "none")
        process.join(chance.random() * seconds)
        kills += process.exitcode is None
        process.kill()
        process.join()
    seconds_of(start(out, home, tmp_path / "none"))
    assert (state(home), names(out)) == calm[:2]
