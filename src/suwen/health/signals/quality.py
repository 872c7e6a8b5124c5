"""Is a stretch of ECG or PPG good enough to be read? An index in [0, 1], and what is wrong with it.

The ECG index is a logistic sum of known indices, with weights learnt on recordings that readers
called too noisy (`knowledge/signal_quality.toml`); the PPG index is the rule of Orphanidou. What
is lost (dropout, flat line, clipping) lowers both.

References: Li, Mark & Clifford, Physiol Meas 29:15, 2008 (bSQI, kSQI, sSQI); Clifford et al.,
Physiol Meas 33:1419, 2012 (pSQI, basSQI); Orphanidou et al., IEEE J Biomed Health Inform 19:832,
2015 (likeness of beats to their average, plausible rates); Elgendi, Bioengineering 3:21, 2016
(skewness of PPG).
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.health.signals.strip import RATE, Signal, Strip, lost_parts, nearest, pulses_of, strip_of

KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge" / "signal_quality.toml"
WINDOW: Final = 10.0
"""Seconds that one index stands for; a rest of less than half goes with the window before."""
SHORTEST: Final = 2.0
"""Seconds below which no index can be given."""
POOR: Final = 0.5
"""Indices below say that the window should not be read by a machine."""
TOLERANCE: Final = 0.15
"""Seconds within which two detectors mean the same beat."""
RATES: Final = (40.0, 180.0)
LONGEST_GAP, MOST_RATIO = 3.0, 2.2
"""Rules of Orphanidou: beats a minute, seconds between beats, longest gap to shortest."""
SLOWEST, FASTEST = 25.0, 220.0
"""Beats a minute of an ECG that are believed."""
LIKE_PPG: Final = 0.86
"""Mean correlation of good PPG pulses with their average (Orphanidou)."""
SURE: Final = 0.002
"""Indices are kept this far from 0 and 1 where the log odds of windows are averaged."""
MOST_LOST: Final = 0.3
"""Share of a window that may be lost before nothing is read in the rest."""


class Part(NamedTuple):
    """One known index: its weight, what it is centred and scaled by, what to say when it is bad."""

    key: str
    weight: float
    centre: float
    scale: float
    said: Text


@dataclass(frozen=True)
class Quality:
    """How good one window is.

    Parameters
    ----------
    start, end
        Seconds from the first sample.
    index
        0: unreadable, 1: clean.
    parts
        The known indices it is made of, and the shares that are lost, by name.
    reason
        What is wrong, where the index is under `POOR`.
    """

    start: float
    end: float
    index: float
    parts: Mapping[str, float] = field(default_factory=dict)
    reason: Text | None = None

    @property
    def poor(self) -> bool:
        """Whether it should not be read by a machine."""
        return self.index < POOR


@lru_cache(maxsize=1)
def knowledge() -> tuple[float, tuple[Part, ...]]:
    """Return offset and parts of the ECG index."""
    content = tomllib.loads(KNOWLEDGE.read_text(encoding="utf-8"))
    parts = tuple(Part(**entry | {"said": Text(**entry["said"])}) for entry in content["part"])
    return float(content["offset"]), parts


@lru_cache(maxsize=1)
def faults() -> Mapping[str, Text]:
    """Return what is said of lost parts and of broken rules, by name."""
    content = tomllib.loads(KNOWLEDGE.read_text(encoding="utf-8"))
    return {name: Text(**said) for name, said in content["fault"].items()}


def ecg_quality(values: Signal, rate: float) -> tuple[Quality, ...]:
    """Return the quality of each window of a single-lead ECG.

    Parameters
    ----------
    values
        In mV, (n,); NaN where the device gave none.
    rate
        Samples a second.

    Raises
    ------
    BadInput
        It is shorter than `SHORTEST`, or the rate is not one.
    """
    lost = lost_parts(_checked(values, rate), rate)
    strip = strip_of(lost.filled, rate)
    return strip_quality(strip, {k: nearest(m, len(strip.clean)) for k, m in lost.kinds.items()})


def strip_quality(
    strip: Strip, lost: Mapping[str, NDArray[np.bool_]] | None = None
) -> tuple[Quality, ...]:
    """Return the quality of each window of a strip; `lost` says what of it is (n,) by kind."""
    return tuple(
        _judged(first, last, ecg_parts(strip, first, last), lost or {}, _ecg_soft)
        for first, last in windows(len(strip.clean))
    )


def ppg_quality(values: Signal, rate: float) -> tuple[Quality, ...]:
    """Return the quality of each window of a photoplethysmogram, in any unit.

    Raises
    ------
    BadInput
        It is shorter than `SHORTEST`, or the rate is not one.
    """
    lost = lost_parts(_checked(values, rate), rate)
    clean, beats = pulses_of(lost.filled, rate)
    kinds = {kind: nearest(mask, len(clean)) for kind, mask in lost.kinds.items()}
    return tuple(
        _judged(first, last, _ppg_parts(clean, beats, first, last), kinds, _ppg_soft)
        for first, last in windows(len(clean))
    )


def overall(found: Sequence[Quality]) -> Quality:
    """Return the quality of a recording: mean log odds of its windows, the reason of the worst."""
    lengths = np.array([one.end - one.start for one in found])
    each = np.clip([one.index for one in found], SURE, 1 - SURE)
    odds = float(np.average(np.log(each / (1 - each)), weights=lengths))
    index = 1 / (1 + float(np.exp(-odds)))
    worst = min(found, key=lambda one: one.index)
    names = dict.fromkeys(name for one in found for name in one.parts)
    parts = {
        name: float(np.average([one.parts[name] for one in found], weights=lengths))
        for name in names
    }
    reason = worst.reason if index < POOR else None
    return Quality(found[0].start, found[-1].end, index, parts, reason)


def windows(count: int) -> Iterator[tuple[int, int]]:
    """Yield first and last sample (exclusive) of each window of `WINDOW` at `RATE`."""
    width = round(WINDOW * RATE)
    pieces = max(1, round(count / width))
    edges = [min(k * width, count) for k in range(pieces)] + [count]
    yield from itertools.pairwise(edges)


def ecg_parts(strip: Strip, first: int, last: int) -> dict[str, float]:
    """Return the known indices of one window of a strip."""
    clean, raw = strip.clean[first:last], strip.raw[first:last]
    beats = strip.beats[(strip.beats >= first) & (strip.beats < last)]
    others = strip.others[(strip.others >= first) & (strip.others < last)]
    at, power = scipy.signal.welch(raw - raw.mean(), RATE, nperseg=min(len(raw), 4 * RATE))
    centred = clean - clean.mean()
    square = centred * centred
    spread = float(centred.std()) + 1e-9
    return {
        "kurtosis": float(np.log(1e-6 + (square * square).mean() / spread**4)),
        "skewness": float(abs((square * centred).mean()) / spread**3),
        "qrs_power": _share(at, power, (5, 15), (5, 40)),
        "baseline_power": _share(at, power, (0, 1), (0, 40)),
        "high_power": _share(at, power, (25, 100), (1, 100)),
        "agreement": agreement(beats, others),
        "likeness": likeness(strip.clean, beats),
        "paced": float(_paced(beats, first, last)),
        "spread": float(np.log(spread + 1e-6)),
    }


def _ppg_parts(clean: Signal, beats: NDArray[np.int64], first: int, last: int) -> dict[str, float]:
    inside = beats[(beats >= first) & (beats < last)]
    piece = clean[first:last] - clean[first:last].mean()
    spread = float(piece.std()) + 1e-12
    gap = float(np.median(np.diff(inside))) if len(inside) > 1 else RATE
    return {
        "skewness": float((piece**3).mean() / spread**3),
        "likeness": likeness(clean, inside, round(0.45 * gap)),
        "rules": float(_plausible(inside)),
    }


def _share(at: Signal, power: Signal, inner: tuple[int, int], outer: tuple[int, int]) -> float:
    def of(low: int, high: int) -> float:
        return float(power[(at >= low) & (at <= high)].sum())

    return of(*inner) / (of(*outer) + 1e-15)


def agreement(beats: NDArray[np.int64], others: NDArray[np.int64]) -> float:
    """Return how far two detectors mean the same beats: the F1 of one against the other."""
    if not (len(beats) and len(others)):
        return 0.0
    near = np.abs(beats[:, None] - others[None]).min(1) <= TOLERANCE * RATE
    return float(2 * near.sum() / (len(beats) + len(others)))


def likeness(clean: Signal, beats: NDArray[np.int64], half: int = round(0.25 * RATE)) -> float:
    """Return the mean correlation of beats with their average; 0 with fewer than three."""
    inside = beats[(beats >= half) & (beats < len(clean) - half)]
    if len(inside) < 3 or half < 2:
        return 0.0
    pieces = clean[inside[:, None] + np.arange(-half, half)]
    pieces = pieces - pieces.mean(1, keepdims=True)
    mean = pieces.mean(0)
    size = np.sqrt((pieces**2).sum(1) * (mean**2).sum()) + 1e-12
    return float((pieces @ mean / size).mean())


def _plausible(beats: NDArray[np.int64]) -> bool:
    """Say whether the beats keep the rules of Orphanidou."""
    gaps = np.diff(beats) / RATE
    if len(gaps) < 2:
        return False
    rate = 60 / gaps.mean()
    return bool(
        RATES[0] <= rate <= RATES[1]
        and gaps.max() <= LONGEST_GAP
        and gaps.max() / gaps.min() <= MOST_RATIO
    )


def _paced(beats: NDArray[np.int64], first: int, last: int) -> bool:
    """Say whether beats come at a rate a heart can have, without a long gap, however unevenly.

    Orphanidou's limit of unevenness is left out: it would call fibrillation poor.
    """
    ends = np.concatenate([[first], beats, [last]])
    rate = 60 * RATE * len(beats) / (last - first)
    return bool(SLOWEST <= rate <= FASTEST and np.diff(ends).max() <= LONGEST_GAP * RATE)


def _ecg_soft(parts: Mapping[str, float]) -> tuple[float, Text]:
    offset, known = knowledge()
    pulls = {one: one.weight * (parts[one.key] - one.centre) / one.scale for one in known}
    worst = min(pulls, key=lambda one: pulls[one])
    return float(1 / (1 + np.exp(-offset - sum(pulls.values())))), worst.said


def _ppg_soft(parts: Mapping[str, float]) -> tuple[float, Text]:
    """Return `POOR` exactly where the published rule is just kept."""
    alike = parts["likeness"]
    index = POOR * alike / LIKE_PPG if alike < LIKE_PPG else 0.5 + 0.5 * (alike - 0.86) / 0.14
    if not parts["rules"]:
        return float(np.clip(min(index, 0.4), 0, 1)), faults()["rate"]
    return float(np.clip(index, 0, 1)), faults()["pulses"]


def _judged(
    first: int,
    last: int,
    parts: Mapping[str, float],
    lost: Mapping[str, NDArray[np.bool_]],
    soft: Callable[[Mapping[str, float]], tuple[float, Text]],
) -> Quality:
    shares = {kind: float(mask[first:last].mean()) for kind, mask in lost.items()}
    index, said = soft(parts)
    if shares:
        gone = float(np.any([mask[first:last] for mask in lost.values()], axis=0).mean())
        worst = max(shares, key=lambda kind: shares[kind])
        if gone > MOST_LOST:
            said = _with_share(faults()[worst], shares[worst])
        index *= max(0.0, 1 - gone / (2 * MOST_LOST))
    reason = said if index < POOR else None
    return Quality(first / RATE, last / RATE, index, {**parts, **shares}, reason)


def _with_share(said: Text, share: float) -> Text:
    return Text(en=said.en.format(share=share), zh=said.zh.format(share=share))


def _checked(values: Signal, rate: float) -> Signal:
    if not 20 <= rate <= 10_000:
        raise BadInput(f"{rate:g} samples a second", "20 to 10,000", "check the sampling rate")
    found = np.asarray(values, dtype=float)
    if found.ndim != 1 or len(found) < SHORTEST * rate:
        raise BadInput(
            f"a recording of {found.size / rate:.1f} s", f"one channel of {SHORTEST:g} s or more"
        )
    return np.where(np.isfinite(found), found, np.nan)
