"""One member of the glucose forecast: for each horizon a linear model and trees.

The linear model takes the last changes as they are and once more for each of a few properties of
the sensor and the person. How rough the curve is matters most: a sensor whose values were smoothed
keeps its direction far better than a raw one. Trees foretell what it leaves, in units of how much
this person's glucose varies: so what is learnt from a steady curve serves a restless one. Other
trees foretell the size of the error in the same units. On the people that decide when to stop,
forecasts are made as in use, each with what was known of the person by then (`person`);
what is left over there gives the probabilities of crossing a level, and the probability from which
an alarm is raised: where precision and sensitivity are best together.

Reference: Ke et al., LightGBM, NeurIPS 2017.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.health.glucose.data import later
from suwen.health.glucose.person import Said, for_all
from suwen.health.glucose.window import (
    HOUR,
    Array,
    Past,
    features,
    grids,
    knowledge,
    names,
    own_levels,
    usable,
)
from suwen.lifecycle.examples import Examples
from suwen.lifecycle.pack import Pack

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
RIDGE: Final = 20.0
DENSE: Final = 20_000
"""Most windows of one set that are trained on."""
VARIES: Final = (8.0, 90.0)
"""mg/dL; nobody's glucose is taken to vary less or more."""
STEP: Final = "change 3"
"""The change of the last 15 minutes."""
ROUNDS, ERROR_ROUNDS = 100, 30
OPTIONS: Final[Mapping[str, Any]] = {
    "objective": "regression",
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
    **OPTIONS, "num_leaves": 7, "learning_rate": 0.12,
}  # fmt: skip
LEAST_ERROR: Final = 0.1
"""The expected error is never less than this share of how much the glucose varies."""
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


class Table(NamedTuple):
    """Windows of many people at one horizon, each person's in the order of time.

    Features (n, f), change and weight (n,), number of the person and minutes (n,).
    """

    rows: Array
    change: Array
    weight: Array
    person: Array
    minutes: Array


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
    found: dict[int, list[Table]] = {one: [] for one in ahead}
    for number, (name, past) in enumerate(people.items()):
        count = sizes[_set(name)]
        places = np.arange(HOUR, len(past), max(1, count // dense))
        places = places[usable(past, places)] if len(places) else places
        if not len(places):
            continue
        weight = (dense / max(1.0, min(count, dense))) ** 0.5
        curves, truth = grids(past, places), later(past, places)
        hours = past.minutes[places] / 60 % 24
        for h, one in enumerate(ahead):
            keep = np.isfinite(truth[:, h])
            own = own_levels(past, places[keep], one)
            found[one].append(
                Table(
                    features(curves[keep], hours[keep], own),
                    truth[keep, h] - curves[keep, -1],
                    np.full(int(keep.sum()), weight),
                    np.full(int(keep.sum()), float(number)),
                    past.minutes[places[keep]],
                )
            )
    return {one: Table(*map(np.concatenate, zip(*found[one], strict=True))) for one in ahead}


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
    learnt, watched = tables(train), tables(valid, DENSE // 4)
    settings: dict[str, Any] = {"linear": {}, "usual": {}, "left": {}, "cuts": {}}
    losses: list[Any] = []
    for ahead, table in learnt.items():
        other, key = watched[ahead], str(ahead)
        weights = fit_linear(table)
        trees, errors, loss = _fit_trees(table, other, weights, seed)
        for name, made in ((trees_of(ahead), trees), (errors_of(ahead), errors)):
            (folder / name).write_text(small(made.model_to_string()), encoding="utf-8")
        model = Model(weights, trees, errors, 1.0)
        plain = said_of(model, other.rows, other.minutes, other.change)
        gaps = np.abs(plain.change - plain.linear - plain.trees)
        usual = float(f"{np.mean(gaps / plain.size):.4g}")
        change, error = follow(model._replace(usual=usual), other, ahead)
        left = np.asarray(np.quantile((other.change - change) / error, LEVELS))
        settings["linear"][key] = [float(f"{value:.5g}") for value in weights]
        settings["usual"][key] = usual
        settings["left"][key] = [round(float(value), 3) for value in left]
        settings["cuts"][key] = _cuts_of(other, change, error, left)
        losses.append(loss)
    settings["typical"] = _typical(learnt[min(learnt)].rows)
    settings["history"] = [
        {"epoch": float(i + 1), "valid_loss": float(value)}
        for i, value in enumerate(np.mean(losses, axis=0))
    ]
    return settings


def _fit_trees(table: Table, other: Table, weights: Array, seed: int) -> tuple[Any, Any, Any]:
    """Return the trees of the change, those of the error, and the loss of each round."""
    import lightgbm

    varies = [varies_of(each.rows) for each in (table, other)]
    linear = terms(table.rows) @ weights
    wanted = (
        (table.change - linear) / varies[0],
        (other.change - terms(other.rows) @ weights) / varies[1],
    )
    weight = table.weight * varies[0] / np.mean(varies[0])
    data = lightgbm.Dataset(table.rows, wanted[0], weight=weight)
    seen = lightgbm.Dataset(other.rows, wanted[1], reference=data)
    watch: dict[str, Any] = {}
    trees = lightgbm.train(
        {**OPTIONS, "seed": seed}, data, ROUNDS, valid_sets=[seen],
        callbacks=[lightgbm.record_evaluation(watch)],
    )  # fmt: skip
    data.set_label(np.abs(wanted[0] - np.asarray(trees.predict(table.rows))))
    data.set_weight(table.weight)
    errors = lightgbm.train({**ERROR_OPTIONS, "seed": seed}, data, ERROR_ROUNDS)
    return trees, errors, watch["valid_0"]["l2"]


class Model(NamedTuple):
    """One member at one horizon: linear weights, trees of change and error, its usual ratio.

    `usual` is the mean of the errors in units of the expected ones, on people held out.
    """

    weights: Array
    trees: Any
    errors: Any
    usual: float


def model_of(pack: Pack, ahead: int, member: int) -> Model:
    """Return one member of a pack at one horizon; in a pack of random weights, dealt out anew."""
    made, key = pack.member(member), str(ahead)
    weights = np.array(made["linear"][key])
    if pack.seed is not None:
        weights = np.random.default_rng(pack.seed).permutation(weights)
    return Model(
        weights,
        pack.booster(trees_of(ahead), member),
        pack.booster(errors_of(ahead), member),
        float(made["usual"][key]),
    )


def varies_of(rows: Array) -> Array:
    """Return how much the glucose varies in mg/dL: spread of 12 hours and of three days, (n,)."""
    place = {name: k for k, name in enumerate(names())}
    near = np.nan_to_num(np.asarray(rows)[:, place["spread 144"]])
    own = np.asarray(rows)[:, place["own spread"]]
    return np.asarray(np.clip(np.where(np.isfinite(own), (own + near) / 2, near), *VARIES))


def said_of(model: Model, rows: Array, minutes: Array, change: Array) -> Said:
    """Return the forecasts of the model of everybody for one person's windows, or for several's."""
    varies = varies_of(rows)
    size = np.maximum(np.asarray(model.errors.predict(rows)), LEAST_ERROR)
    return Said(
        minutes=minutes,
        linear=terms(rows) @ model.weights,
        trees=varies * np.asarray(model.trees.predict(rows)),
        step=np.nan_to_num(rows[:, names().index(STEP)]),
        size=model.usual * varies * size,
        change=change,
    )


def follow(model: Model, table: Table, ahead: int) -> tuple[Array, Array]:
    """Return change and expected error of each window, each person followed in time, (n,)."""
    said = said_of(model, table.rows, table.minutes, table.change)
    change, error = np.empty(len(table.change)), np.empty(len(table.change))
    for person in np.unique(table.person):
        own = np.flatnonzero(table.person == person)
        change[own], error[own] = for_all(Said(*(column[own] for column in said)), ahead)
    return change, error


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
