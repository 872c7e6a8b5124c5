"""Fitbit JSON: answers of the Web API, and files of an account export (Google Takeout).

Times are local, without a zone: one has to be given. (Minute files of some account exports are in
UTC: import those with `--zone UTC`.) The API counts in the metric system; an export gives weight
in pounds or kilograms and does not say which: the body-mass index beside it tells. Files of minutes
(`steps-2020-01-01.json`) name their quantity only in the file's name.

Reference: Fitbit Web API, intraday, body, sleep 1.2 and activity logging.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from math import sqrt
from typing import Any, Final

from suwen.core.codes import Text
from suwen.gateway.devices.entries import divided, listed, on_foot
from suwen.gateway.devices.sample import (
    MALFORMED,
    NO_TIME,
    NOT_A_NUMBER,
    Problems,
    Sample,
    Samples,
    Source,
    number,
)
from suwen.gateway.devices.times import Clock

DEVICE: Final = "fitbit"
ADULT_HEIGHT: Final = (1.35, 2.0)
"""Heights in m that settle the unit of a weight: read in the wrong unit, a height in this range
leaves it (1 kg is 2.2 lb, so the height changes by 1.49)."""
POUND: Final = 0.45359237
_INTRADAY: Final = {
    "activities-heart": ("heart_rate", "/min"),
    "activities-steps": ("steps", "{steps}"),
}
_DAILY: Final = {"activities-steps": ("steps_day", "{steps}")}
_STAGES: Final = {"deep": "sleep_deep", "light": "sleep_light", "rem": "sleep_rem"}
_EXPORTED: Final = {"steps": ("steps", "{steps}"), "heart_rate": ("heart_rate", "/min")}
"""Beginnings of names of minute files, and what they hold."""
_AMERICAN: Final = "%m/%d/%y %H:%M:%S"
_WEIGHT_UNIT: Final = Text(
    en="a weight in kilograms or pounds, and nothing says which", zh="体重单位（公斤或磅）不明"
)


def claims(document: object) -> bool:
    """Say whether a JSON value is Fitbit's."""
    if isinstance(document, dict):
        names = document.keys()
        return (
            any(name.startswith("activities-") for name in names)
            or ("summary" in names and isinstance(document.get("activities"), list))
            or _is_log(document.get("weight"), "date")
            or ("sleep" in names and (_is_log(document["sleep"], "dateOfSleep")
                                      or document["sleep"] == []))
        )  # fmt: skip
    return isinstance(document, list) and (
        _is_log(document, "dateOfSleep")
        or _is_log(document, "weight", "date", "time")
        or _is_log(document, "dateTime", "value")
    )


def _is_log(entries: object, *names: str) -> bool:
    return (
        isinstance(entries, list)
        and bool(entries)
        and isinstance(entries[0], dict)
        and all(name in entries[0] for name in names)
    )


def samples(document: Any, source: Source, problems: Problems) -> Samples:
    """Yield the samples of one Fitbit file.

    Raises
    ------
    BadInput
        No zone was given.
    """
    reader = _Reader(Clock(source.zone, problems, "Fitbit"), problems)
    if isinstance(document, list):
        if _is_log(document, "dateOfSleep"):
            yield from reader.sleep(document)
        elif _is_log(document, "weight", "date", "time"):
            yield from reader.weight(document)
        else:
            yield from reader.minutes(document, source.name.rpartition("/")[2])
        return
    for name, (key, unit) in _INTRADAY.items():
        if f"{name}-intraday" in document:
            yield from reader.intraday(document, name, key, unit)
        elif name in document and name in _DAILY:
            yield from reader.days(document[name], *_DAILY[name])
    yield from reader.activities(document.get("activities"))
    yield from reader.weight(document.get("weight"))
    yield from reader.sleep(document.get("sleep"))


class _Reader:
    def __init__(self, clock: Clock, problems: Problems) -> None:
        self._clock, self._problems = clock, problems

    def intraday(
        self, document: Mapping[str, Any], name: str, key: str, unit: str
    ) -> Iterator[Sample]:
        """Yield the minutes of one day, whose date stands beside them."""
        days: Any = document.get(name)
        series = document[f"{name}-intraday"]
        day = days[0].get("dateTime") if _is_log(days, "dateTime") else None
        entries = series.get("dataset") if isinstance(series, dict) else None
        if not isinstance(entries, list) or not isinstance(day, str):
            self._problems.refuse(MALFORMED, name)
            return
        for entry, where in listed(entries, name, self._problems):
            at = self._clock.at(f"{day}T{entry.get('time')}", where)
            yield from self._sample(key, at, entry.get("value"), unit, where)

    def days(self, entries: object, key: str, unit: str) -> Iterator[Sample]:
        """Yield one value a day."""
        for entry, where in listed(entries, "day", self._problems):
            at = self._clock.day(str(entry.get("dateTime")), where)
            yield from self._sample(key, at, entry.get("value"), unit, where)

    def minutes(self, entries: list[Any], name: str) -> Iterator[Sample]:
        """Yield the entries of a file of an account export: `01/31/20 08:00:05` and a value."""
        told = next((one for start, one in _EXPORTED.items() if name.startswith(start)), None)
        for entry, where in listed(entries, "entry", self._problems):
            value, found = entry.get("value"), told
            if isinstance(value, dict) and "bpm" in value:
                value, found = value["bpm"], ("heart_rate", "/min")
            elif isinstance(value, dict) and "date" in value:
                value, found = value.get("value"), ("resting_heart_rate", "/min")
                if value in (0, 0.0, None):
                    continue
            if found is None:
                what = Text(en="a Fitbit file of an unnamed quantity", zh="Fitbit 未说明的指标")
                self._problems.leave(what, where)
                continue
            at = self._american(str(entry.get("dateTime")), where)
            yield from self._sample(found[0], at, value, found[1], where)

    def weight(self, entries: object) -> Iterator[Sample]:
        """Yield weights, body-mass index and body fat."""
        for entry, where in listed(entries, "weight", self._problems):
            day, time = str(entry.get("date")), str(entry.get("time"))
            exported = "/" in day
            text = f"{day} {time}" if exported else f"{day}T{time}"
            at = self._american(text, where) if exported else self._clock.at(text, where)
            if at is None:
                continue
            log = str(entry.get("logId") or "")
            value, bmi = number(entry.get("weight")), number(entry.get("bmi"))
            unit = _unit_of(value, bmi) if exported or bmi else "kg"
            if unit is None:
                self._problems.refuse(_WEIGHT_UNIT, where)
            else:
                yield from self._sample("weight", at, value, unit, where, log)
            if bmi:
                yield from self._sample("bmi", at, bmi, "kg/m2", where, log)
            if fat := number(entry.get("fat")):
                yield from self._sample("body_fat", at, fat, "%", where, log)

    def sleep(self, entries: object) -> Iterator[Sample]:
        """Yield the length of each sleep, and of its stages where they were told apart."""
        for entry, where in listed(entries, "sleep", self._problems):
            at = self._clock.at(str(entry.get("startTime")), where)
            log = str(entry.get("logId") or "")
            yield from self._sample("sleep", at, entry.get("minutesAsleep"), "min", where, log)
            levels = entry.get("levels")
            summary = levels.get("summary") if isinstance(levels, dict) else None
            for stage, key in _STAGES.items():
                part = summary.get(stage) if isinstance(summary, dict) else None
                if isinstance(part, dict):
                    yield from self._sample(key, at, part.get("minutes"), "min", where, log)

    def activities(self, entries: object) -> Iterator[Sample]:
        """Yield length, steps, distance and energy of each activity."""
        for entry, where in listed(entries, "activity", self._problems):
            text = f"{entry.get('startDate')}T{entry.get('startTime')}"
            at = self._clock.at(text, where)
            log = str(entry.get("logId") or "")
            walked = on_foot(entry.get("activityParentName") or entry.get("name"))
            fields = (
                ("exercise", divided(entry.get("duration"), 60_000), "min"),
                ("distance", entry.get("distance") if walked else None, "km"),
                ("energy", entry.get("calories"), "kcal"),
            )
            for key, value, unit in fields:
                if value is not None:
                    yield from self._sample(key, at, value, unit, where, log)

    def _american(self, text: str, where: str) -> datetime | None:
        try:
            return self._clock.of(datetime.strptime(text, _AMERICAN), where)
        except ValueError:
            self._problems.refuse(NO_TIME, where)
            return None

    def _sample(
        self, key: str, at: datetime | None, value: object, unit: str, where: str, log: str = ""
    ) -> Iterator[Sample]:
        found = number(value)
        if found is None:
            self._problems.refuse(NOT_A_NUMBER, where)
        elif at is not None:
            yield Sample(key, at, found, unit, DEVICE, log)


def _unit_of(weight: float | None, bmi: float | None) -> str | None:
    """Return the unit in which this weight and body-mass index belong to an adult's height."""
    if not weight or not bmi or weight < 0 or bmi < 0:
        return None
    low, high = ADULT_HEIGHT
    fits = [
        unit
        for unit, factor in (("kg", 1.0), ("lb", POUND))
        if low <= sqrt(weight * factor / bmi) < high
    ]
    return fits[0] if len(fits) == 1 else None
