"""Figures of merit for every kind of answer, each with its interval, its floors beside it.

Intervals are 95 % percentile intervals over 2,000 resamples of whole groups (patients); those of
calibration errors are centred (see `metrics.intervals`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from suwen.core.errors import BadInput
from suwen.lifecycle.bands import Thresholds
from suwen.lifecycle.predictions import Predictions
from suwen.lifecycle.task import Array, Choice, Examples, Task
from suwen.metrics import calibration, discrimination, overlap
from suwen.metrics.intervals import Estimate, Metric, estimate, paired_difference

SIZE = "diameter_mm"
"""Column whose presence adds the size-matched AUROC."""
OPERATING_POINT = 0.5
CENTRED = ("ece", "ece_equal_mass")
LEAST = 20
"""Subgroups with fewer samples are counted but not measured."""
MOST_VALUES = 8
"""A numeric column with at most this many distinct values is a subgroup column."""
RESAMPLES = 2000


@dataclass(frozen=True)
class Answered:
    """Examples with their answers, ready to be measured.

    `answer` is a calibrated probability (choice), a value, or a Dice coefficient (mask); `truth`
    the class, the value, or NaN; all columns have shape (n,). `order` is what ranking metrics rank:
    for choices the mean logit before calibration. The intercept of a calibrator fitted without a
    fold falls as that fold's share of positives rises, so that pooled out-of-fold probabilities
    rank worse than the model does (Parker et al., BMC Bioinformatics 8:326, 2007).
    """

    kind: str
    truth: Array
    answer: Array
    order: Array
    groups: Array
    columns: Mapping[str, Array]
    floors: Mapping[str, Array]
    volume_error: Array
    abstained: Array
    thresholds: Thresholds | None = None

    def where(self, keep: Array) -> Answered:
        """Return the rows where `keep` holds."""
        return replace(
            self,
            truth=self.truth[keep],
            answer=self.answer[keep],
            order=self.order[keep],
            groups=self.groups[keep],
            columns={name: column[keep] for name, column in self.columns.items()},
            floors={name: scores[keep] for name, scores in self.floors.items()},
            volume_error=self.volume_error[keep],
            abstained=self.abstained[keep],
        )


def answered(
    task: Task,
    examples: Examples,
    predictions: Predictions,
    answer: Array,
    thresholds: Thresholds | None = None,
) -> Answered:
    """Join examples with their predictions; `answer` (n,) is read for choices and values."""
    mask = task.answers.kind == "mask"
    count = len(examples)
    values = predictions.dice if mask else np.asarray(answer, dtype=float)
    choice = task.answers.kind == "choice"
    return Answered(
        kind=task.answers.kind,
        truth=np.full(count, np.nan) if mask else np.asarray(examples.labels, dtype=float),
        answer=values,
        order=predictions.scores.mean(axis=1) if choice else values,
        groups=examples.groups,
        columns=examples.columns,
        floors=examples.floors,
        volume_error=predictions.volume_error,
        abstained=np.zeros(count, dtype=bool),
        thresholds=thresholds,
    )


def check_examples(task: Task, examples: Examples) -> None:
    """Check, before anything is trained, that the answers can be measured beside their floors.

    Raises
    ------
    BadInput
        There are more than two classes or one has no example; a floor is not finite, or for masks
        no Dice coefficient.
    """
    if isinstance(task.answers, Choice):
        found = sorted(set(np.asarray(examples.labels).tolist()))
        if len(task.answers.classes) != 2 or found != [0, 1]:
            raise BadInput(
                f"{task.name} has {len(task.answers.classes)} classes and the labels {found}",
                "two classes, labelled 0 and 1, with examples of both",
                "ask one question a class",
            )
    for name, scores in examples.floors.items():
        values = np.asarray(scores, dtype=float)
        if task.answers.kind == "mask" and not ((values >= 0) & (values <= 1)).all():
            raise BadInput(
                f"the floor {name!r} of {task.name} is no Dice coefficient",
                "for masks: the Dice coefficient of a trivial mask, one a sample",
                "give `Examples.floors` the overlap of a trivial method with the truth",
            )
        if not np.isfinite(values).all():
            raise BadInput(
                f"the floor {name!r} of {task.name} is not finite", "one number a sample"
            )


def with_abstained(rows: Answered, outside: Array) -> Answered:
    """Return the rows with what the guard would not answer marked; all rows stay measured."""
    return replace(rows, abstained=outside)


def _ranking(rows: Answered, scores: Array) -> dict[str, Metric]:
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


def _at(rows: Answered, threshold: float, suffix: str) -> dict[str, Metric]:
    return {
        f"sensitivity{suffix}": lambda w: discrimination.sensitivity(
            rows.truth, rows.answer, threshold, w
        ),
        f"specificity{suffix}": lambda w: discrimination.specificity(
            rows.truth, rows.answer, threshold, w
        ),
    }


def _choice(rows: Answered) -> dict[str, Metric]:
    truth, answer = rows.truth, rows.answer
    found = _ranking(rows, rows.order) | {
        "accuracy": lambda w: discrimination.accuracy(truth, answer, OPERATING_POINT, w),
        "ece": lambda w: calibration.ece(truth, answer, w),
        "ece_equal_mass": lambda w: calibration.ece_equal_mass(truth, answer, w),
        "brier": lambda w: calibration.brier(truth, answer, w),
        "log_loss": lambda w: calibration.log_loss(truth, answer, w),
    }
    found |= _at(rows, OPERATING_POINT, "")
    if (cuts := rows.thresholds) is not None:
        found |= _at(rows, cuts.rule_in, "_at_rule_in") | _at(rows, cuts.rule_out, "_at_rule_out")
        grey = (answer < cuts.rule_in) & (answer >= cuts.rule_out)
        found["grey_share"] = lambda w: overlap.mean(grey, w)
    return found


def metrics_of(rows: Answered) -> dict[str, Metric]:
    """Return every metric of this kind of answer, with its samples bound."""
    found: dict[str, Metric]
    if rows.kind == "choice":
        found = _choice(rows)
    elif rows.kind == "mask":
        found = {
            "dice": lambda w: overlap.mean(rows.answer, w),
            "volume_error": lambda w: overlap.mean(rows.volume_error, w),
            "absolute_volume_error": lambda w: overlap.mean(np.abs(rows.volume_error), w),
        }
    else:
        found = {
            "rmse": lambda w: overlap.rmse(rows.truth, rows.answer, w),
            "mae": lambda w: overlap.mae(rows.truth, rows.answer, w),
        }
    found["abstained"] = lambda w: overlap.mean(rows.abstained, w)
    return found


def _floor_metrics(rows: Answered, scores: Array) -> dict[str, Metric]:
    if rows.kind == "choice":
        return _ranking(rows, scores)
    if rows.kind == "mask":
        return {"dice": lambda w: overlap.mean(scores, w)}
    return {
        "rmse": lambda w: overlap.rmse(rows.truth, scores, w),
        "mae": lambda w: overlap.mae(rows.truth, scores, w),
    }


def as_json(found: Estimate) -> dict[str, float | None]:
    """Return value, low and high, null where not defined."""
    return {
        "value": None if math.isnan(found.value) else found.value,
        "low": None if math.isnan(found.low) else found.low,
        "high": None if math.isnan(found.high) else found.high,
    }


def _estimated(
    metrics: Mapping[str, Metric], groups: Array, resamples: int
) -> dict[str, dict[str, float | None]]:
    return {
        name: as_json(
            estimate(
                metric,
                groups,
                resamples=resamples,
                centred=name in CENTRED,
                floor=0.0 if name in CENTRED else -np.inf,
            )
        )
        for name, metric in metrics.items()
    }


def floors_of(rows: Answered, resamples: int = RESAMPLES) -> dict[str, Any]:
    """Return each floor's metrics and the paired gain of the answer over it.

    A gain is positive when the answer is better, for errors (rmse, mae) too.
    """
    own = metrics_of(rows)
    found = {}
    for name, scores in rows.floors.items():
        metrics = _floor_metrics(rows, scores)
        table = _estimated(metrics, rows.groups, resamples)
        for key, metric in metrics.items():
            pair = (own[key], metric) if key not in ("rmse", "mae") else (metric, own[key])
            gain = paired_difference(*pair, rows.groups, resamples=resamples)
            table[f"gain_{key}"] = as_json(gain)
        found[name] = table
    return found


def subgroups_of(
    rows: Answered,
    exclusions: Mapping[str, Array] | None = None,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Return the metrics within each value of each categorical column, and without each exclusion.

    `exclusions` names rows to leave out (`without rating 3`: rows to drop are True); there the
    floors stand beside again.
    """
    headline = {"choice": ("auroc", "size_matched_auroc", "accuracy", "ece"), "mask": ("dice",)}
    wanted = headline.get(rows.kind, ("rmse", "mae"))
    parts: dict[str, dict[str, Array]] = {}
    for name, column in rows.columns.items():
        values = np.unique(column)
        numeric = np.issubdtype(column.dtype, np.number)
        if 2 <= len(values) <= MOST_VALUES or (not numeric and 2 <= len(values) <= 20):
            parts[name] = {str(value): column == value for value in values}
    if exclusions:
        parts["without"] = {name: ~np.asarray(drop) for name, drop in exclusions.items()}
    found: dict[str, Any] = {}
    for name, members in parts.items():
        found[name] = {}
        for value, keep in members.items():
            inside = rows.where(keep)
            entry: dict[str, Any] = {"n": int(keep.sum()), "groups": len(np.unique(inside.groups))}
            if entry["n"] >= LEAST:
                chosen = {k: m for k, m in metrics_of(inside).items() if k in wanted}
                entry |= _estimated(chosen, inside.groups, resamples)
                if name == "without":
                    entry["floor"] = floors_of(inside, resamples)
            found[name][value] = entry
    return found


def results(
    rows: Answered,
    exclusions: Mapping[str, Array] | None = None,
    resamples: int = RESAMPLES,
    step: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Return `n`, `groups`, `metrics`, `floor` and `subgroups` as plain values."""
    found = {
        "n": len(rows.truth),
        "groups": len(np.unique(rows.groups)),
        "metrics": _estimated(metrics_of(rows), rows.groups, resamples),
    }
    step()
    found["floor"] = floors_of(rows, resamples)
    step()
    found["subgroups"] = subgroups_of(rows, exclusions, resamples)
    step()
    return found
