"""The note of a visit in the store: drafted from its talk, changed by people, confirmed by one.

The talk is a DocumentReference, the note a FHIR R4 Composition: `preliminary` until a clinician
attests it, `final` then, `entered-in-error` once withdrawn. Each line keeps where in the talk it
comes from, what the draft said before a person changed it, and who added it. Neither a talk nor a
note that nobody confirmed is read for facts (`notes.reading.case`), and who may not read drafts
does not see one. Every act is a next version and a line of the decision log.

Reference: FHIR R4 (4.0.1) Composition (status, attester), DocumentReference (category).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from suwen.core.encodings import language_of
from suwen.core.errors import BadInput, Conflict, NotFound
from suwen.core.nouns import Act, Record, canonical, digest_of
from suwen.notes.dialogue.draft import ORDER, draft
from suwen.notes.reading.visit_marks import NOTE_CODE
from suwen.notes.visits.records import (
    RESOURCE,
    NoteLine,
    VisitNote,
    note_of,
    resource_of,
    talk_resource,
)
from suwen.records import Access, Entry

DRAFTED: Final = "drafted"
"""Act of the decision log: a note was drafted and kept."""
LINE_CHARACTERS: Final = 2000
MOST_LINES: Final = 1000


def drafted(talk: str) -> tuple[NoteLine, ...]:
    """Return the draft of a talk as lines of a note, in the language of the talk.

    Raises
    ------
    BadInput
        Nobody is named before what is said, or nothing for a note is said.
    """
    language = language_of(talk)
    lines = draft(talk)
    if not lines:
        raise BadInput(
            "a talk in which nothing for a note is said",
            "the talk of a visit",
            "check that it is the right one",
        )
    return tuple(
        NoteLine(f"l{number}", line.section, line.text.of(language), line.spans)
        for number, line in enumerate(lines, 1)
    )


@dataclass(frozen=True)
class Wanted:
    """A line as a person wants it: `id` of the line it was, empty for a new one."""

    id: str
    section: str
    text: str


def changed(
    lines: Sequence[NoteLine], wanted: Sequence[Wanted], person: str
) -> tuple[NoteLine, ...]:
    """Return lines as a person wants them; one that is not among them, or empty, is left out.

    Raises
    ------
    BadInput
        A section that is none, a line of another note, or a line that is too long.
    """
    if len(wanted) > MOST_LINES:
        raise BadInput(f"{len(wanted)} lines", f"at most {MOST_LINES}", "leave some out")
    known = {line.id: line for line in lines}
    numbers = [int(line.id[1:]) for line in lines if line.id[1:].isdigit()]
    following = max(numbers, default=0)
    made: list[NoteLine] = []
    for one in wanted:
        text = " ".join(one.text.split())
        if one.section not in ORDER:
            raise BadInput("a section that a note does not have", "one of the list", "choose again")
        if len(text) > LINE_CHARACTERS:
            raise BadInput("a line that is too long", f"{LINE_CHARACTERS} characters", "shorten it")
        if one.id and one.id not in known:
            raise BadInput("a line that the note does not have", "lines of this note", "reload")
        if not text:
            continue
        if not one.id:
            following += 1
            made.append(NoteLine(f"l{following}", one.section, text, person=person))
            continue
        line = known[one.id]
        if (line.section, line.text) != (one.section, text):
            before = line.made or (line.text if line.spans and text != line.text else "")
            line = replace(line, section=one.section, text=text, made=before, person=person)
        made.append(line)
    return tuple(sorted(made, key=lambda line: ORDER.index(line.section)))


def keep(access: Access, patient: str, talk: str, lines: Sequence[NoteLine]) -> VisitNote:
    """Store a talk and the note of it as a draft; the act is logged with it.

    Raises
    ------
    Denied
        The policy does not let this person write or decide about this patient.
    """
    at, language = datetime.now(UTC), language_of(talk)
    digest = access.put_blob(patient, talk.encode(), "text/plain; charset=utf-8")
    heard = talk_resource(patient, digest, at, language)
    name = digest_of(canonical([digest, access.person.id, at.isoformat()]))[:40]
    note = VisitNote(
        f"{NOTE_CODE}-{name}",
        0,
        f"DocumentReference/{heard['id']}",
        language,
        tuple(lines),
        "preliminary",
        access.person.id,
        at,
    )
    entry = Entry(DRAFTED, 1, _detail(note))
    _, record = access.put([heard, resource_of(note, patient)], patient, entries=[entry])
    return _stored(record)


def change(access: Access, patient: str, note: VisitNote, lines: Sequence[NoteLine]) -> VisitNote:
    """Store the next version of a draft with other lines."""
    _draft(note)
    if tuple(lines) == note.lines:
        return note
    return _next(access, patient, replace(note, lines=tuple(lines)), Act.EDITED.value)


def confirm(access: Access, patient: str, note: VisitNote) -> VisitNote:
    """Store a draft as final, attested by who does it.

    Raises
    ------
    Denied
        The policy does not let this person sign for this patient.
    Conflict
        It is no draft any more, or somebody changed it since.
    """
    _draft(note)
    attested = replace(
        note, status="final", attested_by=access.person.id, attested_at=datetime.now(UTC)
    )
    return _next(access, patient, attested, Act.SIGNED.value)


def withdraw(access: Access, patient: str, note: VisitNote, reason: str) -> VisitNote:
    """Store a note as entered in error, with the reason; of a draft that is its rejection."""
    if note.status == "entered-in-error":
        raise Conflict("the note is withdrawn", "a draft or a confirmed note", "reload the page")
    if not reason.strip():
        raise BadInput("no reason", "a reason to withdraw a note", "say why in one sentence")
    act = Act.REJECTED if note.status == "preliminary" else Act.WITHDRAWN
    gone = replace(note, status="entered-in-error", reason=reason.strip())
    return _next(access, patient, gone, act.value)


def _draft(note: VisitNote) -> None:
    if note.status != "preliminary":
        raise Conflict(
            "the note is no draft any more",
            "a draft",
            "reload the page; withdraw the note and draft it again to change it",
        )


def _next(access: Access, patient: str, note: VisitNote, act: str) -> VisitNote:
    detail = _detail(note) | ({"reason": note.reason} if note.reason else {})
    entry = Entry(act, 0, detail, f"{act}:{note.id}:{note.version}")
    expected = {f"{RESOURCE}/{note.id}": note.version}
    (record,) = access.put(
        [resource_of(note, patient)], patient, expected=expected, entries=[entry]
    )
    return _stored(record)


def _detail(note: VisitNote) -> dict[str, Any]:
    """Return what the log says of a note: how many lines of which making, never their words."""
    return {
        "lines": len(note.lines),
        "changed": sum(bool(line.made) for line in note.lines),
        "added": sum(not line.spans for line in note.lines),
        "digest": digest_of(canonical([[line.section, line.text] for line in note.lines])),
    }


def _stored(record: Record) -> VisitNote:
    note = note_of(record)
    if note is None:
        raise NotFound("the record is no note of a visit", "one of this case", "go back")
    return note
