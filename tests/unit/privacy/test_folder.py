"""A mixed folder: one key a patient over all formats, all or nothing, one error a bad file."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from suwen.core.errors import BadInput
from suwen.privacy import folder
from suwen.privacy.claims import Claims
from suwen.privacy.people import claim
from suwen.privacy.subjects.known import Known

SECRET = b"the secret of the project of the tests"


def ct(name: str, number: str) -> bytes:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3.4"
    dataset.PatientName, dataset.PatientID, dataset.StudyDate = name, number, "20210304"
    dataset.PatientBirthDate, dataset.Modality = "19610412", "CT"
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, implicit_vr=False, little_endian=True)
    return buffer.getvalue()


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Files of Jane Doe in five formats, two rows of a table of others, and what is no input."""
    source = tmp_path / "Jane Doe"
    source.mkdir()
    (source / "ct.dcm").write_bytes(ct("Doe^Jane", "4839201"))
    patient = {
        "resourceType": "Patient",
        "id": "abc-123",
        "identifier": [{"value": "4839201"}],
        "name": [{"given": ["Jane"], "family": "Doe"}],
        "birthDate": "1961-04-12",
    }
    (source / "p.json").write_text(json.dumps(patient))
    (source / "oru.hl7").write_text(
        "MSH|^~\\&|A|B|C|D|20210304||ORU^R01|77|P|2.5\rPID|1||4839201^^^H||DOE^JANE||19610412|F\r"
        "OBX|1|TX|1^Note||Jane Doe is well|\r"
    )
    (source / "v.csv").write_text("MRN,date,rate\n4839201,2021-03-04,72\n5550001,2021-03-04,80\n")
    (source / "note.txt").write_text("Jane Doe was seen on 2021-03-04 and is well.")
    (source / "cut.dcm").write_bytes(ct("Doe^Jane", "4839201")[:-9])
    (source / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    (source / "broken.json").write_text('{"resourceType": "Patient", "name": "Jane Doe"')
    return source


def test_every_format_of_one_patient_gets_one_pseudonym_and_one_shift(mixed: Path) -> None:
    target = mixed.parent / "out"
    outcome = folder.deidentify(mixed, target, SECRET)
    assert len(outcome.persons) == 2
    (jane,) = [name for name, who in outcome.persons.items() if "Doe^Jane" in who["names"]]
    files = {path.name.split("-")[0]: path for path in (target / jane).iterdir()}
    assert files.keys() == {"dicom", "fhir", "hl7", "note"}
    image = pydicom.dcmread(files["dicom"])
    moved = str(image.StudyDate)
    shown = f"{moved[:4]}-{moved[4:6]}-{moved[6:]}"
    assert image.PatientID == jane
    assert json.loads(files["fhir"].read_text())["id"] == jane
    assert f"|{jane}^^^SUWEN^PI|" in files["hl7"].read_text()
    assert f"|{moved}|" in files["hl7"].read_text()
    assert shown in files["note"].read_text()
    (table,) = (target / folder.SHARED).iterdir()
    assert f"{jane},{shown},72" in table.read_text()


def test_each_bad_file_is_left_out_with_one_error_and_nothing_identifies(mixed: Path) -> None:
    target = mixed.parent / "out"
    outcome = folder.deidentify(mixed, target, SECRET)
    refused = {one.path.name for one in outcome.refused}
    assert refused == {"cut.dcm", "picture.png", "broken.json"}
    assert len(outcome.refused) == 3
    assert outcome.written.total() == 5
    for path in target.rglob("*"):
        assert "Jane" not in str(path.relative_to(target))
        if path.is_file():
            content = path.read_bytes()
            assert not any(one in content for one in (b"Jane", b"JANE", b"DOE", b"4839201"))
    report = json.loads((target / folder.REPORT).read_text())
    assert report["written"] == {"dicom": 1, "fhir": 1, "hl7": 1, "note": 1, "table": 1}
    assert len(report["refused"]) == 3


def test_an_interrupted_run_leaves_no_output(mixed: Path) -> None:
    def fail(outcome: folder.Outcome) -> None:
        raise BadInput("the vault is closed")

    target = mixed.parent / "out"
    with pytest.raises(BadInput, match="vault"):
        folder.deidentify(mixed, target, SECRET, keep=fail)
    assert [path.name for path in mixed.parent.iterdir()] == ["Jane Doe"]


def test_an_output_in_use_or_within_the_input_and_an_empty_folder_are_refused(
    mixed: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match="within"):
        folder.deidentify(mixed, mixed / "out", SECRET)
    with pytest.raises(BadInput, match="holds something"):
        folder.deidentify(mixed, mixed, SECRET)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="without a file"):
        folder.deidentify(tmp_path / "empty", tmp_path / "out", SECRET)
    assert not (tmp_path / "out").exists()


def test_statements_are_one_person_by_number_or_by_name_and_birth_date() -> None:
    jane, other = Known(frozenset(["Doe^Jane"])), Known(frozenset(["Roe^Rick"]))
    claims = [
        claim(1, "4839201", jane, ["4839201"], "19610412"),
        claim(2, "abc", Known(frozenset(["Jane Doe"])), ["abc"], "1961-04-12"),
        claim(3, "4839201", Known(), ["483-9201"]),
        claim(4, "4839201", other, ["4839201"], "1999-01-01"),
    ]
    together = Claims.of(claims[:3]).groups()
    assert [together.claims(number) for number in range(len(together))] == [[0, 1, 2]]
    assert len(Claims.of([claims[0], claims[3]]).groups()) == 2
