"""From one logit to the risk by several horizons, fitted where some are censored before them.

At each horizon the risk is a logistic line of the logit, fitted with inverse weights of the chance
of not being censored. Reference: Graf et al., Stat Med 18:2529, 1999 (the weights); Zheng et al.,
Biometrics 62:279, 2006 (a logistic model at each horizon).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from scipy import special

from suwen.lifecycle.examples import Array
from suwen.metrics.survival import Curve, kaplan_meier

RIDGE: Final = 1e-3
"""Weak pull of slope and intercept towards 1 and 0."""
STEPS: Final = 50


class Horizon(NamedTuple):
    """Risk by `days` = sigmoid(slope * logit + intercept)."""

    days: float
    slope: float
    intercept: float


def fitted(
    logits: Array, time: Array, event: Array, days: Sequence[float], censoring: Curve | None = None
) -> list[Horizon]:
    """Return the line of each horizon.

    Parameters
    ----------
    logits, time, event
        Of each patient, (n,): what the model says, time of death or of the end of follow-up, which.
    days
        The horizons.
    censoring
        Share not yet censored over time, by default of these patients.
    """
    known = censoring or kaplan_meier(time, event, censoring=True)
    seen = np.maximum(known.at(time), 1e-6)
    found = []
    for horizon in days:
        dead = np.asarray(event, dtype=bool) & (time <= horizon)
        left = float(np.maximum(known.at(np.array([horizon])), 1e-6)[0])
        weight = np.where(dead, 1 / seen, np.where(time > horizon, 1 / left, 0.0))
        slope, intercept = _line(logits, dead.astype(float), weight)
        found.append(Horizon(float(horizon), slope, intercept))
    return found


def _line(logits: Array, dead: Array, weight: Array) -> tuple[float, float]:
    """Return slope and intercept of a weighted logistic line, by Newton's method."""
    design = np.column_stack([logits, np.ones_like(logits)])
    wanted = np.array([1.0, 0.0])
    line = wanted.copy()
    for _ in range(STEPS):
        said = special.expit(design @ line)
        gradient = design.T @ (weight * (dead - said)) - RIDGE * (line - wanted)
        bend = design.T @ (design * (weight * said * (1 - said))[:, None]) + RIDGE * np.eye(2)
        step = np.linalg.solve(bend, gradient)
        line = line + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            break
    return float(line[0]), float(line[1])


def risks(members: Sequence[Sequence[Horizon]], logits: Array) -> Array:
    """Return the mean risk of the members at each horizon, (n, horizons), never falling."""
    each = [
        special.expit(
            np.asarray(logits)[:, None] * np.array([one.slope for one in horizons])
            + np.array([one.intercept for one in horizons])
        )
        for horizons in members
    ]
    return np.asarray(np.maximum.accumulate(np.mean(each, axis=0), axis=1))
