"""What happens to a lead outside the laboratory, as functions of its values in mV, (n,).

Reference: Moody, Muldrow & Mark, Comput Cardiol 11:381, 1984 (the noise stress test: baseline
wander, muscle noise, movement of electrodes).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import scipy
from numpy.typing import NDArray

from suwen.health.signals.strip import at_rate

Values = NDArray[Any]
Change = Callable[[Values, float, float, np.random.Generator], tuple[Values, float]]
"""Takes values, samples a second, strength and chance; returns values and samples a second."""
BURST: Final = 3.0
"""Seconds of one burst of movement; a third of the recording is moved."""
MOVEMENT_HZ: Final = (1.0, 10.0)
MUSCLE_HZ: Final = (20.0, 90.0)
MAINS_HZ: Final = 50.0


def _noise(count: int, rate: float, band: tuple[float, float], rng: np.random.Generator) -> Values:
    """Return noise of a band of frequencies, of root mean square 1, (count,)."""
    high = min(band[1], 0.45 * rate)
    filters = scipy.signal.butter(2, (band[0], high), btype="bandpass", fs=rate, output="sos")
    made = scipy.signal.sosfilt(filters, rng.standard_normal(count + round(rate)))[-count:]
    return np.asarray(made / (made.std() + 1e-12))


def movement(
    values: Values, rate: float, strength: float, rng: np.random.Generator
) -> tuple[Values, float]:
    """Add bursts of electrode movement of that many mV (root mean square)."""
    count = len(values)
    noise = strength * _noise(count, rate, MOVEMENT_HZ, rng)
    pieces = max(1, round(count / rate / BURST))
    shaken = rng.random(pieces) < 1 / 3
    return values + noise * shaken[
        np.minimum((np.arange(count) * pieces) // count, pieces - 1)
    ], rate


def wander(
    values: Values, rate: float, strength: float, rng: np.random.Generator
) -> tuple[Values, float]:
    """Add a slow wave, as of breathing, of that many mV."""
    at = np.arange(len(values)) / rate
    wave = np.sin(2 * np.pi * (rng.uniform(0.15, 0.4) * at + rng.random()))
    return values + strength * wave, rate


def muscle(
    values: Values, rate: float, strength: float, rng: np.random.Generator
) -> tuple[Values, float]:
    """Add muscle noise of that many mV (root mean square)."""
    return values + strength * _noise(len(values), rate, MUSCLE_HZ, rng), rate


def mains(
    values: Values, rate: float, strength: float, rng: np.random.Generator
) -> tuple[Values, float]:
    """Add the hum of the mains of that many mV (amplitude)."""
    at = np.arange(len(values)) / rate
    return values + strength * np.sin(2 * np.pi * (MAINS_HZ * at + rng.random())), rate


def inverted(
    values: Values, rate: float, strength: float, rng: np.random.Generator
) -> tuple[Values, float]:
    """Exchange the electrodes: every value changes its sign."""
    return -values, rate


def gain(
    values: Values, rate: float, strength: float, rng: np.random.Generator
) -> tuple[Values, float]:
    """Multiply the values, as an electrode farther away or a wrong gain does."""
    return values * strength, rate


def sampled(
    values: Values, rate: float, strength: float, rng: np.random.Generator
) -> tuple[Values, float]:
    """Record so many samples a second."""
    return at_rate(values, rate, round(strength)), strength


CHANGES: Final[tuple[tuple[str, tuple[float, ...], Change], ...]] = (
    ("movement of electrodes (mV)", (0.1, 0.3, 1.0), movement),
    ("baseline wander (mV)", (0.25, 0.5, 1.0), wander),
    ("muscle noise (mV)", (0.02, 0.05, 0.1), muscle),
    ("mains hum (mV)", (0.05, 0.1, 0.2), mains),
    ("electrodes exchanged (1: yes)", (1.0,), inverted),
    ("amplitude (times)", (0.25, 0.5, 2.0), gain),
    ("sampling rate (Hz)", (100.0, 125.0, 250.0), sampled),
)
"""Names, strengths and changes of a lead."""
