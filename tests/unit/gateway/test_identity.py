"""Whose files they are, and the guard against two patients in one folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from suwen.core.errors import BadInput
from suwen.gateway import read_folder
from suwen.gateway.identity import ANONYMOUS, DICOM_ID, meaningful, name_forms

Write = Callable[..., Any]


def test_dicom_and_fhir_of_one_patient_are_one(
    folder: Path, ct: Write, fhir: Write, patient: Write, lab: Write, bundle: Write
) -> None:
    ct("MRN-7", "WANG^FANG=王^芳")
    fhir(bundle(patient("other-system-number"), lab()))
    identity = read_folder(folder).identity
    assert not identity.anonymous
    assert set(identity.identifiers) == {
        (DICOM_ID, "MRN-7"),
        ("https://hospital.example/id", "other-system-number"),
    }
    assert len(identity.patient["identifier"]) == 2
    assert identity.patient["birthDate"] == "1970-01-02"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": [{"family": "Li", "given": ["Na"]}]}, "name"),
        ({"gender": "male"}, "sex"),
    ],
)
def test_dicom_and_fhir_that_contradict_each_other_are_refused(
    folder: Path,
    ct: Write,
    fhir: Write,
    change: dict[str, Any],
    field: str,
    patient: Write,
    lab: Write,
    bundle: Write,
) -> None:
    ct("MRN-7", "Wang^Fang")
    fhir(bundle(patient(**change), lab()), "records.json")
    with pytest.raises(BadInput) as raised:
        read_folder(folder)
    text = str(raised.value)
    assert field in text
    assert "records.json" in text
    assert not any(value in text for value in ("Wang", "Li", "MRN-7", "1970"))


def test_two_ct_series_of_two_patients_are_refused(folder: Path, ct: Write) -> None:
    ct("P-1", "Wang^Fang", "a")
    ct("P-2", "Wang^Fang", "b")
    with pytest.raises(BadInput, match="two different patients: a0 and b0 differ"):
        read_folder(folder)


def test_two_patients_in_one_bundle_are_refused(
    folder: Path, fhir: Write, patient: Write, bundle: Write
) -> None:
    fhir(bundle(patient("1"), {**patient("2"), "id": "q", "birthDate": "1980-01-01"}))
    with pytest.raises(BadInput, match="two different patients"):
        read_folder(folder)


def test_results_of_two_subjects_are_refused(
    folder: Path, fhir: Write, lab: Write, bundle: Write
) -> None:
    fhir(bundle(lab("o1", subject="Patient/1"), lab("o2", subject="Patient/2")))
    with pytest.raises(BadInput, match="the patient referred to"):
        read_folder(folder)


def test_unrelated_numbers_without_a_name_to_confirm_them_are_refused(
    folder: Path, ct: Write, fhir: Write, patient: Write
) -> None:
    ct("P-1", "")
    fhir(patient("9", name=[{"text": "王芳"}]))
    with pytest.raises(BadInput, match="neither name nor birth date confirms it"):
        read_folder(folder)


def test_a_table_of_another_patient_is_refused(folder: Path, ct: Write) -> None:
    ct("P-1")
    (folder / "v.csv").write_text("patient id,time,heart rate\nP-2,2026-03-01 08:00Z,72\n")
    with pytest.raises(BadInput, match="two different patients"):
        read_folder(folder)
    (folder / "v.csv").write_text("patient id,time,heart rate\nP-1,2026-03-01 08:00Z,72\n")
    assert not read_folder(folder).identity.anonymous


@pytest.mark.parametrize(
    "note",
    [
        "门诊病历\n姓名：李娜  性别：女\n主诉：咳嗽两周。",
        "Clinic note\nPatient name: Na Li, DOB: 1970-01-02\nCough for two weeks.",
        "Clinic note\nDate of birth: 1981-05-06\nCough for two weeks.",
    ],
)
def test_a_note_that_names_another_patient_is_refused(
    folder: Path, fhir: Write, patient: Write, note: str
) -> None:
    names = [{"family": "Wang", "given": ["Fang"]}, {"text": "王芳"}]
    fhir(patient(name=names))
    (folder / "note").write_text(note, encoding="utf-8")
    with pytest.raises(BadInput, match="two different patients"):
        read_folder(folder)


@pytest.mark.parametrize(
    "note",
    [
        "姓名：王芳  性别：女\n出生日期：1970年1月2日\n主诉：咳嗽两周。",
        "姓名：王**\n主诉：咳嗽两周。",
        "Patient name: FANG WANG\nCough for two weeks.",
        "Patient: 52-year-old woman.\nFather's name is not recorded. Cough for two weeks.",
    ],
)
def test_a_note_of_the_same_patient_or_of_nobody_is_accepted(
    folder: Path, fhir: Write, patient: Write, note: str
) -> None:
    fhir(patient(name=[{"family": "Wang", "given": ["Fang"]}, {"text": "王芳"}]))
    (folder / "note").write_text(note, encoding="utf-8")
    assert not read_folder(folder).identity.anonymous


def test_files_that_name_nobody_get_an_anonymous_identity_from_their_content(
    folder: Path, nifti: Path
) -> None:
    first, again = read_folder(folder).identity, read_folder(folder).identity
    assert first.anonymous
    assert first == again
    assert first.identifiers[0][0] == ANONYMOUS
    assert first.patient["name"][0]["use"] == "anonymous"
    (folder / "note").write_text("Cough for two weeks.")
    assert read_folder(folder).identity != first


@pytest.mark.parametrize("removed", ["", "ANON", "Anonymous", "000000", "匿名", "DE-IDENTIFIED"])
def test_a_removed_identifier_never_joins_two_patients(
    folder: Path, ct: Write, removed: str
) -> None:
    ct(removed, "Anonymous^Patient" if removed else "")
    assert read_folder(folder).identity.anonymous


def test_a_name_and_birth_date_name_the_patient_where_no_number_does(
    folder: Path, fhir: Write, patient: Write, lab: Write, bundle: Write
) -> None:
    one = patient()
    del one["identifier"]
    fhir(bundle(one, lab()))
    identity = read_folder(folder).identity
    assert not identity.anonymous
    assert "identifier" not in identity.patient


def test_the_forms_of_a_name_are_compared_word_by_word() -> None:
    assert name_forms("Wang^XiaoDong=王^小东") == {"wang xiaodong", "王小东"}
    assert name_forms("XIAODONG^WANG") == {"wang xiaodong"}
    assert not meaningful("n/a")
    assert meaningful("0042")
