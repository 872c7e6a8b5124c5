"""Plots of a run, as PNG and SVG: learning curve, ROC, precision-recall, reliability, confusion.

The only module that imports matplotlib, and only when it draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from suwen.lifecycle.measure import OPERATING_POINT, Answered
from suwen.lifecycle.task import Array, Choice, Task
from suwen.metrics import calibration, discrimination
from suwen.metrics.intervals import resampled_weights

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
RESAMPLES = 300


def draw(task: Task, rows: Answered, histories: Sequence[Any], folder: Path) -> list[Path]:
    """Draw every plot that fits the kind of answer into `folder`; return the PNG files."""
    import matplotlib as mpl

    mpl.use("Agg")
    folder.mkdir(exist_ok=True)
    with mpl.rc_context(STYLE):
        curves = [_by_name(history) for history in histories]
        made = [_learning_curve(curves, folder)] if any(curves) else []
        if rows.kind == "choice":
            made += [_roc(rows, folder), _precision_recall(rows, folder)]
            made += [_reliability(rows, folder), _confusion(task, rows, folder)]
        elif rows.kind == "mask":
            made += [_histogram(rows, folder)]
        else:
            made += [_agreement(rows, folder)]
    return made


def _figure(width: float = 4.6, height: float = 4.4, columns: int = 1) -> tuple[Any, Any]:
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, columns, figsize=(width, height), layout="constrained")
    return figure, axes


def _save(figure: Any, folder: Path, name: str) -> Path:
    from matplotlib import pyplot as plt

    path = folder / f"{name}.png"
    figure.savefig(path, dpi=120)
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)
    return path


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
    figure, axes = _figure(4.8 * max(len(panels), 1), 3.6, max(len(panels), 1))
    for axis, panel in zip(np.atleast_1d(axes), panels, strict=False):
        for number, key in enumerate(panel):
            colour = (MUTED, BLUE, ORANGE, INK)[number % 4]
            for member, history in enumerate(histories):
                epochs = np.arange(1, len(history[key]) + 1)
                label = key.replace("_", " ") if member == 0 else None
                axis.plot(epochs, history[key], color=colour, alpha=0.75, lw=1.3, label=label)
        axis.set(xlabel="epoch", title=f"{len(histories)} members")
        axis.legend()
    return _save(figure, folder, "learning_curve")


def _roc(rows: Answered, folder: Path) -> Path:
    figure, axis = _figure()
    x, y = discrimination.roc_curve(rows.truth, rows.answer)
    grid = np.linspace(0, 1, 101)
    curves = []
    for weights in resampled_weights(rows.groups, RESAMPLES, 0):
        index = np.repeat(np.arange(len(weights)), weights.astype(int))
        curves.append(
            np.interp(grid, *discrimination.roc_curve(rows.truth[index], rows.answer[index]))
        )
    low, high = np.nanquantile(curves, [0.025, 0.975], axis=0)
    axis.fill_between(grid, low, high, color=BLUE, alpha=0.15, lw=0, label="95 % by patient")
    area = float(discrimination.auroc(rows.truth, rows.answer))
    axis.plot(x, y, color=BLUE, lw=2, label=f"pack: {area:.3f}")
    for number, (name, scores) in enumerate(rows.floors.items()):
        area = float(discrimination.auroc(rows.truth, scores))
        dashes = ("--", ":", "-.")[number % 3]
        curve = discrimination.roc_curve(rows.truth, scores)
        axis.plot(*curve, color=ORANGE, lw=1.4, ls=dashes, label=f"{name}: {area:.3f}")
    axis.plot([0, 1], [0, 1], color=MUTED, lw=0.8)
    axis.set(xlabel="1 - specificity", ylabel="sensitivity", title="ROC", aspect="equal")
    axis.legend(title="AUROC", loc="lower right")
    return _save(figure, folder, "roc")


def _precision_recall(rows: Answered, folder: Path) -> Path:
    figure, axis = _figure()
    for number, (name, scores) in enumerate({"pack": rows.answer, **rows.floors}.items()):
        area = float(discrimination.auprc(rows.truth, scores))
        recall, precision = discrimination.precision_recall_curve(rows.truth, scores)
        style = {"color": ORANGE, "lw": 1.4, "ls": ("--", ":", "-.")[number % 3]}
        if number == 0:
            style = {"color": BLUE, "lw": 2, "ls": "-"}
        axis.step(recall, precision, where="pre", label=f"{name}: {area:.3f}", **style)
    axis.axhline(rows.truth.mean(), color=MUTED, lw=0.8)
    axis.set(xlabel="recall (sensitivity)", ylabel="precision", title="Precision-recall")
    axis.set(xlim=(0, 1), ylim=(0, 1.02), aspect="equal")
    axis.legend(title="AUPRC", loc="lower left")
    return _save(figure, folder, "precision_recall")


def _reliability(rows: Answered, folder: Path) -> Path:
    from matplotlib import pyplot as plt

    figure, (axis, lower) = plt.subplots(
        2, 1, figsize=(4.6, 5.2), layout="constrained", sharex=True, height_ratios=[4, 1]
    )
    bins = calibration.reliability(rows.truth, rows.answer)
    predicted = np.array([each.predicted for each in bins])
    observed = np.array([each.observed for each in bins])
    count = np.array([each.count for each in bins])
    low, high = _wilson(observed, count)
    axis.plot([0, 1], [0, 1], color=MUTED, lw=0.8)
    axis.errorbar(
        predicted,
        observed,
        yerr=[observed - low, high - observed],
        fmt="o",
        color=BLUE,
        ecolor=BLUE,
        elinewidth=1,
        capsize=2,
        ms=5,
    )
    error = float(calibration.ece(rows.truth, rows.answer))
    axis.set(ylabel="observed share", title=f"Reliability: ECE {error:.3f}", ylim=(-0.03, 1.03))
    lower.bar(
        [(each.low + each.high) / 2 for each in bins], count, width=0.09, color=BLUE, alpha=0.5
    )
    lower.set(xlabel="predicted probability", ylabel="n", xlim=(-0.03, 1.03))
    return _save(figure, folder, "reliability")


def _wilson(share: Array, count: Array) -> tuple[Array, Array]:
    """Return the 95 % Wilson limits of a share."""
    z = 1.959964
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return np.minimum(centre - half, share), np.maximum(centre + half, share)


def _confusion(task: Task, rows: Answered, folder: Path) -> Path:
    figure, axis = _figure(4.6, 3.8)
    found = discrimination.confusion(rows.truth, rows.answer, OPERATING_POINT)
    table = np.array(
        [
            [found.true_negative, found.false_positive],
            [found.false_negative, found.true_positive],
        ]
    )
    names = ["negative", "positive"]
    if isinstance(task.answers, Choice):
        names = [code.name.en for code in task.answers.classes]
    axis.imshow(table / table.sum(1, keepdims=True), cmap="Blues", vmin=0, vmax=1.3)
    for (row, column), value in np.ndenumerate(table):
        share = value / table[row].sum()
        axis.text(column, row, f"{value}\n{share:.1%}", ha="center", va="center", color=INK)
    axis.set(xticks=[0, 1], yticks=[0, 1], xlabel="answered", ylabel="true")
    axis.set_xticklabels(names)
    axis.set_yticklabels(names, rotation=90, va="center")
    axis.set_title(f"Confusion at {OPERATING_POINT}")
    axis.grid(visible=False)
    return _save(figure, folder, "confusion")


def _histogram(rows: Answered, folder: Path) -> Path:
    figure, axis = _figure(4.8, 3.6)
    axis.hist(rows.answer, bins=np.linspace(0, 1, 41), color=BLUE, alpha=0.8)
    middle = float(np.mean(rows.answer))
    axis.axvline(middle, color=ORANGE, lw=1.6, label=f"mean {middle:.3f}")
    axis.set(xlabel="Dice", ylabel="n", title="Dice by sample", xlim=(0, 1))
    axis.legend(loc="upper left")
    return _save(figure, folder, "dice")


def _agreement(rows: Answered, folder: Path) -> Path:
    figure, axis = _figure()
    axis.scatter(rows.truth, rows.answer, s=10, color=BLUE, alpha=0.5, lw=0)
    ends = [min(rows.truth.min(), rows.answer.min()), max(rows.truth.max(), rows.answer.max())]
    axis.plot(ends, ends, color=MUTED, lw=0.8)
    axis.set(xlabel="true", ylabel="answered", title="Agreement")
    return _save(figure, folder, "agreement")


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
        figure, axes = _figure(3.1 * columns, 3.4, columns)
        for axis, (title, relevance) in zip(axes, {"input": None, **maps}.items(), strict=True):
            strongest = next(iter(maps.values())) if relevance is None else relevance
            _panel(axis, _plane(values, strongest), _plane_of(relevance, strongest))
            axis.set_title(title)
        return _save(figure, folder, safe)


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
