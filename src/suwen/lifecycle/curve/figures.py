"""Figures of a learning curve: a mean over seeds with its interval, and differences in pairs.

An interval is over resampled groups (patients) of the held-out part, each resample the same for all
seeds and all lines; what the draw of the labels does shows in the seeds, which stand beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from suwen.lifecycle.curve.said import Said, rows_of
from suwen.lifecycle.examples import Array, Examples
from suwen.lifecycle.measure import figures as measure
from suwen.lifecycle.task import Task
from suwen.metrics.intervals import Metric, difference, estimates

SHOWN: Final = {
    "choice": ("auroc", "balanced_accuracy", "sensitivity_at_90_specificity"),
    "spans": ("f1", "precision", "recall"),
}
"""Metrics of a curve by kind of answer, where the task has them; the first is compared."""
RESAMPLES: Final = 1000

Metrics = Mapping[str, Metric]


def metrics_of(task: Task, examples: Examples, said: Said) -> dict[str, Metric]:
    """Return the shown metrics of one network, with its samples bound."""
    found = measure.metrics_of(rows_of(task, examples, said))
    return {name: found[name] for name in SHOWN[task.answers.kind] if name in found}


def over_seeds(networks: Sequence[Metrics]) -> dict[str, Metric]:
    """Return each metric as its mean over networks."""

    def mean(name: str) -> Metric:
        return lambda weights: np.mean([one[name](weights) for one in networks], axis=0)

    return {name: mean(name) for name in networks[0]}


def point(networks: Sequence[Metrics], against: Sequence[Metrics], groups: Array) -> dict[str, Any]:
    """Return the figures of one line at one share.

    Returns
    -------
    dict
        `metrics`: each with its interval and its value by seed; `change`: the first one minus that
        of `against` (null without), in pairs.
    """
    own = over_seeds(networks)
    asked = dict(own)
    first = next(iter(own))
    if against:
        asked["change"] = difference(own[first], over_seeds(against)[first])
    found = estimates(asked, groups, resamples=RESAMPLES)
    metrics = {
        name: measure.as_json(found[name]) | {"seeds": [float(one[name](None)) for one in networks]}
        for name in own
    }
    return {
        "metrics": metrics,
        "change": measure.as_json(found["change"]) if against else None,
    }


def figures(
    task: Task,
    examples: Examples,
    lines: Mapping[str, Mapping[float, Sequence[Any]]],
    reference: str,
) -> list[dict[str, Any]]:
    """Return one entry a line and share: what it was trained on, and its figures.

    Parameters
    ----------
    task, examples
        The question, and the held-out part.
    lines
        `Cell`s by line and share, one a seed.
    reference
        The line that the others are compared with, share by share.
    """
    measured = {
        name: {
            part: [metrics_of(task, examples, cell.said) for cell in cells]
            for part, cells in shares.items()
        }
        for name, shares in lines.items()
    }
    texts = task.answers.kind == "spans"
    return [
        {
            "line": name,
            "share": part,
            "labels": [len(cell.known) for cell in cells],
            **({"stretches": [cell.stretches for cell in cells]} if texts else {}),
            "seconds": round(float(np.mean([cell.seconds for cell in cells])), 1),
            **point(
                measured[name][part],
                measured[reference].get(part, []) if name != reference else [],
                examples.groups,
            ),
        }
        for name, shares in lines.items()
        for part, cells in shares.items()
    ]
