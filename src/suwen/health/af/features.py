"""A strip in numbers: rhythm, waves and quality, in one order, each in a group with a name.

`knowledge/af_features.toml` holds the groups; a number that a strip does not give is NaN.
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from suwen.core.codes import Text
from suwen.health.af.rhythm import rhythm
from suwen.health.af.waves import waves
from suwen.health.signals.moved import moved
from suwen.health.signals.quality import POOR, Quality, overall, strip_quality
from suwen.health.signals.strip import (
    RATE,
    Lost,
    Signal,
    Strip,
    at_rate,
    lost_parts,
    nearest,
    strip_of,
)

KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge" / "af_features.toml"
NO_VALUE: Final = -32768
"""Stands in `Trace.steps` where the device gave no value."""
STEP: Final = 0.001
"""Millivolts of one step, where values are given in millivolts."""
EDGE: Final = 0.1
"""Seconds beside a dropout in which the step of its edge could be taken for a beat."""
SHORTEST: Final = 9.0
"""Seconds below which no rhythm is named: the shortest recording learnt from."""
RECENT: Final = 16
"""Strips kept ready, the latest: thousands of examples would fill the memory."""
NET_RATE: Final = 100
"""Samples a second of what the network reads."""
TALL: Final = 3.0
"""What the network reads is cut off at so many heights of a beat."""
BANDS: Final = (0.0, 0.5, 1.0, 3.0, 5.0, 8.0, 15.0, 25.0, 40.0, 150.0)
WORST: Final = ("agreement", "likeness", "kurtosis", "high_power")
"""Indices of which the worst window counts beside the mean."""


@dataclass(frozen=True, eq=False)
class Trace:
    """One lead of an ECG, as few bytes as it takes.

    Parameters
    ----------
    steps
        Whole numbers, (n,), int16; `NO_VALUE` where there is none.
    size
        Millivolts of one step.
    rate
        Samples a second.
    at
        When it began; None where nobody knows.
    whole
        The recording it is the newest part of; None where it is all of it.
    moving
        Seconds of it during which the person moved, as far as anything tells.
    """

    steps: NDArray[np.int16]
    size: float
    rate: float
    at: datetime | None = None
    whole: Trace | None = None
    moving: float = 0.0

    @classmethod
    def of(cls, values: NDArray[np.floating], rate: float) -> Trace:
        """Build from millivolts (n,), NaN where there is no value; the middle is taken away."""
        known = np.isfinite(values)
        middle = float(np.median(values[known])) if known.any() else 0.0
        size = max(STEP, float(np.abs(values[known] - middle).max(initial=0.0)) / 32_000)
        steps = np.clip(np.round(np.nan_to_num(values - middle) / size), -32_000, 32_000)
        return cls(np.where(known, steps, NO_VALUE).astype(np.int16), size, rate)

    @property
    def seconds(self) -> float:
        """Return how long it is."""
        return len(self.steps) / self.rate

    @property
    def values(self) -> Signal:
        """Return millivolts, NaN where there is none, (n,)."""
        return np.where(self.steps == NO_VALUE, np.nan, self.steps * self.size)

    @property
    def lost(self) -> Lost:
        """What of it is lost."""
        return _lost(self)

    @property
    def strip(self) -> Strip:
        """It made ready, with its beats."""
        return _strip(self)

    @property
    def windows(self) -> tuple[Quality, ...]:
        """The quality of each of its windows, of what is not moved in it."""
        return _windows(self)

    @cached_property
    def quality(self) -> Quality:
        """Its quality as a whole, of what is not moved."""
        return overall(self.windows)

    @cached_property
    def still(self) -> Trace:
        """It without what is moved: there, as in a dropout, is no value."""
        raw = at_rate(self.lost.filled, self.rate)
        gone = nearest(self.lost.kinds["dropout"], len(raw))
        where = nearest(moved(raw, gone), len(self.steps))
        if not where.any():
            return self
        return replace(self, steps=np.where(where, NO_VALUE, self.steps).astype(np.int16))

    @property
    def shaken(self) -> float:
        """Seconds of it that are moved, as the line itself shows."""
        return float((self.still.steps != self.steps).sum() / self.rate)

    @property
    def left(self) -> float:
        """Seconds of it that are there and not moved."""
        return float((self.still.steps != NO_VALUE).sum() / self.rate)

    @property
    def readable(self) -> bool:
        """Whether a rhythm may be named from it: what is left is good and long enough."""
        return self.quality.index >= POOR and self.left >= SHORTEST

    def intervals(self, start: float = 0.0, end: float = np.inf) -> Signal:
        """Return the seconds between beats from one time to another; none spans a gap, (b,)."""
        beats = self.still.strip.beats
        beats = beats[(beats >= start * RATE) & (beats <= end * RATE)]
        unbroken = np.diff(np.cumsum(_gone(self.still))[beats]) == 0
        return np.asarray(np.diff(beats / RATE)[unbroken])

    @cached_property
    def features(self) -> Signal:
        """Its numbers in the order of `names`, (f,), of what is not moved; NaN where none."""
        strip = self.still.strip
        found = rhythm(self.intervals()) | waves(strip) | self._quality()
        found |= {"beats": float(len(strip.beats)), "moved": self.shaken / self.seconds}
        return np.array([found.get(name, np.nan) for name in names()])

    @cached_property
    def seen(self) -> NDArray[np.float32]:
        """What the network reads, (m,): upright, at `NET_RATE`, beats about 1 high."""
        curve = np.asarray(scipy.signal.resample_poly(self.strip.clean, NET_RATE, RATE))
        width = min(2 * NET_RATE, len(curve))
        starts = range(0, len(curve) - width + 1, NET_RATE)
        height = float(np.median([np.abs(curve[k : k + width]).max() for k in starts])) + 1e-6
        return np.clip(curve / height, -TALL, TALL).astype(np.float32)

    def _quality(self) -> dict[str, float]:
        strip, parts = self.still.strip, self.quality.parts
        at, power = scipy.signal.welch(
            strip.raw - strip.raw.mean(), RATE, nperseg=min(len(strip.raw), 4 * RATE)
        )
        total = float(power.sum()) + 1e-12
        found = {f"sqi_{name}": value for name, value in parts.items()}
        for name in WORST:
            found[f"sqi_worst_{name}"] = min(one.parts[name] for one in self.windows)
        for low, high in itertools.pairwise(BANDS):
            inside = (at >= low) & (at < high)
            found[f"power_{low:g}"] = float(power[inside].sum()) / total
        gone = float(self.still.lost.kinds["dropout"].mean())
        about = {"seconds": strip.seconds, "turned": float(strip.turned), "sqi_dropout": gone}
        return found | about


@lru_cache(maxsize=RECENT)
def _lost(trace: Trace) -> Lost:
    return lost_parts(trace.values, trace.rate)


@lru_cache(maxsize=RECENT)
def _strip(trace: Trace) -> Strip:
    made = strip_of(trace.lost.filled, trace.rate)
    gone = np.zeros(len(made.clean), dtype=bool)
    if trace.lost.kinds["dropout"].any():
        gone = nearest(trace.lost.kinds["dropout"], len(made.clean))
        gone = maximum_filter1d(gone.astype(np.uint8), 2 * round(EDGE * RATE) + 1) > 0
    return replace(made, beats=made.beats[~gone[made.beats]])


def _gone(trace: Trace) -> NDArray[np.bool_]:
    """Return where the device gave nothing, (n,) at `RATE`: no interval spans it."""
    return nearest(trace.lost.kinds["dropout"], len(trace.strip.clean))


@lru_cache(maxsize=RECENT)
def _windows(trace: Trace) -> tuple[Quality, ...]:
    strip = trace.still.strip
    kinds = {kind: nearest(mask, len(strip.clean)) for kind, mask in trace.lost.kinds.items()}
    return strip_quality(strip, kinds)


@lru_cache(maxsize=1)
def _knowledge() -> tuple[tuple[Text, tuple[str, ...]], ...]:
    content = tomllib.loads(KNOWLEDGE.read_text(encoding="utf-8"))
    return tuple((Text(**one["name"]), tuple(one["features"])) for one in content["group"])


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Return the name of each number, in their order."""
    return tuple(name for _, inside in _knowledge() for name in inside)


@lru_cache(maxsize=1)
def groups() -> tuple[Text, ...]:
    """Return the names of the groups for people."""
    return tuple(name for name, _ in _knowledge())


@lru_cache(maxsize=1)
def group_of() -> NDArray[np.int64]:
    """Return the group of each number, (f,)."""
    counts = [len(inside) for _, inside in _knowledge()]
    return np.repeat(np.arange(len(counts)), counts)


def by_name(values: Signal) -> Mapping[str, float]:
    """Return numbers by their names."""
    return dict(zip(names(), map(float, values), strict=True))
