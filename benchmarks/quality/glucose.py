"""GlucoBench's protocol: twelve points of the next hour, on the last stretch of known people.

Ten seeds (`glucose_protocol`). Our method: the numbers of `health.glucose_forecast` without the
last days, trees for the median at five of the twelve points, one model for all sets, learnt from
their training stretches only; beside it linear regression as GlucoBench fits it, on the set alone.
The two are mixed by a share that is best for the median squared error on the points for choosing,
set by set and seed by seed. The last value and the linear regression stand beside it in the same
run, and the best published row. The people here are those in the data folder, fewer than were
published on: compare with the linear regression of the same run first.

    python -m benchmarks.quality.glucose FOLDER

Every seed is written to FOLDER (default `build/glucobench`) and not done again; with all ten the
table is printed as Markdown: mean and standard deviation over the seeds (of squared errors the root
of the mean, as published), and of each set the interval over people of the first seed.

Reference: Sergazinov et al., GlucoBench, ICLR 2024.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.quality.glucose_protocol import (
    AHEAD,
    PROTOCOLS,
    SEEDS,
    STRIDE,
    Array,
    Parts,
    Windows,
    errors,
    figures,
    over_people,
    parted,
    segments,
    windows,
)
from suwen.health.glucose.window import POINTS, features, names
from suwen.lifecycle.data import DataFolders

MOST, ROUNDS = 16_000, 140
KNOTS: Final = np.array([1, 3, 6, 9, 12])
SHARES: Final = np.linspace(0, 1, 11)
FIRST: Final = 24
"""Points of a stretch before the first window that is learnt from."""
WAYS: Final = ("last value", "linear regression", "suwen")
NAMED: Final = ("median RMSE", "median MAE", "mean RMSE", "mean MAE")


def numbers(found: Windows) -> Array:
    """Return the numbers that our forecasts are made from, of no more than the input."""
    curves = found.past[:, -POINTS:]
    lacking = POINTS - curves.shape[1]
    curves = np.pad(curves, ((0, 0), (lacking, 0)), constant_values=np.nan)
    unknown = np.full((len(curves), 3), np.nan)
    rows = features(curves, found.hours, unknown)
    return rows[:, [not name.startswith("own") for name in names()]]


def linear(train: Windows, lags: int) -> Callable[[Windows], Array]:
    """Return linear regression on the last points, as GlucoBench fits it."""
    whole = np.isfinite(train.past[:, -lags:]).all(1)

    def inputs(found: Windows) -> Array:
        return np.column_stack([found.past[:, -lags:], np.ones(len(found.past))])

    fitted = np.linalg.lstsq(inputs(train)[whole], train.next[whole], rcond=None)[0]
    return lambda found: np.asarray(inputs(found) @ fitted)


def ours(parts: Mapping[str, Windows]) -> Callable[[Windows], Array]:
    """Return trees trained for the median change at five points, the others in between."""
    import lightgbm
    from scipy.interpolate import PchipInterpolator

    rows = np.concatenate([numbers(one) for one in parts.values()])
    change = np.concatenate([one.next - one.past[:, [-1]] for one in parts.values()])
    weight = np.concatenate(
        [np.full(len(one.past), (MOST / len(one.past)) ** 0.5) for one in parts.values()]
    )
    options: dict[str, Any] = {
        "objective": "huber", "alpha": 0.3, "learning_rate": 0.06, "num_leaves": 16,
        "min_data_in_leaf": 80, "feature_fraction": 0.4, "bagging_fraction": 0.6,
        "bagging_freq": 1, "lambda_l2": 5.0, "num_threads": 1, "verbosity": -1, "seed": 7,
    }  # fmt: skip
    units = [float(np.mean(np.abs(change[:, k - 1]))) for k in KNOTS]
    trees = [
        lightgbm.train(
            options, lightgbm.Dataset(rows, change[:, k - 1] / unit, weight=weight), ROUNDS
        )
        for k, unit in zip(KNOTS, units, strict=True)
    ]

    def answer(found: Windows) -> Array:
        own = numbers(found)
        knots = [
            unit * np.asarray(one.predict(own)) for one, unit in zip(trees, units, strict=True)
        ]
        drawn = np.column_stack([np.zeros(len(own)), *knots])
        between = PchipInterpolator(np.r_[0, KNOTS], drawn, axis=1)(np.arange(1, AHEAD + 1))
        return np.asarray(found.past[:, [-1]] + between)

    return answer


def mixed(trees: Array, straight: Array, share: float) -> Array:
    """Return trees and linear regression together."""
    return share * trees + (1 - share) * straight


def best_share(trees: Array, straight: Array, found: Windows) -> float:
    """Return the share of the trees that is best on the windows for choosing."""
    lost = [
        float(np.median(errors(mixed(trees, straight, share), found)[:, 0])) for share in SHARES
    ]
    return float(SHARES[int(np.argmin(lost))])


def of_seed(found: Mapping[str, list[Any]], seed: int) -> dict[str, Any]:
    """Return by set: forecasts, people, share of the trees, figures by way, of the first seed with
    their intervals.
    """
    parts: dict[str, Parts] = {
        name: parted(found[name], rules, seed) for name, rules in PROTOCOLS.items()
    }
    points = {name: sum(len(one.values) for one in each.train) for name, each in parts.items()}
    answer = ours(
        {
            name: windows(each.train, PROTOCOLS[name].input, FIRST, max(1, points[name] // MOST))
            for name, each in parts.items()
        }
    )
    result: dict[str, Any] = {}
    for name, rules in PROTOCOLS.items():
        every = max(1, points[name] // (4 * MOST))
        straight = linear(windows(parts[name].train, rules.input, rules.lags, every), rules.lags)
        share = 0.5
        if parts[name].choice:
            choice = windows(parts[name].choice, rules.input, rules.input, STRIDE // 2)
            share = best_share(answer(choice), straight(choice), choice)
        test = windows(parts[name].test, rules.input, rules.input, STRIDE)
        said = {
            "last value": np.repeat(test.past[:, [-1]], AHEAD, 1),
            "linear regression": straight(test),
            "suwen": mixed(answer(test), straight(test), share),
        }
        each = {way: errors(values, test) for way, values in said.items()}
        result[name] = {
            "forecasts": len(test.past),
            "people": len(set(test.people)),
            "share of the trees": share,
            **{way: figures(rows).tolist() for way, rows in each.items()},
        }
        if seed == SEEDS[0]:
            ends = {way: over_people(rows, test.people) for way, rows in each.items()}
            result[name]["intervals"] = {
                way: [low.tolist(), high.tolist()] for way, (low, high) in ends.items()
            }
    return result


def rooted(found: Any) -> Array:
    """Return figures (..., 4) with the roots of the squared errors."""
    values = np.array(found, dtype=float)
    values[..., ::2] = np.sqrt(values[..., ::2])
    return values


def table(results: Mapping[int, Mapping[str, Any]]) -> str:
    """Return the seeds as one Markdown table."""
    lines = [
        f"| set | method | {' | '.join(NAMED)} | 95 % of the first seed: {NAMED[0]}; {NAMED[1]} |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, rules in PROTOCOLS.items():
        for way in WAYS:
            rows = np.array([one[name][way] for one in results.values()])
            cells = [
                f"{mean:.2f} ± {spread:.2f}"
                for mean, spread in zip(rooted(rows.mean(0)), rooted(rows).std(0), strict=True)
            ]
            low, high = map(rooted, results[SEEDS[0]][name]["intervals"][way])
            spans = "; ".join(f"{low[k]:.2f} to {high[k]:.2f}" for k in (0, 1))
            lines.append(f"| {name} | {way} | {' | '.join(cells)} | {spans} |")
        best = " | ".join(f"{value:.2f}" for value in rules.published)
        lines.append(f"| {name} | best published row | {best} | |")
    return "\n".join(lines)


def main() -> None:
    """Answer the seeds that are not done yet, and print the table once all are."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/glucobench")
    folder.mkdir(parents=True, exist_ok=True)
    data = DataFolders.from_settings()
    found = {name: segments(data, name) for name in PROTOCOLS}
    for seed in SEEDS:
        path = folder / f"seed-{seed}.json"
        if not path.exists():
            partial = path.with_suffix(".part")
            partial.write_text(json.dumps(of_seed(found, seed), indent=1) + "\n")
            partial.replace(path)
            print(f"seed {seed} done", flush=True)
    results = {seed: json.loads((folder / f"seed-{seed}.json").read_text()) for seed in SEEDS}
    people = {name: [one[name]["people"] for one in results.values()] for name in PROTOCOLS}
    print(table(results))
    print({name: (min(counts), max(counts)) for name, counts in people.items()})


if __name__ == "__main__":
    main()
