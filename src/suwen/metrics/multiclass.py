"""Ranking and calibration of more than two classes, one class against the rest.

`truth` holds class numbers and has shape (n,); `scores` and `probability` have shape (n, K), the
rows of `probability` sum to 1; `weights` (..., n). A macro figure is the plain mean over the
classes that have an example in `truth`; a resample without one of them is not defined (NaN).

Sources: Provost & Domingos, Machine Learning 52:199, 2003 (one-versus-rest ROC); Guo et al., ICML
2017 (calibration error of the most probable class); Kull et al., NeurIPS 2019 (class-wise
calibration error); Brier, Monthly Weather Review 78:1, 1950 (squares summed over the classes).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suwen.metrics import calibration

Array = NDArray[Any]
OneClass = Callable[[Array, Array, Array | None], Array]
"""A metric of two classes: called with truth (0 or 1), scores and weights."""


def present(truth: Array) -> Array:
    """Return the numbers of the classes that have an example, rising."""
    return np.unique(np.asarray(truth, dtype=int))


def _check(truth: Array, scores: Array) -> tuple[Array, Array]:
    truth, scores = np.asarray(truth, dtype=int), np.asarray(scores, dtype=float)
    if truth.ndim != 1 or scores.ndim != 2 or len(truth) != len(scores):
        raise ValueError(f"truth {truth.shape} must be (n,) and scores {scores.shape} (n, K)")
    if len(truth) and not 0 <= truth.min() <= truth.max() < scores.shape[1]:
        raise ValueError(f"classes are numbered 0 to {scores.shape[1] - 1}")
    return truth, scores


def one_class(
    metric: OneClass, truth: Array, scores: Array, number: int, weights: Array | None = None
) -> Array:
    """Return a two-class metric of class `number` against all others."""
    truth, scores = _check(truth, scores)
    return metric(truth == number, scores[:, number], weights)


def each(metric: OneClass, truth: Array, scores: Array, weights: Array | None = None) -> Array:
    """Return a two-class metric of each class present against the rest, shape (..., present)."""
    found = [one_class(metric, truth, scores, int(k), weights) for k in present(truth)]
    return np.stack(found, axis=-1)


def macro(metric: OneClass, truth: Array, scores: Array, weights: Array | None = None) -> Array:
    """Return the mean of a two-class metric over the classes present, each against the rest."""
    return np.asarray(each(metric, truth, scores, weights).mean(-1))[()]


def top_label(truth: Array, probability: Array) -> tuple[Array, Array]:
    """Return whether the most probable class is the true one, and its probability, each (n,)."""
    truth, probability = _check(truth, probability)
    named = probability.argmax(1)
    return (named == truth).astype(float), np.minimum(probability.max(1), 1.0)


def ece(truth: Array, probability: Array, weights: Array | None = None) -> Array:
    """Return the expected calibration error of the most probable class (ten equal-width bins)."""
    return calibration.ece(*top_label(truth, probability), weights)


def ece_class_wise(truth: Array, probability: Array, weights: Array | None = None) -> Array:
    """Return the mean over all classes of each one's expected calibration error."""
    truth, probability = _check(truth, probability)
    by_class = [
        calibration.ece(truth == k, np.minimum(probability[:, k], 1.0), weights)
        for k in range(probability.shape[1])
    ]
    return np.asarray(np.mean(by_class, axis=0))[()]


def _mean(values: Array, weights: Array | None) -> Array:
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((weights * values).sum(-1) / weights.sum(-1))[()]


def brier(truth: Array, probability: Array, weights: Array | None = None) -> Array:
    """Return the mean squared distance summed over the classes, 0 to 2.

    With two classes this is twice `calibration.brier`, which looks at one of them.
    """
    truth, probability = _check(truth, probability)
    wanted = np.eye(probability.shape[1])[truth]
    return _mean(((probability - wanted) ** 2).sum(1), weights)


def log_loss(truth: Array, probability: Array, weights: Array | None = None) -> Array:
    """Return the mean negative log likelihood of the true class, in nats."""
    truth, probability = _check(truth, probability)
    said = np.clip(probability[np.arange(len(truth)), truth], calibration.SMALLEST, 1)
    return _mean(-np.log(said), weights)
