"""Plots of an answer of three and more classes, each class against the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from suwen.lifecycle.kinds import Choice
from suwen.lifecycle.measure.answered import Answered
from suwen.lifecycle.plots.drawing import (
    BLUE,
    COLOURS,
    MUTED,
    confusion,
    figure_of,
    reliability_points,
    save,
)
from suwen.lifecycle.task import Task
from suwen.metrics import calibration, classification, discrimination, multiclass


def draw(task: Task, rows: Answered, folder: Path) -> list[Path]:
    """Draw all of them into `folder`; return the PNG files."""
    names = list(rows.classes)
    if isinstance(task.answers, Choice):
        names = [code.name.en for code in task.answers.classes]
    made = [_roc(rows, names, folder), _precision_recall(rows, names, folder)]
    return [*made, _reliability(rows, names, folder), _confusion(rows, names, folder)]


def _colour(k: int) -> str:
    return COLOURS[k % len(COLOURS)]


def _roc(rows: Answered, names: list[str], folder: Path) -> Path:
    figure, axis = figure_of()
    for k in multiclass.present(rows.truth):
        truth, scores = rows.truth == k, rows.order[:, k]
        area = float(discrimination.auroc(truth, scores))
        curve = discrimination.roc_curve(truth, scores)
        axis.plot(*curve, color=_colour(k), lw=1.8, label=f"{names[k]}: {area:.3f}")
    axis.plot([0, 1], [0, 1], color=MUTED, lw=0.8)
    axis.set(xlabel="1 - specificity", ylabel="sensitivity", aspect="equal")
    axis.set_title("ROC, each class against the rest")
    axis.legend(title="AUROC", loc="lower right")
    return save(figure, folder, "roc")


def _precision_recall(rows: Answered, names: list[str], folder: Path) -> Path:
    figure, axis = figure_of()
    for k in multiclass.present(rows.truth):
        truth, scores = rows.truth == k, rows.order[:, k]
        area = float(discrimination.auprc(truth, scores))
        recall, precision = discrimination.precision_recall_curve(truth, scores)
        style = {"color": _colour(k), "lw": 1.8, "label": f"{names[k]}: {area:.3f}"}
        axis.step(recall, precision, where="pre", **style)
        axis.axhline(truth.mean(), color=_colour(k), lw=0.6, ls=":")
    axis.set(xlabel="recall (sensitivity)", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    axis.set(title="Precision-recall, each class against the rest", aspect="equal")
    axis.legend(title="AUPRC", loc="lower left")
    return save(figure, folder, "precision_recall")


def _reliability(rows: Answered, names: list[str], folder: Path) -> Path:
    figure, (left, right) = figure_of(9.2, 4.4, 2)
    right_named, top = multiclass.top_label(rows.truth, rows.answer)
    reliability_points(left, calibration.reliability(right_named, top), BLUE)
    error = float(multiclass.ece(rows.truth, rows.answer))
    left.set_title(f"Most probable class: ECE {error:.3f}")
    for k in multiclass.present(rows.truth):
        said = np.minimum(rows.answer[:, k], 1.0)
        bins = calibration.reliability(rows.truth == k, said)
        reliability_points(right, bins, _colour(k), names[k])
    error = float(multiclass.ece_class_wise(rows.truth, rows.answer))
    right.set_title(f"By class: mean ECE {error:.3f}")
    right.legend(loc="upper left")
    for axis in (left, right):
        axis.plot([0, 1], [0, 1], color=MUTED, lw=0.8)
        axis.set(xlabel="predicted probability", ylabel="observed share")
        axis.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    return save(figure, folder, "reliability")


def _confusion(rows: Answered, names: list[str], folder: Path) -> Path:
    figure, axis = figure_of(2.4 + 1.1 * len(names), 1.8 + 1.0 * len(names))
    table = classification.table(rows.truth, rows.called, len(names))
    confusion(axis, table, names)
    axis.set_title("Confusion, class named")
    return save(figure, folder, "confusion")
