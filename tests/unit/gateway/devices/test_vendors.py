"""JSON of vendors: values, units and moments as their own documentation means them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DATA = Path(os.environ.get("SUWEN_DATA", "")) / "vitals/device_import/omh_shimmer"
ZONE = "America/Los_Angeles"
"""Zone given for what has none."""

EXPECTED: dict[str, list[tuple[str, float, str]]] = {
    "fitbit/fitbit-activities-heart-1d-1m-intraday": [("heart_rate", 64, "2015-08-21 07:01:00")],
    "fitbit/fitbit-activities-steps-1d-1m-intraday": [("steps", 7, "2015-08-21 07:00:00")],
    "fitbit/fitbit-activities-steps-timeseries": [("steps_day", 175, "2015-08-23 07:00:00")],
    "fitbit/fitbit-body-log-weight": [("weight", 56.7, "2015-05-14 01:28:59")],
    "fitbit/fitbit-sleep-date": [("sleep", 63, "2016-12-13 17:59:00")],
    "fitbit/fitbit-sleep-date-range": [("sleep", 63, "2016-12-13 17:59:00")],
    "fitbit/fitbit-activities-date-single-in-activities-list": [
        ("exercise", 60, "2014-06-19 16:00:00"), ("distance", 3360, "2014-06-19 16:00:00"),
    ],
    "googlefit/googlefit-merge-heart-rate": [("heart_rate", 54, "2015-01-30 15:37:48")],
    "googlefit/googlefit-merge-weight": [("weight", 72.1, "2015-02-13 00:00:00")],
    "googlefit/googlefit-merge-height": [("height", 182.8799, "2015-07-08 03:17:06")],
    "googlefit/googlefit-merge-step-deltas": [("steps", 4146, "2015-02-02 22:49:39")],
    "googlefit/googlefit-merge-calories-expended": [("energy", 200, "2015-07-07 13:30:00")],
    "googlefit/googlefit-merge-activity-segments": [("exercise", 67.8667, "2015-01-01 22:21:57")],
    "googlefit/googlefit-merge-activity-segments-only-sleep": [
        ("sleep", 30, "2015-07-07 13:30:00"),
    ],
    "ihealth/ihealth-bp": [
        ("systolic", 120, "2015-09-17 20:04:23"), ("diastolic", 90, "2015-09-17 20:04:23"),
        ("heart_rate", 100, "2015-09-17 20:04:23"), ("systolic", 130, "2015-09-17 20:07:45"),
    ],
    "ihealth/ihealth-glucose": [("glucose", 3.3304, "2015-09-17 20:03:27")],
    "ihealth/ihealth-spo2": [("oxygen_saturation", 99, "2015-09-23 21:46:00")],
    "ihealth/ihealth-weight": [("weight", 77.5644, "2015-09-17 20:04:09")],
    "ihealth/ihealth-activity": [("steps_day", 21, "2015-11-15 19:00:00")],
    "ihealth/ihealth-sleep": [("sleep", 345, "2015-11-15 08:51:00")],
    "ihealth/ihealth-sport": [("energy", 221.5, "2015-09-18 04:02:28")],
    "withings/withings-body-measures": [
        ("diastolic", 68, "2015-05-31 06:06:23"), ("systolic", 104, "2015-05-31 06:06:23"),
        ("heart_rate", 41, "2015-05-31 06:06:23"), ("weight", 74.126, "2015-05-31 06:06:23"),
    ],
    "withings/withings-activity-measures": [("steps_day", 2934, "2015-06-18 07:00:00")],
    "withings/withings-intraday-activity": [("steps", 21, "2015-06-20 00:04:00")],
    "withings/withings-sleep-summary": [("sleep", 186, "2017-09-01 23:19:00")],
    "jawbone/jawbone-body-events": [("weight", 64, "2015-10-05 01:52:41")],
    "jawbone/jawbone-sleeps": [("sleep", 172.6, "2015-08-05 04:48:51")],
    "jawbone/jawbone-moves": [("steps", 159, "2015-08-10 15:00:00")],
    "jawbone/jawbone-heartrates": [("resting_heart_rate", 55, "2013-11-20 16:05:00")],
    "misfit/misfit-sessions": [("exercise", 19, "2015-04-13 18:46:00")],
    "misfit/misfit-sleeps": [("sleep", 169, "2015-02-24 02:40:59")],
    "misfit/misfit-detailed-summaries": [("steps_day", 26370, "2015-04-13 07:00:00")],
    "moves/moves-user-storyline-daily": [("exercise", 13.0333, "2012-12-12 05:14:30")],
    "runkeeper/runkeeper-fitness-activities": [("exercise", 72.7457, "2014-10-19 11:17:27")],
    "runkeeper/runkeeper-fitness-activities-missing-offset": [
        ("exercise", 58.7, "2010-01-24 18:00:36"),
    ],
}  # fmt: skip
"""First readings of recorded answers, worked out by hand from the vendors' documentation."""
NOTHING = (
    "fitbit-activities-date-empty-activities-list", "fitbit-sleep-date-empty-sleep-list",
    "fitbit-sleep-date-range-empty-sleep-list", "googlefit-empty",
    "googlefit-merge-activity-segments-only-stationary-activity",
    "googlefit-merge-location-samples", "googlefit-merge-speed", "ihealth-activity-empty",
    "ihealth-bp-empty", "ihealth-glucose-empty", "ihealth-sleep-empty", "ihealth-spo2-empty",
    "ihealth-spo2-no-oxygen-saturation", "ihealth-sport-empty", "ihealth-weight-empty",
    "ihealth-weight-no-weight-value", "jawbone-empty", "moves-user-storyline-daily-no-segments",
    "moves-user-storyline-daily-no-steps", "withings-body-measures-only-goal",
)  # fmt: skip
"""Answers in which nothing was measured that is kept."""


def test_fitbit_minutes_are_local_and_the_zone_must_be_given(read: Callable[..., Any]) -> None:
    day = {
        "activities-heart": [{"dateTime": "2026-03-29", "value": "60"}],
        "activities-heart-intraday": {
            "dataset": [{"time": f"{t}:00", "value": 60} for t in ("01:30", "02:30", "03:30")]
        },
    }
    refused = read(day)
    assert refused.error is not None
    assert "--zone" in refused.error.todo
    found = read(day, "Europe/Paris")
    assert [at[11:16] for _, _, at in found.values] == ["00:30", "01:30"]
    assert sum(found.refused.values()) == 1


@pytest.mark.parametrize(
    ("weight", "bmi", "kilograms"), [(56.7, 21.48, 56.7), (125.0, 21.48, 56.699), (90, 60, None)]
)
def test_a_fitbit_weight_is_in_the_unit_its_body_mass_index_tells(
    read: Callable[..., Any], weight: float, bmi: float, kilograms: float | None
) -> None:
    log = [{"logId": 1, "weight": weight, "bmi": bmi, "date": "05/13/15", "time": "18:28:59"}]
    found = [value for key, value, _ in read(log, "UTC").values if key == "weight"]
    assert found == ([] if kilograms is None else [pytest.approx(kilograms)])


def test_an_exported_fitbit_file_names_its_quantity_in_its_name_alone(
    read: Callable[..., Any],
) -> None:
    entries = [{"dateTime": "01/31/20 08:00:00", "value": "12"}]
    assert read(entries, "UTC", "steps-2020-01-31.json").values[0][:2] == ("steps", 12)
    assert not read(entries, "UTC", "export.json").readings
    beats = [{"dateTime": "01/31/20 08:00:05", "value": {"bpm": 64, "confidence": 2}}]
    assert read(beats, "UTC").values == [("heart_rate", 64, "2020-01-31 08:00:05")]


def test_google_takeout_points(read: Callable[..., Any]) -> None:
    point = {
        "fitValue": [{"value": {"fpVal": 128}}, {"value": {"fpVal": 80}}],
        "originDataSourceId": "raw:com.google.blood_pressure:com.app:Maker:Cuff:0123",
        "startTimeNanos": 1772352000000000000,
        "endTimeNanos": 1772352000000000000,
        "dataTypeName": "com.google.blood_pressure",
    }
    found = read({"Data Source": "x", "Data Points": [point]})
    assert [(key, value) for key, value, _ in found.values] == [
        ("systolic", 128),
        ("diastolic", 80),
    ]
    assert "0123" not in found.readings[0].channel.device


def test_ihealth_writes_local_time_as_if_it_were_utc(read: Callable[..., Any]) -> None:
    entry = {"HP": 16.0, "LP": 10.7, "HR": 0, "MDate": 1442491463, "TimeZone": "-0800"}
    found = read({"BPDataList": [entry], "BPUnit": 1})
    assert found.values[0] == ("systolic", pytest.approx(120.01), "2015-09-17 20:04:23")
    assert found.left == {"zero stands where nothing was measured": 1}


def test_a_withings_goal_is_no_measurement_and_a_strangers_weight_is_refused(
    read: Callable[..., Any],
) -> None:
    weight = {"measures": [{"type": 1, "unit": -3, "value": 74126}], "date": 1433052383}
    groups = [
        {**weight, "category": 2, "attrib": 0},
        {**weight, "category": 1, "attrib": 1},
        {**weight, "category": 1, "attrib": 0},
    ]
    found = read({"status": 0, "body": {"measuregrps": groups}})
    assert [value for _, value, _ in found.values] == [74.126]
    assert found.refused == {"may be of another user of the device": 1}


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason="SUWEN_DATA has no device_import")
def test_recorded_answers_of_eight_vendors(read: Callable[..., Any]) -> None:
    seen = 0
    for path in sorted(DATA.rglob("*.json")):
        found = read(path.read_bytes(), ZONE, path.name)
        name = path.relative_to(DATA).with_suffix("").as_posix()
        assert found.error is None, name
        if path.stem in NOTHING:
            assert not found.values, name
            seen += 1
        elif name in EXPECTED:
            expected = EXPECTED[name]
            got = [(key, round(value, 4), at) for key, value, at in found.values]
            assert got[: len(expected)] == expected, name
            seen += 1
        else:
            assert found.values, name
    assert seen == len(NOTHING) + len(EXPECTED)
