"""Plots of an answer that is any number of stretches: F1 by type, and how far it is believed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from suwen.lifecycle.measure.answered import Answered
from suwen.lifecycle.measure.spans import ranking, spanned_of
from suwen.lifecycle.plots.choice import reliability
from suwen.lifecycle.plots.drawing import BLUE, MUTED, ORANGE, figure_of, save
from suwen.metrics.intervals import estimates

RESAMPLES = 300


def draw(rows: Answered, folder: Path) -> list[Path]:
    """Draw both into `folder`; return the PNG files."""
    said = spanned_of(rows)
    made = [_by_type(rows, folder)]
    if len(said.probability) and np.isfinite(said.probability).all():
        made.append(reliability(said.correct.astype(float), said.probability, folder))
    return made


def _by_type(rows: Answered, folder: Path) -> Path:
    said = spanned_of(rows)
    own = {name: metric for name, metric in ranking(said).items() if name.startswith("f1")}
    found = estimates(own, rows.groups, resamples=RESAMPLES)
    names = list(found)
    place = np.arange(len(names))[::-1]
    figure, axis = figure_of(5.4, 1.2 + 0.34 * len(names))
    values = np.array([found[name].value for name in names])
    reach = np.abs(np.array([[found[n].low, found[n].high] for n in names]).T - values)
    axis.barh(place, values, color=BLUE, alpha=0.8, height=0.6)
    axis.errorbar(values, place, xerr=np.nan_to_num(reach), fmt="none", ecolor=MUTED, capsize=2)
    for floor, counts in said.floors.items():
        trivial = ranking(counts)
        axis.plot(
            [float(trivial[name](None)) for name in names], place, "D", color=ORANGE, label=floor
        )
    labels = [name.removeprefix("f1").strip("_").replace("_", " ") or "all" for name in names]
    axis.set(yticks=place, xlim=(0, 1), xlabel="F1, 95 % by text", title="F1 by type")
    axis.set_yticklabels(labels)
    if said.floors:
        axis.legend(loc="lower left")
    return save(figure, folder, "f1_by_type")
