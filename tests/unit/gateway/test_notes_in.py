"""Notes in a folder, in the formats hospitals export: kept as they came, known by what they say."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from suwen.core.errors import BadInput
from suwen.gateway import read_folder, store_intake
from suwen.notes.reading.case import notes_of
from suwen.records import Access

CDA = """<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"><recordTarget><patientRole>
<id root="2.16.840.1.113883.19.5" extension="MRN-7"/><patient><name><given>Fang</given>
<family>Wang</family></name><administrativeGenderCode code="F"/><birthTime value="19700102"/>
</patient></patientRole></recordTarget><component><structuredBody><component><section>
<code code="10154-3"/><title>Chief complaint</title><text>Cough for two weeks</text></section>
</component></structuredBody></component></ClinicalDocument>"""


def pdf() -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out)
    canvas.drawString(60, 780, "Discharge letter. Date: 2026-03-01. Cough has settled.")
    canvas.save()
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "media_type", "shown"),
    [
        (
            rb"{\rtf1\ansi Date: 2026-03-01\par Cough for \b two\b0  weeks.}",
            "application/rtf",
            "RTF",
        ),
        (
            b"<html><body><p>Date: 2026-03-01</p>Cough for two weeks</body></html>",
            "text/html",
            "HTML",
        ),
        (pdf(), "application/pdf", "PDF"),
        ("<div><p>日期：2026年3月1日</p>咳嗽两周，无发热。</div>".encode(), "text/html", "HTML"),
    ],
)
def test_a_note_is_kept_as_it_came_with_its_kind_and_date(
    folder: Path, data: bytes, media_type: str, shown: str
) -> None:
    (folder / "note").write_bytes(data)
    intake = read_folder(folder)
    (note,) = intake.resources
    assert note["content"][0]["attachment"]["contentType"] == media_type
    assert note["context"]["period"]["start"] == "2026-03-01"
    assert intake.blobs[0].checked() == data
    assert shown in intake.understood[0].en
    assert shown in intake.understood[0].zh


def test_markdown_is_a_text_note(folder: Path) -> None:
    (folder / "note").write_text("# Visit\ncough for weeks\n## Plan\nrest\n")
    (note,) = read_folder(folder).resources
    assert note["content"][0]["attachment"]["contentType"] == "text/markdown"


def test_a_cda_document_says_whose_it_is(folder: Path) -> None:
    (folder / "visit.xml").write_text(CDA)
    intake = read_folder(folder)
    assert intake.identity.identifiers == (("urn:oid:2.16.840.1.113883.19.5", "MRN-7"),)
    assert intake.identity.patient["birthDate"] == "1970-01-02"
    assert intake.identity.patient["name"] == [{"text": "Fang Wang"}]


def test_a_cda_document_of_another_patient_is_refused(folder: Path) -> None:
    (folder / "a.xml").write_text(CDA)
    (folder / "b.xml").write_text(CDA.replace("MRN-7", "MRN-8"))
    with pytest.raises(BadInput, match="two different patients"):
        read_folder(folder)


def test_documents_that_cannot_be_read_are_named_with_the_reason(folder: Path) -> None:
    (folder / "note").write_text("Cough for two weeks.")
    (folder / "scan.pdf").write_bytes(b"%PDF-1.7 ...")
    (folder / "cut.xml").write_text(CDA[:300])
    (folder / "numbers.rtf").write_bytes(rb"{\rtf1 1 2 3}")
    refused = "\n".join(text.en for text in read_folder(folder).not_understood)
    assert "scan.pdf: a PDF document that is damaged" in refused
    assert "cut.xml: an XML document that is not well-formed" in refused
    assert "numbers.rtf: a text without the words of a note" in refused


def test_what_was_stored_is_read_again_as_notes_of_the_case(folder: Path, access: Access) -> None:
    (folder / "a.xml").write_text(CDA)
    (folder / "b.rtf").write_bytes(rb"{\rtf1\ansi Plan: rest and fluids.}")
    patient = store_intake(access, read_folder(folder))
    reads = notes_of(access.case(patient))
    assert sorted(read.note.sections[0].kind for read in reads) == ["chief_complaint", "plan"]
    assert all(read.inputs[1].startswith("blob/") for read in reads)
