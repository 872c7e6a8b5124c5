"""Killed at any moment, the reading of a device export loses nothing and stores nothing twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from suwen.core.settings import Settings
from suwen.records import Person, Store
from suwen.records.streams import Streams
from suwen.records.uploads import FOLDER, Limits, Uploads

DOCTOR = Person("dr-li", "Li Na", "clinician")
READINGS = 500
PROGRAM = """
import os, signal, sys
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

home, patient, upload, moment = Path(sys.argv[1]), *sys.argv[2:]
reading.BATCH = 100
passed = []

def dying(name, function):
    def watched(*given, **more):
        result = function(*given, **more)
        passed.append(name)
        if f"{name} {passed.count(name)}" == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return watched

importing._Counting.put = dying("put", importing._Counting.put)
Uploads.account = dying("account", Uploads.account)
Uploads.drop = dying("drop", Uploads.drop)
settings = Settings(home=home)
with Store.open(settings) as store:
    jobs = open_jobs(store, settings, "test", {"import": Importing(store, doing)})
    person = asdict(store.person("dr-li"))
    payload = {"person": person, "patient": patient, "upload": upload, "zone": "", "units": {}}
    job = jobs.unfinished() or jobs.submit("import", payload, "import-1")
    jobs.result(job)
    status = jobs.status(job)
    print(status.state, status.step, status.told)
    jobs.close()
"""


def run(home: Path, patient: str, upload: str, moment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(home), patient, upload, moment],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


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
        killed = run(home, patient, sent.id, moment)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    done = run(home, patient, sent.id, "never")
    assert done.returncode == 0, done.stderr
    state, step, told = done.stdout.split()
    assert (state, step) == ("done", "drop"), done.stderr
    with Store.open(Settings(home=home)) as store:
        (stretch,) = Streams(store, DOCTOR, "treatment").read(
            patient, "8867-4", start, datetime(2026, 4, 1, tzinfo=UTC)
        )
        account = Uploads(store, DOCTOR, "treatment").told(patient, told)
    assert len(stretch) == READINGS
    assert account["kinds"][0]["count"] == READINGS
    assert account["stored"] + account["known"] == READINGS
    assert not list((home / FOLDER / patient).iterdir())
