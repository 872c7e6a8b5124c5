"""What an interval is worth: how often it holds what happened, and how wide it is.

For numbers the question has a plain answer. For probabilities it has none sample by sample: one
outcome, yes or no, says nothing about how far a probability is off (Barber, Electronic Journal of
Statistics 14:3487, 2020: no distribution-free interval for a probability can be both valid and
narrow). What can be checked is the mean over many samples of about the same probability, as a
reliability diagram does (Gupta, Podkopaev & Ramdas, NeurIPS 2020: frequencies by bin).

Sources: Gneiting & Raftery, JASA 102:359, 2007 (interval score); Wilson, JASA 22:209, 1927.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from suwen.metrics.calibration import BINS, equal_mass

Array = NDArray[Any]
NOISE = 1.959964
"""Standard errors of a frequency that are allowed for: 95 % of a normal distribution."""


def wilson(share: Array, count: Array) -> tuple[Array, Array]:
    """Return the 95 % Wilson limits of a share."""
    z = 1.959964
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return np.minimum(centre - half, share), np.maximum(centre + half, share)


def inside(truth: Array, low: Array, high: Array) -> Array:
    """Return which values lie in their interval, ends included, bool (n,)."""
    return np.asarray((np.asarray(low) <= truth) & (truth <= np.asarray(high)))


def interval_score(truth: Array, low: Array, high: Array, level: float) -> Array:
    """Return width plus 2 / (1 - level) times the distance outside, (n,); smaller is better."""
    below, above = np.maximum(low - truth, 0), np.maximum(truth - high, 0)
    return np.asarray((high - low) + 2 / (1 - level) * (below + above))


def frequency_coverage(
    truth: Array,
    probability: Array,
    limits: tuple[Array, Array],
    weights: Array | None = None,
    noise: bool = False,
) -> Array:
    """Return the share of samples in bins whose observed frequency lies in the mean interval.

    Parameters
    ----------
    truth, probability
        Shape (n,): 0 or 1, and the probability said; ten bins of equal count are made of it, and
        resamples keep them.
    limits
        Lower and upper ends of each sample's interval, each of shape (n,).
    weights
        Shape (..., n); ones by default.
    noise
        Widen the mean interval by the sampling noise of the observed frequency itself (half widths
        added in squares; 1.96 binomial standard errors at the said probability). An honest 95 %
        interval then reaches about 0.95; without, less, since the frequency is an estimate too.
    """
    truth = np.asarray(truth, dtype=float)
    probability = np.asarray(probability, dtype=float)
    weights = np.ones(truth.shape) if weights is None else np.asarray(weights, dtype=float)
    members = equal_mass(probability, BINS)
    bins = (members[:, None] == np.arange(BINS)).astype(float)
    columns = (np.ones_like(truth), truth, probability, *limits, probability * (1 - probability))
    sums = weights @ np.concatenate([np.asarray(column)[:, None] * bins for column in columns], 1)
    mass, *totals = np.split(sums, len(columns), axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        observed, said, low, high, spread = (total / mass for total in totals)
        allowed = NOISE * np.sqrt(spread / mass) if noise else np.zeros_like(mass)
        held = (observed >= said - np.hypot(said - low, allowed)) & (
            observed <= said + np.hypot(high - said, allowed)
        )
        return np.asarray((mass * held).sum(-1) / mass.sum(-1))[()]
