"""Intervals by bootstrap over groups (patients), for one metric and for paired differences.

Whole groups are drawn with replacement, since two nodules of one patient are not independent
(Field & Welsh, J R Stat Soc B 2007). A resample is a row of counts given to the metric as weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Metric = Callable[[Array | None], Array]
"""A metric with its samples bound: called with weights (..., n) or None."""

RESAMPLES = 2000
LEVEL = 0.95
_CHUNK = 250


@dataclass(frozen=True)
class Estimate:
    """A value with its interval; NaN limits when too few resamples define the metric."""

    value: float
    low: float
    high: float


def resampled_weights(groups: Array, resamples: int, seed: int) -> Array:
    """Return how often each sample is drawn, shape (resamples, n), whole groups at a time."""
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    count = int(member.max()) + 1 if len(member) else 0
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=resamples)
    return drawn[:, member.ravel()].astype(float)


def distribution(metric: Metric, groups: Array, resamples: int = RESAMPLES, seed: int = 0) -> Array:
    """Return the metric on each resample, shape (resamples,)."""
    weights = resampled_weights(groups, resamples, seed)
    return np.concatenate([metric(weights[i : i + _CHUNK]) for i in range(0, resamples, _CHUNK)])


def estimate(
    metric: Metric,
    groups: Array,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
    centred: bool = False,
    floor: float = -np.inf,
) -> Estimate:
    """Return the metric with its percentile interval over resampled groups.

    Parameters
    ----------
    metric
        Called with None for the value itself and with (r, n) weights for r resamples.
    groups
        Group of each sample, shape (n,).
    resamples, seed, level
        Number of resamples, their seed, and the share of them inside the interval.
    centred
        Take the mean excess of the resamples over the value off both limits. For metrics that
        resampling inflates (calibration error: noise adds to every bin), where the plain
        percentile interval can lie wholly above the value.
    floor
        Smallest possible value; the limits are not below it.
    """
    value = float(metric(None))
    drawn = distribution(metric, groups, resamples, seed)
    drawn = drawn[~np.isnan(drawn)]
    if np.isnan(value) or len(drawn) < resamples / 2:
        return Estimate(value, float("nan"), float("nan"))
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    if centred:
        excess = drawn.mean() - value
        low, high = min(low - excess, value), max(high - excess, value)
    return Estimate(value, float(max(low, floor)), float(max(high, floor)))


def paired_difference(
    first: Metric,
    second: Metric,
    groups: Array,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Return first - second with its interval, both measured on the same resamples."""

    def difference(weights: Array | None) -> Array:
        return first(weights) - second(weights)

    return estimate(difference, groups, resamples=resamples, seed=seed)
