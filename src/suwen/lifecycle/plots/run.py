"""Plots of a run, as PNG and SVG: learning curve, and what fits the kind of answer.

These modules alone import matplotlib, and only when they draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from suwen.lifecycle.examples import Array
from suwen.lifecycle.measure.answered import Answered
from suwen.lifecycle.plots import choice, classes, places, spans
from suwen.lifecycle.plots import values as plots_values
from suwen.lifecycle.plots.drawing import BLUE, INK, MUTED, ORANGE, STYLE, figure_of, save
from suwen.lifecycle.task import Task


def draw(task: Task, rows: Answered, histories: Sequence[Any], folder: Path) -> list[Path]:
    """Draw every plot that fits the kind of answer into `folder`; return the PNG files."""
    import matplotlib as mpl

    mpl.use("Agg")
    folder.mkdir(exist_ok=True)
    with mpl.rc_context(STYLE):
        curves = [_by_name(history) for history in histories]
        made = [_learning_curve(curves, folder)] if any(curves) else []
        if rows.kind == "choice":
            made += (classes if rows.many else choice).draw(task, rows, folder)
        elif rows.kind == "mask":
            made += [_histogram(rows, folder)]
        elif rows.kind == "places":
            made += places.draw(rows, folder)
        elif rows.kind == "spans":
            made += spans.draw(rows, folder)
        else:
            made += plots_values.draw(rows, folder)
    return made


def _by_name(history: Any) -> Mapping[str, list[float]]:
    """Return a history as lists by name; a list of one entry an epoch is turned round."""
    if isinstance(history, list):
        names = [name for name in (history[0] if history else {}) if name != "epoch"]
        return {name: [entry[name] for entry in history] for name in names}
    return {name: list(values) for name, values in history.items() if np.ndim(values) == 1}


def _learning_curve(histories: Sequence[Mapping[str, Any]], folder: Path) -> Path:
    keys = [key for key in histories[0] if all(key in history for history in histories)]
    panels = [[k for k in keys if "loss" in k], [k for k in keys if "loss" not in k]]
    panels = [panel for panel in panels if panel]
    figure, axes = figure_of(4.8 * max(len(panels), 1), 3.6, max(len(panels), 1))
    for axis, panel in zip(np.atleast_1d(axes), panels, strict=False):
        for number, key in enumerate(panel):
            colour = (MUTED, BLUE, ORANGE, INK)[number % 4]
            for member, history in enumerate(histories):
                epochs = np.arange(1, len(history[key]) + 1)
                label = key.replace("_", " ") if member == 0 else None
                axis.plot(epochs, history[key], color=colour, alpha=0.75, lw=1.3, label=label)
        axis.set(xlabel="epoch", title=f"{len(histories)} members")
        axis.legend()
    return save(figure, folder, "learning_curve")


def _histogram(rows: Answered, folder: Path) -> Path:
    figure, axis = figure_of(4.8, 3.6)
    axis.hist(rows.answer, bins=np.linspace(0, 1, 41), color=BLUE, alpha=0.8)
    middle = float(np.mean(rows.answer))
    axis.axvline(middle, color=ORANGE, lw=1.6, label=f"mean {middle:.3f}")
    axis.set(xlabel="Dice", ylabel="n", title="Dice by sample", xlim=(0, 1))
    axis.legend(loc="upper left")
    return save(figure, folder, "dice")


def draw_explanation(values: Array, maps: Mapping[str, Array], folder: Path, name: str) -> Path:
    """Draw an input and its relevance maps side by side; return the PNG file.

    Volumes are shown by the slice (first axis) that holds most relevance, channels and planes by
    their first; a signal is drawn as a line over its relevance.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    safe = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)
    with mpl.rc_context({**STYLE, "axes.grid": False}):
        columns = len(maps) + 1
        figure, axes = figure_of(3.1 * columns, 3.4, columns)
        for axis, (title, relevance) in zip(axes, {"input": None, **maps}.items(), strict=True):
            strongest = next(iter(maps.values())) if relevance is None else relevance
            _panel(axis, _plane(values, strongest), _plane_of(relevance, strongest))
            axis.set_title(title)
        return save(figure, folder, safe)


def _plane_of(relevance: Array | None, strongest: Array) -> Array | None:
    return None if relevance is None else _plane(relevance, strongest)


def _plane(values: Array, strongest: Array) -> Array:
    while values.ndim > 2:
        others = tuple(range(1, strongest.ndim))
        k = int(np.argmax(np.abs(strongest).sum(others)))
        values, strongest = values[k], strongest[k]
    return values


def _panel(axis: Any, values: Array, relevance: Array | None) -> None:
    if values.ndim == 1:
        axis.plot(values, color=INK, lw=0.8)
        if relevance is not None:
            scaled = np.abs(relevance) / (np.abs(relevance).max() or 1)
            axis.imshow(
                scaled[None],
                aspect="auto",
                extent=(0, len(values), values.min(), values.max()),
                cmap="Oranges",
                alpha=0.6,
            )
        return
    axis.imshow(values, cmap="gray")
    if relevance is not None:
        reach = float(np.abs(relevance).max()) or 1.0
        axis.imshow(relevance, cmap="coolwarm", alpha=0.5, vmin=-reach, vmax=reach)
    axis.set(xticks=[], yticks=[])
