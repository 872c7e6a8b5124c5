"""Open mHealth and IEEE 1752.1 JSON: data points checked against their schema, then read.

A data point is `{"header": {..., "schema_id": {...}}, "body": {...}}`, or a body alone; one, a list
of them, or one a line. A body that breaks its schema is refused as a whole. A statistic over a time
(average, maximum ...) is no measurement and is left out; so is a body that does not say when.

Reference: openmhealth/schemas (`knowledge/omh_schemas.json`, packed by `scripts/omh_schemas.py`); a
date-time without a zone is in UTC there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import jsonschema_rs

from suwen.core.codes import Text
from suwen.gateway.devices.entries import Entry, Taker, inner, on_foot
from suwen.gateway.devices.sample import (
    MALFORMED,
    NO_TIME,
    Problems,
    Sample,
    Samples,
    Source,
    number,
)
from suwen.gateway.devices.times import Clock

BASE: Final = "https://w3id.org/openmhealth/schemas/omh/"
_MEASURES: Final = {
    "blood_glucose": ("blood-glucose", "glucose"),
    "body_fat_percentage": ("body-fat-percentage", "body_fat"),
    "body_height": ("body-height", "height"),
    "body_mass_index": ("body-mass-index", "bmi"),
    "body_temperature": ("body-temperature", "temperature"),
    "body_weight": ("body-weight", "weight"),
    "heart_rate": ("heart-rate", "heart_rate"),
    "oxygen_saturation": ("oxygen-saturation", "oxygen_saturation"),
    "respiratory_rate": ("respiratory-rate", "respiratory_rate"),
    "rr_interval": ("rr-interval", "rr_interval"),
    "systolic_blood_pressure": ("blood-pressure", "systolic"),
    "diastolic_blood_pressure": ("blood-pressure", "diastolic"),
    "step_count": ("step-count", "steps"),
    "minutes_moderate_activity": ("minutes-moderate-activity", "exercise"),
    "kcal_burned": ("calories-burned", "energy"),
    "sleep_duration": ("sleep-duration", "sleep"),
    "total_sleep_time": ("total-sleep-time", "sleep"),
    "deep_sleep_duration": ("sleep-stage-summary", "sleep_deep"),
    "light_sleep_duration": ("sleep-stage-summary", "sleep_light"),
    "rem_sleep_duration": ("sleep-stage-summary", "sleep_rem"),
    "distance": ("physical-activity", "distance"),
    "acceleration_x": ("acceleration", "acceleration_x"),
    "acceleration_y": ("acceleration", "acceleration_y"),
    "acceleration_z": ("acceleration", "acceleration_z"),
}
"""Of each property of a body: the schema that has it first, and the quantity."""
_BODIES: Final = {"activity_name": "physical-activity", "latency_to_sleep_onset": "sleep-episode"}
_STATISTIC: Final = Text(
    en="a statistic over a time, not a measurement", zh="一段时间的统计值，不是单次测量"
)
_UNKNOWN: Final = Text(en="an Open mHealth schema that is not known", zh="未知的 Open mHealth 模式")
_IEEE: Final = "ieee"
_IEEE_TIME: Final = ("ieee-time-frame", "1.0")
"""What of a 1752.1 body is checked: its own schemas are not published with those used here."""
_AMOUNTS: Final = frozenset(("sum", "count"))
_INTERSTITIAL: Final = "interstitial fluid"
_LENGTHS: Final = {"ps": 0, "s": 1, "sec": 1, "min": 60, "h": 3600, "d": 86_400, "wk": 604_800}


@lru_cache(maxsize=1)
def _registry() -> tuple[jsonschema_rs.Registry, frozenset[str]]:
    path = Path(__file__).parents[1] / "knowledge" / "omh_schemas.json"
    schemas: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["schemas"]
    resources = [(f"{BASE}{name}", schema) for name, schema in schemas.items()]
    return jsonschema_rs.Registry(resources, draft=jsonschema_rs.Draft7), frozenset(schemas)


@lru_cache(maxsize=256)
def _validator(name: str, version: str) -> jsonschema_rs.Draft7Validator | None:
    registry, names = _registry()
    file = f"{name}-{version}.json"
    if file not in names:
        return None
    return jsonschema_rs.Draft7Validator(
        {"$ref": f"{BASE}{file}"}, registry=registry, validate_formats=True
    )


def agrees(name: str, version: str, body: object) -> bool | None:
    """Say whether a value is as its schema says; None when there is no such schema.

    Parameters
    ----------
    name, version
        As in a schema id: `blood-pressure`, `4.0`; the version `N.x` is the newest of N.
    body
        The parsed JSON.
    """
    validator = _validator(name, version)
    return None if validator is None else validator.is_valid(body)


@lru_cache(maxsize=64)
def _versions(name: str) -> tuple[str, ...]:
    """Return the versions of a schema: the newest of each number, `4.x` before `3.x`."""
    _, names = _registry()
    found = [file[len(name) + 1 : -5] for file in names if file.startswith(f"{name}-")]
    numbers = (one for one in found if one.endswith(".x") and one[:-2].isdigit())
    return tuple(sorted(numbers, key=lambda one: -int(one[:-2])))


def claims(document: object) -> bool:
    """Say whether a JSON value is a data point, a body, or a list of them."""
    points = document if isinstance(document, list) else [document]
    first = points[0] if points else None
    if not isinstance(first, dict):
        return False
    if isinstance(first.get("body"), list) and "shim" in first:
        return True
    return "schema_id" in inner(first, "header") or _schema_of(first) is not None


def _schema_of(body: Entry) -> str | None:
    """Return the schema of a body that names none: by its first property that is known."""
    measured = (inner(body, prop).keys() >= {"value", "unit"} for prop in _MEASURES)
    if "effective_time_frame" not in body and not any(measured):
        return None
    named = next((name for prop, name in _BODIES.items() if prop in body), None)
    return named or next((name for prop, (name, _) in _MEASURES.items() if prop in body), None)


def samples(document: Any, source: Source, problems: Problems) -> Samples:
    """Yield the samples of data points."""
    del source
    clock = Clock(UTC, problems, "Open mHealth")
    points = [document] if isinstance(document, dict) else document
    if isinstance(document, dict) and "shim" in document:
        points = document["body"]
    for place, point in enumerate(points, 1):
        where = f"data point {place}"
        if isinstance(point, dict):
            yield from _point(point, clock, where, problems)
        else:
            problems.refuse(MALFORMED, where)


def _point(point: Entry, clock: Clock, where: str, problems: Problems) -> Iterator[Sample]:
    header = inner(point, "header")
    body = inner(point, "body") if header else point
    schema = inner(header, "schema_id")
    name = str(schema.get("name") or _schema_of(body) or "")
    if schema.get("namespace") == _IEEE:
        found = agrees(*_IEEE_TIME, inner(body, "effective_time_frame"))
    elif schema.get("version"):
        found = agrees(name, str(schema["version"]), body)
    else:
        found = any(agrees(name, version, body) for version in _versions(name))
    if found is None:
        problems.leave(_UNKNOWN, where)
        return
    if not found:
        problems.refuse(MALFORMED, where)
        return
    statistic = body.get("descriptive_statistic")
    if statistic is not None and statistic not in _AMOUNTS:
        problems.leave(_STATISTIC, where)
        return
    start, minutes = _times(inner(body, "effective_time_frame"), clock, where)
    if start is None:
        problems.refuse(NO_TIME, where)
        return
    origin = str(inner(header, "acquisition_provenance").get("source_name") or "source")
    taker = Taker(f"omh/{_plain(origin)}", problems)
    fields = list(_fields(body))
    if "activity_name" in body and minutes is not None:
        fields.append(("exercise", minutes, "min"))
    yield from taker.take(
        start, iter(fields), where, str(header.get("id") or header.get("uuid") or "")
    )


def _fields(body: Entry) -> Iterator[tuple[str, Any, str]]:
    for prop, (_, key) in _MEASURES.items():
        given = body.get(prop)
        if prop == "distance" and not on_foot(body.get("activity_name")):
            continue
        own = key
        if key == "glucose" and body.get("specimen_source") == _INTERSTITIAL:
            own = "glucose_interstitial"
        if isinstance(given, dict):
            yield own, given.get("value"), _unit(str(given.get("unit") or ""))
        elif given is not None:
            yield own, given, "{steps}"
    moved = inner(body, "base_movement_quantity")
    if moved.get("unit") == "steps":
        yield "steps", moved.get("value"), "steps"


def _unit(text: str) -> str:
    return {"beats/min": "/min", "breaths/min": "/min", "C": "Cel", "F": "[degF]"}.get(text, text)


def _times(
    frame: Mapping[str, Any], clock: Clock, where: str
) -> tuple[datetime | None, float | None]:
    """Return when it began, and for how many minutes it lasted where that is said."""
    if isinstance(frame.get("date_time"), str):
        return clock.at(frame["date_time"], where), None
    interval = inner(frame, "time_interval")
    start, end = (
        clock.at(text, where) if isinstance(text, str) else None
        for text in (interval.get("start_date_time"), interval.get("end_date_time"))
    )
    length = inner(interval, "duration")
    seconds, unit = number(length.get("value")), _LENGTHS.get(str(length.get("unit")))
    if seconds is not None and unit:
        lasting = timedelta(seconds=seconds * unit)
        start = start or (end - lasting if end is not None else None)
        return start, lasting.total_seconds() / 60
    if start is not None and end is not None:
        return start, (end - start).total_seconds() / 60
    return start, None


def _plain(name: str) -> str:
    """Return a source's name as part of a device's: letters, digits and points."""
    return "".join(one if one.isalnum() or one in ".-" else "-" for one in name)[:40]
