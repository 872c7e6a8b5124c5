"""Dates in every form move by the same days and keep their form."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from suwen.privacy import moments

BACK = timedelta(days=-60)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2020-03-01", "2020-01-01"),
        ("2020-03-01T10:11:12.5+08:00", "2020-01-01T10:11:12.5+08:00"),
        ("2020-03", "2020-01"),
        ("2020", "2020"),
        ("2020-02-30", None),
        ("Jane", None),
        ("2020-03-01 Jane", None),
    ],
)
def test_a_fhir_date_moves_in_its_own_precision(before: str, after: str | None) -> None:
    assert moments.iso(before, BACK) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("20200301", "20200101"),
        ("202003011011+0800", "202001011011+0800"),
        ("20200301101112.1234", "20200101101112.1234"),
        ("Jane", None),
    ],
)
def test_an_hl7_time_moves_and_keeps_hours_and_zone(before: str, after: str | None) -> None:
    assert moments.hl7(before, BACK) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("3/1/2020", "1/1/2020"),
        ("03/01/20", "01/01/20"),
        ("31/03/2020", "31/01/2020"),
        ("2020年3月1日", "2020年1月1日"),
        ("2020/03/01 08:30", "2020/01/01 08:30"),
        ("20200301", "20200101"),
        ("120/80", None),
        ("72", None),
        ("2020", None),
    ],
)
def test_a_date_of_a_table_moves_in_the_form_it_is_written(before: str, after: str | None) -> None:
    assert moments.written(before, BACK) == after


def test_a_birth_date_becomes_a_year_and_none_above_89() -> None:
    today = date(2024, 6, 1)
    assert moments.birth_year("1961-04-12", BACK, today) == "1961"
    assert moments.birth_year("19340612", BACK, today) is None
    assert moments.birth_year("unknown", BACK, today) is None
