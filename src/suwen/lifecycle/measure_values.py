"""Figures of merit of an answer that is a number, or a region measured by its Dice coefficient."""

from __future__ import annotations

import numpy as np

from suwen.lifecycle.answered import Answered
from suwen.lifecycle.task import Array
from suwen.metrics import coverage, overlap
from suwen.metrics.intervals import Metric

HEADLINE = ("rmse", "mae")
MASK_HEADLINE = ("dice",)


def errors(rows: Answered, values: Array) -> dict[str, Metric]:
    """Return the errors of numbers (n,), so that floors have them too."""
    return {
        "rmse": lambda w: overlap.rmse(rows.truth, values, w),
        "mae": lambda w: overlap.mae(rows.truth, values, w),
    }


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
        found |= {
            coverage_key(rows.level): lambda w: overlap.mean(held, w),
            "interval_width": lambda w: overlap.mean(width, w),
            "interval_score": lambda w: overlap.mean(score, w),
        }
    return found


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
