"""Values over time as small drawings: what a patient sees of a vital sign or a laboratory value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Final

from suwen.core.codes import LOINC, Language
from suwen.core.nouns import Case
from suwen.core.quantities import number, with_unit
from suwen.core.streams import Channel, Stretch
from suwen.diagnosis.language import message
from suwen.diagnosis.observations import concept_name, series_of
from suwen.health.early_warning import vital_set
from suwen.health.readings.doubts import why
from suwen.health.readings.gate import impossible
from suwen.records.streams.sample_reading import Latest
from suwen.records.streams.sample_reading import moment as moment_of
from suwen.server.language import age, moment, say

WIDTH: Final = 300.0
HEIGHT: Final = 72.0
MARGIN: Final = 6.0
"""Size of a drawing and the room kept free at its edges, in its own units."""
FRESH: Final = timedelta(hours=24)
"""How old the newest value may be to be told as today's."""
TOGETHER: Final = timedelta(minutes=1)
"""Both blood pressures of one measurement lie at most this far apart."""
MOST_POINTS: Final = 150
"""Columns of a drawing: of more values the least and the greatest of each column are drawn."""
GAP: Final = 4.0
"""A line is broken where the time between values is this many times what it mostly is."""
SHORT: Final = 0.04
"""A pause of this share of the period breaks no line: it can hardly be seen."""
MOST_HOLLOW: Final = 60
"""Doubted values drawn, the newest."""
NONE: Final = "–"
SYSTOLIC: Final = "8480-6"
DIASTOLIC: Final = "8462-4"


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
    hollow: tuple[tuple[float, float, str], ...]
    """Where values that do not count were measured, at the edge of the box, with what is wrong."""
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
    doubted: str = ""
    """What is wrong with values newer than the newest that counts; empty where none are."""


@dataclass(frozen=True)
class Measured:
    """What is known of one quantity: points in order of time, and how the newest one is told.

    `span` is the reference range in words, `verdict` `high` or `low` where it lies outside.
    `doubted` are values that cannot be, with the reason in words; they are no points.
    """

    code: str
    name: str
    unit: str
    points: tuple[tuple[datetime, float], ...]
    shown: str
    vital: bool = True
    verdict: str = ""
    span: str = ""
    dated: bool = True
    doubted: tuple[tuple[datetime, float, str], ...] = ()

    @property
    def at(self) -> datetime:
        """Return the time of the newest point, where there is none of the newest doubted value."""
        return self.points[-1][0] if self.points else self.doubted[-1][0]

    def supersedes(self, other: Measured) -> bool:
        """Whether it tells more than another: what is newer, else what holds more values."""
        mine, theirs = (
            (max(at for at, *_ in (*one.points, *one.doubted)), len(one.points) + len(one.doubted))
            for one in (self, other)
        )
        return mine > theirs


def recorded(case: Case, language: Language) -> dict[str, Measured]:
    """Return what the Observations of a case measure, by LOINC code, each in its newest unit."""
    found: dict[str, Measured] = {}
    vitals = {code for one in vital_set.variables().values() for code in one.codes}
    for readings in series_of(case):
        code = readings[0].key[1]
        channel = Channel(code, readings[-1].unit, "")
        counted = [one for one in readings if not impossible(channel, one.value)]
        newest = (counted or readings)[-1]
        dated = [(at, one.value) for one in counted if (at := _instant(one.at))]
        doubted = [
            (at, one.value, _why(channel, one.value, language))
            for one in readings
            if one not in counted and (at := _instant(one.at))
        ]
        undated = not dated and not doubted
        one = Measured(
            code=code,
            name=newest.name.of(language),
            unit=newest.unit,
            points=((datetime.min.replace(tzinfo=UTC), newest.value),) if undated else tuple(dated),
            shown=newest.shown if counted else NONE,
            vital=newest.vital or code in vitals,
            verdict=newest.verdict if counted else "",
            span=newest.span.of(language) if newest.span else "",
            dated=not undated,
            doubted=tuple(doubted),
        )
        if code not in found or one.supersedes(found[code]):
            found[code] = one
    return found


def _why(channel: Channel, value: float, language: Language) -> str:
    """Return a value that cannot be and what is wrong with it, in words."""
    reason = why(impossible(channel, value), channel, value)
    return f"{with_unit(number(value, channel.unit), channel.unit)} {reason.of(language)}"


def streamed(
    newest: Sequence[Latest], plot: Callable[[str], Sequence[Stretch]], language: Language
) -> dict[str, Measured]:
    """Return what devices sent, by LOINC code: the newest value, and what all of them measured.

    `plot` gives the outline of a quantity over the period, a stretch a channel. Of several units
    the one that was heard last is drawn.
    """
    found: dict[str, Measured] = {}
    drawn: dict[str, Sequence[Stretch]] = {}
    for one in sorted(newest, key=lambda each: each.at):
        code, unit, _ = one.channel
        if code not in drawn:
            drawn[code] = plot(code)
        before = sorted(
            (moment_of(tick), value)
            for part in drawn[code]
            if part.channel.unit == unit
            for tick, value in zip(part.at.tolist(), part.values.tolist(), strict=True)
        )
        name = concept_name({"coding": [{"system": LOINC, "code": code}]}).of(language)
        line = (*(point for point in before if point[0] < one.at), (one.at, one.value))
        doubted = tuple(
            (at, value, _why(one.channel, value, language))
            for at, value in line
            if impossible(one.channel, value)
        )
        odd = {(at, value) for at, value, _ in doubted}
        counted = tuple(point for point in line if point not in odd)
        shown = with_unit(number(counted[-1][1], unit), unit) if counted else NONE
        found[code] = Measured(code, name, unit, counted, shown, doubted=doubted)
    return found


def trends(found: Iterable[Measured], language: Language, days: int, now: datetime) -> list[Trend]:
    """Return what was measured of a person, vital signs first; `days` 0 draws everything."""
    by_code = {one.code: one for one in found}
    upper, lower = by_code.get(SYSTOLIC), by_code.get(DIASTOLIC)
    if upper is None or lower is None or not upper.points or _beside(upper, lower) is None:
        lower = None  # of another time: each stands for itself
    made = [
        _trend(one, lower if code == SYSTOLIC else None, language, days, now)
        for code, one in by_code.items()
        if one is not lower
    ]
    return sorted(made, key=lambda one: (not one.vital, not one.fresh, one.name))


def _beside(upper: Measured, lower: Measured) -> float | None:
    """Return the lower pressure measured with the newest upper one; None where there is none."""
    near = (value for at, value in reversed(lower.points) if abs(at - upper.at) <= TOGETHER)
    return next(near, None)


def _trend(
    one: Measured, lower: Measured | None, language: Language, days: int, now: datetime
) -> Trend:
    shown, name = one.shown, one.name
    second = None if lower is None else _beside(one, lower)
    if second is not None:
        name = say(language, "Blood pressure")
        pair = f"{number(one.points[-1][1], one.unit)}/{number(second, one.unit)}"
        shown = with_unit(pair, one.unit)
    flags = {"high": say(language, "high"), "low": say(language, "low")}
    return Trend(
        key=one.code,
        name=name,
        newest=shown,
        flag=flags.get(one.verdict, ""),
        age=age(language, one.at) if one.dated else say(language, "without a date"),
        at=moment(one.at) if one.dated else "",
        fresh=one.dated and timedelta(0) <= now - one.at <= FRESH,
        vital=one.vital,
        span=one.span,
        drawing=_drawing(name, [one, lower], language, days, now) if one.dated else None,
        doubted=_newer(one),
    )


def _newer(one: Measured) -> str:
    """Return what is wrong with a value that is newer than the newest that counts."""
    if not one.doubted or (one.points and one.points[-1][0] > one.doubted[-1][0]):
        return ""
    return one.doubted[-1][2]


def _drawing(
    name: str, series: Sequence[Measured | None], language: Language, days: int, now: datetime
) -> Drawing | None:
    """Return the drawing of a period; None with fewer than two moments in it."""
    since = now - timedelta(days=days) if days else datetime.min.replace(tzinfo=UTC)
    shown = [one for one in series if one is not None]
    points = [[point for point in one.points if since <= point[0] <= now] for one in shown]
    every = [point for part in points for point in part]
    begin = since if days else min((at for at, _ in every), default=now)
    if len({at for at, _ in every}) < 2 or begin >= now:
        return None
    low, high, unit = min(v for _, v in every), max(v for _, v in every), shown[0].unit
    box = _Box(begin, now, low, high)
    odd = [part for one in shown for part in one.doubted if begin <= part[0] <= now][-MOST_HOLLOW:]
    return Drawing(
        lines=tuple(line for part in points for line in _lines(_thinned(part, box), box)),
        dots=tuple(box.place(*part[-1]) for part in points if part),
        hollow=tuple((*box.place(at, min(max(v, low), high)), words) for at, v, words in odd),
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
    whole = (box.end - box.begin).total_seconds()
    longest = max(GAP * median(steps), whole * SHORT) if steps else 0.0
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
