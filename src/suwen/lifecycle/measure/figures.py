"""Figures of merit for every kind of answer, each with its interval, its floors beside it.

Intervals are 95 % percentile intervals over 2,000 resamples (500 of very many samples) of whole
groups (patients); those of calibration errors are centred (see `metrics.intervals`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from suwen.core.errors import BadInput
from suwen.lifecycle.examples import NOT_RECORDED, Array, Examples
from suwen.lifecycle.kinds import Choice
from suwen.lifecycle.measure import calculated, choice, places, ranked, sets, spans
from suwen.lifecycle.measure import classes as measure_classes
from suwen.lifecycle.measure import values as measure_values
from suwen.lifecycle.measure.answered import Answered
from suwen.lifecycle.task import Task
from suwen.metrics import overlap
from suwen.metrics.intervals import Estimate, Metric, difference, estimates, remembered

SHARE = (0.0, 1.0)
CENTRED = {
    "ece": SHARE,
    "ece_shown": SHARE,
    "ece_equal_mass": SHARE,
    "ece_class_wise": SHARE,
    "ece_of_classes": SHARE,
    "hosmer_lemeshow": (0.0, math.inf),
    "interval_coverage_with_noise": SHARE,
    "coverage_by_noise_alone": SHARE,
}
"""Metrics that resampling shifts, with the smallest and largest value they can have."""
ERRORS = ("rmse", "mae")
LEAST = 20
"""Subgroups with fewer samples are counted but not measured."""
MOST_VALUES = 8
"""A numeric column with at most this many distinct values is a subgroup column."""
RESAMPLES = 2000
MANY, FEWER = 20_000, 500
"""With more samples than this (heart beats, minutes of glucose), that many resamples are made."""


def check_examples(task: Task, examples: Examples) -> None:
    """Check, before anything is trained, that the answers can be measured beside their floors.

    Raises
    ------
    BadInput
        A class has no example or a label is no class; a floor has no fitting shape, is not finite,
        or for masks is no Dice coefficient; true places are missing or misshapen.
    """
    if task.answers.kind == "places":
        places.check(task, examples)
    classes = len(task.answers.classes) if isinstance(task.answers, Choice) else 0
    if classes:
        found = sorted(set(np.asarray(examples.labels).tolist()))
        wanted = [k for k in range(classes) if k not in examples.lacks]
        if len(wanted) < 2 or found != wanted:
            raise BadInput(
                f"{task.name} has {classes} classes and the labels {found}",
                "two classes or more, labelled from 0, with examples of each",
                "correct `answers` or the labels of `examples`",
            )
    for name, scores in examples.floors.items():
        _check_floor(task, classes, name, np.asarray(scores))


def _check_floor(task: Task, classes: int, name: str, scores: Array) -> None:
    values = scores.astype(float)
    if task.answers.kind == "mask" and not ((values >= 0) & (values <= 1)).all():
        raise BadInput(
            f"the floor {name!r} of {task.name} is no Dice coefficient",
            "for masks: the Dice coefficient of a trivial mask, one a sample",
            "give `Examples.floors` the overlap of a trivial method with the truth",
        )
    if not np.isfinite(values).all():
        raise BadInput(f"the floor {name!r} of {task.name} is not finite", "one number a sample")
    by_class = classes > 2 and scores.shape[1:] == (classes,)
    numbered = classes > 2 and scores.ndim == 1 and np.issubdtype(scores.dtype, np.integer)
    if not (scores.ndim == 1 or by_class) or (
        numbered and not 0 <= scores.min() <= scores.max() < classes
    ):
        raise BadInput(
            f"the floor {name!r} of {task.name} has the shape {scores.shape}",
            "one score a sample; with more than two classes also one a class, or a class number",
            "see `Examples.floors`",
        )


def check_folds(task: Task, examples: Examples, fold: Array) -> None:
    """Check that every class is left when any fold is held out.

    Raises
    ------
    BadInput
        One is not: calibrator and thresholds of that fold could not be fitted.
    """
    if not isinstance(task.answers, Choice):
        return
    labels = np.asarray(examples.labels, dtype=int)
    for k in np.unique(fold):
        missing = set(range(len(task.answers.classes))) - set(labels[fold != k].tolist())
        missing -= set(examples.lacks)
        if missing:
            names = [task.answers.classes[number].name.en for number in sorted(missing)]
            raise BadInput(
                f"all examples of {', '.join(names)} belong to the groups of fold {k}",
                "examples of each class in at least two folds",
                "add examples, or train with another number of folds",
            )


def metrics_of(rows: Answered) -> dict[str, Metric]:
    """Return every metric of this kind of answer, with its samples bound."""
    if rows.kind == "mask":
        found = measure_values.mask_metrics(rows)
    elif rows.kind == "value":
        found = measure_values.metrics(rows)
    elif rows.kind == "places":
        found = places.metrics(rows)
    elif rows.kind == "spans":
        found = spans.metrics(rows)
    elif rows.kind == "ranked":
        found = ranked.metrics(rows)
    elif rows.kind == "calculated":
        found = calculated.metrics(rows)
    else:
        found = (measure_classes if rows.many else choice).metrics(rows)
        if rows.possible is not None:
            found |= sets.metrics(rows, rows.possible)
    found |= {key: partial(_ratio, *columns) for key, columns in rows.ratios.items()}
    return found | {"abstained": lambda w: overlap.mean(rows.abstained, w)}


def _ratio(counted: Array, out_of: Array, weights: Array | None) -> Array:
    """Return the sum of what counts over that of all there is, each sample by its weight."""
    if weights is None:
        return np.asarray(counted.sum() / out_of.sum())
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((weights @ counted) / (weights @ out_of))


def _floor_metrics(rows: Answered, scores: Any) -> dict[str, Metric]:
    if rows.kind == "places":
        return places.ranking(scores)
    if rows.kind == "spans":
        return spans.ranking(scores)
    if rows.kind == "ranked":
        return ranked.ranking(scores)
    if rows.kind == "calculated":
        return calculated.share(scores)
    if rows.kind == "mask":
        return measure_values.mask_floor(rows, scores)
    if rows.kind == "value":
        return measure_values.errors(rows, scores)
    if scores.dtype == np.bool_ and scores.ndim == 2:
        return sets.floor_metrics(rows, scores)
    if rows.many:
        return measure_classes.floor_metrics(rows, scores)
    return choice.ranking(rows, scores)


def headline(rows: Answered) -> tuple[str, ...]:
    """Return the metrics that subgroups and robustness cards show."""
    if rows.kind == "mask":
        return measure_values.MASK_HEADLINE
    if rows.kind == "value":
        return measure_values.headline(rows)
    if rows.kind == "places":
        return places.HEADLINE
    if rows.kind == "spans":
        return spans.HEADLINE
    if rows.kind == "ranked":
        return ranked.HEADLINE
    if rows.kind == "calculated":
        return calculated.HEADLINE
    return measure_classes.HEADLINE if rows.many else choice.HEADLINE


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
    found = estimates(metrics, groups, resamples=resamples, centred=CENTRED)
    return {name: as_json(each) for name, each in found.items()}


def _stated(rows: Answered) -> dict[str, dict[str, float | None]]:
    """Return what stands among the metrics and is not resampled."""
    if rows.kind == "calculated":
        told = calculated.stated(rows)
        return {name: as_json(Estimate(*ends)) for name, ends in told.items()}
    if rows.kind != "choice" or rows.many:
        return {}
    fixed = choice.fixed(rows)
    return {name: as_json(Estimate(value, low, high)) for name, (value, low, high) in fixed.items()}


def floors_of(rows: Answered, resamples: int = RESAMPLES) -> dict[str, Any]:
    """Return each floor's metrics and the paired gain of the answer over it.

    A gain is positive when the answer is better, for errors (rmse, mae) too.
    """
    own = {key: remembered(metric) for key, metric in metrics_of(rows).items()}
    trivial: dict[str, Any] = dict(rows.floors)
    if rows.detected is not None:
        trivial = dict(rows.detected.floors)
    if rows.spanned is not None:
        trivial = dict(rows.spanned.floors)
    if rows.many:
        trivial.setdefault(measure_classes.MAJORITY, measure_classes.majority(rows))
    trivial |= sets.floors(rows)
    asked: dict[tuple[str, str], Metric] = {}
    for name, scores in trivial.items():
        floor = {key: remembered(metric) for key, metric in _floor_metrics(rows, scores).items()}
        asked |= {(name, key): metric for key, metric in floor.items()}
        for key, metric in floor.items():
            lower = key == sets.SIZE or key.partition("_")[0] in ERRORS
            pair = (metric, own[key]) if lower else (own[key], metric)
            asked[name, f"gain_{key}"] = difference(*pair)
    centred = {(name, key): ends for name in trivial for key, ends in CENTRED.items()}
    # All at once, so that what a gain needs is measured once on each resample.
    told = estimates(asked, rows.groups, resamples=resamples, centred=centred)
    found: dict[str, Any] = {name: {} for name in trivial}
    for (name, key), each in told.items():
        found[name][key] = as_json(each)
    return found


def subgroups_of(
    rows: Answered,
    exclusions: Mapping[str, Array] | None = None,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Return the metrics within each value of each categorical column, and without each exclusion.

    A group under `LEAST` samples is counted and marked `few`, not measured.

    `exclusions` names rows to leave out (`without rating 3`: rows to drop are True); there the
    floors stand beside again.
    """
    wanted = headline(rows)
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
            if entry["n"] < LEAST:
                entry["few"] = True
            else:
                chosen = {k: m for k, m in metrics_of(inside).items() if k in wanted}
                entry |= _estimated(chosen, inside.groups, resamples)
                if name == "without":
                    entry["floor"] = floors_of(inside, resamples)
            found[name][value] = entry
    return found | _sizes(rows, resamples)


def not_recorded(rows: Answered) -> list[str]:
    """Return the columns of which nothing is recorded in the whole data set."""
    return [name for name, column in rows.columns.items() if (column == NOT_RECORDED).all()]


def _sizes(rows: Answered, resamples: int) -> dict[str, Any]:
    """Return the strata of true places; their `n` counts places, not samples."""
    if rows.detected is None:
        return {}
    return {
        "true size": {
            name: count | (_estimated(found, rows.groups, resamples) if count["n"] >= LEAST else {})
            for name, (count, found) in places.by_size(rows).items()
        }
    }


def resamples_for(count: int) -> int:
    """Return how many resamples intervals of that many samples rest on."""
    return RESAMPLES if count <= MANY else FEWER


def results(
    rows: Answered,
    exclusions: Mapping[str, Array] | None = None,
    resamples: int | None = None,
    step: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Return `n`, `groups`, `metrics`, `floor`, `subgroups` and `not_recorded`, plain values."""
    resamples = resamples or resamples_for(len(rows.truth))
    found = {
        "n": len(rows.truth),
        "groups": len(np.unique(rows.groups)),
        "metrics": _estimated(metrics_of(rows), rows.groups, resamples) | _stated(rows),
    }
    step()
    found["floor"] = floors_of(rows, resamples)
    step()
    found["subgroups"] = subgroups_of(rows, exclusions, resamples)
    found["not_recorded"] = not_recorded(rows)
    step()
    return found
