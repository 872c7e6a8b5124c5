"""From the logits of three and more classes to probabilities that can be believed, with intervals.

`temperature` divides all logits by one number, `vector` gives each class its own slope and offset;
then comes the softmax (Guo et al., On calibration of modern neural networks, ICML 2017). Both are
fitted by maximum likelihood on smoothed targets, (n_k + 1) / (n_k + K) for the true class, which
for two classes are Platt's.

The interval of each class is made on its log odds against all others, as `calibrate` does for two
classes: spread of the members and covariance of the calibrator's parameters (sandwich form by
group), joined in squares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from scipy import special

from suwen.core.errors import BadInput
from suwen.core.nouns import Interval
from suwen.lifecycle.calibration.calibrate import LEVEL, RIDGE, best, reach_of
from suwen.lifecycle.examples import Array
from suwen.metrics.multiclass import log_loss

ClassKind = Literal["temperature", "vector"]
KINDS: tuple[ClassKind, ...] = ("temperature", "vector")
NEVER = -40.0
"""Offset of a class that the data do not tell apart: it is never named."""
SURE = 1e-9
"""Probabilities are kept this far from 0 and 1 where log odds are taken."""


def _log_odds(probability: Array) -> Array:
    return np.asarray(special.logit(np.clip(probability, SURE, 1 - SURE)))


def centred(logits: Array) -> Array:
    """Return logits (..., K) less their mean, which a softmax does not see but slopes would."""
    logits = np.asarray(logits, dtype=float)
    return np.asarray(logits - logits.mean(-1, keepdims=True))


@dataclass(frozen=True)
class ClassCalibrator:
    """probability = softmax(a * centred logits + b), with K classes.

    `a` and `b` have one entry a class (for `temperature` all of `a` are equal and `b` is zero, or
    `NEVER` for a class that the data lack);
    `covariance` is that of the free parameters: the slope alone, or all slopes and then all
    offsets, (2 K, 2 K).
    """

    kind: ClassKind
    a: tuple[float, ...]
    b: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]

    def probability(self, logits: Array) -> Array:
        """Return the calibrated probabilities of `logits` (..., K), same shape."""
        scaled = centred(logits) * np.array(self.a) + np.array(self.b)
        return np.asarray(special.softmax(scaled, axis=-1))

    def spread(self, logits: Array) -> Array:
        """Return the variance of the members' log odds for each class; `logits` (members, K)."""
        odds = _log_odds(self.probability(logits))
        return np.asarray(odds.var(axis=0, ddof=1)) if len(odds) > 1 else np.zeros(odds.shape[1])

    def limits(self, logits: Array, spread: Array, members: int) -> tuple[Array, Array]:
        """Return the ends of each class's 95 % interval, each (n, K).

        Parameters
        ----------
        logits
            Mean logits of the members, shape (n, K).
        spread
            Variance of the members' log odds, (n, K) or (K,).
        members
            Their number.
        """
        logits = centred(logits)
        probability = self.probability(logits)
        known = np.sqrt(self._known(logits, probability))
        reach = reach_of(known, np.broadcast_to(spread, logits.shape), members)
        odds = _log_odds(probability)
        low, high = special.expit(odds - reach), special.expit(odds + reach)
        return np.minimum(low, probability), np.maximum(high, probability)

    def _known(self, logits: Array, probability: Array) -> Array:
        """Return the variance of each class's log odds from the parameters' covariance, (n, K)."""
        classes = logits.shape[1]
        rest = np.maximum(1 - probability, SURE)
        slope = -probability[:, None, :] / rest[:, :, None]  # of log odds k by scaled logit j
        slope[:, np.arange(classes), np.arange(classes)] = 1.0
        by_a = slope * logits[:, None, :]
        if self.kind == "temperature":
            by = by_a.sum(-1, keepdims=True)
        else:
            by = np.concatenate([by_a, slope], axis=-1)
        variance = np.einsum("nki,ij,nkj->nk", by, np.array(self.covariance), by)
        return np.asarray(np.maximum(variance, 0))

    def intervals(self, logits: Array) -> tuple[Interval, ...]:
        """Return the probability of each class of one sample; `logits` (members, K)."""
        members = np.asarray(logits, dtype=float)
        centre = members.mean(0)[None]
        low, high = self.limits(centre, self.spread(members), len(members))
        rows = zip(self.probability(centre)[0], low[0], high[0], strict=True)
        return tuple(
            Interval(value=float(value), low=float(lower), high=float(upper), level=LEVEL)
            for value, lower, upper in rows
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers and lists."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> ClassCalibrator:
        """Build from `to_json`; unknown kinds and parameters that do not fit are refused."""
        kind, a, b = content["kind"], tuple(content["a"]), tuple(content["b"])
        rows = tuple(tuple(row) for row in content["covariance"])
        if kind not in KINDS:
            raise BadInput("a calibrator of unknown kind", f"one of {list(KINDS)}")
        size = 1 if kind == "temperature" else 2 * len(a)
        if len(a) != len(b) or len(a) < 3 or {len(rows), *map(len, rows)} != {size}:
            raise BadInput("a calibrator whose parameters do not fit", "one slope, offset a class")
        return cls(kind, a, b, rows)


def _parameters(kind: ClassKind, free: Array, classes: int) -> tuple[Array, Array]:
    if kind == "temperature":
        return np.full(classes, free[0]), np.zeros(classes)
    return free[:classes], free[classes:]


def _by_parameter(kind: ClassKind, logits: Array, wrong: Array) -> Array:
    """Return the slope of the loss of each sample by the free parameters, shape (n, p)."""
    if kind == "temperature":
        return np.asarray((wrong * logits).sum(1, keepdims=True))
    return np.concatenate([wrong * logits, wrong], axis=1)


def fit(
    kind: ClassKind, logits: Array, truth: Array, groups: Array, lacks: Sequence[int] = ()
) -> ClassCalibrator:
    """Fit one calibrator to out-of-fold logits (n, K), classes (n,) and groups (n,).

    The classes in `lacks` are none of the data's: they get no share of the probability.

    Raises
    ------
    BadInput
        Another class is absent.
    """
    from scipy import optimize  # A second to import, and only fitting needs it.

    logits, truth = centred(logits), np.asarray(truth, dtype=int)
    classes = logits.shape[1]
    counts = np.bincount(truth, minlength=classes)
    absent = np.isin(np.arange(classes), list(lacks))
    if (counts[~absent] == 0).any():
        raise BadInput(
            "calibration data without one of the classes", "every class", "add examples of it"
        )
    never = np.where(absent, NEVER, 0.0)
    present = classes - len(lacks)
    target = np.repeat(1 / (counts[truth] + present), classes).reshape(-1, classes)
    target[np.arange(len(truth)), truth] *= counts[truth] + 1
    target[:, absent] = 0
    start = np.ones(1) if kind == "temperature" else np.repeat([1.0, 0.0], classes)

    def loss(free: Array) -> tuple[float, Array]:
        a, b = _parameters(kind, free, classes)
        logged = special.log_softmax(a * logits + b + never, axis=1)
        slope = _by_parameter(kind, logits, np.exp(logged) - target).sum(0)
        value = RIDGE * ((free - start) ** 2).sum() - (target * logged).sum()
        return float(value), slope + 2 * RIDGE * (free - start)

    bounds = [(1e-3 if a else None, None) for a in start]  # slopes start at 1, offsets at 0
    free = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    a, b = _parameters(kind, free, classes)
    b = b + never
    rows = _covariance(kind, (a, b), logits, truth, groups)
    covariance = tuple(tuple(row) for row in rows.tolist())
    return ClassCalibrator(kind, tuple(a.tolist()), tuple(b.tolist()), covariance)


def _covariance(
    kind: ClassKind, fitted: tuple[Array, Array], logits: Array, truth: Array, groups: Array
) -> Array:
    """Return the sandwich covariance of the parameters, clustered by group."""
    a, b = fitted
    classes = logits.shape[1]
    probability = special.softmax(a * logits + b, axis=1)
    curve = -probability[:, :, None] * probability[:, None, :]
    curve[:, np.arange(classes), np.arange(classes)] += probability
    if kind == "temperature":
        hessian = np.einsum("ni,nij,nj->", logits, curve, logits).reshape(1, 1)
    else:
        blocks = [
            [
                np.einsum("nij,ni,nj->ij", curve, one, other)
                for other in (logits, np.ones_like(logits))
            ]
            for one in (logits, np.ones_like(logits))
        ]
        hessian = np.block(blocks)
    bread = np.linalg.inv(hessian + 2 * RIDGE * np.eye(len(hessian)))
    _, member = np.unique(groups, return_inverse=True)
    wrong = probability - np.eye(classes)[truth]
    scores = np.zeros((int(member.max()) + 1, len(hessian)))
    np.add.at(scores, member.ravel(), _by_parameter(kind, logits, wrong))
    return np.asarray(bread @ (scores.T @ scores) @ bread)


def choose(
    wanted: str,
    logits: Array,
    truth: Array,
    groups: Array,
    fold: Array,
    lacks: Sequence[int] = (),
) -> tuple[ClassCalibrator, list[ClassCalibrator], Array, dict[str, float]]:
    """Choose by cross-fitted log loss and fit the calibrator that ships on all samples.

    Returns
    -------
    tuple
        The calibrator, one a fold, the cross-fitted probabilities (n, K), and log loss by kind.

    Raises
    ------
    BadInput
        `wanted` is a calibrator for two classes.
    """
    data = (logits, truth, groups, fold)
    return best(KINDS, wanted, lambda kind: partial(fit, kind, lacks=lacks), data, log_loss)
