"""Google Fit JSON: answers of its API, and the `All Data` files of a Takeout.

Times are nanoseconds since 1970 UTC. What a point means stands in its data type.

Reference: Google Fit data types (com.google.*); activity and sleep segment values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from suwen.core.codes import Text
from suwen.gateway.devices.entries import listed
from suwen.gateway.devices.sample import (
    MALFORMED,
    NO_TIME,
    Problems,
    Sample,
    Samples,
    Source,
    number,
)
from suwen.gateway.devices.times import since_1970

_LISTS: Final = ("point", "Data Points")
_NANO: Final = 1e-9
_TYPES: Final = {
    "com.google.heart_rate.bpm": (("heart_rate", "/min"),),
    "com.google.weight": (("weight", "kg"),),
    "com.google.height": (("height", "m"),),
    "com.google.step_count.delta": (("steps", "{steps}"),),
    "com.google.calories.expended": (("energy", "kcal"),),
    "com.google.distance.delta": (("distance", "m"),),
    "com.google.body.fat.percentage": (("body_fat", "%"),),
    "com.google.blood_pressure": (("systolic", "mm[Hg]"), ("diastolic", "mm[Hg]")),
    "com.google.blood_glucose": (("glucose", "mmol/L"),),
    "com.google.oxygen_saturation": (("oxygen_saturation", "%"),),
    "com.google.body.temperature": (("temperature", "Cel"),),
}
"""Quantities of the first values of a point."""
_ACTIVITY: Final = "com.google.activity.segment"
_SLEEP: Final = "com.google.sleep.segment"
_ASLEEP: Final = {72: (), 109: ("sleep_light",), 110: ("sleep_deep",), 111: ("sleep_rem",)}
_SLEEPS: Final = {2: (), 4: ("sleep_light",), 5: ("sleep_deep",), 6: ("sleep_rem",)}
_STILL: Final = frozenset((0, 3, 4, 5, 112))
"""Activities that are none: in a vehicle, still, unknown, tilting, awake in bed."""


def claims(document: object) -> bool:
    """Say whether a JSON value is Google Fit's."""
    return isinstance(document, dict) and (
        any(isinstance(document.get(name), list) for name in _LISTS)
        or ("dataSourceId" in document and "minStartTimeNs" in document)
    )


def samples(document: Mapping[str, Any], source: Source, problems: Problems) -> Samples:
    """Yield the samples of one file."""
    del source
    points = next((document[name] for name in _LISTS if name in document), None)
    for point, where in listed(points, "point", problems):
        yield from _samples(point, where, problems)


def _samples(point: Mapping[str, Any], where: str, problems: Problems) -> Iterator[Sample]:
    start, end = number(point.get("startTimeNanos")), number(point.get("endTimeNanos"))
    at = since_1970(None if start is None else start * _NANO)
    if at is None or start is None:
        problems.refuse(NO_TIME, where)
        return
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    kind = str(point.get("dataTypeName", ""))
    values = list(_values(point))
    device = f"googlefit/{_app(str(point.get('originDataSourceId', '')))}"
    minutes = ((end or start) - start) * _NANO / 60
    if kind in (_ACTIVITY, _SLEEP):
        for key in _segment(kind, int(values[0]) if values and values[0] is not None else -1):
            yield Sample(key, at, round(minutes, 6), "min", device)
        return
    wanted = _TYPES.get(kind)
    if wanted is None:
        short = kind.removeprefix("com.google.")[:60] or "point"
        problems.leave(Text(en=f"Google Fit {short}", zh=f"Google Fit {short}"), where)
        return
    for (key, unit), value in zip(wanted, values, strict=False):
        if value is None:
            problems.refuse(MALFORMED, where)
        else:
            yield Sample(key, at, value, unit, device)


def _values(point: Mapping[str, Any]) -> Iterator[float | None]:
    """Yield the numbers of a point, of an API answer or of a Takeout."""
    given = point.get("value", point.get("fitValue"))
    for one in given if isinstance(given, list) else ():
        inner = one.get("value", one) if isinstance(one, dict) else None
        if isinstance(inner, dict):
            yield number(inner.get("fpVal", inner.get("intVal")))
        else:
            yield None


def _segment(kind: str, value: int) -> tuple[str, ...]:
    """Return the quantities that the length of a segment counts for."""
    asleep = _ASLEEP if kind == _ACTIVITY else _SLEEPS
    if value in asleep:
        return ("sleep", *asleep[value])
    if kind == _SLEEP or value in _STILL or value < 0:
        return ()
    return ("exercise",)


def _app(stream: str) -> str:
    """Return the app or the device's maker and model of a data stream, without its id."""
    parts = [part for part in stream.split(":")[2:] if part]
    return (":".join(parts[:3]) or "unknown")[:60]
