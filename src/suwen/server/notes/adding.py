"""Adding to a note what was missed in it: the words, how they are meant, and their code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from suwen.core.errors import BadInput, Conflict, NotFound
from suwen.core.nouns import TextSpan
from suwen.notes.entities import corrections
from suwen.notes.entities.corrected import TRAINED_AS
from suwen.notes.entities.corrections import VALUE, WORDS, Correction, Meant, Place, Wish
from suwen.notes.facts.gathered import Fact, Said, facts_of
from suwen.notes.facts.told import overlap
from suwen.notes.questions import newest
from suwen.notes.reading.case import Read
from suwen.notes.text import Mention, Span
from suwen.server.asking import Asking
from suwen.server.notes.case import Noted, noted
from suwen.server.notes.drafts import amend_draft
from suwen.server.notes.view import note_id

MOST_PLACES: Final = 50
"""Places of the same words that are offered."""


@dataclass(frozen=True)
class Missed:
    """What a person adds.

    Parameters
    ----------
    note
        Id of the note.
    span
        Where its words stand in the readable text.
    meant
        How they are meant, without their code.
    code
        Name or code, empty for none; of a value its own code counts.
    """

    note: str
    span: Span
    meant: Meant
    code: str = ""
    reason: str = ""


def places_of(found: Noted, note: str, words: str) -> list[Span]:
    """Return where words stand in the readable text of a note and nothing is told of them yet.

    Raises
    ------
    NotFound
        The case has no such note.
    BadInput
        They do not stand there at all.
    """
    read = read_of(found, note)
    taken = [
        mention.stands for fact in found.facts if not fact.rejected for mention in fact.mentions
    ]
    return [
        span
        for span in corrections.occurrences(read.note, words)
        if not any(overlap(_stored(read, span), place) for place in taken)
    ][:MOST_PLACES]


def add(asking: Asking, patient: str, missed: Missed) -> None:
    """Keep a mention that was missed, with a decision; the draft report tells it at once.

    Raises
    ------
    NotFound
        The case has no such note.
    BadInput
        The words do not stand there, or cannot be what they are said to be.
    Conflict
        Something is told by these words, or some of them, already.
    Denied
        The policy does not let this person decide here.
    """
    found = noted(asking, patient)
    read = read_of(found, missed.note)
    span = whole(read, missed.span)
    place = _stored(read, span)
    for fact in found.facts:
        for mention in fact.mentions:
            if not fact.rejected and overlap(mention.stands, place):
                raise Conflict(
                    "words that overlap something that is told by them already",
                    "words that nothing is told by yet",
                    "correct what is told there, or reject it first",
                )
    stated = _stated(found, read, span, missed.meant)
    code = corrections.find_code(missed.code) if missed.code.strip() else None
    if missed.meant.kind == VALUE and stated is not None:
        code = code or stated.code
    meant = Meant(
        missed.meant.kind,
        missed.meant.presence,
        missed.meant.temporality,
        missed.meant.experiencer,
        code,
    )
    quantity = stated.quantity if stated else None
    said = Correction(
        place,
        "added",
        meant,
        place,
        asking.person.id,
        datetime.now(UTC),
        missed.reason.strip(),
        " ".join(span.of(read.note.text).split()),
        (quantity.value, quantity.unit) if quantity else None,
        stated.details if stated else (),
    )
    before = corrections.in_case(found.case).get(place)
    corrections.keep(
        asking.access, patient, Wish((said,), {place: before.version if before else 0})
    )
    amend_draft(asking.access, patient)


def read_of(found: Noted, note: str) -> Read:
    """Return a note of a case by its id.

    Raises
    ------
    NotFound
        The case has no such note.
    """
    for reference, read in found.notes.items():
        if note_id(reference) == note:
            return read
    raise NotFound("no such note that can be read", "a note of this case", "go back to the case")


def _stored(read: Read, span: Span) -> Place:
    stored = read.note.stored(span)
    return Place(read.note.record, stored.start, stored.end)


def whole(read: Read, span: Span) -> Span:
    """Return a stretch of a note without the spaces at its ends.

    Raises
    ------
    BadInput
        It is none, or too long for a mention.
    """
    text = read.note.text
    inside = 0 <= span.start < span.end <= len(text)
    words = span.of(text) if inside else ""
    if not words.strip() or len(words.strip()) > WORDS:
        raise BadInput(
            "no words of the note", f"1 to {WORDS} characters of it", "select them in the note"
        )
    start = span.start + len(words) - len(words.lstrip())
    return Span(start, start + len(words.strip()))


def _stated(found: Noted, read: Read, span: Span, meant: Meant) -> Fact | None:
    """Return what the rules make of the words: a value, or a drug with its dose.

    Raises
    ------
    BadInput
        They are called a value and hold none.
    """
    kind = TRAINED_AS.get(meant.kind, meant.kind)
    own = Said(Mention(span.start, span.end, kind), meant.presence, meant.temporality)
    others = [
        Said(Mention(place.start, place.end, finding.code.code))
        for finding in newest(
            one for one in found.entities if _place(read, one.evidence) is not None
        )
        for place in [_place(read, finding.evidence)]
        if place is not None and not place.overlaps(span)
    ]
    facts = facts_of([read.note], [[own, *others]])
    fits = [
        fact
        for fact in facts
        if any(cited.span.overlaps(span) for cited in fact.cited)
        and (fact.kind == VALUE) == (meant.kind == VALUE)
    ]
    if meant.kind == VALUE and not fits:
        raise BadInput(
            "a result without a number and a unit that are known",
            "words as “glucose 180 mg/dL”",
            "select the name, the number and the unit together",
        )
    return fits[0] if fits else None


def _place(read: Read, evidence: tuple[object, ...]) -> Span | None:
    for one in evidence:
        if isinstance(one, TextSpan) and one.record == read.note.record:
            return read.note.shown(Span(one.start, one.end))
    return None
