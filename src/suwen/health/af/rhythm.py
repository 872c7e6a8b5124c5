"""How regular the heart beats: numbers from the times between beats.

References: Sarkar et al., IEEE Trans Biomed Eng 55:1219, 2008 (the plane of successive changes);
Richman & Moorman, Am J Physiol 278:H2039, 2000, and Lake & Moorman, Am J Physiol 300:H319, 2011
(sample entropy, coefficient of sample entropy); Zhou et al., PLoS ONE 10:e0136544, 2015 (words of
symbols); Dash et al., Ann Biomed Eng 37:1701, 2009 (turning points).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.float64]
MISSING = float("nan")
BESIDE = 4
"""Intervals on either side that one is compared with."""
LOCAL = 8
"""Beats of the short windows whose spread is compared."""


def rhythm(rr: Seconds) -> dict[str, float]:
    """Return numbers of the rhythm from the seconds between its beats, in their order, (b,)."""
    found = {"beats": len(rr) + 1.0}
    if len(rr) < 4:
        return found
    found |= _spread(rr) | _changes(rr) | _entropies(rr) | _plane(rr) | _ectopic(rr) | _local(rr)
    return found


def _spread(rr: Seconds) -> dict[str, float]:
    middle = np.median(rr)
    quantiles = np.quantile(rr, (0.05, 0.25, 0.75, 0.95))
    three = np.convolve(rr, np.ones(3) / 3, "valid")
    return {
        "rr_mean": float(rr.mean()),
        "rr_median": float(middle),
        "rr_cv": float(rr.std() / rr.mean()),
        "rr_mad": float(np.median(np.abs(rr - middle)) / middle),
        "rr_iqr": float((quantiles[2] - quantiles[1]) / middle),
        "rr_q05": float(quantiles[0] / middle),
        "rr_q95": float(quantiles[3] / middle),
        "rr_min": float(rr.min()),
        "rr_max": float(rr.max()),
        "rr_min_of_middle": float(rr.min() / middle),
        "rr_max_of_middle": float(rr.max() / middle),
        "rr_fast": float(three.min()),
        "rr_slow": float(three.max()),
        "rr_skew": float(((rr - rr.mean()) ** 3).mean() / (rr.std() + 1e-9) ** 3),
        "rr_kurtosis": float(((rr - rr.mean()) ** 4).mean() / (rr.std() + 1e-9) ** 4),
        "near_5": float((np.abs(rr - middle) < 0.05 * middle).mean()),
        "near_10": float((np.abs(rr - middle) < 0.10 * middle).mean()),
    }


def _changes(rr: Seconds) -> dict[str, float]:
    change, mean = np.diff(rr), rr.mean()
    share = np.abs(change) / mean
    signs = np.sign(change)
    both = np.abs(rr[:-1] - rr[1:]).std(), (rr[:-1] + rr[1:]).std()
    turns = (signs[1:] * signs[:-1] < 0).mean() if len(change) > 1 else MISSING
    centred = rr - mean
    power = float((centred**2).sum()) + 1e-9
    found = {
        "rmssd": float(np.sqrt((change**2).mean()) / mean),
        "change_median": float(np.median(share)),
        "change_mean": float(share.mean()),
        "change_max": float(share.max()),
        "pnn50": float((np.abs(change) > 0.05).mean()),
        "pnn20": float((np.abs(change) > 0.02).mean()),
        "over_5": float((share > 0.05).mean()),
        "over_10": float((share > 0.10).mean()),
        "over_20": float((share > 0.20).mean()),
        "sd1_sd2": float(change.std() / ((rr[:-1] + rr[1:]).std() + 1e-6)),
        "sd_ratio": float(both[0] / (both[1] + 1e-6)),
        "turning": float(turns),
    }
    for lag in (1, 2, 3, 4):
        if len(rr) > lag + 2:
            found[f"rr_lag_{lag}"] = float((centred[lag:] * centred[:-lag]).sum()) / power
    wave = change - change.mean()
    for lag in (1, 2):
        if len(wave) > lag + 2:
            own = float((wave**2).sum()) + 1e-9
            found[f"change_lag_{lag}"] = float((wave[lag:] * wave[:-lag]).sum()) / own
    return found


def matches(values: Seconds, length: int, radius: float) -> tuple[int, int]:
    """Return how many pairs of stretches of `length` and of one more agree within `radius`."""
    count = len(values) - length
    pieces = np.lib.stride_tricks.sliding_window_view(values, length + 1)[:count]
    gap = np.abs(pieces[:, None] - pieces[None]) <= radius
    short = gap[..., :length].all(-1)
    longer = short & gap[..., length]
    return int(short.sum()) - count, int(longer.sum()) - count


def _entropies(rr: Seconds) -> dict[str, float]:
    found = {}
    for length, radius, name in ((1, 0.03, "1_30"), (2, 0.05, "2_50"), (1, 0.06, "1_60")):
        short, longer = matches(rr, length, radius)
        value = np.log((short + 1) / (longer + 1))
        found[f"entropy_{name}"] = float(value)
        found[f"cosen_{name}"] = float(value + np.log(2 * radius) - np.log(rr.mean()))
    short, longer = matches(rr / rr.mean(), 1, 0.08)
    found["entropy_relative"] = float(np.log((short + 1) / (longer + 1)))
    counts = np.histogram(rr / np.median(rr), bins=np.arange(0.3, 2.2, 0.06))[0]
    found["histogram_entropy"] = _shannon(counts)
    symbols = np.clip((60 / rr / 5).astype(int), 0, 63)
    words = symbols[2:] + 64 * symbols[1:-1] + 4096 * symbols[:-2]
    found["word_entropy"] = _shannon(np.unique(words, return_counts=True)[1]) / np.log(len(words))
    return found


def _shannon(counts: NDArray[np.int64]) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum())


def _plane(rr: Seconds) -> dict[str, float]:
    """Count the plane of successive changes: its middle, its axes, its quarters."""
    change = np.diff(rr)
    one, other = change[1:], change[:-1]
    count = len(one)
    still, before = np.abs(one) < 0.02, np.abs(other) < 0.02
    off = ~still & ~before
    cells = np.unique(np.round(np.stack([one, other]) / 0.04).astype(int), axis=1).shape[1]
    middle = (np.hypot(one, other) < 0.08).mean()
    far = np.hypot(one, other)
    angle = np.arctan2(one, other)
    sector = np.histogram(angle[far > 0.06], bins=np.linspace(-np.pi, np.pi, 9))[0]
    return {
        "plane_origin": float((still & before).mean()),
        "plane_axes": float((still ^ before).mean()),
        "plane_same": float((off & (one * other > 0)).mean()),
        "plane_turn": float((off & (one * other < 0)).mean()),
        "plane_opposite": float((off & (np.abs(one + other) < 0.04)).mean()),
        "plane_cells": cells / count,
        "plane_middle": float(middle),
        "plane_sectors": _shannon(sector) if sector.any() else 0.0,
        "af_evidence": float((cells - (still & before).sum() - 2 * _repeated(one, other)) / count),
    }


def _repeated(one: Seconds, other: Seconds) -> int:
    """Return how many points lie where others lie off the middle: ectopic beats repeat."""
    cells = np.round(np.stack([one, other]) / 0.04).astype(int)
    away = np.abs(cells).max(0) > 1
    if not away.any():
        return 0
    return int(away.sum() - np.unique(cells[:, away], axis=1).shape[1])


def _ectopic(rr: Seconds) -> dict[str, float]:
    """Count early beats with and without a pause, and how regular the rest is."""
    local = _beside(rr)
    ratio = rr / local
    early, late = ratio < 0.87, ratio > 1.13
    pair = early[:-1] & late[1:]
    kept = np.ones(len(rr), dtype=bool)
    kept[:-1] &= ~pair
    kept[1:] &= ~pair
    kept &= ~early
    rest = rr[kept] if kept.sum() >= 4 else rr
    steps = np.abs(np.diff(rest)) / rest.mean()
    bigeminy = ratio[:-2][(ratio[1:-1] > ratio[:-2] + 0.1) & (ratio[1:-1] > ratio[2:] + 0.1)]
    return {
        "early": float(early.mean()),
        "late": float(late.mean()),
        "early_pairs": float(pair.mean()),
        "early_count": float(pair.sum()),
        "earliest": float(ratio.min()),
        "latest": float(ratio.max()),
        "rest_cv": float(rest.std() / rest.mean()),
        "rest_change": float(np.median(steps)),
        "rest_rmssd": float(np.sqrt((steps**2).mean())),
        "alternating": len(bigeminy) / len(rr),
        "pauses": float((rr > 1.5 * local).sum()),
    }


def _beside(rr: Seconds) -> Seconds:
    """Return the median of up to `BESIDE` intervals on either side of each, without itself."""
    around = np.pad(rr, BESIDE, constant_values=np.nan)
    near = np.lib.stride_tricks.sliding_window_view(around, 2 * BESIDE + 1)
    return np.asarray(np.nanmedian(np.delete(near, BESIDE, axis=1), axis=1))


def _local(rr: Seconds) -> dict[str, float]:
    """Compare short windows of beats: is it irregular throughout, or here and there?"""
    if len(rr) < LOCAL + 2:
        pieces = rr[None]
    else:
        pieces = np.lib.stride_tricks.sliding_window_view(rr, LOCAL)
    spread = pieces.std(1) / pieces.mean(1)
    steps = np.median(np.abs(np.diff(pieces, axis=1)), axis=1) / pieces.mean(1)
    calm = np.abs(np.diff(rr)) < 0.06 * rr.mean()
    runs = np.diff(np.flatnonzero(np.concatenate([[True], ~calm, [True]]))) - 1
    rates = pieces.mean(1)
    return {
        "local_cv_min": float(spread.min()),
        "local_cv_median": float(np.median(spread)),
        "local_cv_max": float(spread.max()),
        "local_change_min": float(steps.min()),
        "local_change_median": float(np.median(steps)),
        "local_change_max": float(steps.max()),
        "calm_run": float(runs.max() / len(rr)),
        "calm_run_beats": float(runs.max()),
        "rate_drift": float((rates.max() - rates.min()) / rates.mean()),
    }


def names(found: list[Mapping[str, float]]) -> list[str]:
    """Return every name that occurs, in the order of the first record that has it."""
    return list(dict.fromkeys(name for each in found for name in each))
