"""Dates, periods and measured values as mentions of a note, each with what it means.

Found by rule (`notes.measures.times`, `notes.measures.values`), for no guideline of the corpora
names them. A date is ISO 8601 with its precision; one told from the day of the note (`3 days ago`,
`2 March`) is that day where the note says which day it is of, and stays as it is written where it
does not.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from suwen.core.codes import FACT_DETAIL, Code, Language, Text
from suwen.core.nouns import Interval, Measure
from suwen.notes.measures import times, values
from suwen.notes.measures.times import Time
from suwen.notes.measures.values import Value
from suwen.notes.measures.wording import detail
from suwen.notes.text import Span

Kind = Literal["date", "value"]
Precision = Literal["year", "month", "day"]
CERTAIN: Final = Interval(value=1.0, low=1.0, high=1.0)
_AGO: Final = re.compile(r"P(?:(?P<n>\d+)(?P<unit>[YMWD])|T\d+(?:\.\d+)?[HM])")
_NO_YEAR: Final = re.compile(r"--(?P<m>\d{2})(?:-(?P<d>\d{2}))?")
_PRECISIONS: Final[dict[int, Precision]] = {4: "year", 7: "month", 10: "day"}


@dataclass(frozen=True)
class Ruled:
    """A mention found by rule.

    Parameters
    ----------
    span, kind
        Where it stands, and its type of `notes.entities`.
    measures
        What it means: `date=2021-03`, `precision=month`, `duration=P3D` or `time=-P3D` (how long
        ago, where the day of the note is not known); of a value its code, number and UCUM unit.
    """

    span: Span
    kind: Kind
    measures: tuple[Measure, ...]

    def told(self, part: str) -> str:
        """Return one part of what it means, empty where there is none."""
        codes = (one.code.code.partition("=") for one in self.measures)
        return next((value for name, _, value in codes if name == part), "")


def resolved(time: Time, day: str = "") -> tuple[str, Precision] | None:
    """Return the date of a time in ISO 8601 with its precision; None where it cannot be told.

    Parameters
    ----------
    time
        A date, or how long ago; of a duration there is no date.
    day
        The day of the note in ISO 8601, empty where it is not known. A day and month without a year
        are those nearest to it.
    """
    if time.kind == "date" and not time.value.startswith("-"):
        return time.value, _PRECISIONS[len(time.value)]
    if time.kind == "duration" or len(day) < len("YYYY-MM-DD"):
        return None
    try:
        today = date.fromisoformat(day[:10])
        found = _nearest(time.value, today) if time.kind == "date" else _before(time.value, today)
    except (ValueError, OverflowError):
        return None
    return (found, _PRECISIONS[len(found)]) if found else None


def onset(value: str, day: str) -> str:
    """Return the date from which something is, by a time of it; empty where it cannot be told.

    Parameters
    ----------
    value
        An ISO date, how long ago (`-P3D`) or how long it has lasted (`P3D`).
    day
        The day of the note in ISO 8601.
    """
    kind: Literal["date", "ago"] = "ago" if value.lstrip("-").startswith("P") else "date"
    length = value.removeprefix("-") if kind == "ago" else value
    told = resolved(Time(Span(0, 0), kind, length), day) if value else None
    return told[0] if told else ""


def _nearest(value: str, today: date) -> str:
    """Return the day or month without a year that lies nearest to a day."""
    parts = _NO_YEAR.fullmatch(value)
    if parts is None:
        return ""
    month, number = int(parts["m"]), int(parts["d"] or 1)
    years = range(today.year - 1, today.year + 2)
    days = [date(y, month, number) for y in years if number <= monthrange(y, month)[1]]
    nearest = min(days, key=lambda one: abs(one - today))
    return nearest.isoformat() if parts["d"] else f"{nearest:%Y-%m}"


def _before(value: str, today: date) -> str:
    """Return the date a length before a day, as precise as its unit; weeks count as days."""
    parts = _AGO.fullmatch(value)
    if parts is None:
        return ""
    if parts["unit"] is None:
        return today.isoformat()
    count = int(parts["n"])
    if parts["unit"] == "Y":
        return f"{today.year - count:04d}" if count < today.year else ""
    if parts["unit"] == "M":
        months = 12 * today.year + today.month - 1 - count
        return f"{months // 12:04d}-{months % 12 + 1:02d}" if months >= 12 else ""
    return (today - timedelta(days=count * (7 if parts["unit"] == "W" else 1))).isoformat()


def found(text: str, language: Language, day: str = "") -> list[Ruled]:
    """Return the dates, periods and values of a text in order; values hold no dates.

    Parameters
    ----------
    text, language
        A note, and the language most of it is in.
    day
        The day of the note in ISO 8601, where it is known.
    """
    measured = list(_values(values.find(text, language)))
    taken = [one.span for one in measured]
    when = [*times.find(text, language), *times.days(text)]
    dates = [
        Ruled(time.span, "date", _meaning(time, day))
        for time in when
        if not any(time.span.overlaps(span) for span in taken)
    ]
    return sorted([*measured, *dates], key=lambda one: one.span)


def _values(measured: list[Value]) -> Iterator[Ruled]:
    """Yield each measured stretch once: a blood pressure is one with two values."""
    by_span: dict[Span, list[Measure]] = {}
    for value in measured:
        if value.canonical is not None:
            exact = Interval(value=value.canonical, low=value.canonical, high=value.canonical)
            measure = Measure(code=value.code, interval=exact, unit=value.canonical_unit)
            by_span.setdefault(value.span, []).append(measure)
    for span, measures in by_span.items():
        yield Ruled(span, "value", tuple(measures))


def _meaning(time: Time, day: str) -> tuple[Measure, ...]:
    parts: dict[str, str] = {}
    if (date_of := resolved(time, day)) is not None:
        parts = {"date": date_of[0], "precision": date_of[1]}
        if date_of[0] != time.value:
            parts["told-from"] = day[:10]
    elif time.kind == "date":
        parts = {"date": time.value, "precision": "day" if len(time.value) > 4 else "month"}
    elif time.kind == "ago":
        parts = {"time": f"-{time.value}"}
    else:
        parts = {"duration": time.value}
    return tuple(
        Measure(
            code=Code(system=FACT_DETAIL, code=f"{part}={value}", name=_words(part, value)),
            interval=CERTAIN,
            unit="1",
        )
        for part, value in parts.items()
    )


def _words(part: str, value: str) -> Text:
    return _PRECISE[value] if part == "precision" else detail(part, value)


_PRECISE: Final = {
    "year": Text(en="to the year", zh="精确到年"),
    "month": Text(en="to the month", zh="精确到月"),
    "day": Text(en="to the day", zh="精确到日"),
}
