"""Trees that name heart beats: what they are trained on, and how little of them is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.health.beats import simulated
from suwen.health.beats.features import IRREGULAR, names, table
from suwen.lifecycle.examples import Array, Examples
from suwen.lifecycle.recipe import Recipe

TREES: Final = "trees.lgb.txt"
ROUNDS: Final = 120
OPTIONS: Final[Mapping[str, Any]] = {
    "objective": "multiclass",
    "num_class": 4,
    "learning_rate": 0.06,
    "num_leaves": 10,
    "min_data_in_leaf": 30,
    "feature_fraction": 0.15,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
NORMAL_SHARE: Final = 0.35
"""Share of the normal beats that is used, each so much the heavier."""
MOSTLY_NORMAL: Final = 0.7
"""Records with so many normal beats are changed into rhythms that few records hold."""
EARLY_STRETCHES: Final = 3
"""Stretches with early beats made from each record."""
MADE_WEIGHT: Final = 0.3
"""Weight of a beat that was made."""
CORRECTED: Final = "corrections/"
"""Begins the keys of beats that people judged here (`health.beats.corrected`)."""
CORRECTED_WEIGHT: Final = 10.0
"""Weight of such a beat: few are judged, and of rhythms that were told wrongly (ADR 39)."""
_DROPPED: Final = ("leaf_weight", "internal_weight", "split_gain", "internal_value", "tree_sizes")
_ROUNDED: Final[Mapping[str, int]] = {"threshold": 7, "leaf_value": 5}
"""Significant digits kept."""
_PARAMETERS = re.compile(r"\nparameters:.*?end of parameters\n", re.DOTALL)


def rows_of(examples: Examples, seed: int) -> tuple[Array, Array, Array]:
    """Return numbers, classes and weights of the examples and of stretches made from them.

    Beats that people judged here are all used, and no stretch is made of them: they are few, and do
    not follow each other.

    Returns
    -------
    (n, features), (n,), (n,).
    """
    rng = np.random.default_rng(seed)
    rows, labels, weights = [], [], []
    all_labels = np.asarray(examples.labels, dtype=int)
    groups = np.asarray(examples.groups)
    for group in dict.fromkeys(groups.tolist()):
        chosen = np.flatnonzero(groups == group)
        if examples.keys[chosen[0]].startswith(CORRECTED):
            rows.append(np.concatenate([examples.load(int(i)).data.rows for i in chosen]))
            labels.append(all_labels[chosen])
            weights.append(np.full(len(chosen), CORRECTED_WEIGHT))
            continue
        beats = [examples.load(int(i)).data for i in chosen]
        own, truth = np.concatenate([one.rows for one in beats]), all_labels[chosen]
        waves = np.concatenate([one.waves for one in beats])
        made = [(own, truth, 1.0)]
        scatter = float(np.median(own[:, names().index("scatter")]))
        if (truth == 0).mean() > MOSTLY_NORMAL and scatter < IRREGULAR:
            changes = [simulated.fibrillating]
            changes += [simulated.with_early_beats] * EARLY_STRETCHES
            for change in changes:
                times, changed, said = change(waves, truth, rng)
                made.append((table(times, changed)[0], said, MADE_WEIGHT))
        for part, said, weight in made:
            kept = (said != 0) | (rng.random(len(said)) < NORMAL_SHARE)
            rows.append(part[kept])
            labels.append(said[kept])
            weights.append(np.where(said[kept] == 0, weight / NORMAL_SHARE, weight))
    return np.concatenate(rows), np.concatenate(labels), np.concatenate(weights)


def fit(train: Examples, valid: Examples, recipe: Recipe, folder: Path) -> Mapping[str, Any]:
    """Train a fixed number of trees on both parts: nothing is stopped, so none has to watch."""
    import lightgbm

    parts = [rows_of(part, recipe.seed + k) for k, part in enumerate((train, valid))]
    rows, labels, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    columns = [name.replace(" ", "_").replace(":", "") for name in names()]
    losses: dict[str, Any] = {}
    data = lightgbm.Dataset(rows, labels, weight=weights, feature_name=columns)
    trees = lightgbm.train(
        {**OPTIONS, "seed": recipe.seed},
        data,
        ROUNDS,
        valid_sets=[data],
        valid_names=["train"],
        callbacks=[lightgbm.record_evaluation(losses)],
    )
    text = slim(trees.model_to_string())
    (folder / TREES).write_text(text, encoding="utf-8")
    curve = losses["train"]["multi_logloss"]
    return {
        "trees": TREES,
        "features": list(names()),
        "normal": _typical(rows[labels == 0]),
        "ectopic": _typical(rows[labels > 0]),
        "history": [{"epoch": float(i + 1), "train_loss": value} for i, value in enumerate(curve)],
    }


def _typical(rows: Array) -> list[float]:
    return [round(float(value), 4) for value in np.median(rows, axis=0)]


def slim(text: str) -> str:
    """Return a LightGBM text with numbers rounded and without what neither answers nor explains."""
    lines = []
    for line in text.splitlines():
        name, _, values = line.partition("=")
        if name in _DROPPED:
            continue
        if digits := _ROUNDED.get(name):
            short = (f"{float(value):.{digits}g}" for value in values.split())
            lines.append(f"{name}=" + " ".join(short))
        else:
            lines.append(line)
    return _PARAMETERS.sub("\n", "\n".join(lines) + "\n")
