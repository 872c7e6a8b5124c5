"""Learning from one person: forecasts of the last days beside what came of them.

Sensors smooth in different ways and people swing in different ways; a model of everybody cannot
know either. So the forecasts that would have been made for this person every 20 minutes of the last
three days are made again and compared with what came. Two things are learnt from that:

* how much the linear part, the trees and the last 15 minutes should count for this person: ridge
  regression of the errors on the three, drawn towards the model of everybody, so that without a
  history, or where the errors show nothing, the model answers alone;
* how large the errors are: the expected error is multiplied by the mean of what the errors were in
  units of it, drawn towards 1. Intervals so follow the person, as in adaptive conformal inference.

Errors of forecasts that overlap say almost the same, so each counts by the time since the one
before, as a share of the horizon; older ones count less. Nothing enters that was not known at the
moment itself.

References: Gibbs & Candes, NeurIPS 2021 (intervals that follow their own errors); Angelopoulos,
Candes & Tibshirani, NeurIPS 2023 (the size of the scores followed in time); Hoerl & Kennard,
Technometrics 12:55, 1970 (ridge).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from suwen.health.glucose.window import EACH, Array, knowledge

PULL: Final = 25.0
"""So many independent errors of usual size count as much as the model of everybody."""
SIZE_PULL: Final = 10.0
"""The same for the size of the errors."""
HALF_LIFE: Final = 36.0
"""Hours after which an error counts half."""
FEWEST: Final = 3
"""Fewer earlier forecasts say nothing."""


class Said(NamedTuple):
    """Forecasts for one person in the order of time, each (n,).

    Parameters
    ----------
    minutes
        When each was made.
    linear, trees
        The two parts of the change foretold, in mg/dL.
    step
        Change of the last 15 minutes, in mg/dL.
    size
        The error that was expected, in mg/dL.
    change
        What came, in mg/dL; NaN where unknown.
    """

    minutes: Array
    linear: Array
    trees: Array
    step: Array
    size: Array
    change: Array


def for_person(said: Said, place: int, ahead: int) -> tuple[float, float]:
    """Return the change in mg/dL foretold at one place and the error expected, both in mg/dL.

    Parameters
    ----------
    said
        Forecasts of the model of everybody; those whose truth was known at that moment are learnt
        from.
    place
        The forecast asked for.
    ahead
        Minutes ahead.
    """
    now = said.minutes[place]
    plain = float(said.linear[place] + said.trees[place])
    size = float(said.size[place])
    first = np.searchsorted(said.minutes, now - 60.0 * float(knowledge()["followed_hours"]))
    last = np.searchsorted(said.minutes, now - ahead, side="right")
    known = first + np.flatnonzero(np.isfinite(said.change[first:last]))
    if len(known) < FEWEST:
        return plain, size
    minutes = said.minutes[known]
    apart = np.minimum(minutes - np.r_[minutes[0] - EACH, minutes[:-1]], ahead) / ahead
    weight = apart * 0.5 ** ((now - minutes) / (60 * HALF_LIFE))
    parts = np.array([said.linear[known], said.trees[known], said.step[known]]) / said.size[known]
    error = said.change[known] / said.size[known] - parts[0] - parts[1]
    weighted = parts * weight
    shares = np.linalg.solve(weighted @ parts.T + PULL * np.eye(len(parts)), weighted @ error)
    now_parts = np.array([said.linear[place], said.trees[place], said.step[place]])
    correction = float(np.clip(now_parts @ shares, -size, size))
    grown = (SIZE_PULL + weight @ np.abs(error)) / (SIZE_PULL + weight.sum())
    return plain + correction, size * float(grown)


def for_all(said: Said, ahead: int) -> tuple[Array, Array]:
    """Return what `for_person` answers at every place, both (n,)."""
    found = [for_person(said, k, ahead) for k in range(len(said.minutes))]
    return np.array([one[0] for one in found]), np.array([one[1] for one in found])
