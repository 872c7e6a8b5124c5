"""Withings JSON: body measures, activity and sleep of its API.

Moments are seconds since 1970 UTC; days have the zone beside them. A value is `value * 10^unit`.
Goals (category 2) are no measurements, and a measurement that may be of another user is refused.

Reference: Withings API, measure getmeas and getactivity, sleep get and getsummary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from suwen.core.codes import Text
from suwen.gateway.devices.entries import Entry, Field, Taker, divided, inner, listed
from suwen.gateway.devices.sample import (
    MALFORMED,
    NO_TIME,
    Problems,
    Sample,
    Samples,
    Source,
    number,
)
from suwen.gateway.devices.times import Clock, offset_of, since_1970

DEVICE: Final = "withings"
_MEASURES: Final = {
    1: ("weight", "kg"),
    4: ("height", "m"),
    5: ("lean_mass", "kg"),
    6: ("body_fat", "%"),
    9: ("diastolic", "mm[Hg]"),
    10: ("systolic", "mm[Hg]"),
    11: ("heart_rate", "/min"),
    12: ("temperature", "Cel"),
    54: ("oxygen_saturation", "%"),
    71: ("temperature", "Cel"),
    76: ("muscle_mass", "kg"),
    123: ("vo2_max", "mL/kg/min"),
}
_GOAL: Final = 2
_AMBIGUOUS: Final = 1
_GOALS: Final = Text(en="a goal, not a measurement", zh="目标值，不是测量值")
_WHOSE: Final = Text(en="may be of another user of the device", zh="可能属于设备的其他使用者")
_STATES: Final = {
    1: ("sleep", "sleep_light"),
    2: ("sleep", "sleep_deep"),
    3: ("sleep", "sleep_rem"),
}
_STAGES: Final = {
    "lightsleepduration": "sleep_light",
    "deepsleepduration": "sleep_deep",
    "remsleepduration": "sleep_rem",
}


def claims(document: object) -> bool:
    """Say whether a JSON value is an answer of Withings."""
    body = document.get("body") if isinstance(document, dict) else None
    return isinstance(body, dict) and any(
        name in body for name in ("measuregrps", "activities", "series")
    )


def samples(document: Mapping[str, Any], source: Source, problems: Problems) -> Samples:
    """Yield the samples of one answer.

    Raises
    ------
    BadInput
        A day has no zone and none was given.
    """
    body = document["body"]
    reader = _Reader(problems, source)
    yield from reader.measures(body.get("measuregrps"))
    yield from reader.days(body.get("activities"))
    series = body.get("series")
    if isinstance(series, dict):
        yield from reader.minutes(series)
    else:
        yield from reader.sleep(series)


class _Reader:
    def __init__(self, problems: Problems, source: Source) -> None:
        self._problems, self._source = problems, source
        self._taker = Taker(DEVICE, problems)

    def measures(self, groups: object) -> Iterator[Sample]:
        """Yield body measures."""
        for group, where in listed(groups, "group", self._problems):
            if group.get("category") == _GOAL:
                self._problems.leave(_GOALS, where)
                continue
            if group.get("attrib") == _AMBIGUOUS:
                self._problems.refuse(_WHOSE, where)
                continue
            at = since_1970(number(group.get("date")))
            if at is None:
                self._problems.refuse(NO_TIME, where)
                continue
            fields = self._fields(group, where)
            yield from self._taker.take(at, fields, where, str(group.get("grpid") or ""))

    def _fields(self, group: Entry, where: str) -> Iterator[Field]:
        for measure, _ in listed(group.get("measures"), where, self._problems):
            kind = measure.get("type")
            found = _MEASURES.get(kind) if isinstance(kind, int) else None
            if found is None:
                name = Text(en=f"Withings type {kind!s:.12}", zh=f"Withings 类型 {kind!s:.12}")
                self._problems.leave(name, where)
                continue
            try:
                value = Decimal(str(measure.get("value"))).scaleb(int(measure.get("unit", 0)))
                yield found[0], float(value), found[1]
            except (InvalidOperation, ValueError, TypeError, OverflowError):
                self._problems.refuse(MALFORMED, where)

    def days(self, activities: object) -> Iterator[Sample]:
        """Yield what was done a day."""
        for entry, where in listed(activities, "day", self._problems):
            zone = offset_of(str(entry.get("timezone") or "")) or self._source.zone
            clock = Clock(zone, self._problems, "Withings")
            at = clock.day(str(entry.get("date")), where)
            fields = (
                ("steps_day", entry.get("steps"), "{steps}"),
                ("distance", entry.get("distance"), "m"),
                ("energy", entry.get("calories"), "kcal"),
            )
            yield from self._taker.take(at, fields, where)

    def minutes(self, series: Entry) -> Iterator[Sample]:
        """Yield what was done in each stretch of a day: seconds since 1970 and its contents."""
        for place, (name, entry) in enumerate(series.items(), 1):
            at, where = since_1970(number(name)), f"stretch {place}"
            if at is None or not isinstance(entry, dict):
                self._problems.refuse(MALFORMED, where)
                continue
            fields = (
                ("steps", entry.get("steps"), "{steps}"),
                ("distance", entry.get("distance"), "m"),
                ("energy", entry.get("calories"), "kcal"),
                ("heart_rate", entry.get("heart_rate"), "/min"),
                ("oxygen_saturation", entry.get("spo2_auto"), "%"),
            )
            yield from self._taker.take(at, fields, where)

    def sleep(self, series: object) -> Iterator[Sample]:
        """Yield stretches of sleep, or nights with the length of their stages."""
        for entry, where in listed(series, "sleep", self._problems):
            start = number(entry.get("startdate"))
            end = number(entry.get("enddate"))
            at = since_1970(start)
            if at is None or start is None or end is None:
                self._problems.refuse(NO_TIME, where)
                continue
            if "state" in entry:
                keys = _STATES.get(entry["state"], ()) if isinstance(entry["state"], int) else ()
                minutes = (end - start) / 60
                yield from self._taker.take(at, tuple((key, minutes, "min") for key in keys), where)
                continue
            data = inner(entry, "data")
            stages = [(key, divided(data.get(name), 60), "min") for name, key in _STAGES.items()]
            total = sum(minutes or 0.0 for _, minutes, _ in stages)
            log = str(entry.get("id") or "")
            at += timedelta(seconds=number(data.get("durationtosleep")) or 0.0)
            yield from self._taker.take(at, (("sleep", total, "min"), *stages), where, log)
