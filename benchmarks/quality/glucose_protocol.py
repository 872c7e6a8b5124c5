"""GlucoBench's protocol: which stretches are learnt from, chosen on and tested, and the figures.

Segments, gaps and splits as its configuration files say (`vitals/cgm_glucobench/config`). A tenth
of the people, drawn by seed, are held out wholly and not measured here; of the others the last
points are the test, the points before those for choosing (where the stretch is long enough). A
forecast starts every six points; of each the mean squared and mean absolute error over its twelve
points are taken, and of those the median over forecasts (RMSE is the root).

Reference: Sergazinov et al., GlucoBench, ICLR 2024.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.health.glucose.data import recordings
from suwen.lifecycle.data import DataFolders

Array = NDArray[np.float64]
SEEDS: Final = tuple(range(10, 20))
"""Those of the published splits."""
STRIDE, AHEAD = 6, 12
"""Points from one forecast to the next, and points foretold."""
RESAMPLES: Final = 200


class Protocol(NamedTuple):
    """Of one set: minutes and points of `config/*.yaml`, lags of its linear regression."""

    gap: float
    shortest: int
    tested: int
    input: int
    lags: int
    published: tuple[float, float, float, float]


PROTOCOLS: Final[Mapping[str, Protocol]] = {
    "broll_iglu": Protocol(45, 240, 240, 192, 192, (9.95, 8.41, 19.16, 12.10)),
    "colas2019": Protocol(45, 192, 72, 144, 12, (5.26, 4.35, 9.52, 5.95)),
    "dubosson2018": Protocol(30, 240, 144, 192, 12, (12.07, 9.97, 24.72, 14.16)),
    "hall2018": Protocol(30, 192, 192, 144, 84, (7.13, 6.11, 13.79, 8.66)),
    "weinstock2016": Protocol(45, 240, 240, 192, 84, (13.22, 11.21, 24.47, 15.55)),
}
"""`published`: of `published_results.csv` the best in-distribution median RMSE and MAE, and best
mean RMSE and MAE; the best of each column, whichever row it stands in."""


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


class Parts(NamedTuple):
    """Stretches of one set: learnt from, chosen on, tested (the latter two with their input)."""

    train: list[Segment]
    choice: list[Segment]
    test: list[Segment]


def parted(found: list[Segment], rules: Protocol, seed: int) -> Parts:
    """Return the stretches as GlucoBench parts them (in-distribution)."""
    people = list(dict.fromkeys(one.person for one in found))
    np.random.seed(seed)  # the generator that the published splits are drawn by
    apart = set(np.random.choice(people, math.ceil(len(people) * 0.1), replace=False))
    tested, input_ = rules.tested, rules.input
    parts = Parts([], [], [])
    for person in people:
        own = [one for one in found if one.person == person]
        if person in apart:
            continue
        last, count = own[-1], len(own[-1].values)
        parts.train.extend(own[:-2])
        before = own[-2:-1]
        if count >= input_ + 3 * tested or (not before and count >= input_ + 2 * tested):
            kept = 2 if count >= input_ + 3 * tested else 1
            parts.train.extend([*before, last.cut(0, count - kept * tested)])
            if kept == 2:
                parts.choice.append(last.cut(count - 2 * tested - input_, count - tested))
            parts.test.append(last.cut(count - tested - input_, count))
        elif count >= input_ + 2 * tested:
            parts.train.extend(before)
            parts.choice.append(last.cut(0, count - tested))
            parts.test.append(last.cut(count - tested - input_, count))
        elif before:
            parts.test.append(last)
            cut = len(before[0].values) - tested * (len(before[0].values) >= input_ + 2 * tested)
            parts.train.append(before[0].cut(0, cut))
            if cut < len(before[0].values):
                parts.choice.append(before[0].cut(cut - input_, len(before[0].values)))
        else:
            parts.train.append(last)
    return parts


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


def errors(said: Array, found: Windows) -> Array:
    """Return mean squared and mean absolute error of each forecast, (n, 2)."""
    gaps = said - found.next
    return np.column_stack([np.mean(gaps**2, 1), np.mean(np.abs(gaps), 1)])


def figures(of_each: Array) -> Array:
    """Return median MSE and MAE, and mean MSE and MAE of forecasts (n, 2), (4,)."""
    return np.r_[np.median(of_each, 0), np.mean(of_each, 0)]


def over_people(of_each: Array, people: NDArray[np.str_]) -> tuple[Array, Array]:
    """Return the ends of the 95 % intervals of `figures`, bootstrapped over people, (4,) each."""
    rng = np.random.default_rng(0)
    rows = [np.flatnonzero(people == one) for one in np.unique(people)]
    drawn = [
        figures(of_each[np.concatenate([rows[k] for k in rng.integers(0, len(rows), len(rows))])])
        for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    return low, high
