"""From numbers to numbers with an interval: conformal prediction from out-of-fold residuals.

Member k answers fold k, which it never saw; the sizes of those errors are kept by member. The
interval of a new sample is that of CV+ (Barber, Candes, Ramdas & Tibshirani, Annals of Statistics
49:486, 2021): each kept residual R of member k gives an upper end m_k(x) + R and a lower one
m_k(x) - R, and the interval lies between their quantiles, so members that disagree widen it.
Exchangeable samples are covered at least 2 x level - 1 of the time, in practice about `level`.

`scaled` divides each residual by an expected error that grows or falls with the answer (locally
weighted conformal prediction, Lei et al., JASA 113:1094, 2018): a low glucose is foretold more
closely than a high one. `given` divides by the expected error that each member says itself beside
its value (`Output.spread`). A kind is taken when the cross-fitted interval score is better for it.
The members' disagreement cannot serve as that scale: all but one were trained on the sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from suwen.core.errors import BadInput
from suwen.core.nouns import Interval
from suwen.lifecycle.examples import Array
from suwen.metrics.coverage import interval_score

ValueKind = Literal["absolute", "scaled", "given"]
KINDS: tuple[ValueKind, ...] = ("absolute", "scaled", "given")
KEPT = 200
"""Most residuals kept of each member. Each stands for a block of equal count by its largest, so
fewer numbers never make an interval narrower."""
LEAST_SHARE = 0.2
"""The expected error is never taken smaller than this share of its mean."""


@dataclass(frozen=True)
class Conformal:
    """Residuals by member with the scale they were divided by.

    `residuals[k]` are those of member k, rising, standing for `counts[k]` samples; with one list
    alone, it serves any members, whose mean is the answer. The expected error at an answer m is
    max(`least`, `intercept` + `slope` m); 1 for `absolute`; for `given` it comes with the answer.
    """

    kind: ValueKind
    level: float
    intercept: float
    slope: float
    least: float
    residuals: tuple[tuple[float, ...], ...]
    counts: tuple[int, ...]

    def scale(self, values: Array, spread: Array | None = None) -> Array:
        """Return the expected error at each answer, same shape; `spread` is what members say.

        Raises
        ------
        BadInput
            It is needed and not there.
        """
        if self.kind == "given":
            if spread is None or np.shape(spread) != np.shape(values):
                raise BadInput("values without their expected errors", "one a value")
            return np.asarray(spread, dtype=float)
        return np.maximum(self.least, self.intercept + self.slope * np.asarray(values, dtype=float))

    def limits(self, values: Array, spread: Array | None = None) -> tuple[Array, Array]:
        """Return the ends of the interval of each sample, (n,); both given (n, members)."""
        values = np.asarray(values, dtype=float)
        if len(self.residuals) == 1:
            values = values.mean(1, keepdims=True)
            spread = None if spread is None else np.asarray(spread).mean(1, keepdims=True)
        if values.shape[1] != len(self.residuals):
            raise BadInput(
                f"{values.shape[1]} values for the residuals of {len(self.residuals)} members",
                "one value a member",
                "let all members answer",
            )
        centre = values.mean(1)
        scale = self.scale(values, spread)
        upper = self._quantile(values, scale)
        lower = -self._quantile(-values, scale)
        return np.minimum(lower, centre), np.maximum(upper, centre)

    def _quantile(self, values: Array, scale: Array) -> Array:
        """Return the order statistic of values + residual x scale that the level asks for."""
        residuals = [np.array(each) for each in self.residuals]
        mass = np.concatenate(
            [_masses(len(r), n) for r, n in zip(residuals, self.counts, strict=True)]
        )
        wanted = self.level * (sum(self.counts) + 1)
        if len(residuals) == 1:
            place = np.searchsorted(np.cumsum(mass), wanted - 1e-6)
            found: Array = values[:, 0] + residuals[0][place] * scale[:, 0]
            return found
        found = np.empty(len(values))
        for i, (row, sizes) in enumerate(zip(values, scale, strict=True)):
            ends = np.concatenate(
                [m + r * s for m, r, s in zip(row, residuals, sizes, strict=True)]
            )
            order = np.argsort(ends, kind="stable")
            found[i] = ends[order[np.searchsorted(np.cumsum(mass[order]), wanted - 1e-6)]]
        return found

    def interval(self, values: Array, spread: Array | None = None) -> Interval:
        """Return the mean of one sample's members (members,) with its interval."""
        members = np.asarray(values, dtype=float).ravel()
        said = None if spread is None else np.asarray(spread, dtype=float).ravel()[None]
        (low,), (high,) = self.limits(members[None], said)
        return Interval(
            value=float(members.mean()), low=float(low), high=float(high), level=self.level
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers and lists."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Conformal:
        """Build from `to_json`; unknown kinds and residuals that do not rise are refused."""
        residuals = tuple(tuple(each) for each in content["residuals"])
        counts = tuple(content["counts"])
        rising = all(each and min(each) >= 0 and list(each) == sorted(each) for each in residuals)
        if content["kind"] not in KINDS or not rising or len(counts) != len(residuals):
            raise BadInput("intervals of unknown kind", "absolute or scaled, with rising residuals")
        return cls(**{**content, "residuals": residuals, "counts": counts})


def fit(
    kind: ValueKind,
    values: Array,
    truth: Array,
    level: float,
    parts: Sequence[Array],
    spread: Array | None = None,
) -> Conformal:
    """Fit to out-of-fold answers.

    Parameters
    ----------
    kind
        Whether residuals are divided by an expected error.
    values, truth
        Answer of the member that never saw the sample, and the true value, each (n,).
    level
        Share of true values that the interval should hold.
    parts
        The samples of each list of residuals: bool arrays (n,), together all that count.
    spread
        The expected error that the member said, (n,); for `given`.

    Raises
    ------
    BadInput
        There are too few samples for that level.
    """
    values, truth = np.asarray(values, dtype=float), np.asarray(truth, dtype=float)
    used = np.any(list(parts), axis=0)
    count = int(used.sum())
    if level * (count + 1) > count:
        raise BadInput(
            f"{count} samples for an interval of level {level}",
            f"at least {int(np.ceil(level / (1 - level) - 1e-9))}",
            "add examples or lower `interval_level` in the recipe",
        )
    gaps = np.abs(truth - values)
    line = _line(values[used], gaps[used]) if kind == "scaled" else (1.0, 0.0, 1.0)
    made = Conformal(kind, level, *line, (), ())
    scaled = gaps / made.scale(values, spread)
    return Conformal(
        kind,
        level,
        made.intercept,
        made.slope,
        made.least,
        tuple(_thinned(np.sort(scaled[part])) for part in parts),
        tuple(int(part.sum()) for part in parts),
    )


def _line(values: Array, gaps: Array) -> tuple[float, float, float]:
    """Return intercept and slope of the expected error by the answer, and the least it may be."""
    design = np.column_stack([np.ones(len(values)), values])
    (intercept, slope), *_ = np.linalg.lstsq(design, gaps, rcond=None)
    return float(intercept), float(slope), max(LEAST_SHARE * float(gaps.mean()), 1e-12)


def _thinned(residuals: Array) -> tuple[float, ...]:
    """Return at most `KEPT` of rising residuals, each the largest of its block of equal count."""
    size = -(-len(residuals) // KEPT)
    kept = residuals[::-1][::size][::-1]
    return tuple(float(value) for value in kept)


def _masses(kept: int, count: int) -> Array:
    """Return how many of `count` residuals each kept one stands for; the first takes the rest."""
    size = -(-count // KEPT)
    found = np.full(kept, float(size))
    found[0] = count - size * (kept - 1)
    return found


def choose(
    values: Array, truth: Array, fold: Array, level: float, spread: Array | None = None
) -> tuple[Conformal, list[Conformal], dict[str, float]]:
    """Choose by cross-fitted interval score and fit the intervals that ship on all samples.

    `given` is tried where there is a `spread`, the expected errors that were said, (n,).

    Returns
    -------
    tuple
        The intervals, those of each fold (from the other folds), and the mean score by kind.
    """
    folds = range(int(fold.max()) + 1)
    kinds = [kind for kind in KINDS if kind != "given" or spread is not None]
    tried = {
        kind: [fit(kind, values, truth, level, [fold != k], spread) for k in folds]
        for kind in kinds
    }
    scores: dict[str, float] = {}
    for kind, by_fold in tried.items():
        low, high = np.empty(len(values)), np.empty(len(values))
        for k in folds:
            held_out = fold == k
            said = None if spread is None else spread[held_out][:, None]
            low[held_out], high[held_out] = by_fold[k].limits(values[held_out][:, None], said)
        scores[kind] = float(interval_score(truth, low, high, level).mean())
    best = min(kinds, key=lambda kind: scores[kind])
    shipped = fit(best, values, truth, level, [fold == k for k in folds], spread)
    return shipped, tried[best], scores
