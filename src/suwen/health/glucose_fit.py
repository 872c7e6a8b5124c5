"""One member of the glucose forecast: for each horizon a linear model and trees.

The linear model takes the last changes as they are and once more for each of a few properties of
the sensor and the person. How rough the curve is matters most: a sensor whose values were smoothed
keeps its direction far better than a raw one. At 30 minutes, where direction is most of it, the
trees foretell what the linear model leaves; later on they foretell all, and the mean of both is the
answer (so chosen on people held out). Other trees foretell the size of the error. What is left
over, seen on the people that decide when to stop, gives the probabilities of crossing a level, and
the probability from which an alarm is raised: where precision and sensitivity are best together.

References: Ke et al., LightGBM, NeurIPS 2017; Huber, Ann Math Stat 35:73, 1964 (the loss).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from suwen.health.glucose_data import later, usable
from suwen.health.glucose_window import (
    HOUR,
    Array,
    Past,
    features,
    grids,
    knowledge,
    names,
    own_levels,
)
from suwen.lifecycle.task import Examples

LINEAR: Final = (
    *(f"change {k}" for k in (1, 2, 3, 4, 5, 6, 8, 10, 12, 18, 24, 36, 72)),
    "mean 36",
    "mean 144",
    "own mean",
    "own clock",
)
ROUGH: Final = (0.45, 0.7, 0.95, 1.3)
"""Roughness between which the linear weights go over into each other."""
TIMES: Final = ("roughness", "roughness", "roughness", "own spread", "now", "own mean")
"""Properties that the linear terms are also multiplied by, one each."""
ALONE: Final = ("sine", "cosine")
RIDGE: Final = 100.0
DENSE: Final = 20_000
"""Most windows of one set that are trained on."""
UNIT: Final[Mapping[int, float]] = {30: 12.0, 60: 20.0, 120: 28.0}
"""Usual error in mg/dL by minutes ahead: what the loss calls large."""
SUMMED: Final = (30,)
"""Minutes ahead at which the trees foretell what the linear model leaves."""
ROUNDS, ERROR_ROUNDS = 100, 30
OPTIONS: Final[Mapping[str, Any]] = {
    "objective": "huber",
    "alpha": 1.0,
    "learning_rate": 0.08,
    "num_leaves": 13,
    "min_data_in_leaf": 150,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.6,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
ERROR_OPTIONS: Final[Mapping[str, Any]] = {
    **OPTIONS, "objective": "regression", "num_leaves": 7, "learning_rate": 0.12,
}  # fmt: skip
LEAST_ERROR: Final = 0.15
"""The expected error is never less than this share of the usual one."""
LEVELS: Final = np.r_[0.002, 0.005, np.arange(0.01, 0.995, 0.02), 0.995, 0.998]
"""Probabilities at which the left-over errors are kept."""
CUTS: Final = np.arange(0.1, 0.71, 0.05)
EVENTS: Final = 20
"""With fewer events the alarm is raised at even odds."""
NEEDLESS: Final = ("leaf_weight", "internal_weight", "split_gain", "tree_sizes")
ROUNDED: Final = ("threshold", "leaf_value", "internal_value")
"""Lines of LightGBM's text that are left out, and those whose numbers are rounded."""


def trees_of(ahead: int) -> str:
    """Return the file of the trees that foretell the change."""
    return f"change-{ahead}.lgb.txt"


def errors_of(ahead: int) -> str:
    """Return the file of the trees that foretell the size of the error."""
    return f"error-{ahead}.lgb.txt"


class Table:
    """Windows of many people at one horizon: features (n, f), change (n,), weight (n,)."""

    def __init__(self, rows: Array, change: Array, weight: Array) -> None:
        self.rows = rows
        self.change = change
        self.weight = weight


def tables(part: Examples, dense: int = DENSE) -> dict[int, Table]:
    """Return what is learnt from, by minutes ahead: windows of the part's people, more of them.

    Sets count by the root of their windows, so that the large do not drown the small.
    """
    people: dict[str, Past] = {}
    for i in range(len(part)):
        past = part.load(i).data.past
        if past is not None:
            people.setdefault(str(part.groups[i]), past)
    sizes: dict[str, int] = {}
    for name, past in people.items():
        sizes[_set(name)] = sizes.get(_set(name), 0) + len(past)
    ahead = [int(one) for one in knowledge()["minutes_ahead"]]
    rows: dict[int, list[Array]] = {one: [] for one in ahead}
    changes: dict[int, list[Array]] = {one: [] for one in ahead}
    weights: dict[int, list[Array]] = {one: [] for one in ahead}
    for name, past in people.items():
        every = max(1, sizes[_set(name)] // dense)
        places = np.arange(HOUR, len(past), every)
        places = places[usable(past, places)] if len(places) else places
        if not len(places):
            continue
        curves, truth = grids(past, places), later(past, places)
        hours = past.minutes[places] / 60 % 24
        for h, one in enumerate(ahead):
            keep = np.isfinite(truth[:, h])
            own = own_levels(past, places, one)
            rows[one].append(features(curves[keep], hours[keep], own[keep]))
            changes[one].append(truth[keep, h] - curves[keep, -1])
            share = max(1.0, min(sizes[_set(name)], dense))
            weights[one].append(np.full(int(keep.sum()), (dense / share) ** 0.5))
    return {
        one: Table(*(np.concatenate(each[one]) for each in (rows, changes, weights)))
        for one in ahead
    }


def _set(person: str) -> str:
    return person.partition("/")[0]


def terms(rows: Array) -> Array:
    """Return what the linear model multiplies with its weights, (n, t), unknown numbers as 0."""
    place = {name: k for k, name in enumerate(names())}
    clean = np.nan_to_num(np.asarray(rows, dtype=float))
    base = clean[:, [place[name] for name in LINEAR]]
    rough, now, own = (
        clean[:, place["roughness"]],
        clean[:, place["now"]],
        rows[:, place["own spread"]],
    )
    known = np.isfinite(own)
    spread = np.where(known, own, clean[:, place["spread 144"]])
    corners = np.eye(len(ROUGH))
    times = [np.interp(rough, ROUGH, corners[k]) for k in range(1, len(ROUGH))]
    times += [np.log(spread + 5) - 3.4, (now - 120) / 60, known - 0.7]
    alone = clean[:, [place[name] for name in ALONE]]
    bounds = [now / 100, np.minimum(now - 100, 0) / 50, np.maximum(now - 200, 0) / 50]
    parts = [base, *(base * one[:, None] for one in times), *times, alone, *bounds]
    return np.column_stack([*parts, np.ones(len(clean))])


def term_groups(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the group of each term of the linear model, from those of the features."""
    place = {name: k for k, name in enumerate(names())}
    base = [int(groups[place[name]]) for name in LINEAR]
    level = int(groups[place["now"]])
    times = [int(groups[place[name]]) for name in TIMES]
    alone = [int(groups[place[name]]) for name in ALONE]
    return np.array([*(base * (1 + len(TIMES))), *times, *alone, *([level] * 4)])


def fit_linear(table: Table) -> Array:
    """Return the weights of the terms, by ridge regression, (t,)."""
    design = terms(table.rows)
    scale = design.std(0)
    scale[scale == 0] = 1.0
    design = design / scale
    weighted = design * table.weight[:, None]
    penalty = RIDGE * np.eye(design.shape[1])
    penalty[-1, -1] = 1e-6
    found = np.linalg.solve(weighted.T @ design + penalty, weighted.T @ table.change)
    return np.asarray(found / scale)


def small(text: str) -> str:
    """Return a LightGBM text without what answers do not need, its numbers to six digits."""
    lines = text.partition("\nparameters:")[0].splitlines()
    return (
        "\n".join(_short(line) for line in lines if line.partition("=")[0] not in NEEDLESS) + "\n"
    )


def _short(line: str) -> str:
    key, _, values = line.partition("=")
    if key not in ROUNDED:
        return line
    return f"{key}=" + " ".join(f"{float(value):.6g}" for value in values.split())


def fit_member(train: Examples, valid: Examples, seed: int, folder: Path) -> dict[str, Any]:
    """Train one member into `folder`; returns its settings, with the losses under `history`."""
    import lightgbm

    learnt, watched = tables(train), tables(valid, DENSE // 4)
    settings: dict[str, Any] = {"linear": {}, "left": {}, "cuts": {}, "typical": []}
    losses: dict[str, Any] = {}
    for ahead, table in learnt.items():
        other, unit = watched[ahead], UNIT[ahead]
        weights = fit_linear(table)
        options = {**OPTIONS, "seed": seed}
        wanted = [
            (each.change - (ahead in SUMMED) * (terms(each.rows) @ weights)) / unit
            for each in (table, other)
        ]
        data = lightgbm.Dataset(table.rows, wanted[0], weight=table.weight)
        seen = lightgbm.Dataset(other.rows, wanted[1], reference=data)
        watch: dict[str, Any] = {}
        trees = lightgbm.train(
            options, data, ROUNDS, valid_sets=[seen],
            callbacks=[lightgbm.record_evaluation(watch)],
        )  # fmt: skip
        losses[str(ahead)] = watch["valid_0"]["huber"]
        said = [change_of(weights, trees, ahead, each.rows) for each in (table, other)]
        size = np.abs(table.change - said[0]) / unit
        errors = lightgbm.train(
            {**ERROR_OPTIONS, "seed": seed},
            lightgbm.Dataset(table.rows, size, weight=table.weight),
            ERROR_ROUNDS,
        )
        for name, made in ((trees_of(ahead), trees), (errors_of(ahead), errors)):
            (folder / name).write_text(small(made.model_to_string()), encoding="utf-8")
        expected = error_of(np.asarray(errors.predict(other.rows)), unit)
        left = np.asarray(np.quantile((other.change - said[1]) / expected, LEVELS))
        settings["linear"][str(ahead)] = [float(f"{value:.5g}") for value in weights]
        settings["left"][str(ahead)] = [round(float(value), 3) for value in left]
        settings["cuts"][str(ahead)] = _cuts_of(other, said[1], expected, left)
        if not settings["typical"]:
            settings["typical"] = _typical(table.rows)
    curve = np.mean([losses[one] for one in losses], axis=0)
    settings["history"] = [
        {"epoch": float(i + 1), "valid_loss": float(value)} for i, value in enumerate(curve)
    ]
    return settings


def change_of(weights: Array, trees: Any, ahead: int, rows: Array) -> Array:
    """Return the change foretold in mg/dL by the linear model and the trees together, (n,)."""
    both = terms(rows) @ weights + UNIT[ahead] * np.asarray(trees.predict(rows))
    return np.asarray(share_of(ahead) * both)


def share_of(ahead: int) -> float:
    """Return what the linear model and the trees count each: 1 where summed, else half."""
    return 1.0 if ahead in SUMMED else 0.5


def error_of(sizes: Array, unit: float) -> Array:
    """Return the expected error in mg/dL from what the trees say in units of the usual one."""
    return np.asarray(unit * np.maximum(np.asarray(sizes, dtype=float), LEAST_ERROR))


def probability_below(level: float, value: float, error: float, left: Sequence[float]) -> float:
    """Return the probability that the glucose is below a level, from the left-over errors."""
    return float(np.interp((level - value) / error, left, LEVELS, left=0.0, right=1.0))


def _cuts_of(table: Table, change: Array, error: Array, left: Array) -> dict[str, float]:
    """Return for each level the probability from which an alarm has the best F1."""
    now = table.rows[:, names().index("now")]
    true, said = now + table.change, now + change
    found = {}
    for entry in knowledge()["level"]:
        level, low = float(entry.get("below", entry.get("above"))), "below" in entry
        under = np.interp((level - said) / error, left, LEVELS, left=0.0, right=1.0)
        probability = under if low else 1 - under
        event = true < level if low else true > level
        fresh = now >= level if low else now <= level  # alarms matter before it is so
        event, probability = event[fresh], probability[fresh]
        if event.sum() < EVENTS:
            found[entry["key"]] = 0.5
            continue
        scores = [_f1(event, probability >= cut) for cut in CUTS]
        found[entry["key"]] = round(float(CUTS[int(np.argmax(scores))]), 2)
    return found


def _f1(event: NDArray[np.bool_], called: NDArray[np.bool_]) -> float:
    hits = float((event & called).sum())
    return 2 * hits / max(1.0, float(event.sum() + called.sum()))


def _typical(rows: Array) -> list[float]:
    known = [column[np.isfinite(column)] for column in rows.T]
    return [round(float(np.median(one)), 4) if len(one) else 0.0 for one in known]
