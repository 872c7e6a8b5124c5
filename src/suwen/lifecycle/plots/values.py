"""Plots of an answer that is a number: answered against true, and the residuals."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from suwen.lifecycle.examples import Array
from suwen.lifecycle.measure.answered import Answered
from suwen.lifecycle.plots.drawing import BLUE, INK, MUTED, ORANGE, figure_of, save
from suwen.metrics.coverage import inside

BINS = 60
"""Points of the lines that show where intervals end."""


def draw(rows: Answered, folder: Path) -> list[Path]:
    """Draw both into `folder`; return the PNG files."""
    return [_agreement(rows, folder), _residuals(rows, folder)]


def _agreement(rows: Answered, folder: Path) -> Path:
    figure, axis = figure_of()
    axis.scatter(rows.truth, rows.answer, s=10, color=BLUE, alpha=0.5, lw=0)
    ends = [min(rows.truth.min(), rows.answer.min()), max(rows.truth.max(), rows.answer.max())]
    axis.plot(ends, ends, color=MUTED, lw=0.8)
    axis.set(xlabel="true", ylabel="answered", title="Agreement")
    return save(figure, folder, "agreement")


def _residuals(rows: Answered, folder: Path) -> Path:
    figure, axis = figure_of(4.8, 4.0)
    gaps = rows.truth - rows.answer
    title = "Residuals"
    if rows.low is not None and rows.high is not None:
        for end in (rows.low, rows.high):
            axis.plot(*_smoothed(rows.answer, end - rows.answer), color=ORANGE, lw=1.0)
        held = float(inside(rows.truth, rows.low, rows.high).mean())
        title += f": {held:.1%} inside their {rows.level:.0%} interval"
    axis.scatter(rows.answer, gaps, s=10, color=BLUE, alpha=0.5, lw=0)
    axis.axhline(0, color=INK, lw=0.8)
    axis.set(xlabel="answered", ylabel="true - answered", title=title)
    return save(figure, folder, "residuals")


def _smoothed(x: Array, y: Array) -> tuple[Array, Array]:
    """Return the means of both in bins of equal count along x: a line where widths differ."""
    order = np.argsort(x, kind="stable")
    bins = np.array_split(order, min(len(order), BINS))
    return np.array([x[each].mean() for each in bins]), np.array([y[each].mean() for each in bins])
