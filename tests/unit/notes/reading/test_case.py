"""The notes of a case: its documents, reports and compositions, with what was read."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from suwen.core.errors import NotFound
from suwen.core.nouns import Case, Record, digest_of
from suwen.notes.reading.case import Read, Unread, notes_of, read_case
from suwen.notes.text import Span


def case(*resources: dict[str, Any], blobs: dict[str, bytes] | None = None) -> Case:
    known = blobs or {}

    def blob(digest: str) -> bytes:
        if digest not in known:
            raise NotFound("no such blob")
        return known[digest]

    records = tuple(
        Record(reference=f"{one['resourceType']}/{one['id']}/_history/1", content=one)
        for one in resources
    )
    return Case("p", datetime(2026, 3, 1, tzinfo=UTC), records, blob)


def document(identifier: str, *attachments: dict[str, Any], **more: Any) -> dict[str, Any]:
    content = [{"attachment": one} for one in attachments]
    return {"resourceType": "DocumentReference", "id": identifier, "content": content, **more}


def inline(text: str, kind: str = "text/plain") -> dict[str, Any]:
    return {"contentType": kind, "data": base64.b64encode(text.encode()).decode()}


def test_a_note_names_the_record_and_the_blob_it_was_read_from() -> None:
    data = "主诉：咳嗽".encode()
    digest = digest_of(data)
    stored = document("d", {"contentType": "text/plain", "url": f"blob/{digest}"})
    (read,) = notes_of(case(stored, blobs={digest: data}))
    assert read.inputs == ("DocumentReference/d/_history/1", f"blob/{digest}")
    assert read.note.record == "DocumentReference/d/_history/1"
    assert read.note.sections[0].kind == "chief_complaint"


def test_of_several_formats_of_one_document_one_is_read() -> None:
    (read,) = notes_of(case(document("d", inline("<p>Cough</p>", "text/html"), inline("Cough"))))
    assert read.note.text == "Cough"
    assert read.note.origin is None


def test_images_are_no_notes_and_withdrawn_documents_are_not_read() -> None:
    image = document("i", {"contentType": "application/dicom", "url": "blob/" + "0" * 64})
    withdrawn = document("w", inline("Wrong patient"), status="entered-in-error")
    assert read_case(case(image, withdrawn)) == []


def test_a_document_that_cannot_be_read_is_said_so_and_the_others_are_read() -> None:
    lost = document("l", {"contentType": "text/plain", "url": "blob/" + "0" * 64})
    away = document("a", {"contentType": "text/plain", "url": "https://elsewhere.example/x"})
    broken = document("b", inline("%PDF-1.7 ...", "application/pdf"))
    found = read_case(case(lost, away, broken, document("d", inline("Cough"))))
    reasons = [one.reason.en for one in found if isinstance(one, Unread)]
    assert reasons == [
        "a document whose stored bytes cannot be read (not-found)",
        "a document that lies outside of the store",
        "a PDF document that is damaged",
    ]
    assert sum(isinstance(one, Read) for one in found) == 1


def test_a_binary_in_the_case_is_read_and_named() -> None:
    binary = {"resourceType": "Binary", "id": "b", "data": inline("Cough")["data"]}
    (read,) = notes_of(
        case(document("d", {"contentType": "text/plain", "url": "Binary/b"}), binary)
    )
    assert read.inputs == ("DocumentReference/d/_history/1", "Binary/b/_history/1")


def test_a_composition_is_one_note_with_its_sections_by_code_and_title() -> None:
    def part(title: str, code: str, body: str) -> dict[str, Any]:
        coding = [{"system": "http://loinc.org", "code": code}] if code else []
        div = f'<div xmlns="http://www.w3.org/1999/xhtml">{body}</div>'
        return {
            "title": title,
            "code": {"coding": coding},
            "text": {"status": "generated", "div": div},
        }

    inner = part("Reactions", "48765-2", "Penicillin &amp; latex")
    outer = {**part("Family history", "", "<p>Father: diabetes</p>"), "section": [inner]}
    (read,) = notes_of(case({"resourceType": "Composition", "id": "c", "section": [outer]}))
    assert [(s.kind, s.of(read.note.text).strip()) for s in read.note.sections] == [
        ("family_history", "Father: diabetes"),
        ("allergies", "Penicillin & latex"),
    ]
    at = read.note.text.index("Penicillin")
    place = read.note.stored(Span(at, at + len("Penicillin & latex")))
    assert place.of(read.original) == "Penicillin &amp; latex"
    assert read.note.shown(place) == Span(at, at + len("Penicillin & latex"))


def test_a_report_is_read_from_its_form_or_else_from_its_conclusion() -> None:
    report = {"resourceType": "DiagnosticReport", "id": "r", "conclusion": "右肺结节，建议随访。"}
    (read,) = notes_of(case(report))
    assert (read.note.text, read.note.sections[0].kind) == ("右肺结节，建议随访。", "assessment")
    (read,) = notes_of(case({**report, "presentedForm": [inline("Nodule in the right lung.")]}))
    assert read.note.text == "Nodule in the right lung."
