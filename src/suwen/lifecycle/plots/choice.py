"""Plots of an answer of two classes: ROC, precision-recall, reliability, confusion."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from suwen.lifecycle.examples import Array
from suwen.lifecycle.kinds import Choice
from suwen.lifecycle.measure.answered import Answered
from suwen.lifecycle.measure.choice import fixed
from suwen.lifecycle.plots.drawing import (
    BLUE,
    DASHES,
    MUTED,
    ORANGE,
    confusion,
    figure_of,
    reliability_points,
    save,
)
from suwen.lifecycle.task import Task
from suwen.metrics import calibration, classification, discrimination
from suwen.metrics.intervals import resampled_weights

RESAMPLES = 300


def draw(task: Task, rows: Answered, folder: Path) -> list[Path]:
    """Draw all of them into `folder`; return the PNG files."""
    made = [_roc(rows, folder), _precision_recall(rows, folder)]
    made += [reliability(rows.truth, rows.answer, folder)]
    return [*made, _confusion(task, rows, folder)]


def _roc(rows: Answered, folder: Path) -> Path:
    """Draw the curve of what ranking metrics rank (see `Answered.order`): one area everywhere."""
    figure, axis = figure_of()
    x, y = discrimination.roc_curve(rows.truth, rows.order)
    grid = np.linspace(0, 1, 101)
    curves = []
    for weights in resampled_weights(rows.groups, RESAMPLES, 0):
        index = np.repeat(np.arange(len(weights)), weights.astype(int))
        curves.append(
            np.interp(grid, *discrimination.roc_curve(rows.truth[index], rows.order[index]))
        )
    low, high = np.nanquantile(curves, [0.025, 0.975], axis=0)
    axis.fill_between(grid, low, high, color=BLUE, alpha=0.15, lw=0, label="95 % by patient")
    area = float(discrimination.auroc(rows.truth, rows.order))
    axis.plot(x, y, color=BLUE, lw=2, label=f"pack: {area:.3f}")
    for number, (name, scores) in enumerate(rows.floors.items()):
        area = float(discrimination.auroc(rows.truth, scores))
        dashes = DASHES[number % 3]
        curve = discrimination.roc_curve(rows.truth, scores)
        axis.plot(*curve, color=ORANGE, lw=1.4, ls=dashes, label=f"{name}: {area:.3f}")
    axis.plot([0, 1], [0, 1], color=MUTED, lw=0.8)
    axis.set(xlabel="1 - specificity", ylabel="sensitivity", title="ROC", aspect="equal")
    axis.legend(title="AUROC", loc="lower right")
    return save(figure, folder, "roc")


def _precision_recall(rows: Answered, folder: Path) -> Path:
    figure, axis = figure_of()
    for number, (name, scores) in enumerate({"pack": rows.order, **rows.floors}.items()):
        area = float(discrimination.auprc(rows.truth, scores))
        recall, precision = discrimination.precision_recall_curve(rows.truth, scores)
        style = {"color": ORANGE, "lw": 1.4, "ls": DASHES[number % 3]}
        if number == 0:
            style = {"color": BLUE, "lw": 2, "ls": "-"}
        axis.step(recall, precision, where="pre", label=f"{name}: {area:.3f}", **style)
    axis.axhline(rows.truth.mean(), color=MUTED, lw=0.8)
    axis.set(xlabel="recall (sensitivity)", ylabel="precision", title="Precision-recall")
    axis.set(xlim=(0, 1), ylim=(0, 1.02), aspect="equal")
    axis.legend(title="AUPRC", loc="lower left")
    return save(figure, folder, "precision_recall")


def reliability(truth: Array, probability: Array, folder: Path) -> Path:
    """Draw predicted against observed shares with the counts below; return the PNG file."""
    from matplotlib import pyplot as plt

    figure, (axis, lower) = plt.subplots(
        2, 1, figsize=(4.6, 5.2), layout="constrained", sharex=True, height_ratios=[4, 1]
    )
    bins = calibration.reliability(truth, probability)
    count = [each.count for each in bins]
    axis.plot([0, 1], [0, 1], color=MUTED, lw=0.8)
    reliability_points(axis, bins, BLUE)
    error = float(calibration.ece(truth, probability))
    axis.set(ylabel="observed share", title=f"Reliability: ECE {error:.3f}", ylim=(-0.03, 1.03))
    lower.bar(
        [(each.low + each.high) / 2 for each in bins], count, width=0.09, color=BLUE, alpha=0.5
    )
    lower.set(xlabel="predicted probability", ylabel="n", xlim=(-0.03, 1.03))
    return save(figure, folder, "reliability")


def _confusion(task: Task, rows: Answered, folder: Path) -> Path:
    figure, axis = figure_of(4.6, 3.8)
    table = classification.table(rows.truth, rows.answer >= rows.operating_points, 2)
    names = ["negative", "positive"]
    if isinstance(task.answers, Choice):
        names = [code.name.en for code in task.answers.classes]
    confusion(axis, table, names)
    axis.set_title(f"Confusion at {fixed(rows)['operating_point'][0]:.3g}")
    return save(figure, folder, "confusion")
