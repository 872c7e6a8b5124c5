"""Tables of vital signs: names, units and times as people write them."""

from __future__ import annotations

import math
from datetime import timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suwen.core.errors import BadInput
from suwen.gateway import Intake, read_folder
from suwen.gateway.tables import is_vitals, rows_of, time_of
from suwen.gateway.vitals import vocabulary
from suwen.records.fhir import door as fhir

CHINA = timezone(timedelta(hours=8))


def read(folder: Path, text: str, encoding: str = "utf-8") -> Intake:
    (folder / "v").write_bytes(text.encode(encoding))
    (folder / "note").write_text("Home measurements.")
    return read_folder(folder, CHINA)


def values(intake: Intake) -> dict[str, tuple[float, str]]:
    """Return value and unit of each measurement by its LOINC code."""
    found = {}
    for one in intake.resources:
        if one["resourceType"] != "Observation":
            continue
        for node in (one, *one.get("component", ())):
            if "valueQuantity" in node:
                quantity = node["valueQuantity"]
                code = node["code"]["coding"][0]["code"]
                found[code] = (quantity["value"], quantity["code"])
    return found


def test_a_table_in_english_becomes_vital_signs(folder: Path) -> None:
    text = (
        "time,heart_rate,systolic,diastolic,SpO2,temperature (°F),Weight [lb],glucose (mg/dL)\n"
        "2026-03-01 08:00,72,128,80,97,98.6,150,90\n"
    )
    intake = read(folder, text)
    assert values(intake) == {
        "8867-4": (72, "/min"),
        "8480-6": (128, "mm[Hg]"),
        "8462-4": (80, "mm[Hg]"),
        "59408-5": (97, "%"),
        "8310-5": (37.0, "Cel"),
        "29463-7": (pytest.approx(68.0389), "kg"),
        "15074-8": (pytest.approx(4.9956), "mmol/L"),
    }
    times = {one.get("effectiveDateTime") for one in intake.resources} - {None}
    assert times == {"2026-03-01T08:00:00+08:00"}


def test_a_table_in_chinese_becomes_vital_signs(folder: Path) -> None:
    header = "测量时间;心率(次/分);血压（mmHg）;体温（℃）;体重（斤）"
    text = f"{header}\n2026年3月1日 8时5分;72;128/80;36.6;120\n"
    assert values(read(folder, text, "gb18030")) == {
        "8867-4": (72, "/min"),
        "8480-6": (128, "mm[Hg]"),
        "8462-4": (80, "mm[Hg]"),
        "8310-5": (36.6, "Cel"),
        "29463-7": (60, "kg"),
    }


def test_one_measurement_a_row_is_read_too(folder: Path) -> None:
    text = (
        "time\tname\tvalue\tunit\n2026-03-01T07:00Z\tglucose\t7.6\tmmol/L\n"
        "2026-03-01T07:00Z\tblood pressure\t17/11\tkPa\n2026-03-01T07:00Z\tmood\t3\t\n"
    )
    intake = read(folder, text)
    assert values(intake)["15074-8"] == (7.6, "mmol/L")
    assert values(intake)["8480-6"] == (pytest.approx(127.51, abs=0.01), "mm[Hg]")
    assert any("row 4: the vital sign is not known" in text.en for text in intake.not_understood)


def test_every_vital_sign_made_is_valid_fhir(folder: Path) -> None:
    header, row = ["time"], ["2026-03-01T07:00:00+08:00"]
    for vital in vocabulary().vitals.values():
        header.append(f"{vital.key} ({vital.unit.replace('[', '').replace(']', '')})")
        row.append(str(min(vital.high, max(vital.low, 99))))
    intake = read(folder, f"{','.join(header)}\n{','.join(row)}\n")
    made = [one for one in intake.resources if one["resourceType"] == "Observation"]
    assert len(values(intake)) == len(vocabulary().vitals)
    assert fhir.validate(made) == [[]] * len(made)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("720", "row 2: heart rate is not plausible (expected 15-350 /min)"),
        ("-5", "row 2: heart rate is not plausible"),
        ("nan", "row 2: heart rate is not plausible"),
        ("fast", "row 2: heart rate is not a number"),
    ],
)
def test_an_impossible_value_is_refused_by_row_without_being_quoted(
    folder: Path, cell: str, reason: str
) -> None:
    intake = read(folder, f"time,heart rate,spo2\n2026-03-01 08:00,{cell},97\n")
    told = "\n".join(text.en for text in intake.not_understood)
    assert reason in told
    assert cell not in told.replace("15-350", "")
    assert set(values(intake)) == {"59408-5"}


def test_a_temperature_without_a_unit_is_refused_rather_than_guessed(folder: Path) -> None:
    intake = read(folder, "time,temperature,heart rate\n2026-03-01 08:00,36.6,70\n")
    assert set(values(intake)) == {"8867-4"}
    assert any("body temperature has no unit" in text.en for text in intake.not_understood)


def test_an_unknown_unit_is_refused(folder: Path) -> None:
    intake = read(folder, "time,weight (stone),heart rate\n2026-03-01 08:00,11,70\n")
    assert set(values(intake)) == {"8867-4"}
    assert any("unit that is not known" in text.en for text in intake.not_understood)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01", "2026-03-01"),
        ("2026/3/1 8:05", "2026-03-01T08:05:00+08:00"),
        ("2026年3月1日 8时5分", "2026-03-01T08:05:00+08:00"),
        ("2026-03-01T08:05:30Z", "2026-03-01T08:05:30+00:00"),
        ("2026-03-01 08:05-0500", "2026-03-01T08:05:00-05:00"),
        ("03/04/2026 08:00", None),
        ("2026-02-30", None),
        ("2026-03-01 25:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_time_is_taken_only_when_it_is_clear(text: str, expected: str | None) -> None:
    assert time_of(text, CHINA) == expected


def test_the_same_table_gives_the_same_ids(folder: Path) -> None:
    text = "time,heart rate\n2026-03-01 08:00,72\n2026-03-01 08:00,72\n2026-03-01 08:00,73\n"
    first, again = read(folder, text), read(folder, text)
    ids = [one["id"] for one in first.resources]
    assert ids == [one["id"] for one in again.resources]
    assert len(ids) == 3


def test_a_note_with_commas_is_not_a_table() -> None:
    assert rows_of("Cough, fever, no haemoptysis.\nPlan: CT chest.\n") is None


CELLS = st.text(max_size=12) | st.floats().map(str) | st.just("2026-03-01 08:00")
HEADERS = st.sampled_from(
    [
        "time",
        "heart rate",
        "血压",
        "temperature (c)",
        "weight",
        "unit",
        "name",
        "value",
        "spo2",
        "x",
    ]
)


@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.lists(HEADERS, min_size=2, max_size=5), st.lists(st.lists(CELLS, max_size=6), max_size=5))
def test_no_table_stops_the_intake_or_yields_an_impossible_value(
    folder: Path, header: list[str], body: list[list[str]]
) -> None:
    rows = [header, *body]
    text = "\n".join(",".join(cell.replace("\n", " ") for cell in row) for row in rows)
    for value, _ in values(read(folder, text)).values():
        assert math.isfinite(value)


def test_a_header_needs_a_time_and_a_vital_sign() -> None:
    assert is_vitals([["日期", "心率"]])
    assert not is_vitals([["日期", "价格"]])
    assert not is_vitals([["心率", "体温"]])


def test_rows_beyond_the_cap_are_not_read_and_the_reader_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suwen.gateway.tables.ROW_CAP", 10)
    rows = "".join(f"2026-03-04 10:{i:02d},{60 + i}\n" for i in range(40))
    assert len(rows_of("time,heart rate\n" + rows) or ()) == 11, "one more says that there are more"
    intake = read(tmp_path, "time,heart rate\n" + rows)
    told = " ".join(one.en for one in intake.not_understood)
    assert "only the first 10 rows are read" in told
    assert len([one for one in intake.resources if one["resourceType"] == "Observation"]) == 9


def test_a_table_of_several_patients_is_refused_before_its_values_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suwen.gateway.tables.observations", lambda found: pytest.fail("read"))
    rows = "".join(f"T-{i},2026-03-04 10:{i:02d},{60 + i}\n" for i in range(40))
    with pytest.raises(BadInput, match="two different patients"):
        read(tmp_path, "patient id,time,heart rate\n" + rows)
