"""Plots of an answer that is any number of places: FROC, and the reliability of marks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from suwen.lifecycle.measure.answered import Answered
from suwen.lifecycle.measure.places import detected_of
from suwen.lifecycle.plots.choice import reliability
from suwen.lifecycle.plots.drawing import BLUE, DASHES, ORANGE, figure_of, save
from suwen.metrics.froc import RATES
from suwen.metrics.intervals import resampled_weights

RESAMPLES = 300


def draw(rows: Answered, folder: Path) -> list[Path]:
    """Draw both into `folder`; return the PNG files."""
    marked = detected_of(rows)
    truth = marked.matched.true.astype(float)
    return [_froc(rows, folder), reliability(truth, marked.probability, folder)]


def _froc(rows: Answered, folder: Path) -> Path:
    marked = detected_of(rows)
    figure, axis = figure_of(5.4, 4.4)
    grid = np.geomspace(RATES[0], RATES[-1], 61)
    weights = resampled_weights(rows.groups, RESAMPLES, 0)
    curves = marked.matched.sensitivities(grid.tolist(), weights)
    low, high = np.nanquantile(curves, [0.025, 0.975], axis=0)
    axis.fill_between(grid, low, high, color=BLUE, alpha=0.15, lw=0, label="95 % by patient")
    for number, (name, found) in enumerate({"pack": marked.matched, **marked.floors}.items()):
        mean = float(found.sensitivities().mean())
        style = {"color": ORANGE, "lw": 1.4, "ls": DASHES[(number - 1) % 3]}
        if number == 0:
            style = {"color": BLUE, "lw": 2, "ls": "-"}
        values = found.sensitivities(grid.tolist())
        axis.plot(grid, values, label=f"{name}: {mean:.3f}", **style)
    axis.set_xscale("log", base=2)
    axis.set(xticks=list(RATES), ylim=(0, 1.02), title="FROC")
    axis.set_xticklabels([f"{rate:g}" for rate in RATES])
    axis.set(xlabel="false alarms per sample", ylabel="sensitivity")
    axis.legend(title="CPM", loc="best")
    return save(figure, folder, "froc")
