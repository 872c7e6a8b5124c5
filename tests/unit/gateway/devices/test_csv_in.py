"""Tables: long and wide, codes and names, times as people write them, one patient only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LONG = "patient,code,time,value,unit\n"


def test_a_long_table_by_loinc_code_or_name(read: Callable[..., Any]) -> None:
    found = read(
        LONG + "p1,8867-4,2026-03-01T08:00:00Z,72,/min\n"
        "p1,2339-0,2026-03-01T08:00:00Z,90,mg/dL\n"
        "p1,血压,2026-03-01 08:00:00+00:00,128/80,\n"
        "p1,体温,2026-03-01T08:00:00Z,37.1,℃\n"
    )
    assert found.format == "CSV"
    assert [(key, value) for key, value, _ in found.values] == [
        ("heart_rate", 72), ("glucose", 4.9956), ("systolic", 128), ("diastolic", 80),
        ("temperature", 37.1),
    ]  # fmt: skip


def test_a_wide_table_in_chinese_with_gb18030(read: Callable[..., Any]) -> None:
    text = "时间,心率,体重（公斤）,步数\n2026年3月1日 8:05,72,70.5,1200\n"
    found = read(text.encode("gb18030"), "Asia/Shanghai")
    at = "2026-03-01 00:05:00"
    assert found.values == [("heart_rate", 72, at), ("weight", 70.5, at), ("steps", 1200, at)]


def test_fractions_of_a_second_and_seconds_since_1970(read: Callable[..., Any]) -> None:
    found = read("time,heart rate\n2026-03-01T08:00:00.250Z,72\n1772352001,73\n1772352002500,74\n")
    assert [one.at.microsecond for one in found.readings] == [250_000, 0, 500_000]
    assert found.values[1][2] == "2026-03-01 08:00:01"


def test_rows_that_cannot_be_right_are_counted_and_the_others_kept(
    read: Callable[..., Any],
) -> None:
    found = read(
        LONG + "p1,8867-4,2026-03-01T08:00:00Z,NaN,/min\n"
        "p1,8310-5,2026-03-01T08:00:00Z,98.6,Cel\n"
        "p1,8867-4,03/04/2026,70,/min\n"
        "p1,mood,2026-03-01T08:00:00Z,3,\n"
        "p1,8867-4,2026-03-01T08:00:01Z,71,/min\n"
    )
    assert [value for _, value, _ in found.values] == [71]
    assert found.refused == {
        "the value is not a number": 1,
        "Body temperature: not possible (expected 20-46 Cel)": 1,
        "the time is missing or not clear": 1,
        "the quantity is not known": 1,
    }
    assert next(iter(found.problems.refused.values())).first == "value 1"


def test_the_rows_of_two_patients_are_refused_before_any_is_read(
    read: Callable[..., Any],
) -> None:
    found = read(
        LONG + "p1,8867-4,2026-03-01T08:00:00Z,70,/min\np2,8867-4,2026-03-01T08:00:00Z,71,/min\n"
    )
    assert not found.readings
    assert found.error is not None
    assert "several patients" in found.error.got


def test_local_times_need_the_zone(read: Callable[..., Any]) -> None:
    found = read("time,heart rate\n2026-03-01 08:00,72\n")
    assert not found.readings
    assert found.error is not None
    assert "--zone" in found.error.todo


def test_a_line_without_an_end_does_not_fill_the_memory(read: Callable[..., Any]) -> None:
    found = read("time,heart rate\n2026-03-01T08:00:00Z,72\n" + "7" * 3_000_000)
    assert [value for _, value, _ in found.values] == [72]
    assert found.error is not None
    assert "a line of" in found.error.got


def test_prose_with_commas_is_no_table(read: Callable[..., Any]) -> None:
    found = read("The time, she said, was late.\nHeart rate, 72, was fine.\n")
    assert found.error is not None
    assert "no known export" in found.error.got
