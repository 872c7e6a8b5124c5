"""What is known of somebody's glucose at one moment, and the numbers a forecast is made from.

Readings are laid on a grid of 5 minutes that ends at the newest of them; between two readings the
value is interpolated, so nothing later than the newest reading enters. Everything is relative to
the level now, so that a forecast is a change.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import Text
from suwen.core.nouns import Reference
from suwen.health.facts.measured import Variable, variables_in

KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge" / "glucose.toml"
STEP: Final = 5.0
"""Minutes of the grid."""
POINTS: Final = 145
"""Points of the grid: 12 hours."""
HOUR: Final = 12
"""Steps of an hour."""
LAGS: Final = (
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    15,
    18,
    21,
    24,
    30,
    36,
    48,
    60,
    72,
    96,
    120,
    143,
)
SLOPES: Final = (4, 7, 13)
BENDS: Final = (1, 2, 3, 6)
SPANS: Final = (6, 12, 24, 36, 72, 144)
REACH: Final = {"minutes": 4, "hour": HOUR + 1, "hours": 36, "halfday": POINTS}
"""Groups of numbers by how many steps they look back."""
DAYS: Final = 3
"""So many days back the same time of day is looked at."""
DAY: Final = 1440.0
FEW: Final = 200
"""Fewer earlier readings say nothing of somebody's own level."""
RATHER_CLOSE: Final = 21.0
"""Readings at most so many minutes apart stand for what lies between them later on."""
EACH: Final = 30.0
"""Minutes between the earlier moments whose forecasts are looked at again."""

Array = NDArray[np.float64]


class Past:
    """All readings of one person: minutes, rising, and mg/dL, each (n,).

    No dataclass on purpose: a golden case keeps the window, not the recording it was cut from.
    """

    def __init__(self, minutes: Array, values: Array) -> None:
        self.minutes = minutes
        self.values = values

    def __len__(self) -> int:
        return len(self.minutes)


class Earlier(NamedTuple):
    """Earlier moments of one person: minutes and what followed in mg/dL (m,), numbers (m, f)."""

    minutes: Array
    change: Array
    rows: Array


@dataclass(frozen=True, eq=False)
class Days:
    """The readings that the forecasts of one moment are made from, whatever the horizon.

    Parameters
    ----------
    readings
        Minutes before the newest reading (0 or less, rising) and mg/dL, (2, n).
    hour
        Time of day of the newest reading, in hours.
    """

    readings: NDArray[Any]
    hour: float

    @cached_property
    def _past(self) -> Past:
        return Past(*np.asarray(self.readings, dtype=float))

    @cached_property
    def _moments(self) -> tuple[NDArray[np.int64], Array]:
        """Return at which earlier readings a forecast could be asked, and the numbers there."""
        past, reach = self._past, 60.0 * float(knowledge()["followed_hours"])
        wanted = -np.arange(EACH, reach + 0.01, EACH)
        places = np.unique(np.searchsorted(past.minutes, wanted[wanted >= past.minutes[0]]))
        places = places[usable(past, places)]
        hours = (self.hour + past.minutes[places] / 60) % 24
        own = own_levels(past, places, 0)
        return places, features(grids(past, places), hours, own)

    def earlier(self, ahead: int) -> Earlier:
        """Return the earlier moments whose forecasts so many minutes ahead can be looked at."""
        if not np.size(self.readings):
            return Earlier(np.zeros(0), np.zeros(0), np.zeros((0, len(names()))))
        past, (places, rows) = self._past, self._moments
        known = past.minutes[places] <= -ahead
        places, rows = places[known], rows[known].copy()
        rows[:, names().index("own clock")] = own_clock(past, places, ahead) - rows[:, 0]
        change = at_minutes(past, past.minutes[places] + ahead, RATHER_CLOSE)
        return Earlier(past.minutes[places], change - past.values[places], rows)


@dataclass(frozen=True, eq=False)
class Window:
    """What is known at the newest reading. Windows are compared as objects, not by what they hold.

    Parameters
    ----------
    values
        Glucose in mg/dL every 5 minutes, the newest last, NaN in gaps, (145,).
    hour
        Time of day of the newest reading, in hours.
    own
        Mean and spread of the last three days, and the mean at the time of day that is foretold,
        in mg/dL; NaN where too little is known, (3,).
    ahead
        Minutes that are foretold.
    interval
        Usual minutes from one reading to the next.
    late
        Minutes from the newest reading to the moment of the question.
    record
        Record of the newest reading.
    days
        The readings of the last days; None: nothing is learnt from earlier forecasts.
    place, past
        Where in which recording the window was cut out, for training.
    """

    values: Array
    hour: float
    own: Array
    ahead: int
    interval: float = STEP
    late: float = 0.0
    record: Reference = ""
    days: Days | None = field(default=None, repr=False)
    place: int = -1
    past: Past | None = field(default=None, repr=False)

    @cached_property
    def features(self) -> Array:
        """Return the numbers that the forecast is made from, (features,)."""
        return np.asarray(features(self.values[None], np.array([self.hour]), self.own[None])[0])

    @property
    def domain(self) -> dict[str, float]:
        """Return what the guard looks at."""
        found = dict(zip(names(), self.features.tolist(), strict=True))
        near = np.abs(np.diff(self.values[-HOUR - 1 :]))
        return {
            "glucose": found["now"],
            "variability": found["spread 144"],
            "present": float(np.isfinite(self.values).mean()),
            "largest_step": float(np.nanmax(near)) if np.isfinite(near).any() else 0.0,
        }


@lru_cache(maxsize=1)
def knowledge() -> Mapping[str, Any]:
    """Return the knowledge file, read once."""
    return tomllib.loads(KNOWLEDGE.read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def variable() -> Variable:
    """Return glucose as it is read from Observations."""
    return variables_in(KNOWLEDGE)[0]


def groups() -> dict[str, Text]:
    """Return the groups of numbers that a forecast is explained by, with their names."""
    return {entry["key"]: Text(**entry["name"]) for entry in knowledge()["group"]}


def at_minutes(past: Past, minutes: Array, gap: float) -> Array:
    """Return the glucose at any minutes, by interpolation; NaN in gaps longer than `gap` minutes.

    Only the two readings beside a moment count: at the newest reading and before, nothing later.
    """
    times, values = past.minutes, past.values
    after = np.clip(np.searchsorted(times, minutes), 0, len(times) - 1)
    before = np.maximum(after - 1, 0)
    width = times[after] - times[before]
    exact = times[after] == minutes
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(width > 0, (minutes - times[before]) / width, 1.0)
    found = values[before] + share * (values[after] - values[before])
    inside = (minutes >= times[0]) & (minutes <= times[-1]) & (exact | (width <= gap))
    return np.asarray(np.where(inside, np.where(exact, values[after], found), np.nan))


def usable(past: Past, places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say at which readings a forecast can be asked: 15 minutes without a gap, most of an hour."""
    near = np.isfinite(grids(past, places)[:, -HOUR - 1 :])
    return np.asarray(near[:, -4:].all(1) & (near.mean(1) > 0.6))


def recent(past: Past, place: int) -> Days:
    """Return the readings that forecasts at one reading are made from.

    They reach back so far that the earliest forecast looked at again knows its own last days.
    """
    now = past.minutes[place]
    hours = float(knowledge()["history_hours"]) + float(knowledge()["followed_hours"])
    first = int(np.searchsorted(past.minutes, now - 60.0 * hours))
    inside = slice(first, place + 1)
    readings = np.array([past.minutes[inside] - now, past.values[inside]], dtype=np.float32)
    return Days(readings, float(now / 60 % 24))


def grids(past: Past, places: Sequence[int] | NDArray[np.int64]) -> Array:
    """Return the grid that ends at each of these readings, (n, 145)."""
    back = STEP * np.arange(POINTS - 1, -1, -1)
    ends = past.minutes[np.asarray(places)]
    return at_minutes(past, ends[:, None] - back, float(knowledge()["gap_minutes"]) + 1)


def own_levels(past: Past, places: NDArray[np.int64], ahead: int) -> Array:
    """Return mean, spread and the mean at the foretold time of day, as known then, (n, 3)."""
    now = past.minutes[places]
    first = np.searchsorted(past.minutes, now - 60.0 * float(knowledge()["history_hours"]))
    count = places + 1 - first
    sums, squares = (np.r_[0.0, np.cumsum(past.values**power)] for power in (1, 2))
    mean = (sums[places + 1] - sums[first]) / count
    spread = np.sqrt(np.maximum((squares[places + 1] - squares[first]) / count - mean**2, 0))
    few = count < FEW
    mean, spread = np.where(few, np.nan, mean), np.where(few, np.nan, spread)
    return np.column_stack([mean, spread, own_clock(past, places, ahead)])


def own_clock(past: Past, places: NDArray[np.int64], ahead: int) -> Array:
    """Return the mean of the last days at the foretold time of day, as known then, (n,)."""
    now = past.minutes[places]
    days = np.array(
        [at_minutes(past, now + ahead - DAY * day, RATHER_CLOSE) for day in range(1, DAYS + 1)]
    )
    known = np.isfinite(days)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nansum(days, axis=0) / np.where(known.any(0), known.sum(0), np.nan))


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Return the names of the numbers, in their order."""
    found = ["now", *(f"change {k}" for k in LAGS), *(f"slope {k}" for k in SLOPES)]
    found += [f"bend {k}" for k in BENDS]
    for k in SPANS:
        found += [f"mean {k}", f"spread {k}", f"lowest {k}", f"highest {k}", f"steps {k}"]
    found += [
        "noise",
        "roughness",
        "share high",
        "share low",
        "own mean",
        "own spread",
        "own clock",
    ]
    return (*found, "sine", "cosine", "hour")


@lru_cache(maxsize=1)
def feature_groups() -> NDArray[np.int64]:
    """Return the number of each number's group, (features,)."""
    order = list(groups())

    def group(name: str) -> str:
        kind, _, steps = name.partition(" ")
        if kind in ("now", "own"):
            return kind
        if kind in ("sine", "cosine", "hour"):
            return "clock"
        back = int(steps) if steps.isdigit() else POINTS
        return next(key for key, most in REACH.items() if back <= most)

    return np.array([order.index(group(name)) for name in names()])


def features(values: Array, hours: Array, own: Array) -> Array:
    """Return the numbers that forecasts are made from, NaN where unknown.

    Parameters
    ----------
    values, hours, own
        As in `Window`, of n windows: (n, 145), (n,), (n, 3).

    Returns
    -------
    array
        (n, features), in the order of `names()`.
    """
    back = np.asarray(values, dtype=float)[:, ::-1]
    now = back[:, 0]
    gap = back - now[:, None]
    steps = gap[:, :-1] - gap[:, 1:]
    found = [now, *(-gap[:, k] for k in LAGS)]
    for k in SLOPES:
        weights = (k - 1) / 2 - np.arange(k)
        found.append(gap[:, :k] @ weights / (weights @ weights))
    found += [gap[:, 2 * k] - 2 * gap[:, k] for k in BENDS]
    mean, spread = _running(gap)
    lowest, highest = np.fmin.accumulate(gap, axis=1), np.fmax.accumulate(gap, axis=1)
    moved = np.sqrt(_running(steps**2)[0])
    for k in SPANS:
        found += [mean[:, k - 1], spread[:, k - 1], lowest[:, k - 1], highest[:, k - 1]]
        found.append(moved[:, k - 1])
    known = np.maximum(np.isfinite(back).sum(1), 1)
    bent = np.sqrt(_running((steps[:, :-1] - steps[:, 1:]) ** 2)[0])
    found += [
        bent[:, 72],
        bent[:, -1] / (moved[:, -1] + 0.2),
        (back > 180).sum(1) / known,
        (back < 70).sum(1) / known,
    ]
    found += [own[:, 0] - now, own[:, 1], own[:, 2] - now]
    turn = 2 * np.pi * hours / 24
    return np.column_stack([*found, np.sin(turn), np.cos(turn), hours])


def _running(values: Array) -> tuple[Array, Array]:
    """Return mean and spread of the first 1, 2 ... known values of each row, (n, m) each."""
    known = np.isfinite(values)
    clean = np.where(known, values, 0.0)
    count = np.cumsum(known, axis=1).astype(float)
    count[count == 0] = np.nan
    mean = np.cumsum(clean, axis=1) / count
    spread = np.sqrt(np.maximum(np.cumsum(clean**2, axis=1) / count - mean**2, 0))
    return mean, spread
