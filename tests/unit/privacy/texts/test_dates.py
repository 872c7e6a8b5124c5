"""Dates as they are written: found, and moved in their own format."""

from datetime import timedelta

import pytest

from suwen.privacy.texts.date_shift import moved
from suwen.privacy.texts.dates import ages, dates

BACK = timedelta(days=-40)


def found(text: str) -> list[str]:
    return sorted({text[start:end] for start, end, _ in dates(text)}, key=len, reverse=True)


@pytest.mark.parametrize(
    ("text", "date", "before"),
    [
        ("seen on March 5th, 2021.", "March 5th, 2021", "January 24th, 2021"),
        ("Nov 11th '23", "Nov 11th '23", "Oct 2nd '23"),
        ("dated 2023-04-25", "2023-04-25", "2023-03-16"),
        ("DOB: 04/22/1955", "04/22/1955", "03/13/1955"),
        ("on 08/22, with", "08/22", "07/13"),
        ("31/12/2020", "31/12/2020", "21/11/2020"),
        ("17-Feb-2023", "17-Feb-2023", "8-Jan-2023"),
        ("MARCH 3, 2020", "MARCH 3, 2020", "JANUARY 23, 2020"),
        ("in May 2020", "May 2020", "April 2020"),
        ("last December", "last December", "last November"),
        ("last Thursday", "last Thursday", "last Saturday"),
        ("20230405", "20230405", "20230224"),
        ("2023年3月5日", "2023年3月5日", "2023年1月24日"),
        ("二〇二三年十二月五日", "二〇二三年十二月五日", "二〇二三年十月二十六日"),
        ("3月15号", "3月15号", "2月3号"),
        ("上周三", "周三", "周五"),
        ("el 5 de marzo de 2016", "5 de marzo de 2016", "25 de enero de 2016"),
    ],
)
def test_a_date_is_found_and_moved_by_forty_days(text: str, date: str, before: str) -> None:
    assert found(text)[0] == date
    assert moved(date, BACK, 2023, False) == before


@pytest.mark.parametrize(
    "text",
    [
        "BP 120/80, pain 5/10",
        "she may 5 times",
        "diagnosed in 2021",
        "last year",
        "6个月前",
        "3月前",
        "术后3月余",
        "45/67/2020",
        "ratio 1.2.3",
    ],
)
def test_what_only_looks_like_a_date_is_none(text: str) -> None:
    assert found(text) == []


def test_three_of_april_where_the_text_writes_days_first() -> None:
    assert moved("03/04/2021", timedelta(days=-1), 2023, True) == "02/04/2021"
    assert moved("03/04/2021", timedelta(days=-1), 2023, False) == "03/03/2021"


def test_an_impossible_day_is_not_moved() -> None:
    assert moved("02/30/2021", BACK, 2023, False) is None
    assert moved("农历正月初三", BACK, 2023, False) is None


@pytest.mark.parametrize(
    ("text", "age"), [("a 94-year-old", "94"), ("患者九十二岁", "九十二"), ("aged 101", "101")]
)
def test_an_age_over_89_is_found(text: str, age: str) -> None:
    assert [text[start:end] for start, end, _ in ages(text)] == [age]


def test_a_younger_age_and_a_measurement_are_not() -> None:
    assert list(ages("an 89-year-old with SpO2 95 % and HR 98, 95 days ago")) == []
