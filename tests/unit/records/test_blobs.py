"""Blobs: found by the SHA-256 of their content, sealed on disk, written whole or not at all."""

from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from suwen.core.errors import BadInput, IntegrityError, NotFound
from suwen.core.nouns import digest_of
from suwen.records.blobs import CHUNK, TAG, BlobFolder, opened, sealed
from suwen.records.blobstore import tidy


@pytest.fixture
def patient(clinic):
    return clinic.doctor.new_patient([])


def test_a_blob_is_found_by_the_digest_of_its_content(clinic, patient):
    data = b"DICM" * 1000
    digest = clinic.doctor.put_blob(patient, data, "application/dicom")
    assert digest == digest_of(data)
    assert clinic.doctor.blob(patient, digest) == data
    assert clinic.doctor.blob(patient, f"blob/{digest}") == data
    assert clinic.doctor.case(patient).blob(digest) == data


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_a_blob_of_any_size_comes_back_whole(sqlite_clinic, size):
    doctor = sqlite_clinic.doctor
    patient = doctor.new_patient([])
    data = os.urandom(size)
    assert doctor.blob(patient, doctor.put_blob(patient, data, "application/x")) == data


def test_the_same_bytes_are_stored_once_a_patient(clinic, patient):
    doctor = clinic.doctor
    other = doctor.new_patient([])
    first = doctor.put_blobs(patient, [(b"a", "text/plain"), (b"b", "text/plain"), (b"a", "x/y")])
    before = clinic.store.log.head()
    assert doctor.put_blobs(patient, [(b"a", "text/plain")]) == first[:1]
    assert clinic.store.log.head() == before
    assert len(list(clinic.home.glob("blobs/*/*"))) == 2
    doctor.put_blob(other, b"a", "text/plain")
    assert len(list(clinic.home.glob("blobs/*/*"))) == 3


def test_another_patients_blob_is_not_found(clinic, patient):
    doctor = clinic.doctor
    digest = doctor.put_blob(patient, b"a", "text/plain")
    with pytest.raises(NotFound):
        doctor.blob(doctor.new_patient([]), digest)
    with pytest.raises(BadInput):
        doctor.blob(patient, "../../etc/passwd")


def flip(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize(
    "change",
    [
        flip,
        lambda data: data[:-1],
        lambda data: data[: 7 + CHUNK + 16],
        lambda data: data + b"\0",
        lambda data: data[:7] + data[7 + CHUNK + 16 :] + data[7 : 7 + CHUNK + 16],
        lambda data: b"",
    ],
    ids=["one bit", "cut", "last chunk gone", "longer", "chunks exchanged", "empty"],
)
def test_a_changed_file_is_noticed(sqlite_clinic, change):
    doctor = sqlite_clinic.doctor
    patient = doctor.new_patient([])
    digest = doctor.put_blob(patient, os.urandom(CHUNK + 99), "application/x")
    [path] = sqlite_clinic.home.glob("blobs/*/*")
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(IntegrityError):
        doctor.blob(patient, digest)


def test_a_sealed_form_cut_between_chunks_or_at_another_place_does_not_open():
    key = AESGCM(b"k" * 32)
    stored = b"".join(sealed(key, "here", os.urandom(2 * CHUNK)))
    assert len(opened(key, "here", stored)) == 2 * CHUNK
    for place, data in (("there", stored), ("here", stored[: -CHUNK - TAG])):
        with pytest.raises(IntegrityError):
            opened(key, place, data)


def test_a_missing_file_is_told(clinic, patient):
    digest = clinic.doctor.put_blob(patient, b"a", "text/plain")
    [path] = clinic.home.glob("blobs/*/*")
    path.unlink()
    with pytest.raises(IntegrityError, match="missing"):
        clinic.doctor.blob(patient, digest)


def test_exchanged_files_do_not_open(clinic, patient):
    one, two = clinic.doctor.put_blobs(patient, [(b"a", "x/y"), (b"b", "x/y")])
    first, second = clinic.home.glob("blobs/*/*")
    first_bytes = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(first_bytes)
    for digest in (one, two):
        with pytest.raises(IntegrityError):
            clinic.doctor.blob(patient, digest)


def test_files_are_for_their_owner_only(clinic, patient):
    clinic.doctor.put_blob(patient, b"a", "text/plain")
    [path] = clinic.home.glob("blobs/*/*")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_tidying_removes_what_a_crash_left_and_nothing_else(clinic, patient):
    digest = clinic.doctor.put_blob(patient, b"a", "text/plain")
    folder: BlobFolder = clinic.store.blobs
    folder.write("ab" + "c" * 62, [b"orphan"])
    young = folder.path("ab" + "c" * 62)
    assert tidy(clinic.store) == 0
    os.utime(young, (0, 0))
    assert tidy(clinic.store) == 1
    assert not young.exists()
    assert clinic.doctor.blob(patient, digest) == b"a"
