"""What people said of single mentions: accepted, corrected, rejected, added; kept in the store.

A judgement of one mention is a FHIR R4 Basic of the patient, so it is versioned, encrypted, checked
and logged like any other record: changing one's mind is a next version. Read back, it corrects what
the pages tell (`notes.facts.told`) and labels the note for training (`notes.entities.corrected`).

Reference: FHIR R4 (4.0.1) Basic, "for concepts that have no resource of their own".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast, get_args

from suwen.core.codes import EXPERIENCER, PRESENCE, TEMPORALITY, UCUM, Code, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Act, Case, Record, Reference, canonical, digest_of
from suwen.notes.entities.data import LEARNT
from suwen.notes.measures.meaning import meant
from suwen.notes.text import Note, Span
from suwen.notes.vocabulary.names import SYSTEMS, installed
from suwen.records import Access, Entry
from suwen.records.basics import RESOURCE, SYSTEM, basic, parts_of

Verdict = Literal["accepted", "edited", "rejected", "added"]
CODE: Final = "note-correction"
CODED: Final = f"{SYSTEM}|{CODE}"
"""How corrections are searched for."""
ALLERGY: Final = "allergy"
VALUE: Final = "value"
TYPES: Final = (*LEARNT, ALLERGY, VALUE)
"""What a mention may be called: a type of `notes.entities`, or what a fact makes of it."""
WORDS: Final = 200
"""Longest mention."""
REASON: Final = 500


@dataclass(frozen=True)
class Place:
    """Characters start..end of the stored original of one version of a note."""

    note: Reference
    start: int
    end: int

    @property
    def span(self) -> Span:
        """The stretch alone."""
        return Span(self.start, self.end)


@dataclass(frozen=True)
class Meant:
    """How a mention is meant: its type, presence, time, person and code (None: unmapped)."""

    kind: str
    presence: str = "present"
    temporality: str = "recent"
    experiencer: str = "patient"
    code: Code | None = None

    def __post_init__(self) -> None:
        if self.kind not in TYPES:
            raise BadInput(
                f"the type {self.kind[:32]!r} of a mention", f"one of {', '.join(TYPES)}", ""
            )
        for system, value in (
            (PRESENCE, self.presence),
            (TEMPORALITY, self.temporality),
            (EXPERIENCER, self.experiencer),
        ):
            try:
                meant(system, value)
            except KeyError:
                raise BadInput(
                    f"{value[:32]!r} for the {system.rpartition('/')[2]} of a mention",
                    "a value that the page offers",
                    "choose one of the list",
                ) from None


@dataclass(frozen=True)
class Correction:
    """What a person said of one mention.

    Parameters
    ----------
    place
        The mention that was judged, as it was found.
    verdict
        `accepted`: right as it stands; `edited`: as told in `stands` and `meant`; `rejected`;
        `added`: nobody had found it.
    meant
        How the mention is meant; of one that was rejected, how it had been read.
    stands
        Where the mention stands: elsewhere than `place` when the stretch was corrected.
    words
        Of the note where the mention stands.
    value, details
        Value in its canonical UCUM unit, and dose, route, time ... of the fact it states: what is
        told of the mention where no pack finds it (any more).
    """

    place: Place
    verdict: Verdict
    meant: Meant
    stands: Place
    person: str
    at: datetime
    reason: str = ""
    words: str = ""
    value: tuple[float, str] | None = None
    details: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.verdict not in get_args(Verdict):
            raise BadInput(
                f"the act {self.verdict[:32]!r}",
                "accepted, edited, rejected or added",
                "choose one",
            )
        if self.stands.note != self.place.note or not 0 <= self.stands.start < self.stands.end:
            raise BadInput("a correction that leaves its note", "a stretch of the same note", "")
        if len(self.reason) > REASON:
            raise BadInput("a reason that is too long", f"at most {REASON} characters", "shorten")

    @property
    def given_id(self) -> str:
        """The id under which every version of this judgement is stored."""
        return id_of(self.place)


def id_of(place: Place) -> str:
    """Return the id of what is said of the mention at a place."""
    name = [place.note, place.start, place.end]
    return f"{CODE}-{digest_of(canonical(name))[:40]}"


def resource_of(one: Correction, patient: str) -> dict[str, Any]:
    """Return a correction as a FHIR R4 Basic."""
    how = one.meant
    parts: list[dict[str, Any]] = [
        {"url": "note", "valueReference": {"reference": one.place.note}},
        {"url": "start", "valueInteger": one.place.start},
        {"url": "end", "valueInteger": one.place.end},
        {"url": "standsFrom", "valueInteger": one.stands.start},
        {"url": "standsTo", "valueInteger": one.stands.end},
        {"url": "verdict", "valueCode": one.verdict},
        {"url": "kind", "valueCode": how.kind},
        {"url": "presence", "valueCode": how.presence},
        {"url": "temporality", "valueCode": how.temporality},
        {"url": "experiencer", "valueCode": how.experiencer},
        {"url": "person", "valueString": one.person},
        {"url": "at", "valueInstant": one.at.astimezone(UTC).isoformat(timespec="milliseconds")},
    ]
    if how.code is not None:
        parts.append({"url": "code", "valueCoding": how.code.coding()})
        parts.append({"url": "chinese", "valueString": how.code.name.zh})
    if one.reason:
        parts.append({"url": "reason", "valueString": one.reason})
    if one.words:
        parts.append({"url": "words", "valueString": one.words})
    if one.value is not None:
        value, unit = one.value
        quantity = {"value": value, "unit": unit, "system": UCUM, "code": unit}
        parts.append({"url": "value", "valueQuantity": quantity})
    parts += [{"url": "detail", "valueString": f"{name}={value}"} for name, value in one.details]
    return basic(CODE, one.given_id, patient, one.at, parts)


def correction_of(record: Record) -> Correction | None:
    """Return the correction a record holds; None where it holds something else.

    Raises
    ------
    BadInput
        The record is a correction and incomplete.
    """
    pairs = parts_of(record, CODE)
    if pairs is None:
        return None
    parts: dict[str, Any] = dict(pairs)
    try:
        note = str(parts["note"]["reference"])
        return Correction(
            Place(note, int(parts["start"]), int(parts["end"])),
            cast(Verdict, str(parts["verdict"])),
            Meant(
                str(parts["kind"]),
                str(parts["presence"]),
                str(parts["temporality"]),
                str(parts["experiencer"]),
                _code(parts),
            ),
            Place(note, int(parts["standsFrom"]), int(parts["standsTo"])),
            str(parts["person"]),
            datetime.fromisoformat(str(parts["at"])),
            str(parts.get("reason") or ""),
            str(parts.get("words") or ""),
            _value(parts),
            tuple(_detail(str(value)) for name, value in pairs if name == "detail"),
        )
    except (KeyError, TypeError, ValueError):
        raise BadInput(
            f"the correction {record.reference} is incomplete",
            "note, place, verdict, meaning, person and time",
            "correct the mention again",
        ) from None


def _code(parts: Mapping[str, Any]) -> Code | None:
    coding = parts.get("code")
    if not coding:
        return None
    english = str(coding.get("display") or coding["code"])
    name = Text(en=english, zh=str(parts.get("chinese") or english))
    return Code(system=str(coding["system"]), code=str(coding["code"]), name=name)


def _value(parts: Mapping[str, Any]) -> tuple[float, str] | None:
    value = parts.get("value")
    return (float(value["value"]), str(value["code"])) if value else None


def _detail(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


@dataclass(frozen=True)
class Judged:
    """A correction, the record it is stored in (empty: not yet), and the version of that."""

    correction: Correction
    version: int
    record: Reference = ""


def judged(records: Iterable[Record]) -> dict[Place, Judged]:
    """Return what people said of each mention, by the place it was found at."""
    found = {}
    for record in records:
        one = correction_of(record)
        if one is not None:
            version = int(record.reference.rpartition("/")[2])
            found[one.place] = Judged(one, version, record.reference)
    return found


def in_case(case: Case) -> dict[Place, Judged]:
    """Return what people said of each mention in the notes of a case, as those notes stand now."""
    known = {record.reference for record in case.records}
    return {place: one for place, one in judged(case.of(RESOURCE)).items() if place.note in known}


@dataclass(frozen=True)
class Wish:
    """What a person wants to say of mentions they have seen.

    Parameters
    ----------
    corrections
        One for each mention.
    seen
        The version each judgement stood at when the person looked, 0 where there was none.
    finding
        Id of the finding on the page, and the pack that made it, for the log.
    """

    corrections: tuple[Correction, ...]
    seen: Mapping[Place, int]
    finding: str = ""
    pack: str = ""


def keep(access: Access, patient: str, wish: Wish) -> list[Record]:
    """Store corrections and log a decision for each: all of them, or none.

    Raises
    ------
    Denied
        The policy does not let this person decide about this patient.
    Conflict
        Someone judged one of the mentions since the person looked at it.
    """
    entries = [_entry(i, one, wish) for i, one in enumerate(wish.corrections)]
    expected = {
        f"{RESOURCE}/{one.given_id}": wish.seen.get(one.place, 0) for one in wish.corrections
    }
    resources = [resource_of(one, patient) for one in wish.corrections]
    return access.put(resources, patient, expected=expected, entries=entries)


def _entry(i: int, one: Correction, wish: Wish) -> Entry:
    detail: dict[str, Any] = {
        "note": one.place.note,
        "start": one.place.start,
        "end": one.place.end,
        "finding": wish.finding,
        "pack": wish.pack,
    }
    if one.reason.strip():
        detail["reason"] = one.reason.strip()
    version = wish.seen.get(one.place, 0)
    return Entry(Act(one.verdict).value, i, detail, f"{one.verdict}:{one.given_id}:{version}")


def find_words(note: Note, words: str, near: Span) -> Span:
    """Return where `words` stand in a note: the occurrence nearest to a stretch of its text.

    Raises
    ------
    BadInput
        They do not stand there, or are none.
    """
    found = occurrences(note, words)
    return min(found, key=lambda one: abs(one.start - near.start) + abs(one.end - near.end))


def occurrences(note: Note, words: str) -> list[Span]:
    """Return every stretch of a note's text that is `words`, in their order.

    Spaces may be any, and capitals count only where both ways occur.

    Raises
    ------
    BadInput
        They do not stand there, or are none.
    """
    wanted = words.split()
    if not wanted or len(words) > WORDS:
        raise BadInput("no words of the note", f"1 to {WORDS} characters of it", "copy them")
    pattern = r"\s+".join(re.escape(word) for word in wanted)
    found = [Span(*match.span()) for match in re.finditer(pattern, note.text)]
    found = found or [
        Span(*match.span()) for match in re.finditer(pattern, note.text, re.IGNORECASE)
    ]
    if not found:
        raise BadInput(
            "words that do not stand in this note", "words as the note has them", "copy them"
        )
    return found


def find_code(name: str) -> Code:
    """Return the code a person names: `system|code`, its name in either language, or the code.

    Raises
    ------
    BadInput
        The vocabulary has no such name and no such code.
    """
    vocabulary, words = installed(), " ".join(name.split())
    given, sign, number = words.rpartition("|")
    if sign and (exact := vocabulary.concepts(given, number)):
        return vocabulary.as_code(exact[0])
    rows = vocabulary.named(words)
    if rows:
        return vocabulary.as_code(vocabulary.entry(rows[0]).concept)
    found = [one for system in SYSTEMS for one in vocabulary.concepts(system, words)]
    if not found:
        raise BadInput(
            "a name or code that the vocabulary does not have",
            "a name as HPO, ICD-10, MeSH, LOINC have it, or its code",
            "try another name, or leave it empty",
        )
    return vocabulary.as_code(found[0])
