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
from scipy import sparse

from suwen.metrics.calibration import BINS, equal_mass

Array = NDArray[Any]
NOISE = 1.959964
"""Standard errors of a frequency that are allowed for: 95 % of a normal distribution."""
SHIFTS = 5
"""Cells that a bin is made of; the next bin begins one cell later."""


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


def group_weights(groups: Array) -> Array:
    """Return what each sample counts for, (n,), when every group (patient) counts once."""
    _, member, counts = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    return np.asarray(1 / counts[member.ravel()])


def of_all(sets: Array, truth: Array, groups: Array, weights: Array | None = None) -> Array:
    """Return the share of samples whose set holds the true class, each patient counting once.

    Parameters
    ----------
    sets
        Which classes are in the set of each sample, bool (n, K).
    truth, groups
        Class and patient of each sample, (n,).
    weights
        Shape (..., n); ones by default.
    """
    own = group_weights(groups)
    held = sets[np.arange(len(truth)), np.asarray(truth, dtype=int)]
    weights = own if weights is None else np.asarray(weights, dtype=float) * own
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((weights @ held.astype(float)) / weights.sum(-1))[()]


def of_class(
    sets: Array, truth: Array, groups: Array, number: int, weights: Array | None = None
) -> Array:
    """Return `of_all` among the samples of one class; NaN where there is none."""
    own = np.flatnonzero(np.asarray(truth) == number)
    weights = None if weights is None else np.asarray(weights)[..., own]
    return of_all(sets[own], np.asarray(truth)[own], np.asarray(groups)[own], weights)


def frequency_coverage(
    truth: Array,
    probability: Array,
    limits: tuple[Array, Array],
    groups: Array,
    weights: Array | None = None,
) -> Array:
    """Return the share of samples in bins whose observed frequency agrees with the mean interval.

    It agrees where it lies inside the mean interval widened by its own sampling noise (half widths
    added in squares; `NOISE` standard errors): an honest 95 % interval then reaches about 0.95.
    Without noise the figure would say how many samples there are, not how good the interval is:
    exact probabilities would fail, since a frequency is an estimate too. Samples of one patient
    stray together, so the binomial variance is multiplied by the design effect, at least 1: what
    the sums of residuals by patient really vary, over what they would if samples were independent
    (Kish, Survey Sampling, 1965).

    Bins hold a tenth of the samples and overlap (each begins a fiftieth after the one before), so
    that the figure is not in steps of a tenth; resamples keep bins and design effect.

    Parameters
    ----------
    truth, probability
        Shape (n,): 0 or 1, and the probability said.
    limits
        Lower and upper ends of each sample's interval, each of shape (n,).
    groups
        Patient of each sample, (n,).
    weights
        Shape (..., n); ones by default.
    """
    truth = np.asarray(truth, dtype=float)
    probability = np.asarray(probability, dtype=float)
    weights = np.ones(truth.shape) if weights is None else np.asarray(weights, dtype=float)
    _, cells = np.unique(equal_mass(probability, BINS * SHIFTS), return_inverse=True)
    noise = probability * (1 - probability)
    columns = (np.ones_like(truth), truth, probability, *limits, noise)
    mass, *totals = _windows(_sums(weights, cells, np.stack(columns)))
    effect = _design_effect(truth - probability, noise, cells, groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        observed, said, low, high, spread = (total / mass for total in totals)
        allowed = NOISE * np.sqrt(effect * spread / mass)
        held = (observed >= said - np.hypot(said - low, allowed)) & (
            observed <= said + np.hypot(high - said, allowed)
        )
        return np.asarray((mass * held).sum(-1) / mass.sum(-1))[()]


def _sums(weights: Array, cells: Array, columns: Array) -> Array:
    """Return the weighted sums of columns (c, n) in cells, (c, ..., cells); weights (..., n)."""
    count, size = len(cells), int(cells.max()) + 1
    inside = sparse.csr_array((np.ones(count), (cells, np.arange(count))), shape=(size, count))
    flat = weights.reshape(-1, count).T
    found = np.stack([(inside.multiply(column[None]).tocsr() @ flat).T for column in columns])
    return np.asarray(found.reshape(len(columns), *weights.shape[:-1], size))


def _windows(cells: Array) -> Array:
    """Return the sums over `SHIFTS` neighbouring cells along the last axis."""
    sums = np.cumsum(cells, axis=-1)
    sums = np.concatenate([np.zeros((*cells.shape[:-1], 1)), sums], axis=-1)
    width = min(SHIFTS, cells.shape[-1])
    return np.asarray(sums[..., width:] - sums[..., :-width])


def _design_effect(residual: Array, noise: Array, cells: Array, groups: Array) -> float:
    """Return by how much sums in bins vary more than independent samples would, at least 1."""
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.zeros((int(member.max()) + 1, int(cells.max()) + 1))
    np.add.at(sums, (member.ravel(), cells), residual)
    expected = _windows(np.bincount(cells, noise, minlength=sums.shape[1])).sum()
    return max(1.0, float((_windows(sums) ** 2).sum() / expected)) if expected > 0 else 1.0
