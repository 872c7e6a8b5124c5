"""`suwen summarise` on files and on a patient of the store, with the shipped packs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from suwen.app import rooms
from suwen.app.services import operator
from suwen.app.summary import summarise
from suwen.cli import SummaryRequest
from suwen.core import registry
from suwen.core.errors import BadInput, NotFound
from suwen.core.settings import Settings
from suwen.gateway.folder import read_folder
from suwen.gateway.held import case_of
from suwen.gateway.storing import store_intake
from suwen.records import Store
from suwen.records.fhir.door import validate

NOTE = (
    "Clinic note\nHistory: 60-year-old man with cough for two weeks. No fever, no chest pain.\n"
    "Medications: metformin 500 mg twice daily.\nAssessment: Hypertension is well controlled.\n"
)


@pytest.fixture(autouse=True, scope="module")
def tasks() -> None:
    registry.provide(rooms.load)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "notes"
    made.mkdir()
    (made / "note.txt").write_text(NOTE)
    (made / "odd.bin").write_bytes(b"\x00\x01\x02\xff" * 9)
    return made


def test_files_are_summarised_and_nothing_of_them_is_kept(folder: Path) -> None:
    made = summarise(SummaryRequest(folder, "", "en", "text"))
    at = NOTE.index("Hypertension")
    assert f"Hypertension [{at}-{at + 12}]" in made.text
    assert "“Hypertension is well controlled.”" in made.text
    assert "No chest pain" in made.text
    assert "metformin 500 mg twice a day" in made.text
    assert [line.partition(":")[0] for line in made.not_understood] == ["odd.bin"]
    assert sorted(path.name for path in folder.parent.iterdir()) == ["notes"]


def test_one_file_and_every_form_are_served(folder: Path) -> None:
    note = folder / "note.txt"
    values = json.loads(summarise(SummaryRequest(note, "", "zh", "json")).text)
    assert values["sources"][0]["title"]["en"] == "note.txt"
    whole = json.loads(summarise(SummaryRequest(note, "", "zh", "fhir")).text)
    assert [p for p in validate([whole])[0] if p.severity == "error"] == []
    assert summarise(SummaryRequest(note, "", "zh", "markdown")).text.startswith("# 病历摘要")


def test_a_patient_of_the_store_is_read_once_and_what_was_found_is_logged(
    folder: Path, tmp_path: Path
) -> None:
    home = Settings(home=tmp_path / "home")
    with Store.open(home) as store:
        access = store.session(operator(store), "treatment")
        patient = store_intake(access, read_folder(folder))
    first = summarise(SummaryRequest(None, patient, "en", "text"), home)
    assert "metformin 500 mg twice a day" in first.text
    with Store.open(home) as store:
        logged = [one for one in store.log.entries(patient=patient) if one.act == "finding"]
    assert logged
    assert summarise(SummaryRequest(None, patient, "en", "text"), home).text == first.text
    with Store.open(home) as store:
        again = [one for one in store.log.entries(patient=patient) if one.act == "finding"]
    assert len(again) == len(logged)


def test_what_holds_no_note_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vitals.csv").write_text("time,heart rate\n2026-03-01 08:00,70\n")
    with pytest.raises(BadInput, match="no note that can be read"):
        summarise(SummaryRequest(tmp_path, "", "en", "text"))
    with pytest.raises(NotFound):
        summarise(SummaryRequest(tmp_path / "nowhere", "", "en", "text"))


def test_a_case_held_in_memory_has_the_bytes_of_its_files_and_no_others(folder: Path) -> None:
    case = case_of(read_folder(folder))
    (note,) = case.of("DocumentReference")
    assert case.blob(note.content["content"][0]["attachment"]["url"]) == NOTE.encode()
    with pytest.raises(NotFound):
        case.blob("0" * 64)
