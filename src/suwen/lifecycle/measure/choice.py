"""Figures of merit of an answer of two classes.

`event1` is the smaller of sensitivity and precision, and `hosmer_lemeshow` is for its range, as
in the PhysioNet/CinC Challenge 2012.

Accuracy, sensitivity, F1 and the like are those at the operating point, which stands among them;
out of fold each fold has its own, found without it, and the interval of `operating_point` spans
them.
"""

from __future__ import annotations

import numpy as np

from suwen.lifecycle.calibration.bands import Thresholds
from suwen.lifecycle.examples import Array
from suwen.lifecycle.measure.answered import Answered
from suwen.metrics import calibration, classification, coverage, discrimination, overlap
from suwen.metrics.intervals import Metric, remembered

SIZE = "diameter_mm"
"""Column whose presence adds the size-matched AUROC."""
HEADLINE = ("auroc", "size_matched_auroc", "accuracy", "ece")
BOTH = np.array([0, 1])


def ranking(rows: Answered, scores: Array) -> dict[str, Metric]:
    """Return the metrics that need an order only, so that floors have them too."""
    found: dict[str, Metric] = {
        "auroc": lambda w: discrimination.auroc(rows.truth, scores, w),
        "auprc": lambda w: discrimination.auprc(rows.truth, scores, w),
    }
    if SIZE in rows.columns:
        sizes = rows.columns[SIZE]
        found["size_matched_auroc"] = lambda w: discrimination.size_matched_auroc(
            rows.truth, scores, sizes, w
        )
    return found


def _at(rows: Answered, threshold: float | Array, suffix: str) -> dict[str, Metric]:
    return {
        f"sensitivity{suffix}": lambda w: discrimination.sensitivity(
            rows.truth, rows.answer, threshold, w
        ),
        f"specificity{suffix}": lambda w: discrimination.specificity(
            rows.truth, rows.answer, threshold, w
        ),
    }


def _called(rows: Answered) -> dict[str, Metric]:
    """Return what follows from the confusion table at the operating point."""
    called = rows.answer >= rows.operating_points
    cells = remembered(lambda w: classification.table(rows.truth, called, 2, w))
    return {
        "f1": lambda w: classification.f1(cells(w))[..., 1],
        "precision": lambda w: classification.precision(cells(w))[..., 1],
        "recall": lambda w: classification.recall(cells(w))[..., 1],
        "balanced_accuracy": lambda w: classification.balanced_accuracy(cells(w), BOTH),
        "mcc": lambda w: classification.mcc(cells(w)),
        "event1": lambda w: np.minimum(
            classification.precision(cells(w))[..., 1], classification.recall(cells(w))[..., 1]
        ),
    }


def metrics(rows: Answered) -> dict[str, Metric]:
    """Return every metric, with its samples bound."""
    truth, answer, point = rows.truth, rows.answer, rows.operating_points
    found = ranking(rows, rows.order) | {
        "accuracy": lambda w: discrimination.accuracy(truth, answer, point, w),
        "ece": lambda w: calibration.ece(truth, answer, w),
        "ece_equal_mass": lambda w: calibration.ece_equal_mass(truth, answer, w),
        "hosmer_lemeshow": lambda w: calibration.hosmer_lemeshow(truth, answer, w),
        "brier": lambda w: calibration.brier(truth, answer, w),
        "log_loss": lambda w: calibration.log_loss(truth, answer, w),
    }
    found |= _at(rows, point, "") | _called(rows)
    if isinstance(cuts := rows.thresholds, Thresholds):
        found |= _at(rows, cuts.rule_in, "_at_rule_in") | _at(rows, cuts.rule_out, "_at_rule_out")
        grey = (answer < cuts.rule_in) & (answer >= cuts.rule_out) | rows.unsettled
        found["grey_share"] = lambda w: overlap.mean(grey, w)
    if rows.low is not None and rows.high is not None:
        found |= _intervals(rows, (rows.low, rows.high))
    return found


def _intervals(rows: Answered, limits: tuple[Array, Array]) -> dict[str, Metric]:
    """Return what the intervals shown with the probabilities are worth."""
    truth, answer, groups = rows.truth, rows.answer, rows.groups
    return {
        "interval_width": lambda w: overlap.mean(limits[1] - limits[0], w),
        "interval_coverage_with_noise": lambda w: coverage.frequency_coverage(
            truth, answer, limits, groups, w
        ),
        "coverage_by_noise_alone": lambda w: coverage.frequency_coverage(
            truth, answer, (answer, answer), groups, w
        ),
    }


def fixed(rows: Answered) -> dict[str, tuple[float, float, float]]:
    """Return what is stated and not estimated: the operating point with the span over folds."""
    points = rows.operating_points
    cuts = rows.thresholds
    value = cuts.operating_point if isinstance(cuts, Thresholds) else float(points[0])
    span = [value, *points.tolist()]
    return {"operating_point": (value, min(span), max(span))}
