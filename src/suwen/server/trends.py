"""Values over time as small drawings: what a patient sees of a vital sign or a laboratory value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Final

from suwen.core.codes import Language
from suwen.core.nouns import Case
from suwen.core.quantities import number, with_unit
from suwen.diagnosis.observations import Reading, series_of
from suwen.server.language import age, moment, say

WIDTH: Final = 300.0
HEIGHT: Final = 72.0
MARGIN: Final = 6.0
"""Size of a drawing and the room kept free at its edges, in its own units."""
FRESH: Final = timedelta(hours=24)
"""How old the newest value may be to be told as today's."""
MOST_POINTS: Final = 150
"""Columns of a drawing: of more values the least and the greatest of each column are drawn."""
GAP: Final = 4.0
"""A line is broken where the time between values is this many times what it mostly is."""
SYSTOLIC: Final = "8480-6"
DIASTOLIC: Final = "8462-4"


def message(text: str) -> str:
    """Mark a text for translation where it stands as data."""
    return text


PERIODS: Final[dict[str, tuple[int, str]]] = {
    "week": (7, message("7 days")),
    "month": (30, message("30 days")),
    "year": (365, message("1 year")),
    "all": (0, message("all")),
}
"""What the reader may choose: days (0: everything) and the words for it."""


@dataclass(frozen=True)
class Drawing:
    """Lines and dots in a box of `WIDTH` and `HEIGHT`, and what they show in words."""

    lines: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]
    low: str
    high: str
    begins: str
    ends: str
    words: str


@dataclass(frozen=True)
class Trend:
    """One quantity of a person: the newest value, how old it is, and a drawing of the period."""

    key: str
    name: str
    newest: str
    flag: str
    age: str
    at: str
    fresh: bool
    vital: bool
    span: str
    drawing: Drawing | None


def trends(case: Case, language: Language, days: int) -> list[Trend]:
    """Return what was measured of a person, vital signs first; `days` 0 draws everything."""
    series = {readings[0].key: readings for readings in series_of(case)}
    found = []
    lower = next((one for key, one in series.items() if key[1] == DIASTOLIC), [])
    for key, readings in series.items():
        if key[1] == DIASTOLIC and any(other[1] == SYSTOLIC for other in series):
            continue
        other = lower if key[1] == SYSTOLIC else []
        found.append(_trend(readings, other, language, days, case.at))
    return sorted(found, key=lambda one: (not one.vital, not one.fresh, one.name))


def _trend(
    readings: Sequence[Reading],
    lower: Sequence[Reading],
    language: Language,
    days: int,
    now: datetime,
) -> Trend:
    newest = readings[-1]
    at = _instant(newest.at)
    shown, name = newest.shown, newest.name.of(language)
    pair = next((one for one in reversed(lower) if one.at == newest.at), None)
    if lower:
        name = say(language, "Blood pressure")
        value = "-" if pair is None else number(pair.value, pair.unit)
        shown = with_unit(f"{number(newest.value, newest.unit)}/{value}", newest.unit)
    flags = {"high": say(language, "high"), "low": say(language, "low")}
    return Trend(
        key=newest.key[1],
        name=name,
        newest=shown,
        flag=flags.get(newest.verdict, ""),
        age=age(language, at) if at else say(language, "without a date"),
        at=moment(at) if at else "",
        fresh=at is not None and timedelta(0) <= now - at <= FRESH,
        vital=newest.vital,
        span=newest.span.of(language) if newest.span else "",
        drawing=_drawing(name, [readings, lower], language, days, now),
    )


def _drawing(
    name: str, series: Sequence[Sequence[Reading]], language: Language, days: int, now: datetime
) -> Drawing | None:
    """Return the drawing of a period; None with fewer than two moments in it."""
    since = now - timedelta(days=days) if days else datetime.min.replace(tzinfo=UTC)
    points = [
        [(at, one.value) for one in part if (at := _instant(one.at)) and since <= at <= now]
        for part in series
    ]
    every = [point for part in points for point in part]
    begin = since if days else min((at for at, _ in every), default=now)
    if len({at for at, _ in every}) < 2 or begin >= now:
        return None
    low, high = min(v for _, v in every), max(v for _, v in every)
    unit = series[0][-1].unit
    box = _Box(begin, now, low, high)
    lines = tuple(line for part in points for line in _lines(_thinned(part, box), box))
    return Drawing(
        lines=lines,
        dots=tuple(box.place(*part[-1]) for part in points if part),
        low=number(low, unit),
        high=number(high, unit),
        begins=f"{begin.astimezone():%Y-%m-%d}",
        ends=f"{now.astimezone():%Y-%m-%d}",
        words=say(
            language,
            "%(name)s: %(count)s values from %(low)s to %(high)s",
            name=name,
            count=len(points[0]),
            low=number(low, unit),
            high=with_unit(number(high, unit), unit),
        ),
    )


@dataclass(frozen=True)
class _Box:
    """Where a moment and a value stand in a drawing."""

    begin: datetime
    end: datetime
    low: float
    high: float

    def place(self, at: datetime, value: float) -> tuple[float, float]:
        x = (at - self.begin) / (self.end - self.begin)
        y = 0.5 if self.high == self.low else (value - self.low) / (self.high - self.low)
        return (
            round(MARGIN + x * (WIDTH - 2 * MARGIN), 1),
            round(HEIGHT - MARGIN - y * (HEIGHT - 2 * MARGIN), 1),
        )


def _thinned(points: Sequence[tuple[datetime, float]], box: _Box) -> list[tuple[datetime, float]]:
    """Return at most the least and the greatest value of each column, in order of time."""
    if len(points) <= 2 * MOST_POINTS:
        return list(points)
    columns: dict[int, list[tuple[datetime, float]]] = {}
    for at, value in points:
        column = int((at - box.begin) / (box.end - box.begin) * MOST_POINTS)
        columns.setdefault(column, []).append((at, value))
    kept: list[tuple[datetime, float]] = []
    for inside in columns.values():
        ends = {min(inside, key=lambda one: one[1]), max(inside, key=lambda one: one[1])}
        kept += sorted(ends)
    return kept


def _lines(points: Sequence[tuple[datetime, float]], box: _Box) -> list[str]:
    """Return the points as polylines, broken where nothing was measured for long."""
    steps = [(b[0] - a[0]).total_seconds() for a, b in pairwise(points)]
    longest = GAP * median(steps) if steps else 0.0
    parts: list[list[str]] = [[]]
    for k, point in enumerate(points):
        if k and steps[k - 1] > longest:
            parts.append([])
        x, y = box.place(*point)
        parts[-1].append(f"{x},{y}")
    return [" ".join(part) for part in parts if len(part) > 1]


def _instant(text: str) -> datetime | None:
    """Return a FHIR date or dateTime as a moment; a date is its noon in UTC, None without a day."""
    try:
        at = datetime.fromisoformat(text if "T" in text else f"{text}T12:00:00+00:00")
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
