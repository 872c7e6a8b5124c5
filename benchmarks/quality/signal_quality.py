"""How well the index of signal quality finds recordings that readers called too noisy.

PhysioNet/CinC 2017, class "~" against all others, out of fold (the weights are fitted without the
fold they answer); floors are single known indices. With `--fit` prints the weights fitted on all of
the training part for `health/knowledge/signal_quality.toml`. With a folder as argument the shipped
weights are measured on the recordings in it. The false alarms of CinC 2015 that came with waves
(a103l, v102s) are shown window by window.

    python -m benchmarks.quality.signal_quality [--fit] [FOLDER]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.optimize import minimize

from suwen.core.settings import settings
from suwen.health.af import data as af_data
from suwen.health.signals.quality import POOR, ecg_quality, knowledge, overall
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.split import folds_of
from suwen.metrics import discrimination
from suwen.metrics.intervals import estimates

PARTS: Final = ("likeness", "agreement", "spread")
FLOORS: Final = ("kurtosis", "agreement", "likeness", "paced", "skewness", "baseline_power")
RIDGE: Final = 5.0
NOISY: Final = 3
"""Number of the class that is too noisy."""


def fitted(rows: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Return offset and weights of a logistic regression with an L2 penalty, (1 + parts,)."""
    sign = np.where(good, 1.0, -1.0)
    full = np.column_stack([np.ones(len(rows)), rows])

    def loss(w: np.ndarray) -> float:
        return float(np.logaddexp(0, -sign * (full @ w)).sum() + RIDGE / 2 * (w[1:] ** 2).sum())

    return np.asarray(minimize(loss, np.zeros(full.shape[1]), method="BFGS").x)


def standardised(rows: np.ndarray, by: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows centred and scaled by the mean and spread of others, and these."""
    centre, scale = by.mean(0), by.std(0) + 1e-9
    return (rows - centre) / scale, centre, scale


def out_of_fold(rows: np.ndarray, good: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Return the index of each recording by weights that never saw it."""
    found = np.zeros(len(rows))
    for k in np.unique(fold):
        own, train = fold == k, fold != k
        weights = fitted(standardised(rows[train], rows[train])[0], good[train])
        there = standardised(rows[own], rows[train])[0]
        found[own] = 1 / (1 + np.exp(-weights[0] - there @ weights[1:]))
    return found


def show(name: str, noisy: np.ndarray, score: np.ndarray, keys: Sequence[str]) -> None:
    """Print the AUROC of "the lower, the noisier" with its 95 % interval."""
    found = estimates({"auroc": lambda w: discrimination.auroc(noisy, -score, w)}, np.array(keys))[
        "auroc"
    ]
    print(f"  {name:<34} AUROC {found.value:.3f} [{found.low:.3f}, {found.high:.3f}]")


def main(arguments: Sequence[str]) -> None:
    """Measure; with `--fit` also print the weights."""
    folders = [one for one in arguments if not one.startswith("-")]
    data = DataFolders(settings().data, Path(folders[0]) if folders else None)
    examples = af_data.examples(data)
    leads = (examples.load(i).data for i in range(len(examples)))
    told = [overall(ecg_quality(lead.values, lead.rate)) for lead in leads]
    found: list[dict[str, Any]] = [dict(one.parts) for one in told]
    noisy = np.asarray(examples.labels) == NOISY
    rows = np.array([[one[name] for name in PARTS] for one in found])
    shipped = np.array([one.index for one in told])
    print(f"Too noisy to read: {noisy.sum()} of {len(noisy)} recordings")
    index = shipped
    if not folders:
        index = out_of_fold(rows, ~noisy, folds_of(examples.groups, 5))
        show("index, out of fold", noisy, index, examples.keys)
    show("index as shipped", noisy, shipped, examples.keys)
    for name in FLOORS:
        sign = -1.0 if name.endswith("power") else 1.0
        show(
            f"floor: {name} alone",
            noisy,
            sign * np.array([one[name] for one in found]),
            examples.keys,
        )
    for k, label in enumerate(af_data.LABELS):
        own = np.asarray(examples.labels) == k
        print(f"  called poor (index below {POOR:g}): {label} {(index[own] < POOR).mean():.1%}")
    if "--fit" in arguments:
        table, centre, scale = standardised(rows, rows)
        weights = fitted(table, ~noisy)
        print(f"offset = {weights[0]:.3f}")
        for k, name in enumerate(PARTS):
            print(
                f"{name}: weight = {weights[k + 1]:.3f} "
                f"centre = {centre[k]:.4g} scale = {scale[k]:.4g}"
            )
    print(f"  weights: {', '.join(f'{one.key} {one.weight:.2f}' for one in knowledge()[1])}")


if __name__ == "__main__":
    main(sys.argv[1:])
