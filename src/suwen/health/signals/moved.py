"""Where an ECG is moved: stretches in which the line never comes to rest between the beats.

Between two beats an ECG lies nearly still; where electrodes move it does not, for seconds on end.
Early or wide beats end at once and are no movement. What is usual is learnt from the recording
itself, so that fibrillation and flutter, whose line never rests, are usual there.

Reference: Moody, Muldrow & Mark, Comput Cardiol 11:381, 1984 (movement lies in the band of the
beats themselves, so that no filter takes it away).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, percentile_filter, uniform_filter1d

from suwen.health.signals.strip import RATE, Signal, band, nearest

BAND: Final = (1.0, 10.0)
"""Hz in which electrodes move."""
SHORT: Final = 0.2
"""Seconds over which the swing is taken ..."""
EVERY: Final = 15
"""... once in so many samples ..."""
AROUND, REST = 2.0, 30
"""... and the percentile of it over so many seconds that a line at rest keeps low."""
USUAL: Final = 0.4
"""Share of a recording that is believed to be no more moved than usual."""
TIMES: Final = 2.0
"""A stretch is moved where its line is so many times less at rest than usual."""
BESIDE: Final = 0.3
"""Seconds on both sides that go with it."""


def moved(raw: Signal, lost: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where a lead is moved, (n,).

    Parameters
    ----------
    raw
        At `RATE`, (n,), gaps filled.
    lost
        Where it was filled, (n,): what is usual is not learnt there.
    """
    swings = band(raw, *BAND)
    power = uniform_filter1d(swings * swings, round(SHORT * RATE))[::EVERY]
    swing = np.sqrt(np.maximum(power, 0))
    rest = percentile_filter(swing, REST, size=round(AROUND * RATE / EVERY), mode="nearest")
    there = rest[~lost[::EVERY]]
    if not len(there):
        return np.zeros(len(raw), dtype=bool)
    found = rest > TIMES * float(np.quantile(there, USUAL))
    wide = 2 * round(BESIDE * RATE / EVERY) + 1
    return nearest(maximum_filter1d(found.astype(np.uint8), wide) > 0, len(raw))
