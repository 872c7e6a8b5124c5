"""How a plot of ours looks, and how it is written: PNG and SVG, no date in them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from suwen.lifecycle.examples import Array
from suwen.metrics.coverage import wilson

INK, MUTED, BLUE, ORANGE, GRID = "#1f2933", "#7b8794", "#1f6feb", "#d9730d", "#e4e7eb"
STYLE = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "svg.hashsalt": "suwen",
}
COLOURS = (BLUE, ORANGE, "#2f855a", "#805ad5", "#c53030", "#b7791f", MUTED, INK)
"""One a class, in turn."""
SHADES = 64
"""Colours kept in a PNG: those above with their edges; the file is a third as large."""
DASHES = ("--", ":", "-.")
"""One a floor, in turn."""


def figure_of(width: float = 4.6, height: float = 4.4, columns: int = 1) -> tuple[Any, Any]:
    """Return a new figure with its axes side by side."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, columns, figsize=(width, height), layout="constrained")
    return figure, axes


def save(figure: Any, folder: Path, name: str) -> Path:
    """Write a figure as PNG and SVG, close it, return the PNG file."""
    from matplotlib import pyplot as plt

    path = folder / f"{name}.png"
    drawn = BytesIO()
    figure.savefig(drawn, dpi=120)
    keep(Image.open(drawn), path)
    figure.set_layout_engine("none")  # found once, kept for the second format
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)
    return path


def keep(picture: Image.Image, path: Path) -> None:
    """Write a plot as PNG of few colours; one that has no more stays as it is."""
    few = picture.convert("RGB").quantize(SHADES, dither=Image.Dither.NONE)
    few.save(path, "PNG", optimize=True)


def reliability_points(axis: Any, bins: Any, colour: str, label: str | None = None) -> None:
    """Draw what was said against what happened, with 95 % limits of the observed share."""
    predicted = np.array([each.predicted for each in bins])
    observed = np.array([each.observed for each in bins])
    low, high = wilson(observed, np.array([each.count for each in bins]))
    axis.errorbar(
        predicted,
        observed,
        yerr=[observed - low, high - observed],
        fmt="o",
        color=colour,
        ecolor=colour,
        elinewidth=1,
        capsize=2,
        ms=5,
        label=label,
    )


def confusion(axis: Any, table: Array, names: list[str]) -> None:
    """Draw a confusion table (true class by row) with counts and shares of each row."""
    shares = table / np.maximum(table.sum(1, keepdims=True), 1)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1.3)
    for (row, column), value in np.ndenumerate(table):
        text = f"{int(value)}\n{shares[row, column]:.1%}"
        axis.text(column, row, text, ha="center", va="center", color=INK)
    places = list(range(len(names)))
    axis.set(xticks=places, yticks=places, xlabel="answered", ylabel="true")
    axis.set_xticklabels(names)
    axis.set_yticklabels(names, rotation=90, va="center")
    axis.grid(visible=False)
