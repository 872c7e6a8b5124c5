"""Figures of a learning curve: a mean over seeds with its interval, and differences in pairs.

An interval is over resampled groups (patients) of the held-out part, each resample the same for all
seeds and all lines; what the draw of the labels does shows in the seeds, which stand beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from scipy import special

from suwen.lifecycle import measure
from suwen.lifecycle.answered import Answered
from suwen.lifecycle.kinds import Choice
from suwen.lifecycle.task import Array, Examples, Task
from suwen.metrics.intervals import Metric, difference, estimates

SHOWN: Final = ("auroc", "balanced_accuracy", "sensitivity_at_90_specificity")
"""Metrics of a curve, where the task has them; the first is drawn and compared."""
RESAMPLES: Final = 1000

Metrics = Mapping[str, Metric]


def rows_of(task: Task, examples: Examples, logits: Array) -> Answered:
    """Return examples with what one network says of them, uncalibrated; logits (n,) or (n, K)."""
    several = logits.ndim == 2
    answer = special.softmax(logits, axis=1) if several else special.expit(logits)
    nothing = np.full(len(examples), np.nan)
    choice = task.answers if isinstance(task.answers, Choice) else None
    return Answered(
        kind="choice",
        truth=np.asarray(examples.labels, dtype=float),
        answer=answer,
        order=answer if several else logits,
        groups=examples.groups,
        columns={},
        floors={},
        volume_error=nothing,
        abstained=np.zeros(len(examples), dtype=bool),
        classes=choice.keys if choice else (),
        whole=choice is not None and choice.whole,
        watched=choice.watched if choice else None,
    )


def metrics_of(task: Task, examples: Examples, logits: Array) -> dict[str, Metric]:
    """Return the shown metrics of one network, with its samples bound."""
    found = measure.metrics_of(rows_of(task, examples, logits))
    return {name: found[name] for name in SHOWN if name in found}


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
            part: [metrics_of(task, examples, cell.logits) for cell in cells]
            for part, cells in shares.items()
        }
        for name, shares in lines.items()
    }
    return [
        {
            "line": name,
            "share": part,
            "labels": [len(cell.known) for cell in cells],
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
