"""A draft as a sheet: sections with their turns, as text and as FHIR."""

from __future__ import annotations

from datetime import UTC, datetime

from suwen.notes.dialogue.draft import draft
from suwen.notes.dialogue.talk import turns_of
from suwen.notes.summary.composition import bundle, talk_document
from suwen.notes.summary.sheet import TALK, Source, as_text, sheet_of_draft
from suwen.records.fhir.door import validate

SAID = (
    "Doctor: What brings you in?\nPatient: My left knee hurts.\nDoctor: Any allergies?\n"
    "Patient: No.\n"
)


def test_each_line_names_its_turns_and_who_speaks() -> None:
    sheet = sheet_of_draft(draft(SAID, -9), SAID, turns_of(SAID))
    lines = {item.text.en: item for part in sheet.parts for item in part.items}
    asked, answered = lines["Denies allergies."].places
    assert (asked.words, answered.words) == ("Any allergies?", "No.")
    assert answered.label is not None
    assert (answered.label.en, answered.label.zh) == ("turn 4, patient", "第4轮，患者")
    shown = as_text(sheet, "en")
    assert "Denies allergies. [65-79 turn 3, clinician; 89-92 turn 4, patient]" in shown


def test_a_draft_is_a_valid_preliminary_document_with_its_talk_inside() -> None:
    sheet = sheet_of_draft(draft(SAID, -9), SAID, turns_of(SAID), Source("talk", TALK))
    at = datetime(2026, 3, 1, tzinfo=UTC)
    whole = bundle(sheet, {"talk": talk_document(SAID, TALK, "zh")}, [], at, "zh")
    assert [p for p in validate([whole])[0] if p.severity == "error"] == []
    composition, _, talk, provenance = (entry["resource"] for entry in whole["entry"])
    assert composition["status"] == "preliminary"
    assert talk["content"][0]["attachment"]["data"]
    assert provenance["entity"][0]["what"]["reference"] == f"DocumentReference/{talk['id']}"
    assert (
        whole["id"] == bundle(sheet, {"talk": talk_document(SAID, TALK, "zh")}, [], at, "zh")["id"]
    )
