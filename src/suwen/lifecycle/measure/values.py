"""Figures of merit of an answer that is a number, or a region measured by its Dice coefficient."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from suwen.lifecycle.examples import Array
from suwen.lifecycle.measure.answered import Answered
from suwen.metrics import coverage, overlap
from suwen.metrics.intervals import Metric

HEADLINE = ("rmse", "mae")
MASK_HEADLINE = ("dice",)
_Part = Callable[[Array, Array | None], Array]
"""A metric of the rows where the first argument holds, with the weights of those."""


def errors(rows: Answered, values: Array) -> dict[str, Metric]:
    """Return the errors of numbers (n,), so that floors have them too; by `rows.by` as well."""
    return _of_all_and_each(
        rows,
        {
            "rmse": lambda keep, w: overlap.rmse(rows.truth[keep], values[keep], w),
            "mae": lambda keep, w: overlap.mae(rows.truth[keep], values[keep], w),
        },
    )


def _of_all_and_each(rows: Answered, metrics: Mapping[str, _Part]) -> dict[str, Metric]:
    """Return metrics of all rows and, with `rows.by`, of those of each value of that column."""
    parts = {"": np.ones(len(rows.truth), dtype=bool)}
    if rows.by in rows.columns:
        column = rows.columns[rows.by]
        parts |= {f"_{value}": column == value for value in np.unique(column)}
    return {
        f"{name}{ending}": _within(metric, keep)
        for ending, keep in parts.items()
        for name, metric in metrics.items()
    }


def _within(metric: _Part, keep: Array) -> Metric:
    return lambda w: metric(keep, None if w is None else w[..., keep])


def metrics(rows: Answered) -> dict[str, Metric]:
    """Return every metric of a number; with its interval also what that is worth."""
    found = errors(rows, rows.answer) | {
        "bias": lambda w: overlap.bias(rows.truth, rows.answer, w),
        "r2": lambda w: overlap.r2(rows.truth, rows.answer, w),
    }
    if rows.low is not None and rows.high is not None:
        held = coverage.inside(rows.truth, rows.low, rows.high)
        width = rows.high - rows.low
        score = coverage.interval_score(rows.truth, rows.low, rows.high, rows.level)
        found |= _of_all_and_each(
            rows,
            {
                coverage_key(rows.level): lambda keep, w: overlap.mean(held[keep], w),
                "interval_width": lambda keep, w: overlap.mean(width[keep], w),
            },
        )
        found["interval_score"] = lambda w: overlap.mean(score, w)
    return found


def headline(rows: Answered) -> tuple[str, ...]:
    """Return what subgroups and robustness cards show: errors, and what the interval holds."""
    return HEADLINE if rows.low is None else (*HEADLINE, coverage_key(rows.level))


def coverage_key(level: float) -> str:
    """Return the key of the coverage at a level (`coverage_90`)."""
    return f"coverage_{100 * level:g}".replace(".", "_")


def mask_metrics(rows: Answered) -> dict[str, Metric]:
    """Return every metric of a region."""
    return {
        "dice": lambda w: overlap.mean(rows.answer, w),
        "volume_error": lambda w: overlap.mean(rows.volume_error, w),
        "absolute_volume_error": lambda w: overlap.mean(np.abs(rows.volume_error), w),
    }


def mask_floor(rows: Answered, scores: Array) -> dict[str, Metric]:
    """Return the metrics of a trivial region."""
    return {"dice": lambda w: overlap.mean(scores, w)}
