"""The robustness plot: the first headline metric against the strength of each change."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from suwen.lifecycle.card.words import label
from suwen.lifecycle.plots.drawing import BLUE, MUTED, ORANGE, STYLE, save

COLUMNS = 4
NAME = "robustness"


def draw(found: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw `robustness.json` into `folder` as PNG and SVG; return the PNG file, if any.

    A task without perturbations has nothing to draw.
    """
    if not found["conditions"]:
        return []
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(entry["name"] for entry in found["conditions"]))
    height = -(-len(names) // COLUMNS)
    with mpl.rc_context({**STYLE, "font.size": 8, "axes.titlesize": 9}):
        figure, axes = plt.subplots(
            height,
            COLUMNS,
            figsize=(11, 2.3 * height + 0.3),
            layout="constrained",
            squeeze=False,
            sharey=True,
        )
        for axis in axes.ravel()[len(names) :]:
            axis.set_axis_off()
        for axis, name in zip(axes.ravel(), names, strict=False):
            _panel(axis, found, name)
        for row in axes:
            row[0].set_ylabel(label(found["headline"][0]))
        axes[0, 0].legend(loc="lower left")
        return [save(figure, folder, NAME)]


def _panel(axis: Any, found: Mapping[str, Any], name: str) -> None:
    metric = found["headline"][0]
    entries = [entry for entry in found["conditions"] if entry["name"] == name]
    attack = entries[0]["kind"] == "attack"
    clean = found["attacks"]["clean"] if attack else found["clean"]
    points = sorted([(0.0, clean), *((e["strength"], e) for e in entries)], key=lambda p: p[0])
    strength = np.array([place for place, _ in points])
    value, low, high = (
        np.array([entry["metrics"][metric][key] for _, entry in points], dtype=float)
        for key in ("value", "low", "high")
    )
    known = ~np.isnan(low)
    axis.fill_between(strength[known], low[known], high[known], color=BLUE, alpha=0.15, lw=0)
    axis.plot(strength, value, "o-", color=BLUE, ms=3.5, lw=1.3, label=label(metric))
    if found["kind"] != "value":
        abstained = [entry["abstained"]["value"] for _, entry in points]
        axis.plot(strength, abstained, "s--", color=ORANGE, ms=3, lw=1, label="share abstained")
        axis.set_ylim(-0.03, 1.03)
    axis.axhline(clean["metrics"][metric]["value"], color=MUTED, lw=0.8, ls=":")
    axis.set_title(name)
