"""Alarms of low and high glucose: found, false ones a day, minutes ahead, on people never seen.

Each reading of each recording is answered 30 minutes ahead by the member of the pack that was not
trained on the person, with what was known of the person by then. An event begins with the first
reading beyond the level after half an hour without one, and lasts 15 minutes at least. It is found
when an alarm was raised in the hour before; lead time is how long before, at the first alarm. A
false alarm is one, 30 minutes or more after the last, that no event follows within the hour. Beside
it stand the two alarms that sensors bring: the level nearly reached (80 and 170 mg/dL), and the
last 15 minutes drawn on for 30. Intervals are bootstrapped over people.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.health.glucose import fit
from suwen.health.glucose.window import (
    HOUR,
    RATHER_CLOSE,
    Array,
    Past,
    at_minutes,
    features,
    grids,
    knowledge,
    names,
    own_levels,
    usable,
)
from suwen.lifecycle import split
from suwen.lifecycle.examples import Examples
from suwen.lifecycle.pack import Pack

AHEAD: Final = 30
HOUR_LONG, APART, LASTS, DAY = 60.0, 30.0, 15.0, 1440.0
RESAMPLES: Final = 1000
MOST: Final = 90_000
"""Readings of one data set that are answered: of a large set every so many people."""
NEAR: Final[Mapping[str, float]] = {
    "low": 80.0,
    "high": 170.0,
    "very_low": 64.0,
    "very_high": 240.0,
}
WAYS: Final = ("pack", "nearly there", "drawn on")

Flags = NDArray[np.bool_]


class Count(NamedTuple):
    """Of one person: events, found ones, false alarms, days, sum of lead minutes."""

    events: float
    found: float
    false: float
    days: float
    lead: float


_Raised = tuple[Array, dict[str, dict[str, Flags]]]


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


def ways(model: fit.Model, member: Mapping[str, Any], past: Past) -> _Raised:
    """Return minutes and for each level which readings each way raises an alarm at."""
    places = np.arange(HOUR, len(past))
    places = places[usable(past, places)]
    minutes, curves = past.minutes[places], grids(past, places)
    rows = features(curves, minutes / 60 % 24, own_levels(past, places, AHEAD))
    now = rows[:, 0]
    came = at_minutes(past, minutes + AHEAD, RATHER_CLOSE) - now
    alone = np.zeros(len(places))
    table = fit.Table(rows, came, alone, alone, minutes)
    change, error = fit.follow(model, table, AHEAD)
    drawn = now + 6 * np.nan_to_num(rows[:, names().index("slope 4")])
    found: dict[str, dict[str, Flags]] = {}
    for entry in knowledge()["level"]:
        key, low = entry["key"], "below" in entry
        level, sign = float(entry.get("below", entry.get("above"))), 1 if low else -1
        under = np.interp(
            (level - now - change) / error,
            member["left"][str(AHEAD)],
            fit.LEVELS,
            left=0.0,
            right=1.0,
        )
        found[key] = {
            "beyond": sign * now < sign * level,
            "pack": (under if low else 1 - under) >= member["cuts"][str(AHEAD)][key],
            "nearly there": sign * now < sign * NEAR[key],
            "drawn on": sign * drawn < sign * level,
        }
    return minutes, found


def measured(pack: Pack, examples: Examples) -> dict[str, Any]:
    """Return how the alarms of a pack fared on the recordings of its development examples.

    Returns
    -------
    dict
        `ahead` (minutes), `people`, and `rows`: `level` (names in two languages), `way`, `events`,
        `sensitivity`, `false_a_day` and `lead_minutes`, each {value, low, high}.
    """
    counts: dict[tuple[str, str], list[Count]] = {}
    people = _people(examples)
    for person, past in people.items():
        k = split.fold_of(person, pack.members)
        minutes, found = ways(fit.model_of(pack, AHEAD, k), pack.member(k), past)
        for level, raised in found.items():
            for way in WAYS:
                one = counted(minutes, raised["beyond"], raised[way])
                counts.setdefault((level, way), []).append(one)
    entries = {entry["key"]: entry for entry in knowledge()["level"]}
    rows = [
        {"level": entries[key]["alarm"], "way": way, **_shares(counts[key, way])}
        for key in entries
        for way in WAYS
    ]
    return {"ahead": AHEAD, "people": len(people), "rows": rows}


def _people(examples: Examples) -> dict[str, Past]:
    """Return the recordings that are answered: of a large set every so many people."""
    first: dict[str, int] = {}
    for i, person in enumerate(examples.groups):
        first.setdefault(str(person), i)
    found = {person: examples.load(i).data.past for person, i in first.items()}
    readings: dict[str, int] = {}
    for person, past in found.items():
        name = person.partition("/")[0]
        readings[name] = readings.get(name, 0) + len(past)
    chosen: dict[str, Past] = {}
    for name, count in readings.items():
        of_set = sorted(person for person in found if person.partition("/")[0] == name)
        chosen |= {person: found[person] for person in of_set[:: -(-count // MOST)]}
    return chosen


def _shares(counts: list[Count]) -> dict[str, Any]:
    """Return sensitivity, false alarms a day and mean lead time, with their intervals."""
    table = np.array(counts)
    drawn = np.random.default_rng(0).integers(0, len(table), (RESAMPLES, len(table)))
    sums = np.concatenate([table.sum(0)[None], table[drawn].sum(1)])
    found: dict[str, Any] = {"events": int(sums[0, 0])}
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = {
            "sensitivity": sums[:, 1] / sums[:, 0],
            "false_a_day": sums[:, 2] / sums[:, 3],
            "lead_minutes": sums[:, 4] / sums[:, 1],
        }
    for name, values in shares.items():
        known = values[1:][np.isfinite(values[1:])]
        if np.isfinite(values[0]) and len(known):
            low, high = np.quantile(known, (0.025, 0.975))
            found[name] = {"value": float(values[0]), "low": float(low), "high": float(high)}
        else:
            found[name] = None
    return found
