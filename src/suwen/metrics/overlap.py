"""How well a region or a number was found: Dice, volume error, RMSE, MAE, bias, R squared.

Source: Dice, Ecology 1945; Maier-Hein et al., Nature Methods 2024 (Metrics reloaded).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def dice(truth: Array, predicted: Array) -> float:
    """Return the Dice coefficient of two bool masks of one shape; two empty masks agree (1)."""
    truth, predicted = np.asarray(truth, dtype=bool), np.asarray(predicted, dtype=bool)
    if truth.shape != predicted.shape:
        raise ValueError(f"masks differ in shape: {truth.shape} and {predicted.shape}")
    total = int(truth.sum()) + int(predicted.sum())
    return 1.0 if total == 0 else 2 * int((truth & predicted).sum()) / total


def volume_error(truth: Array, predicted: Array) -> float:
    """Return (predicted - true) / true volume of two masks on one grid; NaN for an empty truth."""
    true = int(np.asarray(truth, dtype=bool).sum())
    found = int(np.asarray(predicted, dtype=bool).sum())
    return float("nan") if true == 0 else (found - true) / true


def mean(values: Array, weights: Array | None = None) -> Array:
    """Return the mean of `values` (n,) under `weights` (..., n); NaN values are left out."""
    values = np.asarray(values, dtype=float)
    weights = np.ones(values.shape) if weights is None else np.asarray(weights, dtype=float)
    known = ~np.isnan(values)
    kept = weights * known
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((kept * np.where(known, values, 0)).sum(-1) / kept.sum(-1))[()]


def rmse(truth: Array, predicted: Array, weights: Array | None = None) -> Array:
    """Return the root of the mean squared error, in the unit of `truth`."""
    gap = np.asarray(predicted, dtype=float) - np.asarray(truth, dtype=float)
    return np.sqrt(mean(gap**2, weights))


def mae(truth: Array, predicted: Array, weights: Array | None = None) -> Array:
    """Return the mean absolute error, in the unit of `truth`."""
    gap = np.asarray(predicted, dtype=float) - np.asarray(truth, dtype=float)
    return mean(np.abs(gap), weights)


def bias(truth: Array, predicted: Array, weights: Array | None = None) -> Array:
    """Return the mean of predicted - true, in the unit of `truth`."""
    return mean(np.asarray(predicted, dtype=float) - np.asarray(truth, dtype=float), weights)


def r2(truth: Array, predicted: Array, weights: Array | None = None) -> Array:
    """Return the share of the variance of `truth` that is explained; NaN where it has none.

    Negative when the mean of `truth` would have been the better answer.
    """
    truth = np.asarray(truth, dtype=float)
    squared = mean((np.asarray(predicted, dtype=float) - truth) ** 2, weights)
    centre = truth.mean()  # keeps E[x^2] - E[x]^2 from cancelling far from zero
    variance = mean((truth - centre) ** 2, weights) - mean(truth - centre, weights) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(variance > 0, 1 - squared / variance, np.nan))[()]
