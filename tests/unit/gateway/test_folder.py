"""A folder of patient files: what is understood, what is not, and whose it is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suwen.core.errors import BadInput, NotFound, UnsafeInput
from suwen.gateway import Intake, fhir_in, read_folder
from suwen.gateway import folder as folder_module

Write = Callable[..., Any]


def kinds(intake: Intake) -> list[str]:
    return sorted(resource["resourceType"] for resource in intake.resources)


def refusals(intake: Intake) -> str:
    return "\n".join(text.en for text in intake.not_understood)


def test_files_are_known_by_content_whatever_they_are_called(
    folder: Path, ct: Write, nifti: Path, fhir: Write, patient: Write, lab: Write, bundle: Write
) -> None:
    ct()
    fhir(bundle(patient(), lab()), "scan.dcm")
    (folder / "x.json").write_text("Cough for two weeks.\nDate: 2026-03-01\n")
    (folder / "note.nii.gz").write_text("time,heart rate\n2026-03-01 08:00+08:00,72\n")
    intake = read_folder(folder)
    assert kinds(intake) == [
        "DocumentReference",
        "DocumentReference",
        "ImagingStudy",
        "Observation",
        "Observation",
    ]
    assert not intake.not_understood
    assert "DICOM CT series of 4 slice(s)" in [text.en for text in intake.understood]
    assert all(text.zh and text.en for text in intake.understood)


def test_one_file_is_read_as_well(folder: Path) -> None:
    (folder / "other.txt").write_text("Fever.")
    (folder / "note.txt").write_text("Cough for two weeks.")
    intake = read_folder(folder / "note.txt")
    assert kinds(intake) == ["DocumentReference"]
    assert [blob.checked() for blob in intake.blobs] == [b"Cough for two weeks."]


def test_what_is_not_understood_is_named_with_its_reason_in_both_languages(
    folder: Path, ct: Write
) -> None:
    ct()
    (folder / "letter.pdf").write_bytes(b"%PDF-1.7\n...")
    (folder / "empty").write_bytes(b"")
    (folder / "data.xyz").write_bytes(bytes(range(256)) * 3)
    (folder / "cda.xml").write_text("<ClinicalDocument/>")
    (folder / "prices.csv").write_text("item,price\nbed,1\n")
    (folder / "other.json").write_text('{"a": 1}')
    (folder / "cut.dcm").write_bytes(b"\0" * 128 + b"DICM\x02\x00\x10\x00UI\xff\x00")
    (folder / "cut.nii").write_bytes(b"\x5c\x01\0\0" + b"\0" * 340 + b"n+1\0")
    intake = read_folder(folder)
    found = {text.en.partition(":")[0] for text in intake.not_understood}
    assert found == {
        "letter.pdf", "empty", "data.xyz", "cda.xml", "prices.csv", "other.json", "cut.dcm",
        "cut.nii",
    }  # fmt: skip
    assert all(any("\u4e00" <= c <= "\u9fff" for c in text.zh) for text in intake.not_understood)


def test_a_link_out_of_the_folder_is_not_followed(folder: Path, tmp_path: Path, ct: Write) -> None:
    ct()
    secret = tmp_path / "secret.txt"
    secret.write_text("another patient's note")
    (folder / "link.txt").symlink_to(secret)
    (folder / "up").symlink_to(tmp_path, target_is_directory=True)
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "inside").symlink_to(folder / "a0")
    intake = read_folder(folder)
    assert kinds(intake) == ["ImagingStudy"]
    assert refusals(intake).count("a link that leads out") == 2
    assert any("loop" in text.en for text in intake.not_understood)


def test_a_pipe_or_an_unreadable_file_does_not_stop_the_rest(folder: Path, ct: Write) -> None:
    ct()
    os.mkfifo(folder / "pipe")
    assert "pipe: not a regular file" in refusals(read_folder(folder))


def test_more_files_than_the_cap_are_refused(
    folder: Path, ct: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    ct()
    monkeypatch.setattr(folder_module, "FILE_CAP", 3)
    with pytest.raises(UnsafeInput):
        read_folder(folder)


def test_folders_too_deep_are_named_not_entered(
    folder: Path, ct: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    ct()
    monkeypatch.setattr(folder_module, "DEPTH_CAP", 1)
    deep = folder / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "note.txt").write_text("Cough.")
    assert "a/b: too deep below the folder" in refusals(read_folder(folder))


def test_an_empty_or_absent_folder_is_an_error(folder: Path) -> None:
    with pytest.raises(BadInput):
        read_folder(folder)
    with pytest.raises(NotFound):
        read_folder(folder / "absent")


@pytest.mark.parametrize(
    ("encoding", "text", "shown", "language"),
    [
        ("utf-8", "患者咳嗽两周，右上肺结节。", "UTF-8", "zh"),
        ("gb18030", "患者咳嗽两周，右上肺结节。", "GB18030", "zh"),
        ("utf-16", "患者咳嗽两周，右上肺结节。", "UTF-16", "zh"),
        ("latin-1", "Müller: fièvre élevée, façade", "Latin-1", "en"),
        ("utf-8-sig", "Cough for two weeks", "UTF-8", "en"),
    ],
)
def test_a_note_is_read_in_the_encoding_it_was_written_in(
    folder: Path, encoding: str, text: str, shown: str, language: str
) -> None:
    (folder / "note").write_bytes(text.encode(encoding))
    intake = read_folder(folder)
    (note,) = intake.resources
    attachment = note["content"][0]["attachment"]
    assert f"({shown})" in intake.understood[0].en
    assert attachment["language"] == language
    assert attachment["contentType"].startswith("text/plain")
    assert intake.blobs[0].checked() == text.encode(encoding)


@pytest.mark.parametrize("text", ["ok", "1 2 3 4 5 6\n", "0.12\n0.13\n0.14\n", "----- ----"])
def test_a_text_without_words_is_not_taken_for_a_note(folder: Path, ct: Write, text: str) -> None:
    ct()
    (folder / "signal").write_text(text)
    assert "signal: a text without the words of a note" in refusals(read_folder(folder))


def test_a_note_that_begins_with_a_bracket_is_a_note(folder: Path) -> None:
    (folder / "note").write_text("[Medication] amlodipine 5 mg once daily")
    assert kinds(read_folder(folder)) == ["DocumentReference"]


def test_an_error_about_a_folder_names_no_file(folder: Path) -> None:
    (folder / "Wang Fang.xyz").write_bytes(bytes(range(256)))
    with pytest.raises(BadInput) as raised:
        read_folder(folder)
    assert "Wang" not in str(raised.value)


def test_the_date_a_note_states_is_kept(folder: Path) -> None:
    (folder / "note").write_text("门诊病历\n日期：2026年3月2日\n主诉：咳嗽。", encoding="utf-8")
    (note,) = read_folder(folder).resources
    assert note["context"]["period"]["start"] == "2026-03-02"


def test_a_file_that_changes_between_reading_and_storing_is_noticed(folder: Path) -> None:
    path = folder / "note"
    path.write_text("Cough for two weeks.")
    intake = read_folder(folder)
    path.write_text("Cough for three weeks.")
    with pytest.raises(BadInput):
        intake.blobs[0].checked()


def test_a_bundle_keeps_its_valid_resources_and_names_the_broken_one(
    folder: Path, fhir: Write, patient: Write, lab: Write, bundle: Write
) -> None:
    fhir(bundle(patient(), lab("o1"), {**lab("o2"), "status": "done"}))
    intake = read_folder(folder)
    assert kinds(intake) == ["Observation"]
    assert "one Observation was left out" in refusals(intake)
    assert "done" not in refusals(intake)


def test_one_resource_a_line_is_read(folder: Path, patient: Write, lab: Write) -> None:
    import json

    lines = [patient(), lab("o1"), lab("o2")]
    (folder / "x").write_text("\n".join(json.dumps(line) for line in lines) + "\n{broken\n")
    intake = read_folder(folder)
    assert kinds(intake) == ["Observation", "Observation"]
    assert "line 4 was left out" in refusals(intake)


@pytest.mark.parametrize("lines", [True, False])
def test_more_resources_than_the_cap_are_refused_before_they_are_read(
    folder: Path, ct: Write, patient: Write, lab: Write, bundle: Write, fhir: Write,
    monkeypatch: pytest.MonkeyPatch, lines: bool,
) -> None:  # fmt: skip
    monkeypatch.setattr(fhir_in, "RESOURCE_CAP", 3)
    monkeypatch.setattr(fhir_in.fhir, "parse", lambda data: pytest.fail("parsed"))
    ct()
    several = [patient(), lab(), lab(), lab()]
    if lines:
        (folder / "a.ndjson").write_text("\n".join(map(json.dumps, several)))
    else:
        fhir(bundle(*several), "a.json")
    assert "more than 3 resources" in refusals(read_folder(folder))


def test_references_by_urn_become_references_to_the_patient(
    folder: Path, fhir: Write, patient: Write, lab: Write, bundle: Write
) -> None:
    url = "urn:uuid:0b8cbb0e-5a3b-4f26-9bd7-1f3b8f4c2a11"
    document = bundle(patient(), lab(subject=url))
    document["entry"][0]["fullUrl"] = url
    fhir(document)
    (observation,) = read_folder(folder).resources
    assert observation["subject"] == {"reference": "Patient/self"}
    assert observation["meta"]["source"].startswith("blob/")


def test_a_document_inside_a_resource_becomes_a_stored_blob(
    folder: Path, fhir: Write, patient: Write, bundle: Write
) -> None:
    import base64

    attachment = {"contentType": "text/plain", "data": base64.b64encode(b"Cough.").decode()}
    document = {
        "resourceType": "DocumentReference",
        "id": "d",
        "status": "current",
        "subject": {"reference": "Patient/p"},
        "content": [{"attachment": attachment}],
    }
    fhir(bundle(patient(), document))
    intake = read_folder(folder)
    (stored,) = intake.resources
    url = stored["content"][0]["attachment"]["url"]
    assert [blob.checked() for blob in intake.blobs if f"blob/{blob.digest}" == url] == [b"Cough."]


def test_two_resources_of_one_id_are_refused_unless_one_is_later(
    folder: Path, fhir: Write, patient: Write, lab: Write, bundle: Write
) -> None:
    fhir(bundle(patient(), lab(value=1.0)), "a")
    fhir(bundle(patient(), lab(value=2.0)), "b")
    with pytest.raises(BadInput):
        read_folder(folder)
    fhir(bundle(patient(), lab(value=2.0) | {"meta": {"lastUpdated": "2026-01-01T00:00:00Z"}}), "b")
    (observation,) = read_folder(folder).resources
    assert observation["valueQuantity"]["value"] == 2.0


@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: text.encode("utf-8")))
def test_no_content_stops_the_intake(folder: Path, data: bytes) -> None:
    (folder / "fuzz").write_bytes(data)
    (folder / "note").write_text("Cough for two weeks.")
    intake = read_folder(folder)
    assert intake.resources
    assert len(intake.understood) + len(intake.not_understood) >= 1
