"""What changed inputs do to the answers: the figures of a robustness card, by kind of answer.

Every figure stands on the same examples as the unchanged ones, so that changes are paired. What a
pack should do under a shift it cannot bear is abstain; so beside the figures over all examples
stand those among the answered, the share of abstentions, and the share that is *confidently
wrong*: answered, and worse than no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from suwen.core.nouns import Band
from suwen.lifecycle.calibration.bands import Thresholds
from suwen.lifecycle.calibration.bands_classes import ClassThresholds
from suwen.lifecycle.examples import Array
from suwen.lifecycle.measure import figures as measure
from suwen.lifecycle.measure import places as measure_places
from suwen.lifecycle.measure.answered import Answered
from suwen.metrics import overlap
from suwen.metrics.intervals import Metric, difference, estimates

LOST_DICE = 0.1
"""A mask counts as another one when its Dice falls by more than this."""
POOR_DICE = 0.5
"""A mask with a smaller Dice is worse than none."""
LOST_F1, POOR_F1 = 0.1, 0.5
"""The same for the stretches of a text."""


@dataclass(frozen=True)
class Judge:
    """How one kind of answer is judged under a change.

    Parameters
    ----------
    more
        Metrics beside the kind's headline.
    wrong, flipped
        Return one bool a row: worse than no answer; another conclusion than without the change.
    wrong_when, flipped_when
        The same in words.
    """

    more: tuple[str, ...]
    wrong: Callable[[Answered], Array]
    wrong_when: str
    flipped: Callable[[Answered, Answered], Array]
    flipped_when: str


def bands_of(rows: Answered) -> Array:
    """Return the decision band of each answer as text, with the class named when there are many."""
    cuts = rows.thresholds
    grey = rows.unsettled
    if isinstance(cuts, ClassThresholds):
        named = [cuts.band(row) for row in rows.answer]
        return np.array(
            [
                f"{k} {Band.GREY if open_ else band}"
                for (k, band), open_ in zip(named, grey, strict=True)
            ]
        )
    if isinstance(cuts, Thresholds):
        return np.where(grey, str(Band.GREY), [str(cuts.band(float(p))) for p in rows.answer])
    return np.full(len(rows.truth), str(Band.GREY))


def _wrong_band(rows: Answered) -> Array:
    cuts = rows.thresholds
    if isinstance(cuts, ClassThresholds):
        named = [cuts.band(row) for row in rows.answer]
        sure = np.array([band is not Band.GREY for _, band in named]) & ~rows.unsettled
        return np.asarray(sure & (np.array([k for k, _ in named]) != rows.truth))
    bands = bands_of(rows)
    wrong = np.where(rows.truth == 1, str(Band.RULE_OUT), str(Band.RULE_IN))
    return np.asarray(bands == wrong)


def _outside(rows: Answered) -> Array:
    if rows.low is None or rows.high is None:
        return np.zeros(len(rows.truth), dtype=bool)
    return (rows.truth < rows.low) | (rows.truth > rows.high)


def _left_interval(clean: Answered, changed: Answered) -> Array:
    if clean.low is None or clean.high is None:
        return np.zeros(len(clean.truth), dtype=bool)
    return (changed.answer < clean.low) | (changed.answer > clean.high)


def _sure_alarm(rows: Answered) -> Array:
    """Return which samples have a mark in the band rule-in where there is no true place."""
    marked = measure_places.detected_of(rows)
    found = marked.matched
    wrong = (found.score >= marked.rule_in[found.mark_sample]) & ~found.true.astype(bool)
    return np.asarray(np.bincount(found.mark_sample[wrong], minlength=found.samples) > 0)


def _shown(rows: Answered) -> Array:
    """Return how many marks of each sample are shown."""
    marked = measure_places.detected_of(rows)
    found = marked.matched
    shown = found.score >= marked.operating[found.mark_sample]
    return np.bincount(found.mark_sample[shown], minlength=found.samples)


JUDGES: Mapping[str, Judge] = {
    "choice": Judge(
        ("sensitivity", "specificity"),
        _wrong_band,
        "in the wrong decision band (rule-in or rule-out)",
        lambda clean, changed: bands_of(clean) != bands_of(changed),
        "another decision band than without the change",
    ),
    "value": Judge(
        (),
        _outside,
        "true value outside its interval",
        _left_interval,
        "value outside the interval without the change",
    ),
    "mask": Judge(
        ("absolute_volume_error",),
        lambda rows: rows.answer < POOR_DICE,
        f"Dice below {POOR_DICE}",
        lambda clean, changed: changed.answer < clean.answer - LOST_DICE,
        f"Dice lower by more than {LOST_DICE}",
    ),
    "places": Judge(
        ("sensitivity", "false_alarms"),
        _sure_alarm,
        "a mark in the band rule-in where there is nothing",
        lambda clean, changed: _shown(clean) != _shown(changed),
        "another number of marks shown than without the change",
    ),
    "spans": Judge(
        ("macro_f1",),
        lambda rows: rows.answer < POOR_F1,
        f"F1 of a text below {POOR_F1}",
        lambda clean, changed: changed.answer < clean.answer - LOST_F1,
        f"F1 of a text lower by more than {LOST_F1}",
    ),
    "ranked": Judge(
        (),
        lambda rows: rows.answer < 1.0,
        "a wrong code first",
        lambda clean, changed: (changed.answer < 1.0) != (clean.answer < 1.0),
        "right first with or without the change only",
    ),
    "calculated": Judge(
        (),
        lambda rows: rows.answer < 1.0,
        "another answer than the reference",
        lambda clean, changed: changed.answer != clean.answer,
        "agrees with or without the change only",
    ),
}
"""One entry a kind of answer."""


def headline(rows: Answered) -> tuple[str, ...]:
    """Return the metrics a robustness card shows for this kind of answer, the first one drawn."""
    wanted = (*measure.headline(rows), *JUDGES[rows.kind].more)
    there = measure.metrics_of(rows)
    return tuple(
        name for name in there if name in wanted or (rows.kind == "value" and "coverage" in name)
    )


def _chosen(rows: Answered, names: tuple[str, ...]) -> dict[str, Metric]:
    return {name: metric for name, metric in measure.metrics_of(rows).items() if name in names}


def _estimated(metrics: Mapping[str, Metric], rows: Answered) -> dict[str, Any]:
    resamples = measure.resamples_for(len(rows.truth))
    found = estimates(metrics, rows.groups, resamples=resamples, centred=measure.CENTRED)
    return {name: measure.as_json(each) for name, each in found.items()}


def figures(rows: Answered) -> dict[str, Any]:
    """Return headline metrics of all rows and of the answered ones, abstentions, wrong answers."""
    names = headline(rows)
    wrong = JUDGES[rows.kind].wrong(rows) & ~rows.abstained
    shares: dict[str, Metric] = {
        "abstained": lambda w: overlap.mean(rows.abstained, w),
        "confidently_wrong": lambda w: overlap.mean(wrong, w),
    }
    inside = rows.where(~rows.abstained)
    enough = len(inside.truth) >= measure.LEAST
    return {
        "metrics": _estimated(_chosen(rows, names), rows),
        "n_answered": len(inside.truth),
        "among_answered": _estimated(_chosen(inside, names), inside) if enough else {},
        **_estimated(shares, rows),
    }


def compared(clean: Answered, changed: Answered) -> dict[str, Any]:
    """Return the `figures` of changed inputs with their paired change against the unchanged.

    Parameters
    ----------
    clean, changed
        The same examples in the same order, answered without and with the change.

    Returns
    -------
    dict
        `figures`, and `change` (changed - clean) of each metric, `flipped`, and
        `confidently_wrong_change`, each {value, low, high}.
    """
    names = headline(clean)
    judge = JUDGES[clean.kind]
    before, after = _chosen(clean, names), _chosen(changed, names)
    wrong = [judge.wrong(rows) & ~rows.abstained for rows in (clean, changed)]
    flipped = judge.flipped(clean, changed)
    more = wrong[1].astype(float) - wrong[0]
    paired: dict[str, Metric] = {
        "flipped": lambda w: overlap.mean(flipped, w),
        "confidently_wrong_change": lambda w: overlap.mean(more, w),
    }
    gaps = {name: difference(after[name], before[name]) for name in before}
    return {**figures(changed), "change": _change(gaps, clean), **_estimated(paired, clean)}


def summary(clean: Answered, changed: Mapping[str, list[Answered]]) -> dict[str, Any]:
    """Return the first headline metric as a mean over every change, by which packs are compared.

    Parameters
    ----------
    clean
        The unchanged examples.
    changed
        By name of the change, the same examples at each strength. Every change counts the same,
        however many strengths it has.

    Returns
    -------
    dict
        `metric`, its `mean` over the changes and the `change` of that against the unchanged
        examples, each {value, low, high}; empty without changes.
    """
    if not changed:
        return {}
    name = headline(clean)[0]
    parts = [[measure.metrics_of(rows)[name] for rows in found] for found in changed.values()]
    before = measure.metrics_of(clean)[name]

    def mean(weights: Array | None) -> Array:
        each = [np.mean([metric(weights) for metric in found], axis=0) for found in parts]
        return np.asarray(np.mean(each, axis=0))[()]

    found = _change({"mean": mean, "change": difference(mean, before)}, clean)
    return {"metric": name, **found}


def _change(gaps: Mapping[str, Metric], rows: Answered) -> dict[str, Any]:
    """Return paired differences; none of them is clipped to where the metric itself can lie."""
    resamples = measure.resamples_for(len(rows.truth))
    found = estimates(gaps, rows.groups, resamples=resamples)
    return {name: measure.as_json(each) for name, each in found.items()}
