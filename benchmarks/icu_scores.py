"""A score of every hour of a stay in intensive care, and the alerts that a limit makes of it.

NEWS2 from what was charted in the last hours; and the trees of `health.deterioration`, learned on
stays that are cut off at several hours. As declared in `docs/measured/alerts.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import lightgbm
import numpy as np

from benchmarks.icu_events import AHEAD, END, FIRST, LAST, Event
from suwen.health.early_warning.news2 import Observed, news2
from suwen.health.icu.fit import OPTIONS, ROUNDS
from suwen.health.icu.stay import Series, Stay

REMEMBERED: Final = 6.0
"""Hours a charted value counts in NEWS2."""
ROOM_AIR: Final = 0.215
ALERT_GCS: Final = 15.0
LEARNED_AT: Final = np.arange(FIRST, LAST + 1, 6.0)
ASKED_AT: Final = np.arange(FIRST, END, 2.0)
PART: Final = 500
"""Stays whose scores are kept together."""
Scores = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""By stay: hours, and the score at each; both (n,)."""


def news2_of(stays: Mapping[str, Stay]) -> Scores:
    """Return the least NEWS2 that the newest charted values leave, every hour."""
    hours = np.arange(1.0, END, 1.0)
    return {
        name: (hours, np.array([news2(_observed(stay, t)).low for t in hours], dtype=float))
        for name, stay in stays.items()
    }


def _observed(stay: Stay, hour: float) -> Observed:
    def newest(key: str) -> float | None:
        series = stay.series.get(key)
        if series is None:
            return None
        last = int(np.searchsorted(series.hours, hour, side="right")) - 1
        if last < 0 or series.hours[last] < hour - REMEMBERED:
            return None
        return float(series.values[last])

    share, glasgow = newest("FiO2"), newest("GCS")
    oxygen = None if share is None else share > ROOM_AIR
    return Observed(
        respiratory_rate=newest("RespRate"),
        spo2=newest("SaO2"),
        oxygen=True if newest("MechVent") is not None else oxygen,
        systolic_bp=newest("SysABP"),
        pulse=newest("HR"),
        consciousness=None if glasgow is None else "A" if glasgow >= ALERT_GCS else "C",
        temperature=newest("Temp"),
    )


def rows_of(stay: Stay, hours: Sequence[float]) -> np.ndarray:
    """Return the numbers of a stay cut off at each hour, and the hour, (hours, numbers + 1)."""
    return np.array([[*_cut(stay, hour).features, hour] for hour in hours])


def _cut(stay: Stay, hour: float) -> Stay:
    """Return what was known at an hour."""
    ends = {
        key: int(np.searchsorted(one.hours, hour, side="right")) for key, one in stay.series.items()
    }
    series = {
        key: Series(one.hours[: ends[key]], one.values[: ends[key]])
        for key, one in stay.series.items()
        if ends[key]
    }
    return replace(stay, series=series)


def learned(
    stays: Mapping[str, Stay], labels: Mapping[str, Callable[[str, float], bool]], kept: Path
) -> dict[str, lightgbm.Booster]:
    """Return trees for each question, which is asked by stay and hour; those kept are taken."""
    files = {name: kept / f"trees-{name}.txt" for name in labels}
    missing = [name for name, file in files.items() if not file.exists()]
    if missing:
        rows = np.concatenate([rows_of(stay, LEARNED_AT.tolist()) for stay in stays.values()])
        asked = [(name, hour) for name in stays for hour in LEARNED_AT.tolist()]
    for name in missing:
        data = lightgbm.Dataset(rows, [int(labels[name](*one)) for one in asked])
        lightgbm.train({**OPTIONS, "seed": 0}, data, ROUNDS).save_model(str(files[name]))
    return {name: lightgbm.Booster(model_file=str(file)) for name, file in files.items()}


def scored(
    models: Mapping[str, lightgbm.Booster], stays: Mapping[str, Stay], kept: Path
) -> dict[str, Scores]:
    """Return the scores of each model every two hours; those kept are taken."""
    found: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {name: {} for name in models}
    names, hours = list(stays), ASKED_AT.tolist()
    for start in range(0, len(names), PART):
        part, file = names[start : start + PART], kept / f"scores-{start}.npz"
        if not file.exists():
            rows = np.concatenate([rows_of(stays[name], hours) for name in part])
            np.savez(file, **{name: model.predict(rows) for name, model in models.items()})
        for question, values in np.load(file).items():
            each = values.reshape(len(part), len(hours))
            found[question] |= {name: (ASKED_AT, row) for name, row in zip(part, each, strict=True)}
    return dict(found)


def follows(known: Mapping[str, Sequence[Event]]) -> Callable[[str, float], bool]:
    """Return whether an onset follows an hour within `AHEAD`."""
    return lambda name, hour: any(hour < one.onset <= hour + AHEAD for one in known[name])


def crossings(scores: Scores, limit: float) -> dict[str, list[float]]:
    """Return the hours at which each score comes to a limit from below."""
    found = {}
    for name, (hours, values) in scores.items():
        over = values >= limit
        found[name] = hours[over & ~np.concatenate([[False], over[:-1]])].tolist()
    return found


def as_many(scores: Scores, most: int) -> float:
    """Return the lowest limit that gives no more alerts than `most`, looking at scores alone.

    Alerts grow as the limit falls until they run together: the limit is looked for by halving, from
    the highest score down.
    """
    limits = np.unique(np.concatenate([values for _, values in scores.values()]))[::-1]
    low, high = 0, len(limits) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if in_window(crossings(scores, limits[middle])) <= most:
            low = middle
        else:
            high = middle - 1
    return float(limits[low])


def in_window(alerts: Mapping[str, Sequence[float]]) -> int:
    """Return how many alerts lie in the hours that count."""
    return sum(FIRST <= at < END for found in alerts.values() for at in found)
