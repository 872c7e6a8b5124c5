"""What prediction sets are worth: how often they hold the true class, and how much they tell.

Each patient counts once, his samples sharing his weight: the promise is made for a new patient.
The floors are the sets that ask no model: all classes, and the most frequent classes of
development that together reach the level.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from suwen.lifecycle.examples import Array
from suwen.lifecycle.measure.answered import Answered
from suwen.metrics import coverage, multiclass, overlap
from suwen.metrics.intervals import Metric

START = "set_"
"""Begins the key of every metric of sets."""
SIZE = "set_size"
ALL, FREQUENT = "set of all classes", "set of the most frequent classes"


def metrics(rows: Answered, sets: Array) -> dict[str, Metric]:
    """Return coverage over all and by class, mean size, and shares of sets of one class or none.

    Parameters
    ----------
    rows
        The examples.
    sets
        Which classes are in the set of each, bool (n, K).
    """
    truth, groups = rows.truth.astype(int), rows.groups
    own = coverage.group_weights(groups)
    size = sets.sum(1)

    def mean(values: Array, weights: Array | None) -> Array:
        return overlap.mean(values, own if weights is None else weights * own)

    found: dict[str, Metric] = {
        "set_coverage": lambda w: coverage.of_all(sets, truth, groups, w),
        SIZE: lambda w: mean(size, w),
        "set_singletons": lambda w: mean(size == 1, w),
        "set_empty": lambda w: mean(size == 0, w),
    }
    for k in multiclass.present(truth):
        name = f"set_coverage_{rows.classes[k]}"
        found[name] = partial(coverage.of_class, sets, truth, groups, int(k))
    return found


def floor_metrics(rows: Answered, sets: Array) -> dict[str, Metric]:
    """Return what the sets of a floor are compared by: coverage and mean size."""
    found = metrics(rows, sets)
    return {name: found[name] for name in ("set_coverage", SIZE)}


def floors(rows: Answered) -> dict[str, Array]:
    """Return the sets of the floors by name, bool (n, K); none where the pack has no sets."""
    if rows.possible is None:
        return {}
    count, classes = rows.possible.shape
    shares = np.array(rows.shares or np.bincount(rows.truth.astype(int), minlength=classes))
    order = np.argsort(-shares, kind="stable")
    needed = np.searchsorted(np.cumsum(shares[order]) / shares.sum(), rows.set_level) + 1
    found = {ALL: np.ones((count, classes), dtype=bool)}
    if needed < classes:
        found[FREQUENT] = np.tile(np.isin(np.arange(classes), order[:needed]), (count, 1))
    return found
