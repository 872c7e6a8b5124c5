"""Figures of merit of an answer of three and more classes.

The class called is the most probable one. `auroc`, `auprc`, `f1`, `precision` and `recall` are
plain means over the classes, each against the rest; with a class's short name behind them they are
that class's own. `auroc_any` tells anything else from the first class;
`sensitivity_at_90_specificity` is that to the gravest class against the rest.

Where the question is asked as a whole (`Choice.headline`), the plain keys belong to anything else
against the first class at the operating point, and those of the classes end in `_of_classes`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from suwen.core.nouns import Band
from suwen.lifecycle.calibration.bands_classes import ClassThresholds
from suwen.lifecycle.examples import Array
from suwen.lifecycle.measure.answered import Answered
from suwen.metrics import calibration, classification, coverage, discrimination, multiclass, overlap
from suwen.metrics.intervals import Metric, remembered

HEADLINE = ("auroc", "accuracy", "f1", "ece")
MAJORITY = "majority class"
OF_CLASSES = "_of_classes"
_BOTH = np.arange(2)
SPECIFICITY = 0.90
"""At this specificity the sensitivity to the gravest class is measured."""


def _ranking(rows: Answered, scores: Array) -> dict[str, Metric]:
    truth = rows.truth
    areas = remembered(lambda w: multiclass.each(discrimination.auroc, truth, scores, w))
    found: dict[str, Metric] = {
        "auroc": lambda w: areas(w).mean(-1),
        "auprc": lambda w: multiclass.macro(discrimination.auprc, truth, scores, w),
    }
    for place, k in enumerate(multiclass.present(truth)):
        found[f"auroc_{rows.classes[k]}"] = partial(_entry, areas, place)
    return found


def _entry(areas: Metric, place: int, weights: Array | None) -> Array:
    return np.asarray(areas(weights)[..., place])


def _gravest(rows: Answered, scores: Array) -> dict[str, Metric]:
    """Return how many of the gravest class are found at 90 % specificity, against the rest."""
    if rows.watched is None:
        return {}
    truth, score = rows.truth == rows.watched, scores[:, rows.watched]
    return {
        "sensitivity_at_90_specificity": lambda w: discrimination.sensitivity_at_specificity(
            truth, score, SPECIFICITY, w
        )
    }


def _any(rows: Answered, scores: Array) -> dict[str, Metric]:
    return {"auroc_any": lambda w: discrimination.auroc(rows.truth > 0, scores, w)}


def _called(rows: Answered, cells: Metric) -> dict[str, Metric]:
    """Return what follows from the confusion table over all classes."""
    there = multiclass.present(rows.truth)
    return {
        "accuracy": lambda w: classification.accuracy(cells(w)),
        "balanced_accuracy": lambda w: classification.balanced_accuracy(cells(w), there),
        "f1": lambda w: classification.macro(classification.f1(cells(w)), there),
        "precision": lambda w: classification.macro(classification.precision(cells(w)), there),
        "recall": lambda w: classification.macro(classification.recall(cells(w)), there),
        "cohen_kappa": lambda w: classification.cohen_kappa(cells(w)),
        "mcc": lambda w: classification.mcc(cells(w)),
    } | {key: partial(_figure, figure, cells) for key, figure in rows.figures.items()}


def _figure(figure: Callable[[Array], Array], cells: Metric, weights: Array | None) -> Array:
    return figure(cells(weights))


def _by_class(rows: Answered, cells: Metric) -> dict[str, Metric]:
    measures = {
        "f1": classification.f1,
        "precision": classification.precision,
        "recall": classification.recall,
    }
    return {
        f"{name}_{rows.classes[k]}": partial(_one_of, measure, cells, int(k))
        for name, measure in measures.items()
        for k in multiclass.present(rows.truth)
    }


def _one_of(
    measure: Callable[[Array], Array], cells: Metric, number: int, weights: Array | None
) -> Array:
    return np.asarray(measure(cells(weights))[..., number])


def _cells(rows: Answered, called: Array) -> Metric:
    """Return the confusion table under weights."""
    return remembered(lambda w: classification.table(rows.truth, called, len(rows.classes), w))


def metrics(rows: Answered) -> dict[str, Metric]:
    """Return every metric, with its samples bound."""
    truth, answer = rows.truth, rows.answer
    cells = _cells(rows, rows.called)
    found = _ranking(rows, rows.order) | _any(rows, 1 - rows.order[:, 0])
    found |= _gravest(rows, rows.order) | _called(rows, cells) | _by_class(rows, cells)
    found |= {
        "ece": lambda w: multiclass.ece(truth, answer, w),
        "ece_class_wise": lambda w: multiclass.ece_class_wise(truth, answer, w),
        "brier": lambda w: multiclass.brier(truth, answer, w),
        "log_loss": lambda w: multiclass.log_loss(truth, answer, w),
    }
    if rows.whole:
        found = _as_a_whole(rows, found)
    if isinstance(cuts := rows.thresholds, ClassThresholds):
        grey = np.array([cuts.band(row)[1] is Band.GREY for row in answer]) | rows.unsettled
        found["grey_share"] = lambda w: overlap.mean(grey, w)
    if rows.low is not None and rows.high is not None:
        found |= _intervals(rows, rows.low, rows.high)
    return found


def _as_a_whole(rows: Answered, found: dict[str, Metric]) -> dict[str, Metric]:
    """Return the metrics of anything but the first class, before those of the classes."""
    truth, anything = rows.truth > 0, 1 - rows.answer[:, 0]
    own = _ranked_as_a_whole(rows, 1 - rows.order[:, 0]) | _called_as_a_whole(rows, rows.called)
    own |= {
        "ece": lambda w: calibration.ece(truth, anything, w),
        "brier": lambda w: calibration.brier(truth, anything, w),
        "log_loss": lambda w: calibration.log_loss(truth, anything, w),
    }
    return _renamed(found, own)


def _renamed(found: dict[str, Metric], own: dict[str, Metric]) -> dict[str, Metric]:
    """Return both; where a key stands in both, that of the classes gets its ending."""
    others = {key: metric for key, metric in found.items() if key != "auroc_any"}
    return own | {key + OF_CLASSES if key in own else key: m for key, m in others.items()}


def _ranked_as_a_whole(rows: Answered, scores: Array) -> dict[str, Metric]:
    truth = rows.truth > 0
    return {
        "auroc": lambda w: discrimination.auroc(truth, scores, w),
        "auprc": lambda w: discrimination.auprc(truth, scores, w),
    }


def _called_as_a_whole(rows: Answered, called: Array) -> dict[str, Metric]:
    truth, found = rows.truth > 0, called > 0
    cells = remembered(lambda w: classification.table(truth, found, 2, w))
    return {
        "accuracy": lambda w: classification.accuracy(cells(w)),
        "balanced_accuracy": lambda w: classification.balanced_accuracy(cells(w), _BOTH),
        "sensitivity": lambda w: np.asarray(classification.recall(cells(w))[..., 1]),
        "specificity": lambda w: np.asarray(classification.recall(cells(w))[..., 0]),
        "f1": lambda w: np.asarray(classification.f1(cells(w))[..., 1]),
        "precision": lambda w: np.asarray(classification.precision(cells(w))[..., 1]),
    }


def _intervals(rows: Answered, low: Array, high: Array) -> dict[str, Metric]:
    def held(lower: Array, upper: Array, weights: Array | None) -> Array:
        each = [
            coverage.frequency_coverage(
                rows.truth == k, rows.answer[:, k], (lower[:, k], upper[:, k]), rows.groups, weights
            )
            for k in range(len(rows.classes))
        ]
        return np.asarray(np.mean(each, axis=0))[()]

    return {
        "interval_width": lambda w: overlap.mean((high - low).mean(1), w),
        "interval_coverage_with_noise": partial(held, low, high),
        "coverage_by_noise_alone": partial(held, rows.answer, rows.answer),
    }


def floor_metrics(rows: Answered, scores: Array) -> dict[str, Metric]:
    """Return the metrics of a floor: of its ranking, of its calls, or of both.

    Whole numbers (n,) are classes called; other numbers (n,) rank anything but the first class;
    (n, K) are one score a class.
    """
    if rows.whole:
        return _whole_floor(rows, scores)
    if scores.ndim == 2:
        found = _ranking(rows, scores) | _gravest(rows, scores)
        return found | _called(rows, _cells(rows, scores.argmax(1)))
    if np.issubdtype(scores.dtype, np.integer):
        return _called(rows, _cells(rows, scores))
    return _any(rows, scores)


def _whole_floor(rows: Answered, scores: Array) -> dict[str, Metric]:
    if scores.ndim == 2:
        called = scores.argmax(1)
        found = _ranking(rows, scores) | _called(rows, _cells(rows, called))
        own = _ranked_as_a_whole(rows, 1 - scores[:, 0]) | _called_as_a_whole(rows, called)
        return _renamed(found, own)
    if np.issubdtype(scores.dtype, np.integer):
        return _renamed(_called(rows, _cells(rows, scores)), _called_as_a_whole(rows, scores))
    return _ranked_as_a_whole(rows, scores)


def majority(rows: Answered) -> Array:
    """Return the class that was most frequent in development, for every sample (n,)."""
    return np.full(len(rows.truth), int(np.argmax(rows.shares)))
