"""Figures of merit of a ranking of codes: how often a right one stands first, or in the first five.

`answer` of a row is 1 / place of the first right code, 0 where none is named.
"""

from __future__ import annotations

import numpy as np

from suwen.lifecycle.examples import Array
from suwen.lifecycle.measure.answered import Answered
from suwen.metrics import overlap
from suwen.metrics.intervals import Metric

HEADLINE = ("top1", "top5", "mrr")


def ranking(answer: Array) -> dict[str, Metric]:
    """Return the metrics of reciprocal ranks (n,)."""
    first, five = answer >= 1.0, answer >= 0.2
    return {
        "top1": lambda w: overlap.mean(first, w),
        "top5": lambda w: overlap.mean(five, w),
        "mrr": lambda w: overlap.mean(answer, w),
    }


def metrics(rows: Answered) -> dict[str, Metric]:
    """Return every metric, with its samples bound."""
    return ranking(np.asarray(rows.answer, dtype=float))
