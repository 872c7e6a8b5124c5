"""How far probabilities can be believed: calibration error, Brier score, log loss, reliability.

`truth` holds 0 and 1, `probability` lies in [0, 1], both of shape (n,); `weights` (..., n).

The headline figure is `ece`: ten bins of equal width, weighted by their count (Guo et al., ICML
2017). `ece_equal_mass` puts the same number of samples in each bin (Nixon et al., CVPR workshops
2019), which looks closer where most samples lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

BINS = 10
SMALLEST = 1e-12
"""Log loss clips probabilities here, so one confident mistake is costly but finite."""


def _prepare(truth: Array, probability: Array, weights: Array | None) -> tuple[Array, ...]:
    truth = np.asarray(truth, dtype=float)
    probability = np.asarray(probability, dtype=float)
    if truth.shape != probability.shape or truth.ndim != 1:
        raise ValueError(f"truth {truth.shape} and probability {probability.shape} must be (n,)")
    if not ((probability >= 0) & (probability <= 1)).all():
        raise ValueError("probabilities lie in [0, 1]")
    weights = np.ones(truth.shape) if weights is None else np.asarray(weights, dtype=float)
    if weights.shape[-1:] != truth.shape:
        raise ValueError(f"weights {weights.shape} must end in {truth.shape}")
    return truth, probability, weights


def _mean(values: Array, weights: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = np.asarray((weights * values).sum(-1) / weights.sum(-1))[()]
    return found


def brier(truth: Array, probability: Array, weights: Array | None = None) -> Array:
    """Return the mean squared distance between probability and truth."""
    truth, probability, weights = _prepare(truth, probability, weights)
    return _mean((probability - truth) ** 2, weights)


def log_loss(truth: Array, probability: Array, weights: Array | None = None) -> Array:
    """Return the mean negative log likelihood, in nats."""
    truth, probability, weights = _prepare(truth, probability, weights)
    inside = np.clip(probability, SMALLEST, 1 - SMALLEST)
    surprise: Array = np.where(truth == 1, -np.log(inside), -np.log1p(-inside))
    return _mean(surprise, weights)


def _equal_width(probability: Array, bins: int) -> Array:
    members: Array = np.minimum((probability * bins).astype(int), bins - 1)
    return members


def equal_mass(probability: Array, bins: int) -> Array:
    """Return the bin of each sample; equal probabilities never part."""
    edges = np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1])
    return np.searchsorted(edges, probability, side="left")


def _error(truth: Array, probability: Array, weights: Array, members: Array, bins: int) -> Array:
    inside = (members[:, None] == np.arange(bins)).astype(float)
    gaps = np.abs((weights * (probability - truth)) @ inside)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = np.asarray(gaps.sum(-1) / weights.sum(-1))[()]
    return found


def ece(truth: Array, probability: Array, weights: Array | None = None, bins: int = BINS) -> Array:
    """Return the expected calibration error over `bins` bins of equal width (the headline)."""
    truth, probability, weights = _prepare(truth, probability, weights)
    return _error(truth, probability, weights, _equal_width(probability, bins), bins)


def ece_equal_mass(
    truth: Array, probability: Array, weights: Array | None = None, bins: int = BINS
) -> Array:
    """Return the expected calibration error over `bins` bins of equal count.

    The bins are those of the whole sample; resamples by `weights` keep them.
    """
    truth, probability, weights = _prepare(truth, probability, weights)
    return _error(truth, probability, weights, equal_mass(probability, bins), bins)


def hosmer_lemeshow(
    truth: Array, probability: Array, weights: Array | None = None, bins: int = BINS
) -> Array:
    """Return the Hosmer-Lemeshow statistic over `bins` bins of equal count, for its range.

    The sum over the bins of (observed - expected)^2 / (n p (1 - p)), divided by the difference of
    the mean probability between the highest and the lowest bin: "event 2" of the PhysioNet/CinC
    Challenge 2012 (Silva et al., Comput Cardiol 39:245, 2012). Smaller is better; it grows with the
    number of samples. The bins are those of the whole sample; resamples by `weights` keep them.
    """
    truth, probability, weights = _prepare(truth, probability, weights)
    members = equal_mass(probability, bins)
    inside = (members[:, None] == np.unique(members)).astype(float)
    count = weights @ inside
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.clip((weights * probability) @ inside / count, SMALLEST, 1 - SMALLEST)
        gap = (weights * (truth - probability)) @ inside
        total = np.nansum(gap**2 / (count * mean * (1 - mean)), axis=-1)
        found: Array = np.asarray(total / (mean[..., -1] - mean[..., 0]))[()]
    return found


@dataclass(frozen=True)
class ReliabilityBin:
    """One bin of a reliability diagram: what was said, what happened, how often."""

    low: float
    high: float
    predicted: float
    observed: float
    count: int


def reliability(truth: Array, probability: Array, bins: int = BINS) -> list[ReliabilityBin]:
    """Return the filled bins of equal width, from low to high."""
    truth, probability, _ = _prepare(truth, probability, None)
    members = _equal_width(probability, bins)
    found = []
    for k in range(bins):
        inside = members == k
        if inside.any():
            predicted, observed = probability[inside].mean(), truth[inside].mean()
            found.append(
                ReliabilityBin(
                    k / bins, (k + 1) / bins, float(predicted), float(observed), int(inside.sum())
                )
            )
    return found
