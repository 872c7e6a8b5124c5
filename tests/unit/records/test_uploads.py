"""Files that wait to be read: sealed in pieces, read in any order, bounded, and swept."""

from __future__ import annotations

import io
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from suwen.core.errors import BadInput, Conflict, Denied, IntegrityError, NotFound, UnsafeInput
from suwen.core.settings import Settings
from suwen.records import Person, Store, sealed_files, uploads
from suwen.records.sealed_files import SealedReader, SealedWriter
from suwen.records.uploads import FOLDER, Limits, Uploads
from suwen.records.vault import PatientKey

DOCTOR = Person("dr-li", "Li Na", "clinician")
WIDE = Limits(10**9, 10**9)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(Settings(home=tmp_path_factory.mktemp("uploads") / "home")) as opened:
        yield opened


@pytest.fixture
def patient(store: Store) -> str:
    return store.session(DOCTOR, "treatment").new_patient([])


@pytest.fixture
def desk(store: Store) -> Uploads:
    return Uploads(store, DOCTOR, "treatment")


@pytest.fixture
def key(store: Store, patient: str) -> PatientKey:
    with store.work() as work:
        return store.vault.patient_key(work.connection, patient)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 128, 1000])
def test_a_file_reads_as_it_was_written_in_any_order(
    tmp_path: Path, key, monkeypatch: pytest.MonkeyPatch, size: int
):
    for name, value in (("PIECE", 64), ("SEALED", 64 + 28)):
        monkeypatch.setattr(sealed_files, name, value)
    data = random.Random(size).randbytes(size)
    writer = SealedWriter(tmp_path / "f", key, "here")
    for start in range(0, size, 7):
        writer.write(data[start : start + 7])
    writer.close()
    assert writer.size == size
    with io.BufferedReader(SealedReader(tmp_path / "f", key, "here"), 16) as file:
        assert file.read() == data
        for start in random.Random(1).sample(range(size + 1), min(size, 20)):
            file.seek(start)
            assert file.read(11) == data[start : start + 11]
        file.seek(-min(3, size), io.SEEK_END)
        assert file.read() == data[size - min(3, size) :]


def test_a_file_that_was_cut_changed_or_put_elsewhere_does_not_open(
    tmp_path: Path, key, monkeypatch: pytest.MonkeyPatch
):
    for name, value in (("PIECE", 64), ("SEALED", 64 + 28)):
        monkeypatch.setattr(sealed_files, name, value)
    writer = SealedWriter(tmp_path / "f", key, "here")
    writer.write(b"x" * 200)
    writer.close()
    whole = (tmp_path / "f").read_bytes()
    pieces = [whole[8 + n : 8 + n + 92] for n in range(0, len(whole) - 8, 92)]
    changed = {
        "cut": whole[: 8 + 92 * 2],
        "one bit": whole[:50] + bytes([whole[50] ^ 1]) + whole[51:],
        "reordered": whole[:8] + pieces[1] + pieces[0] + b"".join(pieces[2:]),
    }
    for name, data in changed.items():
        (tmp_path / name).write_bytes(data)
        with SealedReader(tmp_path / name, key, "here") as file, pytest.raises(IntegrityError):
            file.readall()
    with SealedReader(tmp_path / "f", key, "there") as file, pytest.raises(IntegrityError):
        file.readall()


def send(desk: Uploads, patient: str, limits: Limits = WIDE, **files: bytes) -> str:
    with desk.receiving(patient, limits) as sent:
        for name, data in files.items():
            sent.begin(name)
            sent.write(data)
            sent.end()
    return sent.id


def test_what_was_sent_is_found_again_by_name_and_order(desk: Uploads, patient: str):
    upload = send(desk, patient, **{"../b.csv": b"two", "a.csv": b"one", "empty.csv": b""})
    files = desk.files(patient, upload)
    assert [(one.name, one.size) for one in files] == [("b.csv", 3), ("a.csv", 3)]
    with files[1].open() as file:
        assert file.read() == b"one"
    desk.drop(patient, upload)
    with pytest.raises(NotFound):
        desk.files(patient, upload)


@pytest.mark.parametrize(
    ("limits", "files", "error"),
    [
        (Limits(3, 100), {"a": b"four"}, "file 1 is too large"),
        (Limits(4, 6), {"a": b"four", "b": b"four"}, "the request is too large"),
        (WIDE, {"a": b""}, "no file with content"),
    ],
)
def test_what_is_too_large_or_empty_leaves_nothing(
    desk: Uploads, patient: str, store: Store, limits: Limits, files: dict, error: str
):
    with pytest.raises((UnsafeInput, BadInput), match=error):
        send(desk, patient, limits, **files)
    assert not list((store.home / FOLDER / patient).iterdir())


def test_uploads_that_nobody_reads_do_not_fill_the_disk(
    desk: Uploads, patient: str, store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(uploads, "MOST_WAITING", 2)
    first = send(desk, patient, a=b"1")
    send(desk, patient, a=b"2")
    with pytest.raises(Conflict, match="wait to be read already"):
        send(desk, patient, a=b"3")
    old = time.time() - uploads.KEPT.total_seconds() - 60
    os.utime(store.home / FOLDER / patient / first, (old, old))
    third = send(desk, patient, a=b"3")
    assert not desk.waits(patient, first)
    assert desk.waits(patient, third)


def test_a_patient_sends_for_nobody_else(store: Store, patient: str):
    other = store.session(DOCTOR, "treatment").new_patient([("urn:test", "other")])
    person = Person("at.home", "At home", "patient", patient=patient)
    store.add_person(person, "")
    own = Uploads(store, person, "patient")
    upload = send(own, patient, a=b"1")
    assert own.waits(patient, upload)
    for act in (
        lambda: send(own, other, a=b"1"),
        lambda: own.files(other, upload),
        lambda: own.drop(other, upload),
        lambda: own.told(other, "x"),
    ):
        with pytest.raises(Denied):
            act()
    assert not (store.home / FOLDER / other).exists()
