"""What stands beside the images: notes, laboratory values, vital signs, known conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from suwen.core.codes import Language
from suwen.core.nouns import Case, Record
from suwen.diagnosis.documents import listed_name, retracted
from suwen.diagnosis.language import both
from suwen.diagnosis.observations import VERDICTS, series_of, when
from suwen.health.signals.recording import is_recording
from suwen.notes.reading.case import Read, read_record
from suwen.notes.visits.records import VisitNote, note_of, told_by_section
from suwen.server.language import say

NOTE_CHARACTERS = 20_000
MOST_NOTES = 20
LISTED = ("Condition", "AllergyIntolerance", "MedicationStatement")


@dataclass(frozen=True)
class Note:
    """A stored text with its title; a confirmed note of a visit by its sections.

    Parameters
    ----------
    visit
        Id of the note of a visit, empty for other notes.
    sections
        Titles of its sections, each with its sentences.
    """

    title: str
    text: str
    visit: str = ""
    sections: tuple[tuple[str, list[str]], ...] = ()


@dataclass(frozen=True)
class Value:
    """The newest value of one laboratory test or vital sign."""

    name: str
    text: str
    flag: str
    when: str


@dataclass(frozen=True)
class Context:
    """Everything shown beside the images."""

    notes: list[Note]
    labs: list[Value]
    vitals: list[Value]
    conditions: list[str]
    recorded: bool
    """Whether there is an ECG or another recording over time."""


def context_of(case: Case, language: Language) -> Context:
    """Gather the context of a case."""
    newest = [readings[-1] for readings in series_of(case)]
    values = [
        (
            reading.vital,
            Value(
                name=reading.name.of(language),
                text=reading.shown,
                flag=both(VERDICTS[reading.verdict]).of(language)
                if reading.verdict in VERDICTS
                else "",
                when=when(reading.at) if reading.at else "",
            ),
        )
        for reading in newest
    ]
    return Context(
        notes=_notes(case, language),
        labs=[value for vital, value in values if not vital],
        vitals=[value for vital, value in values if vital],
        conditions=_conditions(case, language),
        recorded=any(map(is_recording, case.records)),
    )


def _notes(case: Case, language: Language) -> list[Note]:
    found: list[Note] = []
    for record in reversed(case.records):
        if len(found) == MOST_NOTES:
            break
        visit = note_of(record)
        if record.type != "DocumentReference" and visit is None:
            continue
        read = read_record(case, record)
        if isinstance(read, Read):
            title, text = note_title(record, language), read.note.text[:NOTE_CHARACTERS]
            found.append(_visited(title, visit, language) if visit else Note(title, text))
    return found


def _visited(title: str, visit: VisitNote, language: Language) -> Note:
    told = told_by_section(visit)
    return Note(title, "", visit.id, tuple((name.of(language), lines) for name, lines in told))


def note_title(record: Record, language: Language) -> str:
    """Return what a document calls itself, with its date."""
    content = record.content.get("content") or [{}]
    attachment: Mapping[str, Any] = content[0].get("attachment") or {}
    named = attachment.get("title") or record.content.get("title")
    title = named or record.content.get("description") or say(language, "Note")
    date = record.content.get("date") or attachment.get("creation") or ""
    return f"{title} · {when(date)}" if date else str(title)


def _conditions(case: Case, language: Language) -> list[str]:
    names = [
        listed_name(record.content).of(language)
        for kind in LISTED
        for record in case.of(kind)
        if not retracted(record.content)
    ]
    return list(dict.fromkeys(names))
