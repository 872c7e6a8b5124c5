"""How a card and the command line write metrics: names, values, which way is better."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

LOWER_IS_BETTER = (
    "ece",
    "ece_shown",
    "false_alarms",
    "false_alarms_at_rule_in",
    "ece_equal_mass",
    "ece_class_wise",
    "ece_of_classes",
    "hosmer_lemeshow",
    "brier",
    "brier_of_classes",
    "log_loss",
    "log_loss_of_classes",
    "rmse",
    "mae",
    "interval_score",
    "set_size",
    "set_empty",
)
ABBREVIATIONS = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "cpm": "CPM",
    "ece": "ECE",
    "froc": "FROC",
    "roc": "ROC",
    "rmse": "RMSE",
    "mae": "MAE",
    "dice": "Dice",
    "brier": "Brier score",
    "f1": "F1",
    "mcc": "MCC",
    "ppv": "PPV",
    "qrs": "QRS",
    "r2": "R²",
    "cohen": "Cohen's",
    "event1": "event 1",
    "hosmer": "Hosmer",
    "lemeshow": "Lemeshow (for its range)",
}
BY_CLASS = ("auroc", "f1", "precision", "recall")
"""Metrics that stand once for each class, with its short name behind them."""


def number(entry: Mapping[str, Any] | None, digits: int = 3) -> str:
    """Return `0.951 [0.935, 0.966]`; a dash where nothing is defined."""
    if not entry or entry.get("value") is None:
        return "–"
    value, low, high = entry["value"], entry["low"], entry["high"]
    if low is None or high is None:
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def label(name: str) -> str:
    """Return a metric's key as people write it (`size_matched_auroc`: size-matched AUROC)."""
    name = re.sub(r"_at_(\d+)(?:_(\d+))?fp$", _rate, name)
    words = name.replace("_", " ").replace("size matched", "size-matched").split(" ")
    return " ".join(ABBREVIATIONS.get(word, word) for word in words)


def _rate(found: re.Match[str]) -> str:
    """Return a rate of false alarms in a key (`_at_0_125fp`) as people write it."""
    return f" at {'.'.join(part for part in found.groups() if part)} FP"


def lower_is_better(name: str) -> bool:
    """Say whether a metric is better when it is lower; also one of a part (`rmse_60`)."""
    return name in LOWER_IS_BETTER or name.partition("_")[0] in ("rmse", "mae")


def of_class(name: str, classes: Mapping[str, Any]) -> bool:
    """Say whether a metric's key is that of one class (`f1_normal`)."""
    return any(name == f"{metric}_{key}" for metric in BY_CLASS for key in classes)
