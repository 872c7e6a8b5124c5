"""An intake in the store: once is enough, more is added, the wrong patient is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from suwen.core.errors import Conflict, Denied
from suwen.gateway import read_folder, store_intake
from suwen.imaging.case.series import case_volumes
from suwen.records import Access, Person, Store

Write = Callable[..., Any]


def test_the_same_folder_twice_adds_nothing(
    folder: Path,
    access: Access,
    ct: Write,
    nifti: Path,
    fhir: Write,
    patient: Write,
    lab: Write,
    bundle: Write,
) -> None:
    ct("P-1")
    fhir(bundle(patient(), lab()))
    (folder / "note").write_text("Cough for two weeks.")
    (folder / "v").write_text("time,heart rate,bp\n2026-03-01 08:00Z,72,128/80\n")
    first = store_intake(access, read_folder(folder))
    before = [record.reference for record in access.case(first).records]
    assert store_intake(access, read_folder(folder)) == first
    assert [record.reference for record in access.case(first).records] == before
    assert len(before) == 7


def test_everything_stored_is_about_the_stored_patient(
    folder: Path, access: Access, ct: Write, fhir: Write, patient: Write, lab: Write, bundle: Write
) -> None:
    ct("P-1")
    fhir(bundle(patient(), lab()))
    stored = store_intake(access, read_folder(folder))
    case = access.case(stored)
    assert {record.content["subject"]["reference"] for record in case.of("Observation")} == {
        f"Patient/{stored}"
    }
    (study,) = case.of("ImagingStudy")
    assert study.content["subject"] == {"reference": f"Patient/{stored}"}
    assert access.patients()[0].birth_date == "1970-01-02"


def test_the_stored_series_gives_its_volume_back(folder: Path, access: Access, ct: Write) -> None:
    ct()
    stored = store_intake(access, read_folder(folder))
    (series,) = case_volumes(access.case(stored))
    assert series.volume.values.shape == (4, 16, 16)


def test_a_second_series_joins_the_study_and_keeps_the_first(
    folder: Path, access: Access, ct: Write
) -> None:
    first = ct("P-1", seed="a")
    stored = store_intake(access, read_folder(folder))
    for path in first:
        path.unlink()
    ct("P-1", seed="b")
    assert store_intake(access, read_folder(folder)) == stored
    (study,) = access.case(stored).of("ImagingStudy")
    assert study.content["numberOfSeries"] == 2
    assert study.content["numberOfInstances"] == 8


def test_an_image_under_a_known_uid_with_other_bytes_is_refused(
    folder: Path, access: Access, ct: Write
) -> None:
    (path, *_) = ct()
    store_intake(access, read_folder(folder))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(Conflict):
        store_intake(access, read_folder(folder))


def test_a_known_number_with_another_birth_date_is_refused(
    folder: Path, access: Access, fhir: Write, patient: Write, lab: Write, bundle: Write
) -> None:
    fhir(bundle(patient("P-1"), lab()))
    store_intake(access, read_folder(folder))
    fhir(bundle(patient("P-1", birthDate="1999-09-09"), lab("o2")))
    with pytest.raises(Conflict, match="birth date"):
        store_intake(access, read_folder(folder))


def test_a_thinner_source_does_not_overwrite_what_is_known_of_the_patient(
    folder: Path, access: Access, ct: Write, fhir: Write, patient: Write
) -> None:
    number = {"system": "https://suwen.health/fhir/dicom-patient-id", "value": "P-1"}
    path = fhir({**patient(), "identifier": [number]})
    (folder / "note").write_text("Cough.")
    stored = store_intake(access, read_folder(folder))
    path.unlink()
    ct("P-1", "")
    assert store_intake(access, read_folder(folder)) == stored
    (known,) = access.case(stored).of("Patient")
    assert known.content["birthDate"] == "1970-01-02"
    assert known.reference.endswith("/_history/1")


def test_someone_outside_the_care_team_adds_nothing_to_a_known_patient(
    folder: Path, access: Access, store: Store, ct: Write
) -> None:
    ct()
    store_intake(access, read_folder(folder))
    other = store.session(Person("zhao.lei", "Dr. Zhao Lei", "clinician"), "treatment")
    with pytest.raises(Denied):
        store_intake(other, read_folder(folder))
