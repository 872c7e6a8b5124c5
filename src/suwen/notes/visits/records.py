"""The talk and the note of a visit as FHIR R4 resources, and back.

The talk is a DocumentReference, the note a Composition: `preliminary` until a clinician attests it,
`final` then, `entered-in-error` once withdrawn. Each line keeps where in the talk it comes from,
what the draft said before a person changed it, and who did.

Reference: FHIR R4 (4.0.1) Composition (status, attester), DocumentReference (category).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from suwen.core.codes import LOINC, SUWEN, Language, Text
from suwen.core.nouns import Record, Reference
from suwen.notes.dialogue.draft import ORDER
from suwen.notes.reading.sections import headings
from suwen.notes.reading.visit_marks import NOTE_CODE, SYSTEM, TALK_CODE, is_note
from suwen.notes.summary.composition import DRAFT_CODE, section_of
from suwen.notes.summary.sheet import Item, Part, Place
from suwen.notes.text import Span

RESOURCE: Final = "Composition"
SECTIONS: Final = f"{SUWEN}/sections"
LINE: Final = f"{SUWEN}/StructureDefinition/draft-line"
"""Extension of a section: one line, with what the draft said and who changed or added it."""
TALK_OF: Final = f"{SUWEN}/StructureDefinition/visit-talk"
"""Extension: the talk a note was drafted from."""
PERSONS: Final = f"{SUWEN}/persons"
TITLES: Final[Mapping[Language, tuple[str, str]]] = {
    "en": ("Note of the visit", "Talk of the visit"),
    "zh": ("就诊记录", "就诊对话"),
}
Status = Literal["preliminary", "final", "entered-in-error"]


@dataclass(frozen=True)
class NoteLine:
    """One line of a note.

    Parameters
    ----------
    id
        Unique in its note.
    section
        A key of `knowledge/sections.toml`.
    spans
        Where in the talk it comes from; empty for what a person added.
    made
        What the draft said, empty while nobody changed it.
    person
        Who changed or added it last.
    """

    id: str
    section: str
    text: str
    spans: tuple[Span, ...] = ()
    made: str = ""
    person: str = ""


@dataclass(frozen=True)
class VisitNote:
    """A note as it stands: who began it and when, and who confirmed it."""

    id: str
    version: int
    talk: Reference
    language: Language
    lines: tuple[NoteLine, ...]
    status: Status
    person: str
    begun: datetime
    attested_by: str = ""
    attested_at: datetime | None = None
    reason: str = ""


def talk_resource(patient: str, digest: str, at: datetime, language: Language) -> dict[str, Any]:
    """Return a talk as a FHIR R4 DocumentReference to its stored text."""
    return {
        "resourceType": "DocumentReference",
        "id": f"{TALK_CODE}-{digest[:40]}",
        "status": "current",
        "type": {"text": TITLES[language][1]},
        "category": [{"coding": [{"system": SYSTEM, "code": TALK_CODE}]}],
        "subject": {"reference": f"Patient/{patient}"},
        "date": at.isoformat(timespec="milliseconds"),
        "content": [
            {
                "attachment": {
                    "contentType": "text/plain; charset=utf-8",
                    "url": f"blob/{digest}",
                    "title": TITLES[language][1],
                    "language": language,
                }
            }
        ],
    }


def resource_of(note: VisitNote, patient: str) -> dict[str, Any]:
    """Return a note as a FHIR R4 Composition."""
    code, name = DRAFT_CODE
    made: dict[str, Any] = {
        "resourceType": RESOURCE,
        "id": note.id,
        "language": note.language,
        "extension": [{"url": TALK_OF, "valueReference": {"reference": note.talk}}],
        "status": note.status,
        "type": {"coding": [{"system": LOINC, "code": code, "display": name}]},
        "category": [{"coding": [{"system": SYSTEM, "code": NOTE_CODE}]}],
        "subject": {"reference": f"Patient/{patient}"},
        "date": note.begun.isoformat(timespec="milliseconds"),
        "author": [_person(note.person)],
        "title": TITLES[note.language][0],
        "section": [_section(note, kind, number) for number, kind in enumerate(_kinds(note.lines))],
    }
    if not made["section"]:
        del made["section"]
    if note.attested_by and note.attested_at:
        at = note.attested_at.isoformat(timespec="milliseconds")
        made["attester"] = [
            {"mode": "professional", "time": at, "party": _person(note.attested_by)}
        ]
    return made


def _kinds(lines: Sequence[NoteLine]) -> list[str]:
    return [kind for kind in ORDER if any(line.section == kind for line in lines)]


def _person(person: str) -> dict[str, Any]:
    return {"identifier": {"system": PERSONS, "value": person}}


def _section(note: VisitNote, kind: str, number: int) -> dict[str, Any]:
    """Return one section: narrative, places in the talk, and what people did to each line."""
    own = [line for line in note.lines if line.section == kind]
    names = headings().names
    code = next((code for code, named in headings().loinc.items() if named == kind), "")
    items = tuple(
        Item(
            Text(en=line.text, zh=line.text),
            tuple(Place(0, span.start, span.end, "") for span in line.spans),
        )
        for line in own
    )
    part = Part(kind, names[kind], code, items)
    made = section_of(part, number, [note.talk], note.language, listed=False)
    coded = made.get("code", {"coding": []})["coding"]
    made["code"] = {"coding": [*coded, {"system": SECTIONS, "code": kind}]}
    made["extension"] = [*made.get("extension", []), *(_line(line) for line in own)]
    return made


def _line(line: NoteLine) -> dict[str, Any]:
    parts = {"id": line.id, "text": line.text, "made": line.made, "person": line.person}
    return {
        "url": LINE,
        "extension": [
            *({"url": name, "valueString": value} for name, value in parts.items() if value),
            *(
                {"url": name, "valueInteger": value}
                for span in line.spans
                for name, value in (("start", span.start), ("end", span.end))
            ),
        ],
    }


def note_of(record: Record) -> VisitNote | None:
    """Return the note a record holds; None where it holds something else."""
    content = record.content
    if record.type != RESOURCE or not is_note(content):
        return None
    talk = next(
        (
            str(one["valueReference"]["reference"])
            for one in content.get("extension") or ()
            if one.get("url") == TALK_OF
        ),
        "",
    )
    attester = (content.get("attester") or [{}])[0]
    return VisitNote(
        record.id,
        int(record.reference.rpartition("/")[2]),
        talk,
        "zh" if content.get("language") == "zh" else "en",
        tuple(_lines(content)),
        content["status"],
        _who(content["author"][0]),
        datetime.fromisoformat(content["date"]),
        _who(attester.get("party") or {}),
        datetime.fromisoformat(attester["time"]) if "time" in attester else None,
    )


def _who(party: Mapping[str, Any]) -> str:
    return str((party.get("identifier") or {}).get("value") or "")


def _lines(content: Mapping[str, Any]) -> Iterator[NoteLine]:
    for section in content.get("section") or ():
        codes = (section.get("code") or {}).get("coding") or ()
        kind = next((c["code"] for c in codes if c.get("system") == SECTIONS), "other")
        for one in section.get("extension") or ():
            if one.get("url") != LINE:
                continue
            parts = [(str(part["url"]), part) for part in one["extension"]]
            texts = {name: str(part.get("valueString", "")) for name, part in parts}
            starts = [part["valueInteger"] for name, part in parts if name == "start"]
            ends = [part["valueInteger"] for name, part in parts if name == "end"]
            spans = tuple(Span(a, b) for a, b in zip(starts, ends, strict=True))
            yield NoteLine(
                texts["id"],
                kind,
                texts["text"],
                spans,
                texts.get("made", ""),
                texts.get("person", ""),
            )


def notes_in(records: Sequence[Record]) -> list[VisitNote]:
    """Return the notes of visits among records, the newest first."""
    found = [note for record in records if (note := note_of(record)) is not None]
    return sorted(found, key=lambda note: note.begun, reverse=True)


def told_by_section(note: VisitNote) -> list[tuple[Text, list[str]]]:
    """Return the title of each section of a note with its sentences, in the usual order."""
    names = headings().names
    return [
        (names[kind], [line.text for line in note.lines if line.section == kind])
        for kind in _kinds(note.lines)
    ]
