"""An export in a folder that is read for a report: the cuff and the scale, not the watch."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from suwen.gateway import Intake, read_folder

PARIS = ZoneInfo("Europe/Paris")
RECORD = (
    '<Record type="HKQuantityTypeIdentifier{}" sourceName="W" unit="{}" '
    'startDate="2026-03-01 {} +0800" endDate="2026-03-01 {} +0800" value="{}"/>'
)


def record(kind: str, unit: str, value: object, time: str = "08:00:00") -> str:
    return RECORD.format(kind, unit, time, time, value)


def export(folder: Path, *records: str) -> None:
    text = f'<?xml version="1.0"?>\n<HealthData locale="en_GB">{"".join(records)}</HealthData>'
    (folder / "export.xml").write_text(text)


def vitals(intake: Intake) -> list[dict[str, Any]]:
    return [one for one in intake.resources if one["resourceType"] == "Observation"]


def test_a_cuff_in_an_apple_export_becomes_one_panel_a_watch_is_left_out(folder: Path) -> None:
    (folder / "note").write_text("Home measurements.")
    beats = [record("HeartRate", "count/min", 70, f"09:{n:02}:00") for n in range(30)]
    export(
        folder,
        record("BloodPressureSystolic", "mmHg", 128),
        record("BloodPressureDiastolic", "mmHg", 80),
        *beats,
    )
    intake = read_folder(folder)
    (panel,) = vitals(intake)
    assert [part["valueQuantity"]["value"] for part in panel["component"]] == [128, 80]
    assert panel["effectiveDateTime"] == "2026-03-01T00:00:00+00:00"
    assert panel["meta"]["source"].startswith("blob/")
    told = [text.en for text in intake.not_understood]
    assert told == [
        "export.xml: what was measured all day long was left out; the page Device data and suwen "
        "import store it"
    ]
    assert any(text.en.startswith("Apple Health: 1 diastolic") for text in intake.understood)


@pytest.mark.parametrize("zone", [None, PARIS])
def test_local_times_of_fitbit_need_the_zone(folder: Path, zone: ZoneInfo | None) -> None:
    (folder / "note").write_text("Home measurements.")
    (folder / "weight.json").write_text(
        '{"weight": [{"bmi": 21.48, "date": "2026-03-01", "time": "08:00:00", "weight": 56.7}]}'
    )
    intake = read_folder(folder, zone)
    assert len(vitals(intake)) == (zone is not None)
    assert any("--zone" in text.en for text in intake.not_understood) == (zone is None)
