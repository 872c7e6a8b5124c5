"""Two survival models small enough to read: Cox with a ridge, and trees boosted on its likelihood.

Ties by Breslow. References: Cox, J R Stat Soc B 34:187, 1972; Breslow, Biometrics 30:89, 1974
(baseline); Ridgeway, Comput Sci Stat 31:172, 1999 (boosting of the partial likelihood).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import lightgbm
import numpy as np
from numpy.typing import NDArray

from suwen.metrics.survival import Curve

Array = NDArray[Any]
STEPS: Final = 30
TREES: Final[dict[str, Any]] = {
    "learning_rate": 0.05,
    "num_leaves": 6,
    "min_data_in_leaf": 30,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "num_threads": 1,
    "verbosity": -1,
    "seed": 7,
}


@dataclass(frozen=True)
class Standard:
    """Numbers for a linear model: medians for what is missing, unit spread, what was missing."""

    middle: Array
    spread: Array
    lacking: Array
    """Columns of which something is missing."""

    @classmethod
    def of(cls, rows: Array) -> Standard:
        """Return it as some rows ask for."""
        known = [column[np.isfinite(column)] for column in rows.T]
        middle = np.array([np.median(one) if len(one) else 0.0 for one in known])
        spread = np.array([one.std() if len(one) and one.std() > 0 else 1.0 for one in known])
        return cls(middle, spread, np.flatnonzero(np.isnan(rows).mean(0) > 0.02))

    def __call__(self, rows: Array) -> Array:
        """Return rows as numbers for a linear model."""
        filled = (np.where(np.isnan(rows), self.middle, rows) - self.middle) / self.spread
        return np.hstack([filled, np.isnan(rows[:, self.lacking])])


def slopes(time: Array, event: Array, score: Array) -> tuple[Array, Array]:
    """Return first and second derivative of the negative log partial likelihood by each score."""
    order = np.argsort(-time, kind="stable")
    ahead = np.exp(score[order] - score.max())
    at_risk = np.cumsum(ahead)
    ends = np.searchsorted(-time[order], -time, side="right") - 1
    moments, inverse = np.unique(time, return_inverse=True)
    deaths = np.bincount(inverse, weights=event)
    risk = np.zeros(len(moments))
    risk[inverse] = at_risk[ends]
    first = np.cumsum(deaths / risk)[inverse]
    second = np.cumsum(deaths / risk**2)[inverse]
    own = np.exp(score - score.max())
    return own * first - event, np.maximum(own * first - own**2 * second, 1e-6)


def baseline(time: Array, event: Array, score: Array) -> Curve:
    """Return Breslow's cumulative baseline hazard over time."""
    moments, inverse = np.unique(time, return_inverse=True)
    deaths = np.bincount(inverse, weights=event)
    risk = np.bincount(inverse, weights=np.exp(score))
    return Curve(moments, np.cumsum(deaths / np.cumsum(risk[::-1])[::-1]))


def alive(hazard: Curve, score: Array, when: Array) -> Array:
    """Return the probability of being alive at each of the times `when`, (n, times)."""
    place = np.searchsorted(hazard.times, when, side="right")
    total = np.concatenate([[0.0], hazard.values])[place]
    return np.exp(-np.exp(score)[:, None] * total)


def cox(rows: Array, time: Array, event: Array, ridge: float = 1.0) -> Array:
    """Return the coefficients of the Cox model of standardised rows, by Newton's method."""
    order = np.argsort(-time, kind="stable")
    x, t, d = rows[order], time[order], event[order].astype(float)
    last = np.searchsorted(-t, -t, side="right") - 1
    beta = np.zeros(x.shape[1])
    for _ in range(STEPS):
        weight = np.exp(x @ beta)
        total = np.cumsum(weight)[last]
        mean = np.cumsum(weight[:, None] * x, axis=0)[last] / total[:, None]
        gradient = d @ (x - mean) - ridge * beta
        # sum over deaths of the weighted second moment: each row counts in every risk set it is in
        counts = np.zeros(len(t))
        np.add.at(counts, last, d / total)
        inside = np.cumsum(counts[::-1])[::-1] * weight
        second = (x * inside[:, None]).T @ x - (mean * d[:, None]).T @ mean
        step = np.linalg.solve(second + ridge * np.eye(len(beta)), gradient)
        beta = beta + step
        if np.abs(step).max() < 1e-8:
            break
    return beta


def boosted(rows: Array, time: Array, event: Array, rounds: int) -> Any:
    """Return trees boosted on the partial likelihood; their raw score is the log hazard."""

    def objective(score: Array, _: Any) -> tuple[Array, Array]:
        return slopes(time, event.astype(float), score)

    given = lightgbm.Dataset(rows, np.zeros(len(rows)))
    return lightgbm.train({**TREES, "objective": objective}, given, rounds)
