"""Figures of merit of published formulas: the share of references that are matched.

A reference is matched when every answer agrees within the tolerance it states. Shares have Wilson
limits (JASA 22:209, 1927), since resampling says nothing where everything is matched.
"""

from __future__ import annotations

import re

import numpy as np

from suwen.lifecycle.examples import Array
from suwen.lifecycle.measure.answered import Answered
from suwen.metrics import overlap
from suwen.metrics.coverage import wilson
from suwen.metrics.intervals import Metric

HEADLINE = ("accuracy",)
FORMULA = "formula"
"""Column with the name of the formula of each reference: each has a share of its own."""


def share(answer: Array) -> dict[str, Metric]:
    """Return the share that agrees, of 1 and 0 (n,)."""
    return {"accuracy": lambda w: overlap.mean(answer, w)}


def metrics(rows: Answered) -> dict[str, Metric]:
    """Return the share of all references, with its samples bound."""
    return share(np.asarray(rows.answer, dtype=float))


def stated(rows: Answered) -> dict[str, tuple[float, float, float]]:
    """Return the share of all references and of each formula with its Wilson limits."""
    answer = np.asarray(rows.answer, dtype=float)
    found = {"accuracy": _with_limits(answer)}
    formulas = rows.columns.get(FORMULA)
    for name in [] if formulas is None else np.unique(formulas).tolist():
        found[f"accuracy_{_key(str(name))}"] = _with_limits(answer[formulas == name])
    return found


def _with_limits(answer: Array) -> tuple[float, float, float]:
    value = float(answer.mean()) if len(answer) else float("nan")
    low, high = wilson(np.array(value), np.array(float(max(len(answer), 1))))
    return value, float(low), float(high)


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
