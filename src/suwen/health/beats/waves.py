"""The wave of a beat: cut out around its middle, moved so that equal beats lie alike."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.health.signals.qrs import RATE, Numbers

Floats = NDArray[np.float32]
BEFORE, AFTER = 0.30, 0.45
"""Seconds of the wave of a beat, from the middle of its QRS."""
FOOT: Final = round(BEFORE * RATE)
WAVE: Final = FOOT + round(AFTER * RATE)
ROOM: Final = round(0.12 * RATE)
"""Samples by which a beat may be moved."""
SURE, BETTER = 0.85, 0.02
"""A beat is moved where it then is so like the dominant one, and by so much more than before."""
LEARNT_FROM: Final = 500
"""Most beats that the dominant one is made of."""
NORMAL_LIKENESS, NOT_EARLY = 0.9, 0.88
"""The dominant beat is the median of beats so like it that do not come early."""


def part(start: float, end: float) -> slice:
    """Return the samples of a wave between two times in seconds from the middle of the QRS."""
    return slice(round((start + BEFORE) * RATE), round((end + BEFORE) * RATE))


P_PART, QRS_PART, T_PART = part(-0.24, -0.07), part(-0.08, 0.10), part(0.12, 0.40)


def moved_to(values: Numbers, middles: NDArray[np.int64]) -> Floats:
    """Return the waves around `middles` with `ROOM` on both sides, (n, `WAVE` + 2 `ROOM`)."""
    where = middles[:, None] + np.arange(-FOOT - ROOM, WAVE - FOOT + ROOM)
    return np.asarray(values[np.clip(where, 0, len(values) - 1)], dtype=np.float32)


def footed(waves: Floats) -> Floats:
    """Return waves with their level just before the QRS at zero."""
    foot = waves[:, P_PART.stop - 8 : P_PART.stop + 1]
    return np.asarray(waves - np.median(foot, axis=1, keepdims=True), dtype=np.float32)


def alike(waves: Floats, other: Floats) -> Numbers:
    """Return the correlation of each wave (n, m) with another (m,) or with its own (n, m)."""
    one = waves - waves.mean(-1, keepdims=True)
    two = other - other.mean(-1, keepdims=True)
    scale = np.sqrt((one * one).sum(-1) * (two * two).sum(-1))
    return np.asarray((one * two).sum(-1) / np.maximum(scale, 1e-6), dtype=np.float64)


def dominant(waves: Floats, timing: Numbers) -> Floats:
    """Return the median of the beats that are alike and in time, (`WAVE`,).

    `timing` is the interval before each beat over the usual one, (n,).
    """
    chosen = np.linspace(0, len(waves) - 1, min(len(waves), LEARNT_FROM)).astype(int)
    found = _median(waves[chosen])
    for _ in range(2):
        likeness = alike(waves[chosen][:, QRS_PART], found[QRS_PART])
        enough = max(NORMAL_LIKENESS, float(np.quantile(likeness, 0.3)))
        usual = chosen[(likeness > enough) & (timing[chosen] > NOT_EARLY)]
        if len(usual) >= 10:
            found = _median(waves[usual])
    return np.asarray(found, dtype=np.float32)


def _median(waves: Floats) -> Floats:
    """Return the median wave; laid out so that it is found in half the time."""
    return np.asarray(np.median(np.ascontiguousarray(waves.T), axis=1))


def aligned(wide: Floats, timing: Numbers) -> tuple[Numbers, Floats]:
    """Return by how many samples each beat is moved, and the waves that come of it.

    Waves are moved by whole samples; the shift that is told is finer where a beat is like the
    dominant one: it lies where a parabola through the best likeness has its summit.

    Parameters
    ----------
    wide
        Waves with room, (n, `WAVE` + 2 `ROOM`).
    timing
        Interval before each beat over the usual one, (n,).
    """
    shift = np.zeros(len(wide), dtype=np.int64)
    rows = np.arange(len(wide))
    for _ in range(2):
        likeness = _likeness(wide, dominant(_cut(wide, shift), timing)[QRS_PART])
        best = likeness.argmax(1)
        most, now = likeness[rows, best], likeness[rows, shift + ROOM]
        shift = np.where((most > SURE) & (most > now + BETTER), best - ROOM, shift)
    here = np.clip(shift + ROOM, 1, 2 * ROOM - 1)
    before, peak, after = (likeness[rows, here + k] for k in (-1, 0, 1))
    bend = np.minimum(before - 2 * peak + after, -1e-9)
    finer = np.where(peak > SURE, np.clip((before - after) / (2 * bend), -1, 1), 0.0)
    return np.asarray(shift + finer), footed(_cut(wide, shift))


def _cut(wide: Floats, shift: NDArray[np.int64]) -> Floats:
    where = shift[:, None] + ROOM + np.arange(WAVE)
    return np.asarray(wide[np.arange(len(wide))[:, None], where])


def _likeness(wide: Floats, template: Floats) -> Numbers:
    """Return the correlation with a QRS at each shift, (n, 2 `ROOM` + 1)."""
    size, shifts = len(template), 2 * ROOM + 1
    part = wide[:, QRS_PART.start : QRS_PART.start + size + shifts - 1].astype(np.float64)
    centred = template.astype(np.float64) - template.mean()
    moved = np.zeros((part.shape[1], shifts))
    for k in range(shifts):
        moved[k : k + size, k] = centred
    sums, squares = (
        np.concatenate([np.zeros((len(part), 1)), np.cumsum(each, axis=1)], axis=1)
        for each in (part, part * part)
    )
    total = sums[:, size:] - sums[:, :-size]
    spread = squares[:, size:] - squares[:, :-size] - total * total / size
    scale = np.sqrt(np.maximum(spread, 1e-9) * float(centred @ centred) + 1e-12)
    return np.asarray(part @ moved / scale)
