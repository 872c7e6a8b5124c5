"""The beats of a lead as it comes from a Case, and where it cannot be read."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.health.beat_features import Beats, beats_of
from suwen.health.qrs import HIGHEST_RATE, LOWEST_RATE, Numbers, qrs_times

WINDOW: Final = 10.0
"""Seconds that are readable or not as a whole."""
MOST_LOST: Final = 0.3
"""Share of a window that may be missing, flat or clipped."""
FLAT: Final = 0.2
"""Seconds without any change that are no signal."""


def read_beats(lead: NDArray[np.generic], rate: float) -> Beats:
    """Return the beats of a lead in mV, (n,), with the stretches that cannot be read.

    A rate that no beat can be found at gives no beats.
    """
    if not LOWEST_RATE <= rate <= HIGHEST_RATE or len(lead) < WINDOW * rate:
        return beats_of(lead, max(rate, 1.0), np.zeros(0))
    found = beats_of(lead, rate, qrs_times(lead, rate))
    return replace(found, poor=lost(lead, rate))


def lost(lead: NDArray[np.generic], rate: float) -> Numbers:
    """Return start and end in seconds of the windows that cannot be read, joined, (k, 2)."""
    window, quiet = int(WINDOW * rate), max(2, int(FLAT * rate))
    shares = []
    for start in range(0, len(lead), window):
        part = np.asarray(lead[start : start + window], dtype=np.float32)
        edges = np.flatnonzero(np.concatenate([[True], np.diff(part) != 0, [True]]))
        lengths = np.diff(edges)
        gone = int(lengths[lengths >= quiet].sum()) + int((~np.isfinite(part)).sum())
        shares.append(gone / len(part))
    poor = np.concatenate([[False], np.array(shares) > MOST_LOST, [False]])
    starts = np.flatnonzero(~poor[:-1] & poor[1:])
    ends = np.flatnonzero(poor[:-1] & ~poor[1:])
    edges = np.stack([starts, ends], axis=1) * window / rate
    return np.minimum(edges, len(lead) / rate)
