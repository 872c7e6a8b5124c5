"""How well risks and survival curves fit times that are partly censored.

`time` is the time of the event or of the end of follow-up, `event` whether it was the event, both
of shape (n,); `risk` is larger for an earlier event; `alive` is the predicted probability of being
without the event at each of some times, (n, times). `weights` (..., n) default to ones.

Sources: Kaplan & Meier, JASA 53:457, 1958; Harrell et al., Stat Med 15:361, 1996; Uno et al., Stat
Med 30:1105, 2011; Graf et al., Stat Med 18:2529, 1999 (Brier score with censoring); Haider et al.,
JMLR 21:85, 2020 (D-calibration); Austin et al., Stat Med 39:2714, 2020 (calibration at a horizon).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
BINS: Final = 10
ROWS: Final = 512
"""Events whose pairs are counted at a time: bounds the memory."""


class Curve(NamedTuple):
    """A step function of time: `values` (..., steps) from each of `times` (steps,) on, 1 before."""

    times: Array
    values: Array

    def at(self, when: Array, *, before: bool = False) -> Array:
        """Return the values (..., n) at times (n,); with `before` just before them."""
        if before:
            place = np.searchsorted(self.times, when, side="left")
        else:
            place = np.searchsorted(self.times, when, side="right")
        ones = np.ones((*self.values.shape[:-1], 1))
        return np.concatenate([ones, self.values], axis=-1)[..., place]


def _prepared(time: Array, event: Array, weights: Array | None) -> tuple[Array, Array, Array]:
    time, event = np.asarray(time, dtype=float), np.asarray(event, dtype=bool)
    if time.shape != event.shape or time.ndim != 1:
        raise ValueError(f"time {time.shape} and event {event.shape} must both be (n,)")
    if not (np.isfinite(time) & (time >= 0)).all():
        raise ValueError("times are finite and not negative")
    weights = np.ones(time.shape) if weights is None else np.asarray(weights, dtype=float)
    if weights.shape[-1:] != time.shape:
        raise ValueError(f"weights {weights.shape} must end in {time.shape}")
    return time, event, weights


def kaplan_meier(
    time: Array, event: Array, weights: Array | None = None, *, censoring: bool = False
) -> Curve:
    """Return the share without the event over time; with `censoring` the share not yet censored.

    Who has the event at the moment somebody is censored counts as gone before.
    """
    time, event, weights = _prepared(time, event, weights)
    order = np.argsort(time, kind="stable")
    moments, first = np.unique(time[order], return_index=True)
    sorted_weights, happened = weights[..., order], event[order]
    left = np.cumsum(sorted_weights[..., ::-1], axis=-1)[..., ::-1][..., first]
    events = np.add.reduceat(sorted_weights * happened, first, axis=-1)
    lost = events
    if censoring:
        lost = np.add.reduceat(sorted_weights * ~happened, first, axis=-1)
        left = left - events
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(left > 0, lost / left, 0.0)
    return Curve(moments, np.cumprod(1 - np.clip(share, 0, 1), axis=-1))


def concordance(time: Array, event: Array, risk: Array, weights: Array | None = None) -> Array:
    """Return Harrell's C: of pairs whose order is known, how many the risk orders alike.

    A pair is known where the earlier time is an event, and at equal times where only one is. Equal
    risks count one half.
    """
    time, event, weights = _prepared(time, event, weights)
    return _concordance(time, event, risk, weights, np.ones(len(time)))


def concordance_ipcw(
    time: Array,
    event: Array,
    risk: Array,
    weights: Array | None = None,
    *,
    censoring: Curve | None = None,
    until: float = float("inf"),
) -> Array:
    """Return Uno's C: as Harrell's, each pair by the inverse squared chance of being seen.

    Parameters
    ----------
    time, event, risk, weights
        As everywhere here.
    censoring
        Share not yet censored over time (`kaplan_meier(..., censoring=True)`), by default of these
        very samples.
    until
        Events from this time on are not asked about.
    """
    time, event, weights = _prepared(time, event, weights)
    known = censoring or kaplan_meier(time, event, censoring=True)
    with np.errstate(divide="ignore"):
        seen = np.where(time < until, 1 / known.at(time) ** 2, 0.0)
    return _concordance(time, event & np.isfinite(seen), risk, weights, seen)


def _concordance(time: Array, event: Array, risk: Array, weights: Array, seen: Array) -> Array:
    risk = np.asarray(risk, dtype=float)
    if risk.shape != time.shape or np.isnan(risk).any():
        raise ValueError(f"risk {risk.shape} must be {time.shape} without NaN")
    right = np.zeros(weights.shape[:-1])
    pairs = np.zeros(weights.shape[:-1])
    chosen = np.flatnonzero(event & (seen > 0))
    for i in range(0, len(chosen), ROWS):
        own = chosen[i : i + ROWS]
        later = (time[own, None] < time) | ((time[own, None] == time) & ~event)
        ahead = risk[own, None] - risk
        won = later * ((ahead > 0) + 0.5 * (ahead == 0))
        given = weights[..., own] * seen[own]
        right = right + (given * (weights @ won.T)).sum(-1)
        pairs = pairs + (given * (weights @ later.T.astype(float))).sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(pairs > 0, right / pairs, np.nan))[()]


def brier(
    time: Array,
    event: Array,
    alive: Array,
    when: Array,
    weights: Array | None = None,
    *,
    censoring: Curve | None = None,
) -> Array:
    """Return the Brier score at each of the times `when` (times,), shape (..., times).

    `alive` is (n, times). Who is censored earlier counts for nothing; the others by the inverse
    chance of not being censored until their event, or until then.
    """
    time, event, weights = _prepared(time, event, weights)
    when, alive = np.asarray(when, dtype=float), np.asarray(alive, dtype=float)
    if alive.shape != (len(time), len(when)) or not ((alive >= 0) & (alive <= 1)).all():
        raise ValueError(f"probabilities {alive.shape} must be {(len(time), len(when))} in [0, 1]")
    known = censoring or kaplan_meier(time, event, censoring=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        dead = np.where((time[:, None] <= when) & event[:, None], 1 / known.at(time)[:, None], 0.0)
        left = np.where(time[:, None] > when, 1 / known.at(when), 0.0)
    each = alive**2 * dead + (1 - alive) ** 2 * left
    return np.asarray(weights @ each / weights.sum(-1)[..., None])


def integrated_brier(
    time: Array,
    event: Array,
    alive: Array,
    when: Array,
    weights: Array | None = None,
    *,
    censoring: Curve | None = None,
) -> Array:
    """Return the mean Brier score over the span of `when`, by trapezes."""
    when = np.asarray(when, dtype=float)
    scores = brier(time, event, alive, when, weights, censoring=censoring)
    return np.asarray(np.trapezoid(scores, when, axis=-1) / (when[-1] - when[0]))


def calibration_error(
    time: Array,
    event: Array,
    dead: Array,
    horizon: float,
    weights: Array | None = None,
    bins: int = BINS,
) -> Array:
    """Return how far predicted events by the horizon are from those by Kaplan-Meier.

    `dead` (n,) is the predicted probability of the event by the horizon. The mean distance over
    `bins` groups of equal count by prediction, each by its weight; the groups stay in resamples.
    """
    time, event, weights = _prepared(time, event, weights)
    dead = np.asarray(dead, dtype=float)
    edges = np.quantile(dead, np.linspace(0, 1, bins + 1)[1:-1])
    group = np.searchsorted(edges, dead, side="left")
    total = np.zeros(weights.shape[:-1])
    for k in np.unique(group):
        inside = group == k
        own = weights[..., inside]
        mass = own.sum(-1)
        seen = kaplan_meier(time[inside], event[inside], own)
        observed = 1 - seen.at(np.array([horizon]))[..., 0]
        with np.errstate(invalid="ignore", divide="ignore"):
            said = np.where(mass > 0, (own * dead[inside]).sum(-1) / mass, 0.0)
        total = total + np.where(mass > 0, mass * np.abs(said - observed), 0.0)
    return np.asarray(total / weights.sum(-1))[()]


def d_calibration(event: Array, alive_at_own: Array, bins: int = BINS) -> tuple[float, Array]:
    """Return the p-value of D-calibration and the share in each bin (bins,).

    `alive_at_own` (n,) is the predicted probability of being alive at one's own time: of deaths it
    should be uniform. Somebody censored is spread over the bins that are still possible.
    """
    from scipy import stats  # A second to import, and only this needs it.

    event, value = np.asarray(event, dtype=bool), np.asarray(alive_at_own, dtype=float)
    if event.shape != value.shape or not ((value >= 0) & (value <= 1)).all():
        raise ValueError("one probability in [0, 1] for each event")
    place = np.minimum((value * bins).astype(int), bins - 1)
    counts = np.bincount(place[event], minlength=bins).astype(float)
    low = np.arange(bins) / bins
    for own, last in zip(value[~event], place[~event], strict=True):
        whole = max(own, 1e-12)
        counts[:last] += 1 / bins / whole
        counts[last] += (whole - low[last]) / whole
    expected = len(value) / bins
    statistic = float(((counts - expected) ** 2 / expected).sum())
    return float(stats.chi2.sf(statistic, bins - 1)), counts / len(value)
