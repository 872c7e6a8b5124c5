"""From probabilities to prediction sets: the classes that remain possible, with stated coverage.

Conformal prediction from out-of-fold probabilities (cross-conformal: Vovk, Ann Math Artif Intell
74:9, 2015). A class belongs to the set of a sample when its nonconformity is no larger than what a
share `level` of true samples of that class had. Three kinds of nonconformity of class y:

* `threshold`: 1 - p(y), the least ambiguous sets (Sadinle, Lei & Wasserman, JASA 114:223, 2019).
  A set may be empty: no class is as probable as it usually is where it is true.
* `cumulated`: the probability of all classes that are more probable than y (Romano, Sesia & Candes,
  NeurIPS 2020, without its random part, so that an answer can be replayed). The most probable
  class is always in the set.
* `regularised`: the same with a penalty for each place after the first (Angelopoulos et al., ICLR
  2021).

Limits are set class by class (Mondrian: Vovk et al., 2005), so that a rare class is held as often
as a frequent one. Samples of one patient are no new evidence: each patient counts once, his
samples sharing his weight, and the new patient stands beside the others with the largest
nonconformity (Dunn, Wasserman & Ramdas, JASA 118:2491, 2023; Lee, Barber & Willett,
arXiv:2306.06342). A class of too few patients for its own limit takes that of all classes pooled
(the null cluster of Ding et al., NeurIPS 2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from suwen.core.codes import Code
from suwen.core.errors import BadInput
from suwen.core.nouns import PossibleAnswers
from suwen.lifecycle.examples import Array
from suwen.metrics import coverage

SetKind = Literal["cumulated", "regularised", "threshold"]
KINDS: tuple[SetKind, ...] = ("cumulated", "regularised", "threshold")
"""Of equally good kinds the first is taken."""
FILE = "prediction_sets.json"
PENALTY = 0.1
"""What each place after the first adds to the regularised nonconformity."""
EVERY, NEVER = 2.0, -1.0
"""Limits of a class that is in every set (too few patients for any limit) or in none."""
TOLERANCE = 0.02
"""By how much the coverage of a class may lie below the level."""
ROUNDING = 1e-9
"""Allowed for in comparing sums of weights and of probabilities."""


@dataclass(frozen=True)
class PredictionSets:
    """Limits of K classes.

    `limits[k]` is the largest nonconformity with which class k is in a set; `limits_by_fold` are
    those found without each fold, with which that fold is measured. `coverage` and
    `class_coverage` were measured so; `pooled` are the classes that took the limit of all.
    """

    kind: SetKind
    level: float
    limits: tuple[float, ...]
    limits_by_fold: tuple[tuple[float, ...], ...]
    coverage: float
    class_coverage: tuple[float | None, ...]
    pooled: tuple[int, ...] = ()

    def possible(self, probabilities: Sequence[float], classes: Sequence[Code]) -> PossibleAnswers:
        """Return the classes that remain possible of one sample.

        `probabilities` are those of all classes, or of two classes that of the second.
        """
        told = np.array([probabilities[0] if len(probabilities) == 1 else probabilities])
        (inside,) = self.of(told)
        codes = tuple(code for code, held in zip(classes, inside, strict=True) if held)
        return PossibleAnswers(codes=codes, level=self.level)

    def of(self, probability: Array, fold: int | None = None) -> Array:
        """Return which classes are in the set of each sample.

        Parameters
        ----------
        probability
            Of two classes that of the second, (n,); of K classes (n, K).
        fold
            Use the limits found without this fold; None: those that ship.

        Returns
        -------
        Array
            Bool (n, K).
        """
        limits = self.limits if fold is None else self.limits_by_fold[fold]
        return _within(self.kind, by_class(probability), np.array(limits))

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers and lists."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> PredictionSets:
        """Build from `to_json`; what decided between the kinds is left out.

        Raises
        ------
        BadInput
            The kind is unknown, or the limits of the folds do not fit.
        """
        fields: dict[str, Any] = {
            name: content[name] for name in cls.__dataclass_fields__ if name in content
        }
        by_fold = tuple(tuple(each) for each in fields["limits_by_fold"])
        limits = tuple(fields["limits"])
        if fields["kind"] not in KINDS or any(len(each) != len(limits) for each in by_fold):
            raise BadInput("prediction sets of unknown kind", f"one of {list(KINDS)}, all limits")
        fields |= {name: tuple(fields[name]) for name in ("class_coverage", "pooled")}
        return cls(**{**fields, "limits": limits, "limits_by_fold": by_fold})


def by_class(probability: Array) -> Array:
    """Return the probability of each class, (n, K), of (n,) for two classes or (n, K)."""
    probability = np.asarray(probability, dtype=float)
    if probability.ndim == 1:
        return np.column_stack([1 - probability, probability])
    return probability


def nonconformity(kind: SetKind, probability: Array) -> Array:
    """Return how unusual each class would be, (n, K), from probabilities (n, K)."""
    if kind == "threshold":
        return np.asarray(1 - probability)
    order = np.argsort(-probability, axis=1, kind="stable")
    ranked = np.take_along_axis(probability, order, axis=1)
    above: Array = np.cumsum(ranked, axis=1) - ranked
    if kind == "regularised":
        above = above + PENALTY * np.arange(probability.shape[1])
    found: Array = np.empty(above.shape)
    np.put_along_axis(found, order, above, axis=1)
    return found


def _within(kind: SetKind, probability: Array, limits: Array) -> Array:
    return np.asarray(nonconformity(kind, probability) <= limits + ROUNDING)


def limit_of(scores: Array, groups: Array, level: float) -> float | None:
    """Return the nonconformity that a share `level` of new patients' samples will not exceed.

    Parameters
    ----------
    scores, groups
        Nonconformity of samples with their true class, and their patients, each (n,).
    level
        The share.

    Returns
    -------
    float or None
        None where there are too few patients: at least level / (1 - level) are needed.
    """
    if not len(scores):
        return None
    weights = coverage.group_weights(groups)
    wanted = level * (weights.sum() + 1)
    order = np.argsort(scores, kind="stable")
    mass = np.cumsum(weights[order])
    if wanted > mass[-1] + ROUNDING:
        return None
    return float(scores[order[np.searchsorted(mass, wanted - ROUNDING)]])


def _limits(
    scores: Array, truth: Array, groups: Array, level: float, pooled: Sequence[int]
) -> Array:
    """Return the limit of each class there is, from the nonconformity of true classes (n,)."""
    whole = limit_of(scores, groups, level)
    limits = np.full(int(truth.max()) + 1, NEVER)
    for k in np.unique(truth).tolist():
        own = None if k in pooled else limit_of(scores[truth == k], groups[truth == k], level)
        if own is None:
            own = EVERY if whole is None else whole
        limits[k] = own
    return limits


def _too_few(truth: Array, groups: Array, fold: Array, level: float) -> tuple[int, ...]:
    """Return the classes of too few patients for a limit of their own without some fold.

    What ships takes the limits that were measured, so the most patients of a fold decide.
    """
    needed = level / (1 - level) - ROUNDING
    found = []
    for k in np.unique(truth).tolist():
        own = truth == k
        least = min(len(np.unique(groups[own & (fold != one)])) for one in np.unique(fold))
        if least < needed:
            found.append(k)
    return tuple(found)


def choose(
    probability: Array,
    truth: Array,
    groups: Array,
    fold: Array,
    level: float,
    kinds: Sequence[SetKind] = KINDS,
) -> tuple[PredictionSets, dict[str, dict[str, float]]]:
    """Choose the kind whose sets tell most, and fit the limits that ship on all samples.

    Taken is the kind with the largest share of sets of exactly one class, among those in which no
    class with a limit of its own is held less often than the level by more than `TOLERANCE`; where
    there is none, the kind that holds its worst class most often.

    Parameters
    ----------
    probability
        Calibrated cross-fitted probabilities, (n,) or (n, K).
    truth, groups, fold
        Class, patient and fold of each sample, each (n,).
    level
        Share of samples whose set should hold the true class.
    kinds
        What is tried.

    Returns
    -------
    tuple
        The sets, and by kind the cross-fitted `coverage`, `worst_class`, `size` and `singletons`,
        each patient counting once.
    """
    told, truth = by_class(probability), np.asarray(truth, dtype=int)
    tried = {kind: _fitted(kind, told, truth, groups, fold, level) for kind in kinds}
    figures = {kind: _figures(found, told, truth, groups, fold) for kind, found in tried.items()}
    held = [kind for kind in kinds if figures[kind]["worst_class"] >= level - TOLERANCE]
    if held:
        best = max(held, key=lambda kind: round(figures[kind]["singletons"], 3))
    else:
        best = max(kinds, key=lambda kind: figures[kind]["worst_class"])
    return tried[best], {str(kind): found for kind, found in figures.items()}


def _fitted(
    kind: SetKind, told: Array, truth: Array, groups: Array, fold: Array, level: float
) -> PredictionSets:
    classes = told.shape[1]
    pooled = _too_few(truth, groups, fold, level)
    scores = nonconformity(kind, told)[np.arange(len(truth)), truth]

    def limits_of(rows: Array) -> Array:
        found = np.full(classes, NEVER)
        own = _limits(scores[rows], truth[rows], groups[rows], level, pooled)
        found[: len(own)] = own
        return found

    by_fold = []
    inside = np.zeros(told.shape, dtype=bool)
    for k in range(int(fold.max()) + 1):
        limits = limits_of(fold != k)
        by_fold.append(tuple(limits.tolist()))
        inside[fold == k] = _within(kind, told[fold == k], limits)
    limits = limits_of(np.full(len(truth), True))
    each = [
        float(coverage.of_class(inside, truth, groups, k)) if (truth == k).any() else None
        for k in range(told.shape[1])
    ]
    whole = float(coverage.of_all(inside, truth, groups))
    return PredictionSets(
        kind, level, tuple(limits.tolist()), tuple(by_fold), whole, tuple(each), pooled
    )


def _figures(
    sets: PredictionSets, told: Array, truth: Array, groups: Array, fold: Array
) -> dict[str, float]:
    inside = crossed(sets, told, fold)
    weights = coverage.group_weights(groups)
    own = [
        value
        for k, value in enumerate(sets.class_coverage)
        if value is not None and k not in sets.pooled
    ]
    return {
        "coverage": sets.coverage,
        "worst_class": min(own, default=sets.coverage),
        "size": float(np.average(inside.sum(1), weights=weights)),
        "singletons": float(np.average(inside.sum(1) == 1, weights=weights)),
    }


def crossed(sets: PredictionSets, probability: Array, fold: Array) -> Array:
    """Return the sets of samples with the limits that never saw their fold, bool (n, K).

    A fold below 0 is that of no member: there the limits that ship are used.
    """
    told = by_class(probability)
    inside = np.zeros(told.shape, dtype=bool)
    for k in np.unique(fold).tolist():
        rows = fold == k
        inside[rows] = sets.of(told[rows], None if k < 0 else k)
    return inside
