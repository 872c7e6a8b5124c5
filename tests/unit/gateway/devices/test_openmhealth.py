"""Open mHealth data points: their schema decides, then their time, unit and statistic."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from suwen.gateway.devices.openmhealth import agrees

DATA = Path(os.environ.get("SUWEN_DATA", "")) / "vitals/device_import/omh_schemas/test-data/omh"
WHEN = {"date_time": "2026-03-01T08:00:00+08:00"}


def point(name: str, version: str, body: dict[str, Any]) -> dict[str, Any]:
    schema = {"namespace": "omh", "name": name, "version": version}
    return {"header": {"id": f"{name}-1", "schema_id": schema}, "body": body}


def test_a_blood_pressure_in_its_old_and_new_schema(read: Callable[..., Any]) -> None:
    body = {
        "systolic_blood_pressure": {"value": 128, "unit": "mmHg"},
        "diastolic_blood_pressure": {"value": 80, "unit": "mmHg"},
        "effective_time_frame": WHEN,
    }
    for version in ("1.0", "4.0"):
        found = read(point("blood-pressure", version, body))
        at = "2026-03-01 00:00:00"
        assert found.values == [("systolic", 128, at), ("diastolic", 80, at)]


def test_a_body_that_breaks_its_schema_is_refused_as_a_whole(read: Callable[..., Any]) -> None:
    body = {"body_weight": {"value": "70", "unit": "kg"}, "effective_time_frame": WHEN}
    found = read([point("body-weight", "2.0", body), {"body_weight": {"value": 70, "unit": "kg"},
                                                      "effective_time_frame": WHEN}])  # fmt: skip
    assert [value for _, value, _ in found.values] == [70]
    assert found.refused == {"an entry is not as its format says": 1}


def test_an_average_over_a_month_is_no_measurement(read: Callable[..., Any]) -> None:
    body = {
        "heart_rate": {"value": 70, "unit": "beats/min"},
        "effective_time_frame": WHEN,
        "descriptive_statistic": "average",
    }
    found = read(body)
    assert not found.readings
    assert found.left == {"a statistic over a time, not a measurement": 1}


def test_a_sleep_stands_at_its_beginning_also_when_only_its_end_is_given(
    read: Callable[..., Any],
) -> None:
    interval = {
        "end_date_time": "2026-03-02T06:00:00Z",
        "duration": {"value": 8, "unit": "h"},
    }
    body = {
        "sleep_duration": {"value": 7.5, "unit": "h"},
        "effective_time_frame": {"time_interval": interval},
    }
    assert read(body).values == [("sleep", 450, "2026-03-01 22:00:00")]


def test_a_time_without_a_zone_is_in_utc_by_the_schema(read: Callable[..., Any]) -> None:
    body = {"body_temperature": {"value": 98.6, "unit": "F"},
            "effective_time_frame": {"date_time": "2026-03-01T08:00:00Z"}}  # fmt: skip
    assert read(body).values == [("temperature", 37.0, "2026-03-01 08:00:00")]


def test_ieee_1752_sleep_and_activity(read: Callable[..., Any]) -> None:
    night = {"start_date_time": "2026-03-01T22:00:00Z", "end_date_time": "2026-03-02T06:00:00Z"}
    stages = point("sleep-stage-summary", "1.0", {
        "deep_sleep_duration": {"value": 90, "unit": "min"},
        "effective_time_frame": {"time_interval": night},
    })  # fmt: skip
    walk = point("physical-activity", "1.0", {
        "activity_name": "walking",
        "base_movement_quantity": {"value": 1200, "unit": "steps"},
        "effective_time_frame": {"time_interval": night},
    })  # fmt: skip
    for one in (stages, walk):
        one["header"]["schema_id"]["namespace"] = "ieee"
    found = read([stages, walk])
    assert [(key, value) for key, value, _ in found.values] == [
        ("sleep_deep", 90), ("steps", 1200), ("exercise", 480),
    ]  # fmt: skip


def test_a_body_that_does_not_say_when_is_refused(read: Callable[..., Any]) -> None:
    found = read({"body_weight": {"value": 70, "unit": "kg"}})
    assert found.format == "Open mHealth"
    assert found.refused == {"the time is missing or not clear": 1}


def test_a_schema_nobody_knows_is_no_verdict() -> None:
    assert agrees("mood", "1.0", {}) is None


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason="SUWEN_DATA has no device_import")
def test_the_suite_of_open_mhealth_is_agreed_with() -> None:
    cases = 0
    for path in sorted(DATA.rglob("*.json")):
        name, version, should = path.relative_to(DATA).parts[:3]
        verdict = agrees(name, version, json.loads(path.read_bytes()))
        assert verdict is (should == "shouldPass"), path.relative_to(DATA)
        cases += 1
    assert cases >= 400


def test_an_acceleration_is_three_channels_by_the_schema(read: Callable[..., Any]) -> None:
    def along(value: float) -> dict[str, Any]:
        return {"value": value, "unit": "m/s^2"}

    body = {
        "acceleration_x": along(0.0), "acceleration_y": along(0.0),
        "acceleration_z": along(9.80665),
        "effective_time_frame": {"date_time": "2026-03-01T08:00:00Z"},
    }  # fmt: skip
    found = read(point("acceleration", "2.0", body))
    assert [(key, value) for key, value, _ in found.values] == [
        ("acceleration_x", 0), ("acceleration_y", 0), ("acceleration_z", 1.0),
    ]  # fmt: skip
    assert {one.channel.unit for one in found.readings} == {"[g]"}
    body["acceleration_x"] = {"value": 1, "unit": "mph"}
    assert read(point("acceleration", "2.0", body)).values == []
