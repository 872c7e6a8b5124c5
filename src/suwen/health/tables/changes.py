"""What happens to the values of a table: some are not known, all are a little wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from suwen.health.tables.row import Columns, TableRow
from suwen.lifecycle.examples import Sample
from suwen.lifecycle.task import Perturbation


def left_out(columns: Columns, kept: tuple[str, ...] = ()) -> Perturbation:
    """Return the change that leaves out each value with that probability, except those `kept`."""
    stays = np.isin(np.array(columns.keys), kept)

    def apply(sample: Sample, strength: float, seed: int) -> Sample:
        row: TableRow = sample.data
        gone = (np.random.default_rng(seed).random(len(columns)) < strength) & ~stays
        return replace(sample, data=row.changed(np.where(gone, np.nan, row.values)))

    return Perturbation("values not known (share)", (0.1, 0.3, 0.5), apply)


def misread(columns: Columns, strengths: tuple[float, ...] = (0.05, 0.1, 0.2)) -> Perturbation:
    """Return the change that multiplies each measured number by a random factor of that spread."""
    measured = np.array([one.counted for one in columns.all])
    low = np.array([one.low for one in columns.all])
    high = np.array([one.high for one in columns.all])

    def apply(sample: Sample, strength: float, seed: int) -> Sample:
        row: TableRow = sample.data
        factor = np.exp(strength * np.random.default_rng(seed).standard_normal(len(columns)))
        moved = np.clip(row.values * factor, low, high)
        return replace(sample, data=row.changed(np.where(measured, moved, row.values)))

    return Perturbation("error of each measured value (share)", strengths, apply)
