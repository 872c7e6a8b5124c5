"""What a reader goes to in a long ECG: ectopic beats, runs, pauses, fibrillation, gaps, rates.

Reference: Crawford et al., ACC/AHA guidelines for ambulatory electrocardiography, J Am Coll Cardiol
34:912, 1999 (what a report of a Holter holds).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.health.beats.named import BROKEN, PAUSE, RUN
from suwen.health.beats.read import WINDOW, lost
from suwen.health.signals.recording import Lead
from suwen.health.signals.tables import LETTERS, BeatTable, Stretch

Seconds = NDArray[np.float64]
Spans = tuple[tuple[float, float], ...]
DOUBTFUL: Final = "n"
BEATS: Final = {"v": "V", "s": "S", "f": "F", DOUBTFUL: "N"}
"""Kinds that are single beats, and their letters; of normal beats only those told in doubt."""
SURE: Final = 0.9
"""Probability from which on a normal beat is not worth a look."""
V_RUN, PAUSES, FIBRILLATION, NOISE, GAP = "run", "pause", "af", "noise", "gap"
MOTION: Final = "motion"
FASTEST, SLOWEST = "fastest", "slowest"
RATE_BEATS: Final = 8
"""Intervals whose mean is the fastest or slowest rate: one early beat is no rate."""
SHORTEST_INTERVAL, LONGEST_INTERVAL = 0.15, 10.0
"""Seconds between two beats below which none is a rate, and from which nothing was heard."""


@dataclass(frozen=True)
class Event:
    """Something to go to, in seconds; `value` is a rate per minute, seconds or a probability."""

    kind: str
    start: float
    end: float
    value: float


@dataclass(frozen=True)
class Trend:
    """The heart rate over a recording in equal parts, per minute; NaN where no beat is, (n,).

    `low` and `high` are what 5 and 95 % of the beats of a part stay below.
    """

    at: Seconds
    low: Seconds
    middle: Seconds
    high: Seconds


@dataclass(frozen=True)
class Read:
    """What is known of the beats of a recording.

    Parameters
    ----------
    seconds
        Its length.
    beats
        All of them.
    fibrillation
        Where it fibrillates.
    gaps
        Where nothing was recorded, or nothing but a flat or clipped line.
    rejected
        Kind and millisecond of what people said is not there.
    moving
        Where the person moved, as far as anything tells.
    """

    seconds: float
    beats: BeatTable
    fibrillation: tuple[Stretch, ...] = ()
    gaps: Spans = ()
    rejected: frozenset[tuple[str, int]] = frozenset()
    moving: Spans = ()

    @property
    def intervals(self) -> tuple[Seconds, Seconds]:
        """Start and length of the times between two readable beats with nothing lost between."""
        at, read = self.beats.at, self.beats.kind != LETTERS.index("Q")
        whole = read[:-1] & read[1:] & (np.diff(at) < LONGEST_INTERVAL)
        for start, end in self.gaps:
            whole &= (at[1:] <= start) | (at[:-1] >= end)
        return at[:-1][whole], np.diff(at)[whole]

    def events(self, kind: str) -> list[Event]:
        """Return the events of a kind in order of time; none of a kind that is not known."""
        found = self._told(kind)
        if not self.rejected:
            return found
        return [one for one in found if (kind, round(1000 * one.start)) not in self.rejected]

    def _told(self, kind: str) -> list[Event]:
        if kind in BEATS:
            at, chance = self.beats.at, self.beats.probability
            own = self.beats.kind == LETTERS.index(BEATS[kind])
            if kind == DOUBTFUL:
                own &= (chance > 0) & (chance < SURE)  # 0: found, and nobody told what it is
            chosen = np.flatnonzero(own)
            return [Event(kind, float(at[k]), float(at[k]), float(chance[k])) for k in chosen]
        if kind == V_RUN:
            return self._runs()
        if kind == PAUSES:
            at, wide = self.intervals
            return [
                Event(kind, float(a), float(a + w), float(w))
                for a, w in zip(at[wide >= PAUSE], wide[wide >= PAUSE], strict=True)
            ]
        if kind == FIBRILLATION:
            return [Event(kind, one.start, one.end, one.probability) for one in self.fibrillation]
        if kind in (NOISE, GAP, MOTION):
            return [Event(kind, start, end, end - start) for start, end in self._spans(kind)]
        return self._extreme(kind) if kind in (FASTEST, SLOWEST) else []

    def _spans(self, kind: str) -> Spans:
        if kind == NOISE:
            return self.noise
        return self.gaps if kind == GAP else self.moving

    @property
    def noise(self) -> Spans:
        """Where beats were found and cannot be read."""
        poor = self.beats.at[self.beats.kind == LETTERS.index("Q")]
        found = _together((float(one), float(one)) for one in poor)
        return tuple((start, end) for start, end in found if end > start)

    def _runs(self) -> list[Event]:
        beats = self.beats
        chosen = np.flatnonzero(beats.kind == LETTERS.index("V"))
        if not len(chosen):
            return []
        parted = (np.diff(chosen) > 1) | (np.diff(beats.at[chosen]) > BROKEN)
        groups = np.split(chosen, np.flatnonzero(parted) + 1)
        return [
            Event(V_RUN, float(beats.at[own[0]]), float(beats.at[own[-1]]), float(len(own)))
            for own in groups
            if len(own) >= RUN
        ]

    def _extreme(self, kind: str) -> list[Event]:
        """Return where `RATE_BEATS` intervals in a row are the shortest or longest on average."""
        at, wide = self.intervals
        if len(wide) < RATE_BEATS:
            return []
        mean = np.convolve(wide, np.ones(RATE_BEATS) / RATE_BEATS, "valid")
        last = at[RATE_BEATS - 1 :] + wide[RATE_BEATS - 1 :]
        unbroken = last - at[: len(mean)] <= RATE_BEATS * mean + 0.01
        if not unbroken.any():
            return []
        cost = np.where(unbroken, mean if kind == FASTEST else -mean, np.inf)
        k = int(np.argmin(cost))
        return [Event(kind, float(at[k]), float(last[k]), 60 / float(mean[k]))]

    def trend(self, parts: int) -> Trend:
        """Return the heart rate in so many equal parts: 5, 50 and 95 % of the beats of each."""
        start, wide = self.intervals
        edges = np.linspace(0, self.seconds, parts + 1)
        part = np.clip(np.searchsorted(edges, start, side="right") - 1, 0, parts - 1)
        rate = 60 / np.maximum(wide, SHORTEST_INTERVAL)
        ordered = rate[np.lexsort((rate, part))]
        first = np.searchsorted(part, np.arange(parts + 1))
        count = np.diff(first)
        rows = np.full((3, parts), np.nan)
        known = count > 0
        for row, share in enumerate((0.05, 0.5, 0.95)):
            place = first[:-1] + np.rint(share * (count - 1)).astype(int)
            rows[row, known] = ordered[place[known]]
        return Trend((edges[:-1] + edges[1:]) / 2, *rows)


def gaps_of(lead: Lead) -> Spans:
    """Return where too much of a lead is missing, flat or clipped, in windows of ten seconds."""
    if len(lead.values) < 2:
        return ()
    poor = np.flatnonzero(lost(lead.values, lead.rate))
    spans = ((k * WINDOW, min((k + 1) * WINDOW, lead.seconds)) for k in poor.tolist())
    return _together(spans, 0.0)


def _together(spans: Iterable[tuple[float, float]], within: float = WINDOW / 2) -> Spans:
    """Return spans, rising, those that are near each other as one."""
    found: list[tuple[float, float]] = []
    for start, end in spans:
        if found and start - found[-1][1] <= within:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return tuple(found)


def drawn(events: Sequence[Event], seconds: float, columns: int) -> list[tuple[float, float]]:
    """Return events as the stretches of a lane of so many columns: those that touch are one."""
    width = seconds / columns
    spans = ((one.start, max(one.end, one.start + width)) for one in events)
    return [(round(a, 2), round(min(b, seconds), 2)) for a, b in _together(spans, width / 2)]


def beside(events: Sequence[Event], at: float, back: bool) -> tuple[int, Event] | None:
    """Return the next event after a second, or the last before it, with its number from 1."""
    near = 0.005
    if back:
        before = [k for k, one in enumerate(events) if one.start < at - near]
        return (before[-1] + 1, events[before[-1]]) if before else None
    after = next((k for k, one in enumerate(events) if one.start > at + near), None)
    return None if after is None else (after + 1, events[after])
