"""What people said of single beats, runs and pauses of an ECG: confirmed, another, none.

A judgement is a FHIR R4 Basic of the patient, so it is versioned, encrypted, checked and logged
like any other record; changing one's mind is a next version. It names the recording and the moment,
not the finding, so it stands when the recording is answered again.

Reference: FHIR R4 (4.0.1) Basic, "for concepts that have no resource of their own".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from suwen.core.errors import BadInput
from suwen.core.nouns import Act, Record, Reference, canonical, digest_of
from suwen.health.beats.events import BEATS, DOUBTFUL, FIBRILLATION, PAUSES, V_RUN, Event, Read
from suwen.health.signals.tables import LETTERS
from suwen.records import Access, Entry
from suwen.records.basics import RESOURCE, basic, parts_of

CODE: Final = "ecg-event-review"
SPANS: Final = (V_RUN, FIBRILLATION, PAUSES)
"""Kinds that are judged as a whole; the others are single beats."""
REVIEWED: Final = (*BEATS, *SPANS)
VERDICTS: Final = (Act.ACCEPTED, Act.EDITED, Act.REJECTED)
NEAR: Final = 0.002
"""Seconds within which a moment is the same: tables have milliseconds."""
REASON: Final = 500


@dataclass(frozen=True)
class Review:
    """A person's judgement of one event.

    Parameters
    ----------
    record
        The recording, in its version.
    kind, start, end
        The event as it was told, in seconds.
    verdict
        Accepted; edited: a beat of another class; rejected: nothing of the kind is there.
    letter
        Class of the beat (`LETTERS`) where it was edited, else empty.
    person, at, reason
        Who, when, and why where it was said.

    Raises
    ------
    BadInput
        A kind or verdict that is none, or a class where none belongs.
    """

    record: Reference
    kind: str
    start: float
    end: float
    verdict: Act
    person: str
    at: datetime
    letter: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        edited = self.verdict is Act.EDITED
        if self.kind not in REVIEWED or self.verdict not in VERDICTS:
            raise BadInput("a judgement of nothing known", f"one of {list(REVIEWED)}", "")
        if edited != bool(self.letter) or (edited and self.kind in SPANS):
            raise BadInput("a class where none belongs", "a beat and its class", "choose one")
        if self.kind == DOUBTFUL and self.verdict is Act.REJECTED:
            raise BadInput("a beat that is only not normal", "the class it is of", "choose it")
        if self.letter not in ("", *LETTERS) or len(self.reason) > REASON:
            raise BadInput("no such class, or a reason too long", f"one of {LETTERS}", "shorten")

    @property
    def given_id(self) -> str:
        """The id under which every version of this judgement is stored."""
        return id_of(self.record, self.kind, self.start)

    @property
    def right(self) -> bool:
        """Whether the event is what it was told to be."""
        return self.verdict is Act.ACCEPTED


def id_of(record: Reference, kind: str, start: float) -> str:
    """Return the id of what is said of an event."""
    name = [record, kind, round(1000 * start)]
    return f"{CODE}-{digest_of(canonical(name))[:40]}"


def resource_of(one: Review, patient: str) -> dict[str, Any]:
    """Return a judgement as a FHIR R4 Basic."""
    parts: list[dict[str, Any]] = [
        {"url": "recording", "valueReference": {"reference": one.record}},
        {"url": "kind", "valueCode": one.kind},
        {"url": "start", "valueDecimal": round(one.start, 3)},
        {"url": "end", "valueDecimal": round(one.end, 3)},
        {"url": "verdict", "valueCode": one.verdict.value},
        {"url": "person", "valueString": one.person},
        {"url": "at", "valueInstant": one.at.astimezone(UTC).isoformat(timespec="milliseconds")},
    ]
    if one.letter:
        parts.append({"url": "class", "valueCode": one.letter})
    if one.reason:
        parts.append({"url": "reason", "valueString": one.reason})
    return basic(CODE, one.given_id, patient, one.at, parts)


def review_of(record: Record) -> Review | None:
    """Return the judgement a record holds; None where it holds something else.

    Raises
    ------
    BadInput
        The record is a judgement and incomplete.
    """
    pairs = parts_of(record, CODE)
    if pairs is None:
        return None
    parts: dict[str, Any] = dict(pairs)
    try:
        return Review(
            str(parts["recording"]["reference"]),
            str(parts["kind"]),
            float(str(parts["start"])),
            float(str(parts["end"])),
            Act(str(parts["verdict"])),
            str(parts["person"]),
            datetime.fromisoformat(str(parts["at"])),
            str(parts.get("class") or ""),
            str(parts.get("reason") or ""),
        )
    except (KeyError, TypeError, ValueError):
        raise BadInput(
            f"the judgement {record.reference} is incomplete",
            "recording, kind, moments, verdict, person and time",
            "judge the event again",
        ) from None


@dataclass(frozen=True)
class Judged:
    """A judgement and the version it stands at."""

    review: Review
    version: int


def judged(records: Iterable[Record], record: Reference) -> dict[str, Judged]:
    """Return what people said of the events of a recording, by the id of the judgement."""
    found = {}
    for one in records:
        review = review_of(one)
        if review is not None and review.record == record:
            found[review.given_id] = Judged(review, int(one.reference.rpartition("/")[2]))
    return found


def keep(
    access: Access, patient: str, review: Review, seen: int, finding: str = "", pack: str = ""
) -> Record:
    """Store a judgement and log the decision: both, or neither.

    Parameters
    ----------
    access, patient, review
        The person's way into the store, whose recording it is, and what they say.
    seen
        The version it stood at when the person looked, 0 where there was none.
    finding, pack
        The finding that told the event, and its pack, for the log.

    Raises
    ------
    Denied
        The policy does not let this person decide about this patient.
    Conflict
        Someone judged the event since the person looked at it.
    """
    detail: dict[str, Any] = {
        "recording": review.record,
        "kind": review.kind,
        "start": round(review.start, 3),
        "class": review.letter,
        "finding": finding,
        "pack": pack,
    }
    if review.reason:
        detail["reason"] = review.reason
    key = f"{review.verdict.value}:{review.given_id}:{seen}"
    (stored,) = access.put(
        [resource_of(review, patient)],
        patient,
        expected={f"{RESOURCE}/{review.given_id}": seen},
        entries=[Entry(review.verdict.value, 0, detail, key)],
    )
    return stored


def corrected(read: Read, reviews: Mapping[str, Judged]) -> Read:
    """Return what is known of a recording with what people said in its place.

    A rejected beat counts as normal; rejected spans are not there.
    """
    kind = read.beats.kind.copy()
    rejected = set[tuple[str, int]]()
    for one in (each.review for each in reviews.values() if not each.review.right):
        if one.kind in SPANS:
            rejected.add((one.kind, round(1000 * one.start)))
            continue
        k = int(np.searchsorted(read.beats.at, one.start - NEAR))
        if k < len(kind) and abs(read.beats.at[k] - one.start) <= NEAR:
            kind[k] = LETTERS.index(one.letter or "N")
    return replace(read, beats=replace(read.beats, kind=kind), rejected=frozenset(rejected))


def of_event(reviews: Mapping[str, Judged], record: Reference, event: Event) -> Judged | None:
    """Return what was said of an event."""
    return reviews.get(id_of(record, event.kind, event.start))


def counts(reviews: Iterable[Review]) -> dict[str, tuple[int, int]]:
    """Return of each kind how many events were confirmed and how many were not."""
    found: dict[str, tuple[int, int]] = {}
    for one in reviews:
        right, wrong = found.get(one.kind, (0, 0))
        found[one.kind] = (right + one.right, wrong + (not one.right))
    return found
