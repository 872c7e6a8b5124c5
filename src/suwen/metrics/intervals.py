"""Intervals by bootstrap over groups (patients), for one metric and for paired differences.

Whole groups are drawn with replacement, since two nodules of one patient are not independent
(Field & Welsh, J R Stat Soc B 2007). A resample is a row of counts given to the metric as weights.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
K = TypeVar("K", bound=Hashable)
Metric = Callable[[Array | None], Array]
"""A metric with its samples bound: called with weights (..., n) or None."""

RESAMPLES = 2000
LEVEL = 0.95
_CHUNK = 250
_CELLS = 10_000_000
"""Most weights held at a time: a hundred thousand heart beats must fit in memory too."""


@dataclass(frozen=True)
class Estimate:
    """A value with its interval; NaN limits when too few resamples define the metric."""

    value: float
    low: float
    high: float


def _drawn(groups: Array, resamples: int, seed: int) -> tuple[Array, Array]:
    """Return how often each group is drawn, (resamples, groups), and the group of each sample."""
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    count = int(member.max()) + 1 if len(member) else 0
    rng = np.random.default_rng(seed)
    return rng.multinomial(count, np.full(count, 1 / count), size=resamples), member.ravel()


def resampled_weights(groups: Array, resamples: int, seed: int) -> Array:
    """Return how often each sample is drawn, shape (resamples, n), whole groups at a time."""
    drawn, member = _drawn(groups, resamples, seed)
    return drawn[:, member].astype(float)


def distributions(
    metrics: Mapping[K, Metric], groups: Array, resamples: int = RESAMPLES, seed: int = 0
) -> dict[K, Array]:
    """Return each metric on the same resamples, by name, each of shape (resamples,).

    All metrics get the same array of weights in turn, so they may keep what they make of it.
    """
    drawn, member = _drawn(groups, resamples, seed)
    step = max(1, min(_CHUNK, _CELLS // max(1, len(member))))
    parts: dict[K, list[Array]] = {name: [] for name in metrics}
    for i in range(0, resamples, step):
        weights = drawn[i : i + step][:, member].astype(float)
        for name, metric in metrics.items():
            parts[name].append(metric(weights))
    return {name: np.concatenate(found) for name, found in parts.items()}


def remembered(metric: Metric) -> Metric:
    """Return the metric so that, asked again for the very same weights, it has its answer still.

    For what several metrics are made of: a confusion table, the areas of all classes.
    """
    kept: list[tuple[Array | None, Array]] = []

    def of(weights: Array | None) -> Array:
        if not kept or kept[0][0] is not weights:
            kept[:] = [(weights, metric(weights))]
        return kept[0][1]

    return of


def distribution(metric: Metric, groups: Array, resamples: int = RESAMPLES, seed: int = 0) -> Array:
    """Return the metric on each resample, shape (resamples,)."""
    return distributions({"": metric}, groups, resamples, seed)[""]


def estimates(
    metrics: Mapping[K, Metric],
    groups: Array,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
    centred: Mapping[K, tuple[float, float]] | None = None,
) -> dict[K, Estimate]:
    """Return each metric with its percentile interval over the same resampled groups.

    Parameters
    ----------
    metrics
        By name; called with None for the value itself and with (r, n) weights for r resamples.
    groups
        Group of each sample, shape (n,).
    resamples, seed, level
        Number of resamples, their seed, and the share of them inside the interval.
    centred
        By name, for metrics that resampling shifts (calibration error: noise adds to every bin, so
        that the plain percentile interval can lie wholly above the value): the mean excess of the
        resamples over the value is taken off both limits, which then do not leave the smallest and
        largest possible value given here.
    """
    centred = centred or {}
    drawn = distributions(metrics, groups, resamples, seed)
    return {
        name: _summed(float(metric(None)), drawn[name], level, centred.get(name))
        for name, metric in metrics.items()
    }


def _summed(
    value: float, drawn: Array, level: float, within: tuple[float, float] | None
) -> Estimate:
    known = drawn[~np.isnan(drawn)]
    if np.isnan(value) or len(known) < len(drawn) / 2:
        return Estimate(value, float("nan"), float("nan"))
    tail = (1 - level) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    if within is not None:
        excess = known.mean() - value
        low, high = min(low - excess, value), max(high - excess, value)
        low, high = np.clip([low, high], *within)
    return Estimate(value, float(low), float(high))


def estimate(
    metric: Metric,
    groups: Array,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
    within: tuple[float, float] | None = None,
) -> Estimate:
    """Return one metric with its interval; `within` as an entry of `centred` in `estimates`."""
    centred = None if within is None else {"": within}
    found = estimates(
        {"": metric}, groups, resamples=resamples, seed=seed, level=level, centred=centred
    )
    return found[""]


def difference(first: Metric, second: Metric) -> Metric:
    """Return first - second as one metric, so that both are measured on the same resamples."""
    return lambda weights: first(weights) - second(weights)


def paired_difference(
    first: Metric,
    second: Metric,
    groups: Array,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Return first - second with its interval, both measured on the same resamples."""
    return estimate(difference(first, second), groups, resamples=resamples, seed=seed)
