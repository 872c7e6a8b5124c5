"""The notes of a case by problems, as text, JSON and FHIR, with every place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from suwen.core.codes import Code, Text
from suwen.core.nouns import Case, Finding, Record, digest_of
from suwen.notes.facts.fhir import SPAN
from suwen.notes.facts.gathered import Said, facts_of
from suwen.notes.facts.task import finding_of_fact
from suwen.notes.reading.case import notes_of
from suwen.notes.summary.overview import Overview, overview
from suwen.notes.summary.sheet import as_json, as_text
from suwen.notes.text import Mention
from suwen.notes.vocabulary.names import HPO, MESH
from suwen.records.fhir.door import validate

AT = datetime(2026, 3, 1, tzinfo=UTC)
FIRST = (
    "HPI: Cough and fever.\nAssessment: Pneumonia is likely bacterial <b>.\nPlan: Return in a week."
)
SECOND = (
    "<html><body><p>History: No fever &amp; no rash. Metformin 500 mg twice daily.</p></body>"
    "</html>"
)
FEVER = Code(system=HPO, code="HP:0001945", name=Text(en="Fever", zh="发热"))
PNEUMONIA = Code(system=HPO, code="HP:0002090", name=Text(en="Pneumonia", zh="肺炎"))
METFORMIN = Code(system=MESH, code="D008687", name=Text(en="metformin", zh="二甲双胍"))


def document(name: str, text: str, media: str) -> Record:
    attachment = {"contentType": media, "url": f"blob/{digest_of(text.encode())}", "title": name}
    return Record(
        reference=f"DocumentReference/{name}/_history/1",
        content={
            "resourceType": "DocumentReference",
            "id": name,
            "status": "current",
            "subject": {"reference": "Patient/7"},
            "context": {"encounter": [{"reference": "Encounter/1"}]},
            "content": [{"attachment": attachment}],
        },
    )


@pytest.fixture(scope="module")
def case() -> Case:
    blobs = {digest_of(text.encode()): text.encode() for text in (FIRST, SECOND)}
    records = (document("first", FIRST, "text/plain"), document("second", SECOND, "text/html"))
    return Case("7", AT, records, lambda name: blobs[name.removeprefix("blob/")])


def found(case: Case) -> list[Finding]:
    """Return what `notes.facts` would find."""
    said = []
    reads = notes_of(case)
    for read, words in zip(
        reads,
        (
            (
                ("fever", "symptom", FEVER, "present"),
                ("Pneumonia", "problem", PNEUMONIA, "present"),
            ),
            (("fever", "symptom", FEVER, "absent"), ("Metformin", "drug", METFORMIN, "present")),
        ),
        strict=True,
    ):
        own: list[Said] = []
        for word, kind, code, presence in words:
            at = read.note.text.index(word)
            own.append(Said(Mention(at, at + len(word), kind), presence, code=code))
        said.append(tuple(own))
    notes = {read.note.record: read.note for read in reads}
    facts = facts_of([read.note for read in reads], said)
    return [finding_of_fact(fact, notes, "notes.facts@1+0") for fact in facts]


@pytest.fixture(scope="module")
def made(case: Case) -> Overview:
    return overview(case, found(case))


def rows(text: str) -> Sequence[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def test_text_says_of_each_line_where_it_stands_in_which_original(made: Overview) -> None:
    shown = rows(as_text(made.sheet, "en"))
    assert "Pneumonia [1:34-43]" in shown
    assert FIRST[34:43] == "Pneumonia"
    assert "“Pneumonia is likely bacterial <b>.” [1:34-68]" in shown
    assert "2: second (DocumentReference/second/_history/1)" in shown
    assert SECOND.index("Metformin") == 48
    assert "metformin 500 mg twice a day [2:48-57]" in shown


def test_a_contradiction_shows_both_sides(made: Overview) -> None:
    line = made.lines[0]
    assert line.status == "contradiction"
    item = made.sheet.parts[0].items[0]
    assert [(place.source, place.denies) for place in item.places] == [(0, False), (1, True)]
    assert "denied 2:" in as_text(made.sheet, "en")
    assert "否认 2:" in as_text(made.sheet, "zh")


def test_markup_of_a_note_is_no_markup_of_the_summary(made: Overview) -> None:
    assert "\\<b\\>" in as_text(made.sheet, "en", markdown=True)
    div = json.dumps(made.fhir(AT, "en"))
    assert "&lt;b&gt;" in div
    assert "<b>" not in div


def test_json_has_every_text_in_both_languages_and_every_place(made: Overview) -> None:
    values = json.loads(json.dumps(as_json(made.sheet)))
    lines = [line for part in values["sections"] for line in part["lines"]]
    assert all(line["text"]["en"] and line["text"]["zh"] and line["sources"] for line in lines)
    drug = next(line for line in lines if line["text"]["en"].startswith("metformin"))
    (source,) = drug["sources"]
    assert SECOND[source["start"] : source["end"]] == source["words"] == "Metformin"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_fhir_is_a_valid_document_whose_lines_point_into_it(made: Overview, language: str) -> None:
    whole = made.fhir(AT, language)  # type: ignore[arg-type]
    assert [p for p in validate([whole])[0] if p.severity == "error"] == []
    known = {f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in whole["entry"]}
    composition = whole["entry"][0]["resource"]
    assert composition["resourceType"] == "Composition"
    for section in composition["section"]:
        assert {one["reference"] for one in section.get("entry", [])} <= known
        for span in section["extension"]:
            assert span["url"] == SPAN
            parts = {one["url"]: one for one in span["extension"]}
            assert f'id="{parts["line"]["valueString"]}"' in section["text"]["div"]
            assert parts["document"]["valueReference"]["reference"] in known
    kinds = [entry["resource"]["resourceType"] for entry in whole["entry"]]
    assert {"Condition", "MedicationStatement", "Provenance", "DocumentReference"} <= set(kinds)
    assert "Encounter/1" not in json.dumps(whole)


def test_a_case_without_notes_has_an_empty_summary() -> None:
    empty = overview(Case("7", AT, (), lambda name: b""), [])
    assert empty.lines == ()
    assert empty.sheet.parts == ()


def test_both_pressures_of_one_reading_stand() -> None:
    text = "Vitals: BP 150/90."
    record = document("vitals", text, "text/plain")
    own = Case("7", AT, (record,), lambda name: text.encode())
    (read,) = notes_of(own)
    facts = facts_of([read.note], [()])
    made = overview(
        own, [finding_of_fact(one, {read.note.record: read.note}, "p@1+0") for one in facts]
    )
    shown = as_text(made.sheet, "en")
    assert "systolic blood pressure 150 mmHg" in shown
    assert "diastolic blood pressure 90 mmHg" in shown
