"""Train one member of `health.deterioration`: boosted trees on numbers, a network on the course.

The network also learns who died within a year, as a second answer that nobody asks them later:
who left alive and died soon was nearly as ill. Source: Caruana, Machine Learning 28:41, 1997.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.core.settings import settings
from suwen.health.icu.course import course_of, person_of, values
from suwen.health.icu.data import AFTER
from suwen.health.icu.net import export, network, torch
from suwen.health.icu.stay import feature_names
from suwen.lifecycle.examples import Array, Examples
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.sealed.trees import slimmed

TREES: Final = ("trees-0.lgb.txt", "trees-1.lgb.txt")
"""Two lots of trees from different seeds, whose mean is taken."""
NET: Final = "net.onnx"
ROUNDS: Final = 600
OPTIONS: Final[Mapping[str, Any]] = {
    "objective": "binary",
    "learning_rate": 0.03,
    "num_leaves": 8,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.08,
    "bagging_fraction": 0.6,
    "bagging_freq": 1,
    "lambda_l2": 20.0,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
YEAR: Final = 365.0
BESIDE: Final = 0.3
"""Weight of the loss of death within a year beside that of death in the hospital."""
RATE: Final = 2e-3
BATCH: Final = 96
EPOCHS: Final = 14
DECAY: Final = 0.03


def fit_trees(train: Examples, valid: Examples, recipe: Recipe, folder: Path) -> list[float]:
    """Train and write both lots of trees; return the first lot's validation loss by round."""
    import lightgbm

    names = [name.replace(" ", "_") for name in feature_names()]

    def table(part: Examples) -> Any:
        rows = np.stack([part.load(i).data.features for i in range(len(part))])
        return lightgbm.Dataset(
            rows, np.asarray(part.labels, dtype=int), feature_name=names, free_raw_data=False
        )

    learnt = table(train)
    watched = table(valid)
    curves = []
    for k, name in enumerate(TREES):
        losses: dict[str, Any] = {}
        trees = lightgbm.train(
            {**OPTIONS, "seed": recipe.seed + k},
            learnt,
            ROUNDS,
            valid_sets=[watched],
            callbacks=[lightgbm.record_evaluation(losses)],
        )
        (folder / name).write_text(slimmed(trees.model_to_string()), encoding="utf-8")
        curves.append([float(value) for value in losses["valid_0"]["binary_logloss"]])
    return curves[0]


def fit_network(train: Examples, recipe: Recipe, folder: Path) -> Mapping[str, list[float]]:
    """Train and write the network; return what is typical of the channels that are no values.

    Returns
    -------
    dict
        `channels` (counts, then times since, as means over stays and steps) and `person`.
    """
    courses, people = _inputs(train)
    died, after = np.asarray(train.labels), train.columns[AFTER]
    year = (died == 1) | ((after >= 0) & (after <= YEAR))
    torch().set_num_threads(settings().threads)
    inputs = [torch().from_numpy(one) for one in (courses, people)]
    torch().manual_seed(recipe.seed)
    net = network(courses)
    _learn(net, inputs, np.stack([died, year], 1))
    export(net, folder / NET)
    return {
        "channels": _rounded(courses[..., values() :].mean((0, 1))),
        "person": _rounded(people.mean(0)),
    }


def _learn(net: Any, inputs: list[Any], wanted: Array) -> None:
    labels = torch().from_numpy(wanted.astype(np.float32))
    weight = torch().tensor([1.0, BESIDE])
    steps = max(1, len(labels) // BATCH)
    optimiser = torch().optim.AdamW(net.parameters(), RATE, weight_decay=DECAY)
    rate = torch().optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=EPOCHS * steps)
    net.train()
    for _ in range(EPOCHS):
        order = torch().randperm(len(labels))
        for k in range(steps):
            chosen = order[k * BATCH : (k + 1) * BATCH]
            logits = net(*(one[chosen] for one in inputs))
            losses = torch().nn.functional.binary_cross_entropy_with_logits(
                logits, labels[chosen], reduction="none"
            )
            optimiser.zero_grad()
            (losses.mean(0) * weight).sum().backward()
            torch().nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            rate.step()


def _inputs(examples: Examples) -> tuple[Array, Array]:
    stays = [examples.load(i).data for i in range(len(examples))]
    return np.stack([course_of(one) for one in stays]), np.stack([person_of(one) for one in stays])


def typical(train: Examples) -> list[float]:
    """Return the median of each number over the stays that have it; 0 where none has."""
    columns = np.stack([train.load(i).data.features for i in range(len(train))]).T
    known = [column[np.isfinite(column)] for column in columns]
    return [round(float(np.median(one)), 4) if len(one) else 0.0 for one in known]


def _rounded(found: Array) -> list[float]:
    return [round(float(one), 4) for one in found]
