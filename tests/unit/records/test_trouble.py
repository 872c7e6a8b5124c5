"""A full disk, a killed process, two writers at once: nothing is lost, doubled or half written."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from suwen.core.errors import StorageUnavailable
from suwen.records import Person, Store
from suwen.records.tables import blob, record, token

WRITER = """
import json, resource, sys
from suwen.core.errors import StorageUnavailable
from suwen.core.settings import Settings
from suwen.records import Person, Store

home, url, patient, name, count, limit = sys.argv[1:]

def pulse(number):
    return {"resourceType": "Observation", "id": f"{name}-{number}", "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
            "valueString": "x" * 400}

store = Store.open(Settings(home=home, database_url=url))
doctor = store.session(Person("dr-li", "Li Na", "clinician"), "treatment")
if int(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
for number in range(int(count)):
    try:
        [record, *_] = doctor.put([pulse(f"{number}-{part}") for part in range(5)], patient)
        doctor.put([pulse("shared") | {"valueString": f"{name} {number}"}], patient)
        digest = doctor.put_blob(patient, f"{name} {number}".encode() * 2000, "text/plain")
    except StorageUnavailable as error:
        print("full", flush=True)
        print(error, file=sys.stderr)
        sys.exit(3)
    print(json.dumps([number, record.reference, digest]), flush=True)
store.close()
"""


def writer(clinic, patient, name, count, limit=0):
    """Start a process of its own that puts `count` times five resources, one shared, one blob."""
    arguments = [str(clinic.home), clinic.url, patient, name, str(count), str(limit)]
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", WRITER, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def done(output: str) -> list[list]:
    return [json.loads(line) for line in output.splitlines() if line.startswith("[")]


def assert_consistent(clinic, patient, told):
    """Assert that all that was told as stored is there, and nothing stands half."""
    with Store.open(clinic.settings) as store:
        doctor = store.session(clinic.doctor_person, "treatment")
        found = {r.reference for r in doctor.search("Observation", patient, limit=10**6)}
        for _, reference, digest in told:
            assert reference in found
            assert doctor.blob(patient, digest)
        with store.database.transaction(reading=True) as connection:
            mine = record.c.patient == patient
            current = select(record.c.id).where(mine, record.c.current.is_(True))
            ids = connection.execute(current).scalars().all()
            assert len(ids) == len(set(ids)), "two current versions of one record"
            pairs = connection.execute(
                select(record.c.id, func.count(), func.max(record.c.version))
                .where(mine)
                .group_by(record.c.id)
            ).all()
            assert all(number == newest for _, number, newest in pairs), "a version is missing"
            tokens = connection.execute(select(token.c.id).where(token.c.patient == patient))
            assert sorted(tokens.scalars()) == sorted(ids), "an index row is missing or too many"
            names = connection.execute(select(blob.c.name).where(blob.c.patient == patient))
            assert all(store.blobs.path(name).exists() for name in names.scalars())
        assert store.log.verify().intact


def test_two_processes_writing_at_once_lose_and_double_nothing(clinic):
    patient = clinic.doctor.new_patient([])
    both = [writer(clinic, patient, name, 8) for name in ("a", "b")]
    outputs = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], [e for _, e in outputs]
    told = [line for output, _ in outputs for line in done(output)]
    assert len(told) == 16
    assert_consistent(clinic, patient, told)
    found = clinic.doctor.search("Observation", patient)
    assert len(found) == 2 * 8 * 5 + 2
    assert len(clinic.doctor.history("Observation/a-shared", patient)) == 8


def test_many_threads_on_one_store_lose_nothing(clinic):
    patient = clinic.doctor.new_patient([])

    def put(number: int) -> str:
        access = clinic.store.session(clinic.doctor_person, "treatment")
        [one] = access.put([clinic.pulse(f"hr-{number % 10}", value=number)], patient)
        return access.read(one.reference).reference

    with ThreadPoolExecutor(8) as pool:
        references = list(pool.map(put, range(40)))
    assert len(set(references)) == 40
    assert_consistent(clinic, patient, [])


def test_a_process_killed_at_any_moment_leaves_a_consistent_store(clinic):
    patient = clinic.doctor.new_patient([])
    told = []
    for attempt in range(3):
        process = writer(clinic, patient, f"k{attempt}", 1000)
        first = process.stdout.readline()
        time.sleep(0.02 + 0.07 * attempt)
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate(timeout=60)
        told += done(first + rest)
        assert process.returncode == -signal.SIGKILL
    assert len(told) >= 3
    assert_consistent(clinic, patient, told)


def test_a_full_disk_under_the_database_is_told_and_nothing_stands_half(sqlite_clinic):
    clinic = sqlite_clinic
    patient = clinic.doctor.new_patient([])
    process = writer(clinic, patient, "f", 10**6, limit=1_500_000)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 3, errors
    assert "full or failing" in errors
    told = done(output)
    assert told
    assert_consistent(clinic, patient, told)
    [again] = clinic.doctor.put([clinic.pulse()], patient)
    assert clinic.doctor.read(again.reference) == again


def test_a_database_without_room_refuses_the_bundle_whole(sqlite_clinic):
    clinic = sqlite_clinic
    patient = clinic.doctor.new_patient([])
    with clinic.store.database.transaction() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar()
        connection.execute(text(f"PRAGMA max_page_count = {pages + 2}"))
    bundle = [clinic.pulse(f"hr-{number}") for number in range(200)]
    with pytest.raises(StorageUnavailable, match="nothing was written"):
        clinic.doctor.put(bundle, patient)
    with clinic.store.database.transaction() as connection:
        connection.execute(text("PRAGMA max_page_count = 1000000"))
    assert clinic.doctor.search("Observation", patient) == []
    assert clinic.store.log.verify().intact
    assert len(clinic.doctor.put(bundle, patient)) == 200


class FullDisk(io.FileIO):
    """A file on a disk that is full after a few bytes."""

    def write(self, data):
        super().write(bytes(data)[:5])
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("broken", ["write", "fsync", "rename"])
def test_a_full_disk_under_the_blobs_leaves_no_file_and_no_row(clinic, monkeypatch, broken):
    patient = clinic.doctor.new_patient([])

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        if broken == "write":
            patch.setattr(os, "fdopen", FullDisk)
        elif broken == "fsync":
            patch.setattr(os, "fsync", fail)
        else:
            patch.setattr(Path, "replace", fail)
        with pytest.raises(StorageUnavailable, match="nothing was written"):
            clinic.doctor.put_blobs(patient, [(b"one", "x/y"), (b"two", "x/y")])
    assert list(clinic.home.glob("blobs/*/*")) == []
    with clinic.store.database.transaction() as connection:
        assert connection.execute(select(blob)).all() == []
    assert clinic.doctor.put_blob(patient, b"one", "x/y")


def test_a_later_blob_that_fails_takes_the_earlier_ones_with_it(clinic, monkeypatch):
    patient = clinic.doctor.new_patient([])
    write, calls = clinic.store.blobs.write, []

    def second_fails(name: str, pieces: object) -> None:
        calls.append(name)
        if len(calls) == 2:
            raise StorageUnavailable("a blob cannot be written")
        write(name, pieces)

    with monkeypatch.context() as patch:
        patch.setattr(clinic.store.blobs, "write", second_fails)
        with pytest.raises(StorageUnavailable):
            clinic.doctor.put_blobs(patient, [(b"one", "x/y"), (b"two", "x/y")])
    assert list(clinic.home.glob("blobs/*/*")) == []


def test_a_home_that_cannot_be_made_is_told(tmp_path):
    from suwen.core.settings import Settings

    (tmp_path / "file").write_text("")
    with pytest.raises(StorageUnavailable):
        Store.open(Settings(home=tmp_path / "file" / "home"))


def test_registering_the_same_patient_from_many_threads_makes_one(clinic):
    def register(_: int) -> str:
        person = Person("dr-li", "Li Na", "clinician")
        return clinic.store.session(person, "treatment").new_patient([("urn:mrn", "1")])

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(register, range(12)))) == 1
