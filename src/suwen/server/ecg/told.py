"""What the viewer of an ECG tells in words: a window, an event, times as the reader knows them."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

import numpy as np

from suwen.core.codes import Language
from suwen.diagnosis.language import message
from suwen.health.beats.events import (
    BEATS,
    DOUBTFUL,
    FASTEST,
    FIBRILLATION,
    GAP,
    MOTION,
    NOISE,
    PAUSES,
    SLOWEST,
    V_RUN,
    Event,
    Read,
)
from suwen.health.signals.tables import LETTERS, clock
from suwen.server.language import say

KINDS: Final[dict[str, str]] = {
    "v": message("Ventricular beat (V)"),
    "s": message("Supraventricular beat (S)"),
    "f": message("Fusion beat (F)"),
    DOUBTFUL: message("Normal beat told in doubt"),
    V_RUN: message("Ventricular run"),
    FIBRILLATION: message("Atrial fibrillation"),
    PAUSES: message("Pause"),
    FASTEST: message("Fastest rate"),
    SLOWEST: message("Slowest rate"),
    MOTION: message("Movement"),
    NOISE: message("Unreadable"),
    GAP: message("Gap"),
}
"""What a reader may go to, in the order it is offered."""
LANES: Final = (FIBRILLATION, "v", "s", "f", PAUSES, MOTION, NOISE, GAP)
"""What is drawn under the heart rate, from above."""
AROUND_S, LONG_S = 10.0, 60.0
"""Seconds shown at least round a place, and at most of a long one."""


def place_of(record: str, start: float, end: float) -> str:
    """Return the query that opens the viewer at a place: with what is around a single beat, and of
    hours only the beginning.
    """
    if end - start > LONG_S:
        end = start + LONG_S
    missing = max(0.0, AROUND_S - (end - start)) / 2
    first = max(0.0, start - missing)
    last = max(end + missing, first + min(AROUND_S, 2 * missing))
    return urlencode({"record": record, "start": f"{first:g}", "end": f"{last:g}"})


def time_of(start: datetime | None, seconds: float, part: bool = False) -> str:
    """Return a moment of a recording by the clock, or since its beginning where nobody knows it.

    With `part`, tenths of a second too.
    """
    tenths = f".{int(seconds * 10 + 1e-6) % 10}" if part else ""
    if start is None:
        return clock(int(seconds)) + tenths
    moment = start + timedelta(seconds=seconds)
    if part:
        tenths = f".{moment.microsecond // 100_000}"
    return f"{moment.astimezone() if moment.tzinfo else moment:%H:%M:%S}{tenths}"


def window_words(language: Language, start: datetime | None, read: Read, a: float, b: float) -> str:
    """Return a window in a sentence: from when to when, its beats by class, the rate."""
    first, end = np.searchsorted(read.beats.at, (a, b))
    begins, ends = time_of(start, a, part=True), time_of(start, b, part=True)
    span = say(language, "%(start)s to %(end)s", start=begins, end=ends)
    if end == first:
        return span
    inside = Counter(LETTERS[kind] for kind in read.beats.kind[first:end].tolist())
    counts = " ".join(f"{letter} {inside[letter]}" for letter in LETTERS if inside[letter])
    if not read.beats.probability.any():  # found, but nobody told their classes
        counts = str(end - first)
    at, wide = read.intervals
    own = wide[(at >= a) & (at < b)]
    if not len(own):
        return say(language, "%(span)s; beats: %(counts)s", span=span, counts=counts)
    return say(
        language,
        "%(span)s; beats: %(counts)s; heart rate %(rate)s/min",
        span=span,
        counts=counts,
        rate=round(60 / float(np.median(own))),
    )


def event_words(
    language: Language, start: datetime | None, event: Event, number: int, of: int
) -> str:
    """Return an event in a sentence: what, which of how many, when, and its value."""
    name = say(language, KINDS[event.kind])
    if event.kind in (FASTEST, SLOWEST):
        value = say(language, "%(rate)s/min over 8 intervals", rate=round(event.value))
    elif event.kind in BEATS:
        value = say(language, "probability %(p)s", p=f"{event.value:.0%}")
    elif event.kind == V_RUN:
        value = say(language, "%(n)s beats", n=round(event.value))
    elif event.kind == PAUSES:
        value = f"{event.value:.1f} s"
    else:
        value = clock(event.end - event.start)
    return say(
        language,
        "%(name)s %(number)s of %(of)s at %(time)s: %(value)s",
        name=name,
        number=number,
        of=of,
        time=time_of(start, event.start),
        value=value,
    )
