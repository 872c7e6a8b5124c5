"""Events of an ECG as small strips beside each other, with what people said of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import numpy as np

from suwen.core.codes import Language
from suwen.core.nouns import Act, Case, Finding, TimeInterval
from suwen.diagnosis.language import message
from suwen.health.beats.events import BEATS, FIBRILLATION, PAUSES, V_RUN, Event, Read
from suwen.health.beats.reviews import REVIEWED, SPANS, Judged, counts, id_of, judged, of_event
from suwen.health.signals.tables import BEATS as BEATS_TABLE
from suwen.health.signals.tables import LETTERS, STRETCHES, attached
from suwen.records.basics import RESOURCE
from suwen.server.ecg.strips import MM_PER_S, Snippet, snippet
from suwen.server.ecg.told import KINDS, event_words, place_of
from suwen.server.held.recordings import Opened
from suwen.server.language import moment, say

SHOWN: Final = 24
"""Strips on a page."""
SECONDS: Final = 4.0
"""Of a strip; of fibrillation and runs half as much more."""
LONGER: Final = 6.0
ORDERS: Final = {"doubt": message("most worth a look first"), "time": message("in order of time")}
NAMES: Final = {
    "N": message("normal"),
    "S": message("supraventricular"),
    "V": message("ventricular"),
    "F": message("fusion"),
    "Q": message("unreadable"),
}


@dataclass(frozen=True)
class Mark:
    """A beat in a strip: mm from its left edge, its letter, and whether it is the one shown."""

    x: float
    letter: str
    asked: bool


@dataclass(frozen=True)
class Card:
    """An event with its strip, and the judgement that stands (empty: none).

    `letter` is what the beat was said to be, `version` that of the judgement, 0 where there is
    none; `choices` what else it may be.
    """

    id: str
    kind: str
    start: float
    words: str
    strip: Snippet
    marks: tuple[Mark, ...]
    said: str
    state: str
    letter: str
    version: int
    choices: tuple[tuple[str, str], ...]
    address: str
    whole: bool


def ordered(events: Sequence[Event], order: str) -> list[tuple[int, Event]]:
    """Return events with their numbers from 1, as `ORDERS` has it.

    Most worth a look are beats and fibrillation told with the least probability, and the longest
    runs and pauses.
    """
    found = list(enumerate(events, 1))
    if order == "doubt":
        found.sort(key=lambda one: (_least(one[1]), one[1].start))
    return found


def _least(event: Event) -> float:
    return -event.value if event.kind in (V_RUN, PAUSES) else event.value


def card(
    opened: Opened,
    read: Read,
    reviews: Mapping[str, Judged],
    numbered: tuple[int, Event, int],
    speaking: tuple[Language, Callable[[str], str]],
) -> Card:
    """Return an event as the page shows it.

    Parameters
    ----------
    opened, read, reviews
        The recording, what tasks told of it, and what people said.
    numbered
        The number of the event, the event, and how many of its kind there are.
    speaking
        The reader's language, and the name of a person by their id.
    """
    number, event, of = numbered
    language, name_of = speaking
    recording = opened.recording
    first, last = window(event, opened.asked.seconds)
    found = of_event(reviews, recording.record, event)
    own = BEATS.get(event.kind, "")
    return Card(
        id=id_of(recording.record, event.kind, event.start),
        kind=event.kind,
        start=event.start,
        words=event_words(language, recording.start, event, number, of),
        strip=snippet(opened.asked, first, last),
        marks=_marks(read, event, first, last),
        said=said(language, found, name_of) if found else "",
        state=found.review.verdict.value if found else "",
        letter=found.review.letter if found else "",
        version=found.version if found else 0,
        choices=tuple(
            (letter, say(language, NAMES[letter])) for letter in LETTERS if own and letter != own
        ),
        address=f"?{place_of(recording.record, event.start, event.end)}",
        whole=event.kind in SPANS,
    )


def window(event: Event, seconds: float) -> tuple[float, float]:
    """Return the seconds shown of an event: round a beat, the beginning of a long one."""
    wide = LONGER if event.kind in (FIBRILLATION, V_RUN) else SECONDS
    length = event.end - event.start
    wide = min(seconds, max(wide, min(LONGER, length + 1)))
    middle = event.start + min(length, wide - 1) / 2
    first = max(0.0, min(middle - wide / 2, seconds - wide))
    return first, first + wide


def _marks(read: Read, event: Event, first: float, last: float) -> tuple[Mark, ...]:
    low, high = np.searchsorted(read.beats.at, (first, last))
    named = bool(read.beats.probability.any())
    return tuple(
        Mark(
            round(MM_PER_S * (float(read.beats.at[k]) - first), 2),
            LETTERS[int(read.beats.kind[k])] if named else "",
            event.start - 0.005 <= float(read.beats.at[k]) <= event.end + 0.005,
        )
        for k in range(low, high)
    )


def said(language: Language, found: Judged, name_of: Callable[[str], str]) -> str:
    """Return who said what of an event, and when."""
    one = found.review
    if one.verdict is Act.ACCEPTED:
        what = say(language, "Confirmed")
    elif one.verdict is Act.EDITED:
        what = say(language, "It is: %(what)s", what=say(language, NAMES[one.letter]))
    else:
        what = say(language, "Rejected")
    by = f"{name_of(one.person)}, {moment(one.at)}"
    return f"{what} · {by}{f' · {one.reason}' if one.reason else ''}"


@dataclass(frozen=True)
class Checked:
    """What people said of the events behind a finding, and where each is shown."""

    words: str
    address: str


def checked(language: Language, case: Case, findings: Sequence[Finding]) -> dict[str, Checked]:
    """Return, by the id of a finding that counts events of an ECG, how many people checked."""
    found = {}
    for one in findings:
        beats, runs = attached(one, BEATS_TABLE), attached(one, STRETCHES)
        record = next((e.record for e in one.evidence if isinstance(e, TimeInterval)), "")
        if not record or not (beats or runs):
            continue
        reviews = [each.review for each in judged(case.of(RESOURCE), record).values()]
        kinds = [kind for kind in REVIEWED if (kind == FIBRILLATION) == (beats is None)]
        by_kind = counts(reviews)
        parts = [
            say(
                language,
                "%(kind)s: %(right)s confirmed, %(wrong)s rejected",
                kind=say(language, KINDS[kind]),
                right=by_kind[kind][0],
                wrong=by_kind[kind][1],
            )
            for kind in kinds
            if kind in by_kind
        ]
        words = ("；" if language == "zh" else "; ").join(parts)
        query = urlencode({"record": record, "kind": kinds[0]})
        address = f"/cases/{case.patient}/ecg/events?{query}"
        found[one.id] = Checked(words or say(language, "No event was checked yet."), address)
    return found
