"""GlucoBench's protocol: twelve points of the next hour, on the last stretch of known people.

Segments, gaps and splits as its configuration files say (`vitals/cgm_glucobench/config`): the last
points of each person are the test, a tenth of the people (drawn by seed 10) are held out wholly and
not measured here. A forecast starts every six points; of each the mean squared and mean absolute
error over its twelve points are taken, and of those the median over forecasts (RMSE is the root).

Beside our method (the same numbers as `health.glucose_forecast` without the last days, trees for
the median at five of the twelve points, one model for all sets, trained on their training stretches
only) stands linear regression as GlucoBench fits it, in the same run, and its best published row.
The people here are those in the data folder, fewer than were published on: compare with the peer in
the same run first. Intervals are bootstrapped over people.

Reference: Sergazinov et al., GlucoBench, ICLR 2024.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.health.glucose_data import recordings
from suwen.health.glucose_window import POINTS, features, names
from suwen.lifecycle.data import DataFolders

Array = NDArray[np.float64]
SEED, STRIDE, AHEAD, MOST = 10, 6, 12, 16_000
ROUNDS: Final = 140
KNOTS: Final = np.array([1, 3, 6, 9, 12])
RESAMPLES: Final = 1000


class Protocol(NamedTuple):
    """Of one set: minutes and points of `config/*.yaml`, lags of its linear regression."""

    gap: float
    shortest: int
    tested: int
    input: int
    lags: int
    published: tuple[float, float]


PROTOCOLS: Final[Mapping[str, Protocol]] = {
    "broll_iglu": Protocol(45, 240, 240, 192, 192, (9.95, 8.41)),
    "colas2019": Protocol(45, 192, 72, 144, 12, (5.26, 4.35)),
    "dubosson2018": Protocol(30, 240, 144, 192, 12, (12.07, 9.97)),
    "hall2018": Protocol(30, 192, 192, 144, 84, (7.13, 6.11)),
    "weinstock2016": Protocol(45, 240, 240, 192, 84, (13.22, 11.21)),
}
"""`published`: best in-distribution RMSE and MAE of `published_results.csv`."""


class Segment(NamedTuple):
    """An unbroken stretch of one person: hour of each point, glucose."""

    person: str
    hours: Array
    values: Array

    def cut(self, first: int, last: int) -> Segment:
        """Return the points from `first` up to `last`."""
        return Segment(self.person, self.hours[first:last], self.values[first:last])


def segments(data: DataFolders, name: str) -> list[Segment]:
    """Return the stretches of one set on a grid of five minutes."""
    rules, found = PROTOCOLS[name], []
    people = recordings(data.find(f"vitals/cgm_glucobench/{name}.csv.xz"))
    for person in sorted(people):
        if (name, person) == ("dubosson2018", "009"):
            continue  # as its configuration
        minutes, values = np.round(people[person].minutes), people[person].values
        part = np.cumsum(np.diff(minutes, prepend=minutes[0]) > rules.gap)
        for k in np.unique(part):
            inside = part == k
            if inside.sum() >= rules.shortest:
                grid = np.arange(minutes[inside][0], minutes[inside][-1] + 0.01, 5.0)
                curve = np.interp(grid, minutes[inside], values[inside])
                found.append(Segment(person, grid / 60 % 24, curve))
    return found


def parted(found: list[Segment], rules: Protocol) -> tuple[list[Segment], list[Segment]]:
    """Return training and test stretches as GlucoBench parts them (in-distribution)."""
    people = list(dict.fromkeys(one.person for one in found))
    np.random.seed(SEED)  # the generator that the published splits are drawn by
    apart = set(np.random.choice(people, math.ceil(len(people) * 0.1), replace=False))
    tested, input_ = rules.tested, rules.input
    train: list[Segment] = []
    test: list[Segment] = []
    for person in people:
        own = [one for one in found if one.person == person]
        if person in apart:
            continue
        last, count = own[-1], len(own[-1].values)
        train += own[:-2]
        before = own[-2:-1]
        if count >= input_ + 3 * tested or (not before and count >= input_ + 2 * tested):
            kept = 2 if count >= input_ + 3 * tested else 1
            train += [*before, last.cut(0, count - kept * tested)]
            test.append(last.cut(count - tested - input_, count))
        elif count >= input_ + 2 * tested:
            train += before
            test.append(last.cut(count - tested - input_, count))
        elif before:
            test.append(last)
            long = len(before[0].values) >= input_ + 2 * tested
            train.append(before[0].cut(0, len(before[0].values) - tested * long))
        else:
            train.append(last)
    return train, test


class Windows(NamedTuple):
    """Curves up to a moment (n, input), the next hour (n, 12), time of day and person (n,)."""

    past: Array
    next: Array
    hours: Array
    people: NDArray[np.str_]


def windows(found: list[Segment], input_: int, first: int, every: int) -> Windows:
    """Return a window at every so many points from `first` on; what lies before is NaN."""
    rows: list[tuple[Array, Array, float, str]] = []
    for one in found:
        padded = np.r_[np.full(input_, np.nan), one.values]
        for at in range(first, len(one.values) - AHEAD + 1, every):
            ahead = one.values[at : at + AHEAD]
            rows.append((padded[at : at + input_], ahead, one.hours[at - 1], one.person))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Windows(columns[0], columns[1], columns[2], columns[3])


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


def medians(said: Array, found: Windows) -> tuple[Array, Array]:
    """Return RMSE and MAE (medians over forecasts), and their resamples over people, (1 + n, 2)."""
    gaps = said - found.next
    errors = np.column_stack([np.mean(gaps**2, 1), np.mean(np.abs(gaps), 1)])
    rng = np.random.default_rng(0)
    people = [np.flatnonzero(found.people == one) for one in np.unique(found.people)]
    drawn = [np.concatenate([people[k] for k in rng.integers(0, len(people), len(people))])
             for _ in range(RESAMPLES)]  # fmt: skip
    found_ = np.array([np.median(errors[index], 0) for index in [np.arange(len(errors)), *drawn]])
    found_[:, 0] = np.sqrt(found_[:, 0])
    return found_[0], np.quantile(found_[1:], (0.025, 0.975), axis=0)


def main() -> None:
    """Print one line a set and method."""
    data = DataFolders.from_settings()
    both = {name: parted(segments(data, name), rules) for name, rules in PROTOCOLS.items()}
    points = {name: sum(len(one.values) for one in train) for name, (train, _) in both.items()}
    answer = ours(
        {
            name: windows(train, PROTOCOLS[name].input, 24, max(1, points[name] // MOST))
            for name, (train, _) in both.items()
        }
    )
    print(f"{'set':14} {'method':20} forecasts people  RMSE [95 %]            MAE [95 %]")
    for name, rules in PROTOCOLS.items():
        every = max(1, points[name] // (4 * MOST))
        full = windows(both[name][0], rules.input, rules.lags, every)
        test = windows(both[name][1], rules.input, rules.input, STRIDE)
        last = np.repeat(test.past[:, [-1]], AHEAD, 1)
        ways = {"last value": last, "linear regression": linear(full, rules.lags)(test),
                "suwen": answer(test)}  # fmt: skip
        for way, said in ways.items():
            value, (low, high) = medians(said, test)
            cells = [f"{value[k]:6.2f} [{low[k]:5.2f}, {high[k]:5.2f}]" for k in (0, 1)]
            print(f"{name:14} {way:20} {len(said):9} {len(set(test.people)):6}  {'  '.join(cells)}")
        best = rules.published
        print(f"{name:14} {'best published row':37} {best[0]:6.2f} {'':14}  {best[1]:6.2f}")


if __name__ == "__main__":
    main()
