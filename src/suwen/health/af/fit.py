"""Train one member of `health.af`: boosted trees on numbers, if asked a network on the curve.

Needs the extra [train]. The trees are written with six digits: equal answers, a third of the bytes.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.core.errors import MissingExtra
from suwen.core.settings import settings
from suwen.health.af.changes import drawn
from suwen.health.af.features import names
from suwen.health.af.net import CLASSES, INPUT, SCORES, asked, network, varied
from suwen.lifecycle.examples import Array, Examples
from suwen.lifecycle.onnx.smaller import weights8
from suwen.lifecycle.recipe import Recipe

TREES, NET = "trees.lgb.txt", "net.onnx"
CHANGED: Final = "changed"
"""Option: changed copies of each recording (`changes.drawn`) that the trees learn too."""
ROUNDS: Final = 200
"""Rounds of boosting, where `options.rounds` says no other number."""
OPTIONS: Final[Mapping[str, Any]] = {
    "objective": "multiclass",
    "num_class": CLASSES,
    "learning_rate": 0.045,
    "num_leaves": 8,
    "min_data_in_leaf": 35,
    "feature_fraction": 0.2,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
SMOOTHING: Final = 0.05
"""Share of each label that is spread over all classes: readers err."""
TYPICAL: Final = 200
"""Recordings over which the mean answer of the network is taken."""
NOT_USED: Final = ("split_gain", "leaf_weight", "internal_value", "internal_weight")
"""Lines of a tree that no answer and no Shapley value needs."""


def fit_trees(train: Examples, valid: Examples, recipe: Recipe, folder: Path) -> list[float]:
    """Train the trees and write them; return the validation loss after each round."""
    import lightgbm

    own = list(names())

    def table(part: Examples, copies: int = 0) -> Any:
        rows, labels = rows_of(part, copies)
        return lightgbm.Dataset(rows, labels, feature_name=own)

    losses: dict[str, Any] = {}
    trees = lightgbm.train(
        {**OPTIONS, "seed": recipe.seed},
        table(train, int(recipe.options.get(CHANGED, 0))),
        int(recipe.options.get("rounds", ROUNDS)),
        valid_sets=[table(valid)],
        callbacks=[lightgbm.record_evaluation(losses)],
    )
    (folder / TREES).write_text(slim(trees.model_to_string()), encoding="utf-8")
    return [float(value) for value in losses["valid_0"]["multi_logloss"]]


def rows_of(part: Examples, copies: int) -> tuple[Array, Array]:
    """Return the numbers of recordings, (n, f), and their labels, (n,); then of changed copies."""
    samples = [part.load(i) for i in range(len(part))]
    traces = [one.data for one in samples]
    for number in range(copies):
        traces += [drawn(one.data, one.key, number) for one in samples]
    rows = np.stack([one.features for one in traces])
    return rows, np.tile(np.asarray(part.labels, dtype=int), 1 + copies)


def slim(text: str) -> str:
    """Return a LightGBM text with numbers of six digits and without what nobody reads."""
    lines = []
    for line in text.splitlines():
        name, _, values = line.partition("=")
        if name == "tree_sizes":
            continue
        if name in NOT_USED:
            lines.append(f"{name}={' '.join('0' for _ in values.split())}")
        elif name in ("threshold", "leaf_value"):
            lines.append(f"{name}={' '.join(f'{float(one):.6g}' for one in values.split())}")
        elif not re.match(r"feature_infos=", line):
            lines.append(line)
        else:
            lines.append(f"{name}={' '.join('none' for _ in values.split())}")
    return "\n".join(lines) + "\n"


def fit_network(
    train: Examples, valid: Examples, recipe: Recipe, folder: Path
) -> list[dict[str, float]]:
    """Train the network, write it with 8-bit weights; return its learning curve."""
    try:
        import torch
        from torch.nn import functional
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "torch", "train") from None
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(settings().threads)
    rng = np.random.default_rng(recipe.seed)
    net, labels = network(), np.asarray(train.labels, dtype=np.int64)
    curves = [train.load(i).data.seen for i in range(len(train))]
    steps = max(1, len(curves) // recipe.batch_size)
    optimiser = torch.optim.AdamW(
        net.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=recipe.epochs * steps, pct_start=0.2
    )
    history = []
    for epoch in range(recipe.epochs):
        net.train()
        order, total = rng.permutation(len(curves)), 0.0
        for k in range(steps):
            chosen = order[k * recipe.batch_size : (k + 1) * recipe.batch_size]
            shown = np.stack([varied(curves[i], rng) for i in chosen])[:, None]
            scores = net(torch.from_numpy(shown))
            loss = functional.cross_entropy(
                scores, torch.from_numpy(labels[chosen]), label_smoothing=SMOOTHING
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            rate.step()
            total += loss.item()
        history.append(
            {
                "epoch": epoch + 1.0,
                "train_loss": total / steps,
                "valid_loss": _loss(net, valid),
            }
        )
    _export(net, folder / NET)
    return history


def _loss(net: Any, valid: Examples) -> float:
    import torch

    net.eval()
    losses = []
    with torch.no_grad():
        for i in range(len(valid)):
            scores = net(torch.from_numpy(valid.load(i).data.seen)[None, None])
            likely = torch.log_softmax(scores, 1)[0, int(valid.labels[i])]
            losses.append(-float(likely))
    return float(np.mean(losses))


def _export(net: Any, path: Path) -> None:
    import torch

    net.eval()
    with warnings.catch_warnings():
        # chosen on purpose, as for the networks of images
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            net,
            (torch.zeros(1, 1, 3000),),
            str(path),
            input_names=[INPUT],
            output_names=[SCORES],
            dynamic_axes={INPUT: {2: "samples"}},
            opset_version=17,
            dynamo=False,
        )
    path.write_bytes(weights8(path.read_bytes(), (), 0.0))


def typical(train: Examples) -> list[float]:
    """Return the median of each number over the recordings that have it, 0 where none has."""
    rows = np.stack([train.load(i).data.features for i in range(len(train))])
    known = [column[np.isfinite(column)] for column in rows.T]
    return [float(f"{np.median(one):.4g}") if len(one) else 0.0 for one in known]


def typical_scores(train: Examples, folder: Path) -> list[float]:
    """Return the mean scores of the network over some of its training."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(folder / NET), providers=["CPUExecutionProvider"])
    each = range(0, len(train), max(1, len(train) // TYPICAL))
    scores = np.mean([asked(session, train.load(i).data.seen) for i in each], axis=0)
    return [round(float(one), 4) for one in scores]
