"""JSON of vendors whose service has ended: Jawbone, Misfit, Moves, RunKeeper. People kept exports.

Reference: the APIs' answers as Open mHealth Shimmer recorded them (Misfit counts distance in
miles).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any, Final

from suwen.core.codes import Text
from suwen.gateway.devices.entries import Entry, Field, Taker, divided, inner, listed, on_foot
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

_AWAKE: Final = 1
_DEEP: Final = 3
_JAWBONE_ON_FOOT: Final = (1, 2)
_TRANSPORT: Final = Text(en="being carried, not exercise", zh="乘坐交通工具，不是运动")


def claims(document: object) -> bool:
    """Say whether a JSON value is of one of these vendors."""
    return _reader_of(document) is not None


def samples(document: Any, source: Source, problems: Problems) -> Samples:
    """Yield the samples of one file.

    Raises
    ------
    BadInput
        A local time has no zone and none was given.
    """
    reader = _reader_of(document)
    if reader is not None:
        yield from reader(document, source, problems)


def _reader_of(document: object) -> Any:
    if isinstance(document, list):
        first = document[0] if document else None
        moves = isinstance(first, dict) and {"date", "summary", "segments"} <= first.keys()
        return _moves if moves else None
    if not isinstance(document, dict):
        return None
    data = document.get("data")
    if isinstance(data, dict) and isinstance(data.get("items"), list) and "meta" in document:
        return _jawbone
    summary = document.get("summary")
    if any(name in document for name in ("sessions", "sleeps")) or (
        isinstance(summary, list)
        and any(isinstance(one, dict) and "points" in one for one in summary)
    ):
        return _misfit
    items = document.get("items")
    if isinstance(items, list) and "size" in document:
        return _runkeeper
    return None


def _jawbone(document: Mapping[str, Any], source: Source, problems: Problems) -> Iterator[Sample]:
    taker = Taker("jawbone", problems, zero_is_none=True)
    for item, where in listed(document["data"]["items"], "item", problems):
        details = inner(item, "details")
        at = since_1970(number(item.get("time_created")))
        if at is None:
            problems.refuse(NO_TIME, where)
            continue
        log = str(item.get("xid") or "")
        sound, light = divided(details.get("sound"), 60), divided(details.get("light"), 60)
        if "hourly_totals" in details:
            yield from _hours(details, source, problems, where)
            continue
        slept = "asleep_time" in details
        lasting = item.get("type") == "workout" or ("time" in details and "km" in details)
        walked = lasting and item.get("sub_type") in _JAWBONE_ON_FOOT
        fields = (
            ("weight", item.get("weight"), "kg"),
            ("body_fat", item.get("body_fat"), "%"),
            ("bmi", item.get("bmi"), "kg/m2"),
            ("resting_heart_rate", item.get("resting_heartrate"), "/min"),
            ("sleep", (sound or 0) + (light or 0) if slept else None, "min"),
            ("sleep_deep", sound if slept else None, "min"),
            ("sleep_light", light if slept else None, "min"),
            ("exercise", divided(details.get("time"), 60) if lasting else None, "min"),
            ("distance", details.get("meters") if walked else None, "m"),
            ("energy", details.get("calories") if lasting else None, "kcal"),
        )
        yield from taker.take(at, fields, where, log)


def _hours(details: Entry, source: Source, problems: Problems, where: str) -> Iterator[Sample]:
    """Yield the steps and metres of each hour, named by its local time (2015081009)."""
    taker = Taker("jawbone", problems)
    zone = offset_of(str(details.get("tz") or "")) or source.zone
    clock = Clock(zone, problems, "Jawbone")
    for name, entry in inner(details, "hourly_totals").items():
        text = f"{name[:4]}-{name[4:6]}-{name[6:8]}T{name[8:10]}:00"
        if not isinstance(entry, dict):
            problems.refuse(MALFORMED, where)
            continue
        fields = (
            ("steps", entry.get("steps"), "{steps}"),
            ("distance", entry.get("distance"), "m"),
            ("energy", entry.get("calories"), "kcal"),
        )
        yield from taker.take(clock.at(text, where), fields, where)


def _misfit(document: Mapping[str, Any], source: Source, problems: Problems) -> Iterator[Sample]:
    taker = Taker("misfit", problems)
    clock = Clock(source.zone, problems, "Misfit")
    for entry, where in listed(document.get("summary"), "day", problems):
        fields: tuple[Field, ...] = (
            ("steps_day", entry.get("steps"), "{steps}"),
            ("distance", entry.get("distance"), "mi"),
            ("energy", entry.get("calories"), "kcal"),
        )
        yield from taker.take(clock.day(str(entry.get("date")), where), fields, where)
    for entry, where in listed(document.get("sessions"), "session", problems):
        at = clock.at(str(entry.get("startTime")), where)
        walked = on_foot(entry.get("activityType"))
        fields = (
            ("exercise", divided(entry.get("duration"), 60), "min"),
            ("steps", entry.get("steps"), "{steps}"),
            ("distance", entry.get("distance") if walked else None, "mi"),
            ("energy", entry.get("calories"), "kcal"),
        )
        yield from taker.take(at, fields, where, str(entry.get("id") or ""))
    for entry, where in listed(document.get("sleeps"), "sleep", problems):
        at = clock.at(str(entry.get("startTime")), where)
        seconds = number(entry.get("duration"))
        if at is None or seconds is None:
            problems.refuse(MALFORMED, where)
            continue
        stages = _stages(entry, at + timedelta(seconds=seconds), clock, where)
        awake = stages.get(_AWAKE, 0.0)
        fields = (("sleep", seconds / 60 - awake, "min"), ("sleep_deep", stages.get(_DEEP), "min"))
        yield from taker.take(at, fields, where, str(entry.get("id") or ""))


def _stages(entry: Entry, end: datetime, clock: Clock, where: str) -> dict[int, float]:
    """Return the minutes of each stage; the last one lasts until the sleep ends."""
    marks = []
    given = entry.get("sleepDetails")
    for one in given if isinstance(given, list) else ():
        at = clock.at(str(one.get("datetime")), where) if isinstance(one, dict) else None
        if at is not None and isinstance(one.get("value"), int):
            marks.append((at, one["value"]))
    found: dict[int, float] = {}
    ends = [at for at, _ in marks[1:]] + [end]
    for (at, stage), until in zip(marks, ends, strict=False):
        found[stage] = found.get(stage, 0.0) + max(0.0, (until - at).total_seconds() / 60)
    return found


def _moves(document: list[Any], source: Source, problems: Problems) -> Iterator[Sample]:
    taker = Taker("moves", problems)
    clock = Clock(source.zone, problems, "Moves")
    for day, _ in listed(document, "day", problems):
        for segment, _ in listed(day.get("segments"), "segment", problems):
            for entry, where in listed(segment.get("activities"), "activity", problems):
                if entry.get("group") == "transport":
                    problems.leave(_TRANSPORT, where)
                    continue
                at = clock.at(str(entry.get("startTime")), where)
                walked = on_foot(entry.get("group") or entry.get("activity"))
                fields = (
                    ("exercise", divided(entry.get("duration"), 60), "min"),
                    ("steps", entry.get("steps"), "{steps}"),
                    ("distance", entry.get("distance") if walked else None, "m"),
                    ("energy", entry.get("calories"), "kcal"),
                )
                yield from taker.take(at, fields, where)


def _runkeeper(document: Mapping[str, Any], source: Source, problems: Problems) -> Iterator[Sample]:
    taker = Taker("runkeeper", problems)
    for item, where in listed(document["items"], "item", problems):
        hours = number(item.get("utc_offset"))
        zone: tzinfo | None = source.zone
        if hours is not None and abs(hours) < 24:
            zone = timezone(timedelta(hours=hours))
        try:
            text = str(item.get("start_time"))
            local = datetime.strptime(text, "%a, %d %b %Y %H:%M:%S")
        except ValueError:
            problems.refuse(NO_TIME, where)
            continue
        at = Clock(zone, problems, "RunKeeper").of(local, where)
        fields = (
            ("exercise", divided(item.get("duration"), 60), "min"),
            ("distance", item.get("total_distance") if on_foot(item.get("type")) else None, "m"),
            ("energy", item.get("total_calories"), "kcal"),
        )
        yield from taker.take(at, fields, where, str(item.get("uri") or ""))
