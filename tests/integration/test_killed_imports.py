"""Killed at any moment, the reading of a device export loses nothing and stores nothing twice."""

from __future__ import annotations

import multiprocessing
import signal
from datetime import UTC, datetime
from pathlib import Path

from suwen.core.settings import Settings
from suwen.records import Person, Store
from suwen.records.streams.seen import Streams
from suwen.records.uploads import FOLDER, Limits, Uploads

DOCTOR = Person("dr-li", "Li Na", "clinician")
READINGS = 500
PROGRAM = """
import os, signal
from dataclasses import asdict
from pathlib import Path

from suwen.app import importing
from suwen.app.importing import Importing
from suwen.app.jobs import doing
from suwen.app.services import open_jobs
from suwen.core.settings import Settings
from suwen.gateway.devices import importing as reading
from suwen.records import Person, Store
from suwen.records.uploads import Uploads

home, patient, upload, moment = Path({home!r}), {patient!r}, {upload!r}, {moment!r}
reading.BATCH = 100
passed = []

def dying(name, function):
    def watched(*given, **more):
        result = function(*given, **more)
        passed.append(name)
        if name + " " + str(passed.count(name)) == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return watched

importing._Counting.put = dying("put", importing._Counting.put)
Uploads.account = dying("account", Uploads.account)
Uploads.drop = dying("drop", Uploads.drop)
settings = Settings(home=home)
with Store.open(settings) as store:
    jobs = open_jobs(store, settings, "test", dict([("import", Importing(store, doing))]))
    person = asdict(store.person("dr-li"))
    payload = dict(person=person, patient=patient, upload=upload, zone="", units=dict())
    job = jobs.unfinished() or jobs.submit("import", payload, "import-1")
    jobs.result(job)
    status = jobs.status(job)
    (home / "told").write_text(" ".join((status.state, status.step, status.told)))
    jobs.close()
"""


def run(home: Path, patient: str, upload: str, moment: str) -> int | None:
    """Read the upload in a process of its own that dies at a moment; return how it ended."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["suwen.app.importing"])
    program = PROGRAM.format(home=str(home), patient=patient, upload=upload, moment=moment)
    process = context.Process(target=exec, args=(program, {}))
    process.start()
    process.join(120)
    return process.exitcode


def test_an_import_killed_while_it_reads_and_while_it_tells_goes_on(tmp_path: Path) -> None:
    home = tmp_path / "home"
    start = datetime(2026, 3, 1, tzinfo=UTC)
    ticks = [int(start.timestamp()) + 60 * n for n in range(READINGS)]
    lines = [f"{tick},{60 + n % 40},watch" for n, tick in enumerate(ticks)]
    table = "\n".join(("time,heart rate (/min),device", *lines)).encode()
    with Store.open(Settings(home=home)) as store:
        store.add_person(DOCTOR, "")
        patient = store.session(DOCTOR, "treatment").new_patient([])
        uploads = Uploads(store, DOCTOR, "treatment")
        with uploads.receiving(patient, Limits(10**6, 10**6)) as sent:
            sent.begin("watch.csv")
            sent.write(table)
            sent.end()
    for moment in ("put 3", "account 1", "drop 1"):
        assert run(home, patient, sent.id, moment) == -signal.SIGKILL
    assert run(home, patient, sent.id, "never") == 0
    state, step, told = (home / "told").read_text().split()
    assert (state, step) == ("done", "drop")
    with Store.open(Settings(home=home)) as store:
        (stretch,) = Streams(store, DOCTOR, "treatment").read(
            patient, "8867-4", start, datetime(2026, 4, 1, tzinfo=UTC)
        )
        account = Uploads(store, DOCTOR, "treatment").told(patient, told)
    assert len(stretch) == READINGS
    assert account["kinds"][0]["count"] == READINGS
    assert account["stored"] + account["known"] == READINGS
    assert not list((home / FOLDER / patient).iterdir())
