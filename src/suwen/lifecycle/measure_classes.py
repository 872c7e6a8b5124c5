"""Figures of merit of an answer of three and more classes.

The class called is the most probable one. `auroc`, `auprc`, `f1`, `precision` and `recall` are
plain means over the classes, each against the rest; with a class's short name behind them they are
that class's own. `auroc_any` tells anything else from the first class.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from suwen.core.nouns import Band
from suwen.lifecycle.answered import Answered
from suwen.lifecycle.bands_classes import ClassThresholds
from suwen.lifecycle.task import Array
from suwen.metrics import classification, coverage, discrimination, multiclass, overlap
from suwen.metrics.intervals import Metric, remembered

HEADLINE = ("auroc", "accuracy", "f1", "ece")
MAJORITY = "majority class"


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
    }


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
    cells = _cells(rows, answer.argmax(1))
    found = _ranking(rows, rows.order) | _any(rows, 1 - rows.order[:, 0])
    found |= _called(rows, cells) | _by_class(rows, cells)
    found |= {
        "ece": lambda w: multiclass.ece(truth, answer, w),
        "ece_class_wise": lambda w: multiclass.ece_class_wise(truth, answer, w),
        "brier": lambda w: multiclass.brier(truth, answer, w),
        "log_loss": lambda w: multiclass.log_loss(truth, answer, w),
    }
    if isinstance(cuts := rows.thresholds, ClassThresholds):
        grey = np.array([cuts.band(row)[1] is Band.GREY for row in answer], dtype=float)
        found["grey_share"] = lambda w: overlap.mean(grey, w)
    if rows.low is not None and rows.high is not None:
        found |= _intervals(rows, rows.low, rows.high)
    return found


def _intervals(rows: Answered, low: Array, high: Array) -> dict[str, Metric]:
    def held(noise: bool, weights: Array | None) -> Array:
        each = [
            coverage.frequency_coverage(
                rows.truth == k, rows.answer[:, k], (low[:, k], high[:, k]), weights, noise
            )
            for k in range(len(rows.classes))
        ]
        return np.asarray(np.mean(each, axis=0))[()]

    return {
        "interval_width": lambda w: overlap.mean((high - low).mean(1), w),
        "interval_coverage": partial(held, False),
        "interval_coverage_with_noise": partial(held, True),
    }


def floor_metrics(rows: Answered, scores: Array) -> dict[str, Metric]:
    """Return the metrics of a floor: of its ranking, of its calls, or of both.

    Whole numbers (n,) are classes called; other numbers (n,) rank anything but the first class;
    (n, K) are one score a class.
    """
    if scores.ndim == 2:
        return _ranking(rows, scores) | _called(rows, _cells(rows, scores.argmax(1)))
    if np.issubdtype(scores.dtype, np.integer):
        return _called(rows, _cells(rows, scores))
    return _any(rows, scores)


def majority(rows: Answered) -> Array:
    """Return the class that was most frequent in development, for every sample (n,)."""
    return np.full(len(rows.truth), int(np.argmax(rows.shares)))
