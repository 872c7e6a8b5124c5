"""The beats of a lead as it comes from a Case, and where it cannot be read."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.health.beats.features import Beats, beats_of, names
from suwen.health.signals.qrs import HIGHEST_RATE, LOWEST_RATE, Numbers, qrs_times
from suwen.health.signals.quality import SHORTEST, ecg_quality

WINDOW: Final = 10.0
"""Seconds that are readable or not as a whole."""
MOST_LOST: Final = 0.3
"""Share of a window that may be missing, flat or clipped."""
FLAT: Final = 0.2
"""Seconds without any change that are no signal."""
UNLIKE: Final = 0.7
"""Windows with a beat less like the usual one than this are asked for their quality: noise looks
like ectopy."""
MOST_ASKED: Final = 500
"""Most windows asked, those with the least likely beats; more would take longer than
all the rest."""


def read_beats(lead: NDArray[np.generic], rate: float) -> Beats:
    """Return the beats of a lead in mV, (n,), with the stretches that cannot be read.

    A rate that no beat can be found at gives no beats.
    """
    if not LOWEST_RATE <= rate <= HIGHEST_RATE or len(lead) < WINDOW * rate:
        return beats_of(lead, max(rate, 1.0), np.zeros(0))
    found = beats_of(lead, rate, qrs_times(lead, rate))
    poor = lost(lead, rate)
    for k in _asked(found, len(poor)):
        start, end = int(k * WINDOW * rate), int((k + 1) * WINDOW * rate)
        part = np.asarray(lead[start:end], dtype=np.float64)
        if not poor[k] and len(part) > SHORTEST * rate:
            poor[k] = all(one.poor for one in ecg_quality(part, rate))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], poor, [False]]))).reshape(-1, 2)
    return replace(found, poor=np.minimum(edges * WINDOW, len(lead) / rate))


def lost(lead: NDArray[np.generic], rate: float) -> NDArray[np.bool_]:
    """Say in which windows too much is missing, flat or clipped, (windows,)."""
    window, quiet = int(WINDOW * rate), max(2, int(FLAT * rate))
    shares = []
    for start in range(0, len(lead), window):
        part = np.asarray(lead[start : start + window], dtype=np.float32)
        edges = np.flatnonzero(np.concatenate([[True], np.diff(part) != 0, [True]]))
        lengths = np.diff(edges)
        gone = int(lengths[lengths >= quiet].sum()) + int((~np.isfinite(part)).sum())
        shares.append(gone / len(part))
    return np.array(shares) > MOST_LOST


def _asked(found: Beats, windows: int) -> list[int]:
    """Return the windows whose beats are least like the usual one."""
    likeness: Numbers = np.ones(windows)
    place = np.minimum((found.at // WINDOW).astype(int), windows - 1)
    np.minimum.at(likeness, place, found.rows[:, names().index("QRS likeness")])
    order = np.argsort(likeness, kind="stable")[:MOST_ASKED]
    return sorted(int(k) for k in order if likeness[k] < UNLIKE)
