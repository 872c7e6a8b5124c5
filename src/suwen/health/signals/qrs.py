"""Where the heart beats: QRS complexes in one lead of an ECG, of either polarity, at any rate.

The lead is filtered to the band of the QRS, its moving root mean square gives one peak a complex,
and a threshold that follows the latest complexes decides, with a search back in long pauses. What
looks like a T wave has to be higher. It is read in blocks, so a day needs no more memory than five
minutes do.

References: Pan and Tompkins, IEEE Trans Biomed Eng 32:230, 1985 (adaptive threshold, search back);
Elgendi, PLoS ONE 8:e73557, 2013 (the band); ANSI/AAMI EC57:2012 (how detectors are measured).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from statistics import median
from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy import ndimage

from suwen.core.errors import BadInput

Numbers = NDArray[np.float64]
RATE: Final = 250
"""Samples a second that everything is resampled to."""
LOWEST_RATE, HIGHEST_RATE = 100.0, 4000.0
"""Rates in Hz that are taken; tried from 100 to 1,000."""
BAND: Final = (8.0, 22.0)
"""Hz in which a QRS differs most from P, T, wander and noise."""
WINDOW: Final = 0.1
"""Seconds of the moving root mean square: about one QRS."""
BLOCK, MARGIN = 300, 4
"""Seconds read at a time, and what is read more on both sides so that the filter has settled."""
APART: Final = 0.12
"""Seconds between two candidates."""
LEAST: Final = 0.01
"""Root mean square in mV below which nothing is called a QRS: the lead is off."""

THRESHOLD: Final = 0.36
"""Share of the usual height of a complex that a candidate must have."""
REFRACTORY: Final = 0.25
"""Seconds after a complex in which there is no other; the higher of two is kept."""
HIGHER: Final = 1.05
T_WAVE, T_WAVE_SHARE = 0.36, 0.5
"""Until so many seconds after a complex, the next must have this share of its height."""
LONG: Final = 1.45
"""So many usual intervals without a complex are searched again ..."""
AGAIN: Final = 0.2
"""... for one of this share of the usual height ..."""
AFTER, BEFORE = 0.3, 0.25
"""... so many seconds after the complex before and before the candidate behind."""
LOST: Final = 4.0
"""Seconds without any complex after which the usual height is learnt anew."""
USUAL: Final = 8
"""Complexes and intervals that make up what is usual."""
START_INTERVAL: Final = 0.8
LEARN, LEARN_STEP = 10.0, 1.5
"""Seconds from which the first height is learnt, in steps that hold a complex each."""
CAP: Final = 2.5
"""A complex counts for the usual height with at most so many times of what was usual."""
AROUND: Final = 0.08
"""Seconds on both sides of a candidate in which its summit is looked for."""
OTHER_WAY: Final = 1.5
"""A summit against the usual direction has to be so many times as high as the usual one."""
DIRECTION: Final = 61
"""Complexes that tell which direction is usual."""


@dataclass(frozen=True)
class Candidates:
    """What may be a QRS, in order of time.

    Parameters
    ----------
    at
        Seconds from the first sample, (n,).
    height
        Root mean square of the filtered lead there in mV, (n,).
    up, down
        Seconds of the highest and the lowest point beside it, each (n,).
    upward
        Logarithm of the ratio of their heights, positive where up is higher, (n,).
    """

    at: Numbers
    height: Numbers
    up: Numbers
    down: Numbers
    upward: Numbers


def qrs_times(lead: NDArray[np.generic], rate: float) -> Numbers:
    """Return when the QRS complexes of a lead are, in seconds from its first sample.

    Parameters
    ----------
    lead
        Millivolts, (n,); NaN where nothing was recorded. It may be a mapped file.
    rate
        Samples a second, from 100.

    Returns
    -------
    The summits, rising, (complexes,); finer than a sample.

    Raises
    ------
    BadInput
        The lead has not one dimension, or the rate is out of range.
    """
    found = candidates(lead, rate)
    kept = _chosen(found)
    return _summits(found, kept)


def candidates(lead: NDArray[np.generic], rate: float) -> Candidates:
    """Return all peaks of the filtered lead. Parameters and errors are those of `qrs_times`."""
    if lead.ndim != 1:
        raise BadInput(f"an ECG of shape {lead.shape}", "one lead, (n,)")
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise BadInput(
            f"an ECG of {rate:g} samples a second", f"{LOWEST_RATE:g} to {HIGHEST_RATE:g}"
        )
    block, margin = int(BLOCK * rate), int(MARGIN * rate)
    parts = []
    for start in range(0, len(lead), block):
        first = max(0, start - margin)
        own = _peaks(lead[first : start + block + margin], rate) + np.array(
            [[first / rate], [0], [first / rate], [first / rate], [0]]
        )
        inside = (own[0] >= start / rate) & (own[0] < (start + block) / rate)
        parts.append(own[:, inside])
    return Candidates(*(np.concatenate(parts, axis=1) if parts else np.zeros((5, 0))))


def resampled(lead: NDArray[np.generic], rate: float, wanted: int = RATE) -> Numbers:
    """Return a lead at `wanted` samples a second, gaps filled by what stands beside them."""
    values = np.asarray(lead, dtype=np.float64)
    gaps = ~np.isfinite(values)
    if gaps.any():
        there = np.flatnonzero(~gaps)
        if not len(there):
            values = np.zeros(len(values))
        else:
            values = np.interp(np.arange(len(values)), there, values[there])
    ratio = Fraction(wanted) / Fraction(rate).limit_denominator(1000)
    if ratio == 1:
        return values
    level = float(np.median(values)) if len(values) else 0.0
    moved = scipy.signal.resample_poly(values - level, ratio.numerator, ratio.denominator)
    return np.asarray(moved + level, dtype=np.float64)


@lru_cache(maxsize=8)
def bandpass(band: tuple[float, float], order: int = 2) -> Numbers:
    """Return a Butterworth band-pass in Hz at `RATE`, second-order sections, (order, 6)."""
    return np.asarray(scipy.signal.butter(order, band, "bandpass", fs=RATE, output="sos"))


def _peaks(lead: NDArray[np.generic], rate: float) -> Numbers:
    """Return time, height, highest and lowest point and direction of each peak, (5, n)."""
    values = resampled(lead, rate)
    if len(values) < RATE:
        return np.zeros((5, 0))
    filtered = scipy.signal.sosfiltfilt(bandpass(BAND), values)
    power = ndimage.uniform_filter1d(filtered * filtered, int(WINDOW * RATE) | 1)
    level = np.sqrt(np.maximum(power, 0))
    at, _ = scipy.signal.find_peaks(level, height=LEAST, distance=int(APART * RATE))
    reach = np.arange(-int(AROUND * RATE), int(AROUND * RATE) + 1)
    where = np.clip(at[:, None] + reach, 1, len(values) - 2)
    near = filtered[where]
    rows = np.arange(len(at))
    high, low = where[rows, near.argmax(1)], where[rows, near.argmin(1)]
    heights = np.maximum(np.abs(filtered[[high, low]]), LEAST * LEAST)
    ends = [_finer(filtered, high), _finer(filtered, low)]
    return np.array([at / RATE, level[at], *ends, np.log(heights[0] / heights[1])])


def _finer(values: Numbers, at: NDArray[np.int64]) -> Numbers:
    """Return the summit of the parabola through each point and its two neighbours, in seconds."""
    before, here, after = values[at - 1], values[at], values[at + 1]
    bend = before - 2 * here + after
    shift = np.divide(before - after, 2 * bend, out=np.zeros(len(at)), where=np.abs(bend) > 0)
    return np.asarray((at + np.clip(shift, -0.5, 0.5)) / RATE)


@dataclass
class _Usual:
    """What the latest complexes were like: their heights and the intervals between them."""

    level: float
    heights: deque[float] = field(default_factory=lambda: deque(maxlen=USUAL))
    intervals: deque[float] = field(default_factory=lambda: deque(maxlen=USUAL))

    def __post_init__(self) -> None:
        self.learn(self.level)

    def learn(self, level: float) -> None:
        """Begin anew with this height."""
        self.level = level
        self.heights.extend([level] * USUAL)

    def add(self, height: float, interval: float) -> None:
        """Take a complex and the interval before it into account."""
        self.heights.append(min(height, CAP * self.level) if self.level > 0 else height)
        self.level = median(self.heights)
        if REFRACTORY < interval < 2.5:
            self.intervals.append(interval)

    @property
    def interval(self) -> float:
        """Seconds from one complex to the next."""
        return median(self.intervals) if self.intervals else START_INTERVAL


def _chosen(found: Candidates) -> list[int]:
    """Return which candidates are QRS complexes."""
    at, height = found.at.tolist(), found.height.tolist()
    kept: list[int] = []
    if not at:
        return kept
    usual = _Usual(_learnt(found, 0))

    def accept(k: int) -> None:
        usual.add(height[k], at[k] - at[kept[-1]] if kept else 0.0)
        kept.append(k)

    for k, now in enumerate(at):
        since = now - at[kept[-1]] if kept else LOST
        if since < REFRACTORY:
            if height[k] > HIGHER * height[kept[-1]]:
                kept.pop()
                usual.heights.pop()
                if usual.intervals:
                    usual.intervals.pop()
                accept(k)
            continue
        if kept and since > LONG * usual.interval:
            missed = _missed(found, kept[-1], k)
            if missed is not None and height[missed] > AGAIN * usual.level:
                accept(missed)
                since = now - at[missed]
            elif since > LOST:
                usual.learn(min(usual.level, _learnt(found, max(0, k - 3))))
        needed = THRESHOLD * usual.level
        if kept and since < T_WAVE:
            needed = max(needed, T_WAVE_SHARE * height[kept[-1]])
        if height[k] > needed:
            accept(k)
    return kept


def _missed(found: Candidates, last: int, now: int) -> int | None:
    """Return the highest candidate between two, not too close to either."""
    first = int(np.searchsorted(found.at, found.at[last] + AFTER, side="right"))
    end = int(np.searchsorted(found.at, found.at[now] - BEFORE, side="left"))
    if end <= first:
        return None
    return first + int(np.argmax(found.height[first:end]))


def _learnt(found: Candidates, first: int) -> float:
    """Return the usual height in the seconds from a candidate on."""
    starts = found.at[first] + np.arange(0, LEARN, LEARN_STEP)
    ends = np.searchsorted(found.at, [starts, starts + LEARN_STEP])
    highest = [float(found.height[a:b].max()) for a, b in ends.T.tolist() if b > a]
    return median(highest) if highest else 0.0


def _summits(found: Candidates, kept: list[int]) -> Numbers:
    """Return the moment of each complex: its summit in the direction that is usual around it."""
    if not kept:
        return np.zeros(0)
    upward = found.upward[kept]
    usual = ndimage.median_filter(upward, DIRECTION, mode="nearest") > 0
    against = np.log(OTHER_WAY)
    up = np.where(usual, upward > -against, upward > against)
    return np.maximum.accumulate(np.where(up, found.up[kept], found.down[kept]))
