"""What stands beside the images: notes, laboratory values, vital signs, known conditions."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any

from suwen.core.codes import Language
from suwen.core.errors import NotFound
from suwen.core.nouns import Case, Record
from suwen.diagnosis.language import both
from suwen.diagnosis.observations import VERDICTS, concept_name, series_of, when
from suwen.server.language import say

NOTE_CHARACTERS = 20_000
MOST_NOTES = 20
LISTED = ("Condition", "AllergyIntolerance", "MedicationStatement")


@dataclass(frozen=True)
class Note:
    """A stored text with its title."""

    title: str
    text: str


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
    )


def _notes(case: Case, language: Language) -> list[Note]:
    found = []
    for record in reversed(case.of("DocumentReference")):
        for part in record.content.get("content", ()):
            attachment = part.get("attachment", {})
            if attachment.get("contentType", "").startswith("text/plain"):
                text = _text(case, attachment)
                if text:
                    found.append(Note(_title(record, attachment, language), text))
    return found[:MOST_NOTES]


def _text(case: Case, attachment: Mapping[str, Any]) -> str:
    reference = str(attachment.get("url", ""))
    if not reference.startswith("blob/"):
        return ""
    try:
        data = case.blob(reference.removeprefix("blob/"))
    except NotFound:
        return ""
    encoding = charset_of(str(attachment.get("contentType", "")))
    return data.decode(encoding, "replace")[:NOTE_CHARACTERS]


def charset_of(media_type: str) -> str:
    """Return the character set a media type names; UTF-8 when it names none that is known."""
    message = Message()
    message["content-type"] = media_type
    try:
        return codecs.lookup(message.get_content_charset("utf-8")).name
    except LookupError:
        return "utf-8"


def _title(record: Record, attachment: Mapping[str, Any], language: Language) -> str:
    title = attachment.get("title") or record.content.get("description") or say(language, "Note")
    date = record.content.get("date") or attachment.get("creation") or ""
    return f"{title} · {when(date)}" if date else str(title)


def _conditions(case: Case, language: Language) -> list[str]:
    names = [
        concept_name(
            record.content.get("code") or record.content.get("medicationCodeableConcept")
        ).of(language)
        for kind in LISTED
        for record in case.of(kind)
    ]
    return list(dict.fromkeys(names))
