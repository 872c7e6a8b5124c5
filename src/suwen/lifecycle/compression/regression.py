"""The clinical regression test: a changed pack must not be worse where it matters, for anyone.

What may not fall, and by how much, stands in `RULES`, by kind of answer; it is compared on the
same examples at the pack's own operating point, over all and in each stratum (lesion size where
there is one). A stratum with fewer than `LEAST` samples that count is shown, not gated: there one
sample more or less is several points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from suwen.lifecycle.examples import Array
from suwen.lifecycle.measure import figures as measure
from suwen.lifecycle.measure.answered import Answered
from suwen.lifecycle.measure.figures import LEAST
from suwen.lifecycle.task import Task
from suwen.metrics.intervals import difference, estimates

FALL = 0.01
"""Points by which a share (sensitivity, recall, Dice) may fall, or that of abstentions rise."""
MORE_ALARMS = 0.05
"""By how much the false alarms of places may rise, per sample."""
STRATA = "diameter"
"""Column of the strata unless the task names another in `strata`."""
EVERYTHING = "all"


@dataclass(frozen=True)
class Rule:
    """One metric: whether larger is better, how far it may worsen, how often each row counts."""

    metric: str
    rising: bool
    limit: float
    counts: Array


def _of_choice(rows: Answered) -> list[Rule]:
    if rows.many:
        return [
            Rule(f"recall_{name}", True, FALL, rows.truth == k)
            for k, name in enumerate(rows.classes)
        ]
    return [
        Rule("sensitivity", True, FALL, rows.truth == 1),
        Rule("specificity", True, FALL, rows.truth == 0),
    ]


def _of_value(rows: Answered) -> list[Rule]:
    return [Rule("mae", False, FALL * float(np.std(rows.truth)), np.full(len(rows.truth), True))]


def _of_mask(rows: Answered) -> list[Rule]:
    return [Rule("dice", True, FALL, np.full(len(rows.truth), True))]


def _of_places(rows: Answered) -> list[Rule]:
    """Return the rules of marks; a sample counts as often as it has true places."""
    return [
        Rule("sensitivity", True, FALL, rows.truth),
        Rule("false_alarms", False, MORE_ALARMS, np.ones(len(rows.truth))),
    ]


def _of_spans(rows: Answered) -> list[Rule]:
    """Return the rules of stretches; a text counts as often as it has true ones."""
    return [Rule("recall", True, FALL, rows.truth), Rule("precision", True, FALL, rows.truth)]


def _of_ranking(rows: Answered) -> list[Rule]:
    return [Rule("top1", True, FALL, np.full(len(rows.truth), True))]


def _of_calculation(rows: Answered) -> list[Rule]:
    return [Rule("accuracy", True, FALL, np.full(len(rows.truth), True))]


RULES: Mapping[str, Callable[[Answered], list[Rule]]] = {
    "choice": _of_choice,
    "value": _of_value,
    "mask": _of_mask,
    "places": _of_places,
    "spans": _of_spans,
    "ranked": _of_ranking,
    "calculated": _of_calculation,
}
"""What may not worsen, by kind of answer."""


def rules_of(rows: Answered) -> list[Rule]:
    """Return what may not worsen; an answer that is no longer given counts for every kind."""
    every = np.full(len(rows.truth), True)
    return [*RULES[rows.kind](rows), Rule("abstained", False, FALL, every)]


def strata_of(task: Task, columns: Mapping[str, Array], count: int) -> dict[str, Array]:
    """Return which rows belong to each stratum, everything first."""
    found = {EVERYTHING: np.ones(count, dtype=bool)}
    column = columns.get(getattr(task, "strata", STRATA))
    if column is not None:
        found |= {str(value): np.asarray(column) == value for value in np.unique(column)}
    return found


def compared(task: Task, before: Answered, after: Answered) -> list[dict[str, Any]]:
    """Return one entry a stratum and rule: both values, the paired change, whether it passes.

    Parameters
    ----------
    task
        The question.
    before, after
        The same examples answered by the pack and by what was made of it.
    """
    found = []
    for name, inside in strata_of(task, before.columns, len(before.truth)).items():
        old, new = before.where(inside), after.where(inside)
        for rule in rules_of(before):
            found.append(_entry(name, rule, int(rule.counts[inside].sum()), (old, new)))
    return found


def _entry(stratum: str, rule: Rule, count: int, pair: tuple[Answered, Answered]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "stratum": stratum,
        "metric": rule.metric,
        "n": count,
        "limit": rule.limit,
        "gated": count >= LEAST or (stratum == EVERYTHING and count > 0),
    }
    if not count:
        return entry | {"before": None, "after": None, "change": None, "passed": True}
    first, second = (measure.metrics_of(rows)[rule.metric] for rows in pair)
    change = estimates({"": difference(second, first)}, pair[0].groups)[""]
    worse = -change.value if rule.rising else change.value
    return entry | {
        "before": float(first(None)),
        "after": float(second(None)),
        "change": measure.as_json(change),
        "passed": bool(not entry["gated"] or worse <= rule.limit + 1e-12),
    }


def passed(entries: list[dict[str, Any]]) -> bool:
    """Say whether nothing fell too far."""
    return all(entry["passed"] for entry in entries)
