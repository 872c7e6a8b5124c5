"""Figures of merit of an answer that is any number of places.

Sensitivity at given numbers of false alarms per sample, their mean over the seven rates of LUNA16
(CPM), how far the probability of a mark can be believed, and what the pack's own thresholds give.
Out of fold each fold is measured at the thresholds found without it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from suwen.core.errors import BadInput
from suwen.lifecycle.detected import Detected, truths
from suwen.lifecycle.examples import Array, Examples
from suwen.lifecycle.measure.answered import Answered
from suwen.lifecycle.task import Task
from suwen.metrics.calibration import BINS
from suwen.metrics.froc import RATES, Matched
from suwen.metrics.intervals import Metric, remembered

SIZES = (("< 6 mm", 0.0, 6.0), ("6 to 10 mm", 6.0, 10.0 + 1e-9), ("> 10 mm", 10.0 + 1e-9, np.inf))
"""Strata of true places by diameter: name, from, below."""
ONE = 1.0
"""False alarms per sample of the headline."""


def key_of(rate: float) -> str:
    """Return the key of the sensitivity at a rate (`sensitivity_at_0_125fp`)."""
    return f"sensitivity_at_{rate:g}fp".replace(".", "_")


HEADLINE = (key_of(ONE), "cpm", "ece")


def check(task: Task, examples: Examples) -> None:
    """Check, before anything is trained, that places can be measured beside their floors.

    Raises
    ------
    BadInput
        True places are missing or misshapen, none counts, or a floor stands where it is not read.
    """
    if not any((places[:, -1] == 1).any() for places in truths(examples) if len(places)):
        raise BadInput(f"{task.name} has no true place that counts", "some", "add examples")
    if examples.floors:
        raise BadInput(
            f"{task.name} has the floors {sorted(examples.floors)} as columns",
            "for places: what a trivial method marks",
            "give `Examples.floor_marks`",
        )


def ranking(found: Matched) -> dict[str, Metric]:
    """Return the metrics that need an order of marks only, so that floors have them too."""
    at = remembered(lambda w: found.sensitivities(RATES, w))
    metrics: dict[str, Metric] = {
        key_of(rate): lambda w, k=k: at(w)[..., k]  # type: ignore[misc]
        for k, rate in enumerate(RATES)
    }
    return metrics | {"cpm": lambda w: at(w).mean(-1)}


def detected_of(rows: Answered) -> Detected:
    """Return the marks of rows that answer with places."""
    if rows.detected is None:
        raise TypeError(f"rows of kind {rows.kind} have no marks")
    return rows.detected


def metrics(rows: Answered) -> dict[str, Metric]:
    """Return every metric, with its samples bound."""
    marked = detected_of(rows)
    found = marked.matched
    shown = found.score >= marked.operating[found.mark_sample]
    every = np.ones(len(shown), dtype=bool)
    return ranking(found) | {
        "ece": calibration_error(marked, every),
        "ece_shown": calibration_error(marked, shown),
        "sensitivity": lambda w: found.found_at(marked.operating, w),
        "false_alarms": lambda w: found.alarms_at(marked.operating, w),
        "sensitivity_at_rule_in": lambda w: found.found_at(marked.rule_in, w),
        "false_alarms_at_rule_in": lambda w: found.alarms_at(marked.rule_in, w),
    }


def calibration_error(marked: Detected, chosen: Array) -> Metric:
    """Return the expected calibration error of the chosen marks, with weights of samples.

    The same as `calibration.ece` with each mark weighed as its sample, from sums by sample and bin:
    there are many more marks than samples.
    """
    found, probability = marked.matched, marked.probability[chosen]
    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    gaps, counts = np.zeros((found.samples, BINS)), np.zeros(found.samples)
    np.add.at(gaps, (found.mark_sample[chosen], bins), probability - found.true[chosen])
    np.add.at(counts, found.mark_sample[chosen], 1.0)

    def error(weights: Array | None) -> Array:
        weighed = np.ones(found.samples) if weights is None else weights
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.abs(weighed @ gaps).sum(-1) / (weighed @ counts))[()]

    return error


def by_size(rows: Answered) -> dict[str, tuple[dict[str, Any], dict[str, Metric]]]:
    """Return, for each stratum of true places, their count and patients, and the sensitivity.

    The threshold is the one that gives one false alarm per sample over all samples: false alarms
    have no true size.
    """
    found = detected_of(rows).matched
    made: dict[str, tuple[dict[str, Any], dict[str, Metric]]] = {}
    for name, low, high in SIZES:
        of = (found.diameter >= low) & (found.diameter < high)
        count = {
            "n": int(of.sum()),
            "groups": len(np.unique(rows.groups[found.place_sample[of]])),
        }
        made[name] = (count, {key_of(ONE): _within(found, of)})
    return made


def _within(found: Matched, of: Array) -> Metric:
    return lambda weights: found.sensitivities([ONE], weights, of)[..., 0]
