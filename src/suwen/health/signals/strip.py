"""A single-lead ECG strip made ready: one rate, no baseline, upright, with its beats.

Beats are found here by the energy of the slope against its strongest neighbours, which serves short
strips that begin anywhere; `health.signals.qrs` follows a recording for hours and is the second
opinion.

Reference: Pan & Tompkins, IEEE Trans Biomed Eng 32:230, 1985 (energy of the slope).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from suwen.health.signals.qrs import qrs_times

Signal = NDArray[np.float64]
RATE: Final = 300
"""Samples a second that everything here works at."""
BASELINE_HZ, MUSCLE_HZ = 0.5, 40.0
QRS_HZ: Final = (6.0, 24.0)
REFRACTORY: Final = 0.24
"""Seconds within which no second beat follows."""
ENERGY_WINDOW: Final = 0.10
NEIGHBOURHOOD: Final = 2.5
"""Seconds around a beat whose strongest slopes it is compared with."""
LEAST_OF_STRONGEST: Final = 0.176
PULSE_HZ: Final = (0.5, 8.0)
PULSE_APART: Final = 0.33
FLAT, CLIPPED = 0.5, 0.04
"""Seconds of one and the same value from which a line is flat; at the end of the range, clipped."""
REFINED: Final = 0.07
"""A beat is moved to the largest deflection within so many seconds."""


@dataclass(frozen=True)
class Strip:
    """A strip at `RATE`.

    Parameters
    ----------
    raw, clean
        Resampled, and without baseline wander and muscle noise, (n,), in mV.
    beats
        Samples of the R waves, (b,), rising.
    others
        What `health.signals.qrs` finds, (c,): where both agree, the signal is good.
    turned
        Whether it was upside down; `raw` and `clean` are upright.
    """

    raw: Signal
    clean: Signal
    beats: NDArray[np.int64]
    others: NDArray[np.int64]
    turned: bool

    @property
    def seconds(self) -> float:
        """Return how long it is."""
        return len(self.clean) / RATE


class Lost(NamedTuple):
    """What of a recording is lost, by kind (`dropout`, `flat`, `clipped`), and the rest filled."""

    filled: Signal
    kinds: dict[str, NDArray[np.bool_]]


def lost_parts(values: Signal, rate: float) -> Lost:
    """Find what a device lost: no value, always the same one, the end of its range.

    Parameters
    ----------
    values
        (n,), NaN where there is none.
    rate
        Samples a second.
    """
    missing = ~np.isfinite(values)
    if missing.all():
        none = np.zeros(len(values), dtype=bool)
        return Lost(np.zeros(len(values)), {"dropout": ~none, "flat": none, "clipped": none})
    at = np.arange(len(values))
    filled = np.interp(at, at[~missing], values[~missing])
    low, high = float(filled.min()), float(filled.max())
    still = np.abs(np.diff(filled, prepend=filled[0])) <= 1e-6 * (high - low) + 1e-12
    still[0] = len(still) > 1 and still[1]
    edge = (filled <= low + 1e-6) | (filled >= high - 1e-6)
    clipped = _long_runs(still & edge, round(CLIPPED * rate)) & (high > low) & ~missing
    flat = _long_runs(still, round(FLAT * rate)) & ~clipped & ~missing
    return Lost(filled, {"dropout": missing, "flat": flat, "clipped": clipped})


def nearest(mask: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """Return a mask (n,) at another rate, (count,): the nearest sample of each."""
    at = np.minimum((np.arange(count) * len(mask)) // max(count, 1), len(mask) - 1)
    return np.asarray(mask[at])


def _long_runs(mask: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    """Return the mask without its runs of fewer than `least`."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(int)))
    found = np.zeros(len(mask), dtype=bool)
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        found[first:last] = last - first >= max(2, least)
    return found


def pulses_of(values: Signal, rate: float) -> tuple[Signal, NDArray[np.int64]]:
    """Return a photoplethysmogram at `RATE` without baseline, and its pulse peaks (samples)."""
    clean = band(at_rate(values, rate), *PULSE_HZ)
    height = 1.5 * np.median(np.abs(clean - np.median(clean)))
    peaks, _ = scipy.signal.find_peaks(
        clean, distance=round(PULSE_APART * RATE), prominence=max(height, 1e-12)
    )
    return clean, peaks


def at_rate(values: Signal, rate: float, wanted: int = RATE) -> Signal:
    """Return values at another rate, by polyphase filtering; rates to a hundredth of a hertz."""
    if abs(rate - wanted) < 0.005:
        return np.asarray(values, dtype=float)
    up, down = wanted * 100, round(rate * 100)
    shared = int(np.gcd(up, down))
    middle = float(np.median(values))
    return (
        np.asarray(scipy.signal.resample_poly(values - middle, up // shared, down // shared))
        + middle
    )


@lru_cache(maxsize=8)
def _filter(low: float, high: float, order: int) -> Any:
    return scipy.signal.butter(order, (low, high), btype="bandpass", fs=RATE, output="sos")


def band(values: Signal, low: float, high: float, order: int = 2) -> Signal:
    """Return what lies between two frequencies, without delay."""
    pad = min(len(values) - 1, 3 * RATE)
    return np.asarray(scipy.signal.sosfiltfilt(_filter(low, high, order), values, padlen=pad))


def strip_of(values: Signal, rate: float) -> Strip:
    """Return a strip made ready; `values` in mV without gaps, (n,)."""
    raw = at_rate(values, rate)
    clean = band(raw, BASELINE_HZ, MUSCLE_HZ)
    sharp = band(raw, *QRS_HZ)
    beats = _beats(sharp, uniform_filter1d(np.gradient(sharp) ** 2, round(ENERGY_WINDOW * RATE)))
    others = np.minimum(np.round(qrs_times(raw, RATE) * RATE).astype(np.int64), len(raw) - 1)
    turned = bool(len(beats)) and _upside_down(clean, beats)
    if turned:
        raw, clean = -raw, -clean
    return Strip(raw, clean, _refined(clean, beats), _refined(clean, others), turned)


def _beats(sharp: Signal, energy: Signal) -> NDArray[np.int64]:
    peaks, _ = scipy.signal.find_peaks(energy, distance=round(REFRACTORY * RATE))
    if not len(peaks):
        return np.asarray(peaks)
    width = round(NEIGHBOURHOOD * RATE)
    strongest = np.zeros(len(energy))
    strongest[peaks] = energy[peaks]
    around = maximum_filter1d(strongest, width)
    typical = np.median(around[peaks])
    level = np.minimum(around, 3 * typical)
    return np.asarray(peaks[energy[peaks] > LEAST_OF_STRONGEST * level[peaks]])


def _upside_down(clean: Signal, beats: NDArray[np.int64]) -> bool:
    half = round(0.08 * RATE)
    inside = beats[(beats >= half) & (beats < len(clean) - half)]
    if not len(inside):
        return False
    around = clean[inside[:, None] + np.arange(-half, half + 1)]
    around = around - np.median(around, axis=1, keepdims=True)
    return bool(np.median(around.max(1)) < 0.8 * np.median(-around.min(1)))


def _refined(clean: Signal, beats: NDArray[np.int64]) -> NDArray[np.int64]:
    """Move each beat to the highest point nearby; two that meet are one."""
    half = round(REFINED * RATE)
    moved = []
    for beat in beats.tolist():
        first = max(0, beat - half)
        piece = clean[first : beat + half + 1]
        moved.append(first + int(np.argmax(piece)))
    return np.unique(np.array(moved, dtype=np.int64))
