"""iHealth JSON: blood pressure, glucose, oxygen saturation, weight, activity and sleep of its API.

Times are the local time written as if it were seconds since 1970 UTC, with its offset beside it
(12:04 in -0800 is sent as 12:04 UTC). Zero stands for "not measured". Units are numbers beside the
list.

Reference: iHealth Open API 2.0, data lists.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any, Final

from suwen.gateway.devices.entries import Entry, Field, Taker, listed
from suwen.gateway.devices.sample import NO_TIME, Problems, Samples, Source, number
from suwen.gateway.devices.times import Clock, offset_of, since_1970

DEVICE: Final = "ihealth"
_PRESSURE: Final = ("mm[Hg]", "kPa")
_GLUCOSE: Final = ("mg/dL", "mmol/L")
_WEIGHT: Final = ("kg", "lb", "st")
_DISTANCE: Final = ("km", "mi")
_FIELDS: Final[dict[str, tuple[str, tuple[str, ...], tuple[tuple[str, str, str], ...]]]] = {
    "BPDataList": (
        "BPUnit",
        _PRESSURE,
        (("systolic", "HP", "?"), ("diastolic", "LP", "?"), ("heart_rate", "HR", "/min")),
    ),
    "BGDataList": ("BGUnit", _GLUCOSE, (("glucose", "BG", "?"),)),
    "BODataList": ("", (), (("oxygen_saturation", "BO", "%"), ("heart_rate", "HR", "/min"))),
    "WeightDataList": (
        "WeightUnit",
        _WEIGHT,
        (("weight", "WeightValue", "?"), ("bmi", "BMI", "kg/m2"), ("body_fat", "FatValue", "%"),
         ("muscle_mass", "MuscaleValue", "?")),
    ),
    "ARDataList": (
        "DistanceUnit",
        _DISTANCE,
        (("steps_day", "Steps", "{steps}"), ("distance", "DistanceTraveled", "?"),
         ("energy", "Calories", "kcal")),
    ),
    "SRDataList": ("", (), (("sleep", "HoursSlept", "min"),)),
    "SPORTDataList": ("", (), (("energy", "Calories", "kcal"),)),
}  # fmt: skip
"""Of each list: where its unit stands, units by number, (quantity, field, unit; `?`: that one)."""
_TIMES: Final = ("MDate", "StartTime", "SportStartTime")


def claims(document: object) -> bool:
    """Say whether a JSON value is an answer of iHealth."""
    return isinstance(document, dict) and any(name in document for name in _FIELDS)


def samples(document: Mapping[str, Any], source: Source, problems: Problems) -> Samples:
    """Yield the samples of one answer.

    Raises
    ------
    BadInput
        An entry has no offset and no zone was given.
    """
    taker = Taker(DEVICE, problems, zero_is_none=True)
    for name, (unit_name, units, fields) in _FIELDS.items():
        place = document.get(unit_name)
        unit = units[place] if isinstance(place, int) and 0 <= place < len(units) else ""
        for entry, where in listed(document.get(name), "entry", problems):
            at = _time(entry, source.zone, problems, where, by_day=name == "ARDataList")
            log = str(entry.get("DataID") or "")
            found = ((key, entry.get(field), unit if own == "?" else own)
                     for key, field, own in fields)  # fmt: skip
            yield from taker.take(at, found, where, log)
            yield from taker.take(at, _lasting(name, entry), where, log)


def _lasting(name: str, entry: Entry) -> Iterator[Field]:
    """Yield how long a sport was done."""
    start, end = number(entry.get("SportStartTime")), number(entry.get("SportEndTime"))
    if name == "SPORTDataList" and start is not None and end is not None:
        yield "exercise", (end - start) / 60, "min"


def _time(
    entry: Entry, zone: tzinfo | None, problems: Problems, where: str, by_day: bool
) -> datetime | None:
    """Return the moment of an entry; the steps of a day stand at its beginning."""
    given = next((entry[name] for name in _TIMES if name in entry), None)
    local = since_1970(number(given))
    if local is None:
        problems.refuse(NO_TIME, where)
        return None
    local = local.replace(tzinfo=None)
    if by_day:
        local = local.replace(hour=0, minute=0, second=0)
    offset = entry.get("TimeZone")
    if isinstance(offset, int) and abs(offset) < 24:
        own: tzinfo | None = timezone(timedelta(hours=offset))
    else:
        own = offset_of(str(offset or ""))
    return Clock(own or zone, problems, "iHealth").of(local, where)
