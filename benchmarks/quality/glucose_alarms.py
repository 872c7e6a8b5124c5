"""Alarms of low and high glucose: found, false ones a day, minutes ahead, on people never seen.

Each reading of each recording is answered by the member of the pack that was not trained on the
person, 30 minutes ahead. An event begins with the first reading beyond the level after half an hour
without one, and lasts 15 minutes at least. It is found when an alarm was raised in the hour before;
lead time is how long before, at the first alarm. A false alarm is one, 30 minutes or more after the
last, that no event follows within the hour. Beside it stand the two alarms that sensors bring: the
level nearly reached (80 and 170 mg/dL), and the last 15 minutes drawn on for 30. Intervals are
bootstrapped over people.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.core import registry
from suwen.health import glucose_fit
from suwen.health.glucose import GLUCOSE_FORECAST
from suwen.health.glucose_data import FILES, SETS, recordings, usable
from suwen.health.glucose_window import HOUR, Past, features, grids, knowledge, names, own_levels
from suwen.lifecycle import packs, split
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.pack import Pack

AHEAD: Final = 30
HOUR_LONG, APART, LASTS, DAY = 60.0, 30.0, 15.0, 1440.0
RESAMPLES: Final = 1000
EVERY_PERSON: Final = {"weinstock2016": 3, "colas2019": 3}
"""Of the large sets every third person."""
NEAR: Final[Mapping[str, float]] = {
    "low": 80.0,
    "high": 170.0,
    "very_low": 64.0,
    "very_high": 240.0,
}

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Count(NamedTuple):
    """Of one person: events, found ones, false alarms, days, sum of lead minutes."""

    events: float
    found: float
    false: float
    days: float
    lead: float


def events(minutes: Array, beyond: Flags) -> Array:
    """Return when events begin."""
    begun, last = [], -np.inf
    for k in np.flatnonzero(beyond):
        if minutes[k] - last >= APART:
            inside = (minutes >= minutes[k]) & (minutes <= minutes[k] + LASTS)
            if beyond[inside].all() and inside.sum() > 2:
                begun.append(minutes[k])
        last = minutes[k]
    return np.array(begun)


def counted(minutes: Array, beyond: Flags, raised: Flags) -> Count:
    """Return how the alarms of one person fared; those beyond the level already do not count."""
    begun = events(minutes, beyond)
    alarms = minutes[raised & ~beyond]
    found = lead = 0.0
    for at in begun:
        before = alarms[(alarms < at) & (alarms >= at - HOUR_LONG)]
        if len(before):
            found, lead = found + 1, lead + at - before[0]
    false, last = 0.0, -np.inf
    for at in alarms:
        if at - last >= APART and not ((begun > at) & (begun <= at + HOUR_LONG)).any():
            false += 1
        last = at
    return Count(float(len(begun)), found, false, len(minutes) * 5 / DAY, lead)


def ways(pack: Pack, person: str, past: Past) -> tuple[Array, dict[str, dict[str, Flags]]]:
    """Return minutes and for each level which readings each way raises an alarm at."""
    places = np.arange(HOUR, len(past))
    places = places[usable(past, places)]
    rows = features(
        grids(past, places), past.minutes[places] / 60 % 24, own_levels(past, places, AHEAD)
    )
    now = rows[:, 0]
    k = split.fold_of(person, pack.members)
    member, unit = pack.member(k), glucose_fit.UNIT[AHEAD]
    trees, linear = pack.booster(glucose_fit.trees_of(AHEAD), k), member["linear"][str(AHEAD)]
    said = now + glucose_fit.change_of(np.array(linear), trees, AHEAD, rows)
    sizes = np.asarray(pack.booster(glucose_fit.errors_of(AHEAD), k).predict(rows))
    error = glucose_fit.error_of(sizes, unit)
    left = member["left"][str(AHEAD)]
    drawn = now + 6 * np.nan_to_num(rows[:, names().index("slope 4")])
    found: dict[str, dict[str, Flags]] = {}
    for entry in knowledge()["level"]:
        key, low = entry["key"], "below" in entry
        level = float(entry.get("below", entry.get("above")))
        under = np.interp((level - said) / error, left, glucose_fit.LEVELS, left=0.0, right=1.0)
        cut = np.mean([pack.member(j)["cuts"][str(AHEAD)][key] for j in range(pack.members)])
        sign = 1 if low else -1
        found[key] = {
            "beyond": sign * now < sign * level,
            "suwen": (under if low else 1 - under) >= cut,
            "nearly there": sign * now < sign * NEAR[key],
            "drawn on": sign * drawn < sign * level,
        }
    return past.minutes[places], found


def told(counts: list[Count]) -> str:
    """Return sensitivity, false alarms a day and mean lead time with their intervals."""
    table = np.array(counts)
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(table), (RESAMPLES, len(table)))
    sums = np.concatenate([table.sum(0)[None], table[drawn].sum(1)])
    cells = []
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = (sums[:, 1] / sums[:, 0], sums[:, 2] / sums[:, 3], sums[:, 4] / sums[:, 1])
    for values, form in zip(shares, (".2f", ".2f", ".0f"), strict=True):
        low, high = np.nanquantile(values[1:], (0.025, 0.975))
        cells.append(f"{values[0]:{form}} [{low:{form}}, {high:{form}}]")
    return f"{cells[0]:18} {cells[1]:18} {cells[2]} min"


def main() -> None:
    """Print one line a level and way."""
    data, task = DataFolders.from_settings(), registry.find(GLUCOSE_FORECAST)
    pack = packs.current(task.name)
    counts: dict[tuple[str, str], list[Count]] = {}
    for dataset in SETS:
        people = recordings(data.find(f"{FILES[dataset]}.csv.xz"))
        for name in sorted(people)[:: EVERY_PERSON.get(dataset, 1)]:
            minutes, found = ways(pack, f"{dataset}/{name}", people[name])
            for level, raised in found.items():
                for way in ("suwen", "nearly there", "drawn on"):
                    one = counted(minutes, raised["beyond"], raised[way])
                    counts.setdefault((level, way), []).append(one)
    print(f"{pack.identity.partition('+')[0]}, {AHEAD} minutes ahead")
    print(f"{'level':10} {'alarm':13} events  sensitivity        false a day        lead time")
    for (level, way), rows in sorted(counts.items()):
        total = sum(one.events for one in rows)
        print(f"{level:10} {way:13} {total:6.0f}  {told(rows)}")


if __name__ == "__main__":
    main()
