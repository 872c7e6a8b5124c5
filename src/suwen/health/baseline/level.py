"""Somebody's own level of a vital sign, its trend, and the day from which it is another one.

Everything is made from one robust number a day, so that a day without a value is simply missing,
and a day with a wild one weighs no more than others. Times of day and weekdays are compared with
their like where there are enough of them.

The level is a median with a spread from the median absolute deviation. The trend is that of Theil
and Sen. Levels are parted by penalised least squares over all ways to part the days (optimal
partitioning), on values whose extremes were drawn in, with the penalty stretched by how far days
resemble the day before.

References: Sen, JASA 63:1379, 1968 (trend, its interval); Jackson et al., IEEE Signal Process Lett
12:105, 2005 and Killick, Fearnhead & Eckley, JASA 107:1590, 2012 (partitioning); Fearnhead &
Rigaill, JASA 114:169, 2019 (extremes drawn in).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import BadInput
from suwen.core.streams import MICROSECONDS, Stretch, ticks

KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge" / "baseline.toml"
DAY: Final = 86_400
TO_SPREAD: Final = 1.4826
"""Median absolute deviation to standard deviation, of a normal distribution."""
DRAWN_IN: Final = 2.5
"""Days further than so many spreads from their neighbours' median are drawn in to there."""
NEIGHBOURS: Final = 7
"""Days on each side that make a day's neighbourhood."""
LEVEL: Final = 0.95

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Days:
    """One value a day, where there is one.

    Parameters
    ----------
    day
        Days since 1970-01-01 in local time, rising, (n,).
    values
        Median of each day, freed of what time of day and weekday explain, (n,).
    """

    day: NDArray[np.int64]
    values: Array

    def __len__(self) -> int:
        return len(self.day)

    def part(self, keep: NDArray[np.bool_]) -> Days:
        """Return the days where `keep` holds."""
        return Days(self.day[keep], self.values[keep])


@dataclass(frozen=True)
class Level:
    """What is usual for somebody: `centre` with `spread` (as of a standard deviation), `days`."""

    centre: float
    spread: float
    days: int


@dataclass(frozen=True)
class Trend:
    """Change a day, with its 95 % interval."""

    slope: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out no change."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Change:
    """Another level: from `since` (days since 1970-01-01) on, `before` and `after`."""

    since: int
    before: Level
    after: Level

    @property
    def size(self) -> float:
        """How far the level moved."""
        return self.after.centre - self.before.centre


@lru_cache(maxsize=1)
def rules() -> Mapping[str, Any]:
    """Return the knowledge file, read once."""
    return tomllib.loads(KNOWLEDGE.read_text(encoding="utf-8"))


def days_of(stretch: Stretch, at: datetime, zone: tzinfo = UTC) -> Days:
    """Return one value a day of the history up to a moment.

    Parameters
    ----------
    stretch
        Readings of one channel.
    at
        Nothing later is looked at, and nothing older than the history that counts.
    zone
        Where the person lives: days begin at midnight there, by the offset of `at`.

    Raises
    ------
    BadInput
        The moment has no zone.
    """
    if at.tzinfo is None:
        raise BadInput("a moment without its zone", "a time with its offset from UTC")
    offset = at.astimezone(zone).utcoffset()
    shift = 0 if offset is None else int(offset.total_seconds())
    end = ticks(at)
    keep = (stretch.at <= end) & (stretch.at > end - rules()["history_days"] * DAY * MICROSECONDS)
    keep &= np.isfinite(stretch.values)
    seconds = stretch.at[keep] // MICROSECONDS + shift
    day, values = seconds // DAY, _without_hours(seconds, stretch.values[keep].astype(float))
    found, member = np.unique(day, return_inverse=True)
    medians = np.array([np.median(values[member == k]) for k in range(len(found))])
    return Days(found.astype(np.int64), _without_weekdays(found, medians))


def _without_hours(seconds: NDArray[np.int64], values: Array) -> Array:
    """Return values less what their part of the day usually adds, where two parts are known."""
    part = seconds % DAY * rules()["day_parts"] // DAY
    day = seconds // DAY
    known = [
        k for k in np.unique(part) if len(np.unique(day[part == k])) >= rules()["days_for_parts"]
    ]
    if len(known) < 2:
        return values
    usual = {int(k): float(np.median(values[part == k])) for k in known}
    middle = float(np.median(list(usual.values())))
    added = np.array([usual.get(int(k), middle) - middle for k in part])
    return np.asarray(values - added)


def _without_weekdays(day: NDArray[np.int64], values: Array) -> Array:
    """Return daily values less what their weekday usually adds, where all are known."""
    weekday = day % 7
    if np.bincount(weekday, minlength=7).min(initial=0) < rules()["weeks_for_weekdays"]:
        return values
    around = values - _neighbourhood(values)
    added = np.array([np.median(around[weekday == k]) for k in range(7)])
    return np.asarray(values - (added - added.mean())[weekday])


def _neighbourhood(values: Array) -> Array:
    """Return the running median of each value and its neighbours; fewer of them at the ends."""
    padded = np.pad(values, NEIGHBOURS, constant_values=np.nan)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1)
    return np.asarray(np.nanmedian(around, axis=1))


def level_of(values: Array) -> Level:
    """Return what is usual in daily values (n,), n >= 1."""
    centre = float(np.median(values))
    return Level(centre, TO_SPREAD * float(np.median(np.abs(values - centre))), len(values))


def trend_of(days: Days) -> Trend | None:
    """Return the trend of daily values; None with fewer than ten."""
    from scipy.stats import theilslopes

    if len(days) < 10:
        return None
    slope, _, low, high = theilslopes(days.values, days.day, LEVEL)
    return Trend(float(slope), float(low), float(high))


def levels(days: Days) -> list[int]:
    """Return where each level begins, as indices of the days; the first is 0.

    The sum of squares about each level's mean plus a penalty a level, in units of the daily
    variance, is the least of all ways to part them.
    """
    count, shortest = len(days), int(rules()["shortest_days"])
    if count < 2 * shortest:
        return [0]
    values, spread, alike = _drawn_in(days.values)
    if spread == 0:
        return [0]
    scaled = (values - values.mean()) / spread
    penalty = rules()["penalty"] * np.log(count) / 2 * (1 + alike) / (1 - alike)
    sums = np.r_[0.0, np.cumsum(scaled)]
    squares = np.r_[0.0, np.cumsum(scaled**2)]
    best = np.full(count + 1, np.inf)
    best[0], before = -penalty, np.zeros(count + 1, dtype=int)
    for end in range(shortest, count + 1):
        starts = np.arange(0, end - shortest + 1)
        width = end - starts
        cost = squares[end] - squares[starts] - (sums[end] - sums[starts]) ** 2 / width
        total = best[starts] + cost + penalty
        before[end] = int(np.argmin(total))
        best[end] = total[before[end]]
    found, end = [], count
    while end > 0:
        end = int(before[end])
        found.append(end)
    return found[::-1]


def _drawn_in(values: Array) -> tuple[Array, float, float]:
    """Return values with extremes drawn in, their daily spread, and how far days are alike.

    The spread is that of the differences between neighbours, which levels hardly touch; where most
    of them are the same, as in whole numbers, that about the neighbourhood, at least of the digit
    that is written. How far days are alike is the correlation with the day before about the
    neighbourhood, within 0 to 0.6.
    """
    around = _neighbourhood(values)
    rest = values - around
    wide = TO_SPREAD * float(np.median(np.abs(rest)))
    drawn = around + np.clip(rest, -DRAWN_IN * wide, DRAWN_IN * wide) if wide > 0 else values
    about = drawn - around
    power = float(about @ about)
    alike = float(about[1:] @ about[:-1]) / power + 1 / NEIGHBOURS if power > 0 else 0.0
    alike = float(np.clip(alike, 0.0, 0.6))
    steps = np.diff(drawn)
    spread = TO_SPREAD * float(np.median(np.abs(steps - np.median(steps)))) / np.sqrt(2)
    if spread == 0:
        spread = max(float(np.std(about)), _digit(values) / np.sqrt(12))
    return drawn, spread / np.sqrt(1 - alike), alike


def _digit(values: Array) -> float:
    """Return the least distance between two different values; 0 where all are the same."""
    apart = np.diff(np.unique(values))
    return float(apart.min()) if len(apart) else 0.0


def change_of(days: Days, least: float = 0.0) -> Change | None:
    """Return the latest change of level that is recent; None where there is none.

    `least` is the smallest size that is worth a sentence, in the unit of the values.
    """
    starts = levels(days)
    if len(starts) < 2:
        return None
    first, start = starts[-2], starts[-1]
    since = int(days.day[start])
    if days.day[-1] - since > rules()["recent_days"]:
        return None
    found = Change(since, level_of(days.values[first:start]), level_of(days.values[start:]))
    return found if abs(found.size) >= least else None


def usual(days: Days) -> Level:
    """Return somebody's present baseline: that of the newest level that is no recent change."""
    change, starts = change_of(days), levels(days)
    if change is not None:
        return change.before
    return level_of(days.values[starts[-1] :])
