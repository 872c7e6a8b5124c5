"""Beats with their classes: which can be read, and which follow each other in runs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.nouns import Interval
from suwen.health.beats.features import Beats
from suwen.health.beats.waves import AFTER, BEFORE
from suwen.health.signals.tables import LETTERS, BeatTable
from suwen.lifecycle.examples import Array

RUN: Final = 3
"""Ectopic beats in a row from which they are a run (a tachycardia when fast)."""
PAUSE: Final = 3.0
"""Seconds without a beat that are told and shown."""
NEVER: Final = 30.0
"""Logits by which what cannot be is less than what is."""
BROKEN: Final = 2.0
"""Seconds between two beats that end a run."""


def readable(data: Beats) -> NDArray[np.bool_]:
    """Say which beats lie outside the stretches that cannot be read, (n,)."""
    found = (data.at >= BEFORE) & (data.at <= data.seconds - AFTER)
    for start, end in data.poor:
        found &= (data.at < start) | (data.at >= end)
    return found if found.any() or not len(data) else ~found


def in_fibrillation(data: Beats) -> NDArray[np.bool_]:
    """Say which beats lie in stretches told to be atrial fibrillation, (n,)."""
    found = np.zeros(len(data), dtype=bool)
    for start, end in data.fibrillating:
        found |= (data.at >= start) & (data.at < end)
    return found


def merged(logits: Array, data: Beats) -> Array:
    """Return logits, (..., n, classes), with nothing supraventricular in fibrillation.

    Every beat comes early or late there, from the atria, and EC57 counts it as normal (N): what
    speaks for S speaks for N.
    """
    inside = in_fibrillation(data)
    if not inside.any():
        return logits
    changed = np.array(logits, dtype=float)
    both = np.logaddexp(changed[..., 0], changed[..., 1])
    changed[..., 0] = np.where(inside, both, changed[..., 0])
    changed[..., 1] = np.where(inside, both - NEVER, changed[..., 1])
    return changed


@dataclass(frozen=True)
class Run:
    """Beats of one class in a row: numbers of the first and the last, and the highest chance."""

    kind: int
    first: int
    last: int
    chance: float

    def __len__(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class Said:
    """Beats with their classes.

    Parameters
    ----------
    data
        The beats.
    probability
        Calibrated, (n, classes).
    read
        Which beats are readable, (n,).
    """

    data: Beats
    probability: Array
    read: NDArray[np.bool_]

    @classmethod
    def of(cls, data: Beats, probability: Array) -> Said:
        """Take the beats that can be read."""
        return cls(data, probability, readable(data))

    @property
    def named(self) -> NDArray[np.int64]:
        """Class of each beat, (n,); normal where it cannot be read."""
        return np.where(self.read, self.probability.argmax(1), 0)

    @property
    def ectopic(self) -> NDArray[np.bool_]:
        """Which beats are called anything but normal, (n,)."""
        return self.named > 0

    @property
    def longest(self) -> tuple[float, float]:
        """Start and end of the longest time without a beat, nothing unreadable in between."""
        at = self.data.at
        whole = self.read[:-1] & self.read[1:]
        for start, end in self.data.poor:
            whole &= (at[1:] <= start) | (at[:-1] >= end)
        if not whole.any():
            return 0.0, 0.0
        k = int(np.argmax(np.where(whole, np.diff(at), 0)))
        return float(at[k]), float(at[k + 1])

    @property
    def doubtful(self) -> list[tuple[float, float]]:
        """Start and end of unreadable stretches in which something looks ventricular."""
        looks = ~self.read & (self.probability.argmax(1) == 2)
        at = self.data.at[looks]
        return [
            (float(start), float(end))
            for start, end in self.data.poor
            if ((at >= start) & (at < end)).any()
        ]

    def count(self, kind: int) -> Interval:
        """Return how many beats are of a class, from 95 % of what their probabilities allow."""
        chance = self.probability[self.read, kind]
        value = int((self.named[self.read] == kind).sum())
        middle, spread = float(chance.sum()), 1.96 * float(np.sqrt((chance * (1 - chance)).sum()))
        low, high = max(0.0, middle - spread), min(float(self.read.sum()), middle + spread)
        return Interval(value=value, low=min(value, round(low)), high=max(value, round(high)))

    def table(self) -> BeatTable:
        """Return all beats with their classes; those that cannot be read are of none."""
        kind = np.where(self.read, self.probability.argmax(1), LETTERS.index("Q"))
        chance = np.where(self.read, self.probability.max(1), 0.0)
        return BeatTable(self.data.at, kind.astype(np.int64), chance)

    def runs(self) -> list[Run]:
        """Return what is ectopic, beats in a row together, ventricular and long ones first."""
        named, found = self.named, []
        edges = [0, *(np.flatnonzero(self._parted(named)) + 1).tolist(), len(named)]
        for first, end in pairwise(edges):
            if kind := int(named[first]):
                chance = float(self.probability[first:end, kind].max())
                found.append(Run(kind, first, end - 1, chance))
        order = {2: 0, 1: 1, 3: 2}
        return sorted(
            found,
            key=lambda run: (len(run) < RUN, order[run.kind], -len(run), -run.chance, run.first),
        )

    def _parted(self, named: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray((np.diff(named) != 0) | (np.diff(self.data.at) > BROKEN))
