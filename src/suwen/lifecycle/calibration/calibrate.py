"""From logits to probabilities that can be believed, with an interval.

Two calibrators of a two-class logit, both monotone, both stored as plain numbers:

* `temperature`: probability = sigmoid(a z + b), the temperature 1/a with an offset (Platt, 1999;
  Guo et al., ICML 2017), fitted by maximum likelihood with Platt's smoothed targets;
* `isotonic`: the sigmoid above made piecewise linear by pooling adjacent violators (Zadrozny &
  Elkan, KDD 2002), read between knots by interpolation, never exactly 0 or 1.

The interval joins two doubts on the logit scale: what another training set would have said (the
spread of the members, with the variance of Nadeau & Bengio, Machine Learning 2003, for
cross-validated members: 1/M + 1/(M - 1)) and how well the calibrator is known (covariance of a and
b, sandwich form by group). It says nothing about inputs unlike the training data: the guard does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
from scipy import special

from suwen.core.errors import BadInput
from suwen.core.nouns import Interval
from suwen.lifecycle.examples import Array
from suwen.metrics.calibration import log_loss

Kind = Literal["temperature", "isotonic"]
KINDS: tuple[Kind, ...] = ("temperature", "isotonic")
LEVEL = 0.95
RIDGE = 1e-3
"""Weak pull of (a, b) towards (1, 0): keeps separable data finite."""


def reach_of(known: Array, spread: Array | float, members: int) -> Array:
    """Return the half width of a 95 % interval on the logit scale.

    Parameters
    ----------
    known
        Standard error that the calibrator's own parameters leave.
    spread
        Variance of the members' logits.
    members
        Their number; one alone has no spread.
    """
    reach = special.ndtri(0.5 + LEVEL / 2) * known
    if members > 1:
        quantile = special.stdtrit(members - 1, 0.5 + LEVEL / 2)
        doubt = np.asarray(spread) * (1 / members + 1 / (members - 1))
        reach = np.hypot(reach, quantile * np.sqrt(doubt))
    return np.asarray(reach)


@dataclass(frozen=True)
class Calibrator:
    """A monotone map from a logit to a probability.

    `a`, `b` with their `covariance` ((2, 2), rows) are always there; `x`, `y` are the knots (logit,
    probability) of an isotonic map.
    """

    kind: Kind
    a: float
    b: float
    covariance: tuple[tuple[float, float], tuple[float, float]]
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()

    def probability(self, logits: Array) -> Array:
        """Return the calibrated probabilities of `logits`, same shape."""
        logits = np.asarray(logits, dtype=float)
        if self.kind == "isotonic":
            return np.interp(logits, self.x, self.y)
        return np.asarray(special.expit(self.a * logits + self.b))

    def spread(self, logits: Array) -> float:
        """Return the variance of one sample's members' logits (members,); 0 for one alone."""
        members = np.asarray(logits, dtype=float).ravel()
        return float(members.var(ddof=1)) if len(members) > 1 else 0.0

    def limits(self, logits: Array, spread: Array | float, members: int) -> tuple[Array, Array]:
        """Return the ends of the 95 % interval of each sample, each (n,).

        Parameters
        ----------
        logits
            Mean logits of the members, shape (n,).
        spread
            Variance of the members' logits, (n,) or one for all.
        members
            Their number.
        """
        centre = np.asarray(logits, dtype=float)
        covariance, slope = np.array(self.covariance), max(self.a, 1e-6)
        known = np.array([[z, 1.0] for z in centre]).reshape(-1, 2)
        variance = np.array([float(row @ covariance @ row) / slope**2 for row in known])
        reach = reach_of(np.sqrt(variance), spread, members)
        return self.probability(centre - reach), self.probability(centre + reach)

    def interval(self, logits: Array) -> Interval:
        """Return the probability of one sample from its members' logits, with a 95 % interval."""
        members = np.asarray(logits, dtype=float).ravel()
        centre = np.array([members.mean()])
        (low,), (high,) = self.limits(centre, self.spread(members), len(members))
        (value,) = self.probability(centre)
        return Interval(value=float(value), low=float(low), high=float(high), level=LEVEL)

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers and lists."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Calibrator:
        """Build from `to_json`; unknown kinds and falling knots are refused."""
        kind, x, y = content["kind"], tuple(content["x"]), tuple(content["y"])
        if kind not in ("temperature", "isotonic") or (kind == "isotonic" and not x):
            raise BadInput("a calibrator of unknown kind", "temperature or isotonic with knots")
        if len(x) != len(y) or np.any(np.diff(x) < 0) or np.any(np.diff(y) < 0):
            raise BadInput("calibrator knots that fall", "rising logits and probabilities")
        (p, q), (r, s) = content["covariance"]
        return cls(kind, content["a"], content["b"], ((p, q), (r, s)), x, y)


def pool_adjacent_violators(values: Array, weights: Array) -> Array:
    """Return the non-decreasing sequence closest to `values` in weighted squares."""
    means: list[float] = []
    masses: list[float] = []
    counts: list[int] = []
    for value, weight in zip(values, weights, strict=True):
        means.append(float(value))
        masses.append(float(weight))
        counts.append(1)
        while len(means) > 1 and means[-2] >= means[-1]:
            mass = masses[-2] + masses[-1]
            means[-2:] = [(means[-2] * masses[-2] + means[-1] * masses[-1]) / mass]
            masses[-2:] = [mass]
            counts[-2:] = [counts[-2] + counts[-1]]
    return np.repeat(means, counts)


def _platt(logits: Array, truth: Array) -> tuple[float, float]:
    from scipy import optimize  # A second to import, and only fitting needs it.

    positives, negatives = truth.sum(), (1 - truth).sum()
    target = np.where(truth == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(parameters: Array) -> tuple[float, Array]:
        a, b = parameters
        z = a * logits + b
        wrong = special.expit(z) - target
        value = np.sum(np.logaddexp(0, z) - target * z) + RIDGE * ((a - 1) ** 2 + b**2)
        slope = np.array([wrong @ logits + 2 * RIDGE * (a - 1), wrong.sum() + 2 * RIDGE * b])
        return float(value), slope

    start = np.array([1.0, 0.0])
    bounds = [(1e-3, None), (None, None)]
    a, b = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return float(a), float(b)


def _covariance(logits: Array, truth: Array, groups: Array, a: float, b: float) -> Array:
    """Return the sandwich covariance of (a, b), clustered by group (Liang & Zeger 1986)."""
    design = np.column_stack([logits, np.ones_like(logits)])
    probability = special.expit(a * logits + b)
    bread = np.linalg.inv(
        design.T @ (design * (probability * (1 - probability))[:, None]) + 2 * RIDGE * np.eye(2)
    )
    _, member = np.unique(groups, return_inverse=True)
    scores = np.zeros((int(member.max()) + 1, 2))
    np.add.at(scores, member.ravel(), design * (truth - probability)[:, None])
    return np.asarray(bread @ (scores.T @ scores) @ bread)


def fit(kind: Kind, logits: Array, truth: Array, groups: Array) -> Calibrator:
    """Fit one calibrator to out-of-fold logits, truth (0 or 1) and groups, each of shape (n,).

    Raises
    ------
    BadInput
        One of the classes is absent.
    """
    logits, truth = np.asarray(logits, dtype=float), np.asarray(truth, dtype=float)
    if len(np.unique(truth)) < 2:
        raise BadInput("calibration data with one class only", "both classes", "add examples")
    a, b = _platt(logits, truth)
    (p, q), (r, s) = _covariance(logits, truth, groups, a, b).tolist()
    covariance = ((p, q), (r, s))
    if kind == "temperature":
        return Calibrator(kind, a, b, covariance)
    order = np.argsort(logits, kind="stable")
    steps = pool_adjacent_violators(truth[order], np.ones(len(truth)))
    edge = 1 / (len(truth) + 2)
    x, y = _knots(logits[order], np.clip(steps, edge, 1 - edge))
    return Calibrator(kind, a, b, covariance, x, y)


def _knots(x: Array, y: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return one knot at the middle of each step, so that the map rises between steps."""
    levels, first, count = np.unique(y, return_index=True, return_counts=True)
    middles = [float(x[i : i + n].mean()) for i, n in zip(first, count, strict=True)]
    return tuple(middles), tuple(float(level) for level in levels)


class _Fitted(Protocol):
    def probability(self, logits: Array) -> Array: ...


F = TypeVar("F", bound=_Fitted)
K = TypeVar("K", bound=str)


def cross_fitted(
    fit: Callable[[Array, Array, Array], F],
    logits: Array,
    truth: Array,
    groups: Array,
    fold: Array,
) -> tuple[list[F], Array]:
    """Return one calibrator a fold, fitted on the other folds, and the probabilities they give.

    `fit` takes logits (n,) or (n, K), truth (n,) and groups (n,); the probabilities have the shape
    of `logits`.
    """
    found = []
    probability = np.empty(logits.shape)
    for k in range(int(fold.max()) + 1):
        held_out = fold == k
        found.append(fit(logits[~held_out], truth[~held_out], groups[~held_out]))
        probability[held_out] = found[-1].probability(logits[held_out])
    return found, probability


def best(
    kinds: Sequence[K],
    wanted: str,
    fit: Callable[[K], Callable[[Array, Array, Array], F]],
    data: tuple[Array, Array, Array, Array],
    log_loss: Callable[[Array, Array], Any],
) -> tuple[F, list[F], Array, dict[str, float]]:
    """Return the calibrator with the lower cross-fitted log loss, fitted on all samples.

    Parameters
    ----------
    kinds, wanted
        The kinds there are for this answer, and the one asked for, or "best".
    fit
        Returns, for a kind, what fits one.
    data
        Logits (n,) or (n, K), truth (n,), groups (n,) and folds (n,).
    log_loss
        Of truth and probabilities.

    Returns
    -------
    tuple
        The calibrator, one a fold, the cross-fitted probabilities, and log loss by kind.

    Raises
    ------
    BadInput
        `wanted` is none of `kinds`.
    """
    tried_kinds = [kind for kind in kinds if wanted in (kind, "best")]
    if not tried_kinds:
        many = "two classes" if data[0].ndim == 1 else "more than two classes"
        raise BadInput(
            f"the calibrator {wanted!r} for {many}",
            f"one of {[*kinds, 'best']}",
            "change `calibration` in the recipe",
        )
    tried = {kind: cross_fitted(fit(kind), *data) for kind in tried_kinds}
    losses: dict[str, float] = {
        kind: float(log_loss(data[1], tried[kind][1])) for kind in tried_kinds
    }
    chosen = min(tried_kinds, key=lambda kind: losses[kind])
    return fit(chosen)(*data[:3]), *tried[chosen], losses


def choose(
    wanted: str, logits: Array, truth: Array, groups: Array, fold: Array
) -> tuple[Calibrator, list[Calibrator], Array, dict[str, float]]:
    """Choose by cross-fitted log loss and fit the calibrator that ships on all samples.

    Returns
    -------
    tuple
        The calibrator, one a fold, the cross-fitted probabilities (n,), and log loss by kind.

    Raises
    ------
    BadInput
        `wanted` is a calibrator for more than two classes.
    """
    data = (logits, truth, groups, fold)
    return best(KINDS, wanted, lambda kind: partial(fit, kind), data, log_loss)
