"""Dates, periods and values of notes as mentions, in both languages."""

from __future__ import annotations

import pytest

from suwen.notes.measures.dated import found, resolved
from suwen.notes.measures.times import Time
from suwen.notes.reading.case import day_of
from suwen.notes.text import Span

DAY = "2021-03-05"


def told(text: str, language: str = "en", day: str = DAY) -> list[tuple[str, str]]:
    return [
        (one.span.of(text), one.told("date") or one.told("duration") or one.told("time"))
        for one in found(text, language, day)
        if one.kind == "date"
    ]


@pytest.mark.parametrize(
    ("english", "chinese", "expected"),
    [
        ("Seen on 2021-03-02.", "2021年3月2日就诊。", "2021-03-02"),
        ("Surgery in March 2019.", "2019年3月手术。", "2019-03"),
        ("Diagnosed in 2015.", "2015年诊断。", "2015"),
        ("Fever 3 days ago.", "3天前发热。", "2021-03-02"),
        ("Cough two weeks ago.", "两周前咳嗽。", "2021-02-19"),
        ("Stroke 4 months ago.", "4个月前脑卒中。", "2020-11"),
        ("Stent 10 years ago.", "10年前支架。", "2011"),
        ("Onset 6 hours ago.", "6小时前起病。", "2021-03-05"),
        ("On March 2 she fell.", "3月2日摔倒。", "2021-03-02"),
        ("Vomited yesterday.", "昨日呕吐。", "2021-03-04"),
        ("A turn last week.", "上周发作。", "2021-02-26"),
        ("Stent last year.", "去年支架。", "2020"),
        ("Better today.", "今日好转。", "2021-03-05"),
        ("Cough for 3 days.", "咳嗽3天。", "P3D"),
    ],
)
def test_a_date_means_the_same_in_both_languages(english, chinese, expected):
    assert [one for _, one in told(english)] == [expected]
    assert [one for _, one in told(chinese, "zh")] == [expected]


def test_the_mention_is_the_date_and_no_word_before_it():
    assert told("Diagnosed in 2015.")[0][0] == "2015"
    assert told("Since March 2019 unwell.")[0][0] == "March 2019"


def test_without_the_day_of_the_note_nothing_is_guessed():
    assert told("Fever 3 days ago.", day="") == [("3 days ago", "-P3D")]
    assert told("On March 2 she fell.", day="") == [("March 2", "--03-02")]
    assert told("Seen on 2021-03-02.", day="") == [("2021-03-02", "2021-03-02")]
    assert told("Fever 3 days ago.", day="2021-03") == [("3 days ago", "-P3D")]


@pytest.mark.parametrize(
    ("value", "day", "expected"),
    [
        ("--12-30", "2021-01-05", ("2020-12-30", "day")),
        ("--01-02", "2020-12-30", ("2021-01-02", "day")),
        ("--02-29", "2021-03-05", ("2020-02-29", "day")),
        ("--02-30", "2021-03-05", None),
        ("2021", "", ("2021", "year")),
    ],
)
def test_a_day_without_a_year_is_the_nearest(value, day, expected):
    assert resolved(Time(Span(0, 1), "date", value), day) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("P1M", ("2021-02", "month")),
        ("P3M", ("2020-12", "month")),
        ("P2021Y", None),
        ("P99999999D", None),
        ("P12W", ("2020-12-11", "day")),
        ("PT30M", ("2021-03-05", "day")),
    ],
)
def test_a_length_before_the_day_of_the_note(value, expected):
    assert resolved(Time(Span(0, 1), "ago", value), DAY) == expected
    assert resolved(Time(Span(0, 1), "duration", value), DAY) is None


def test_precision_and_the_day_it_was_told_from_are_kept():
    (one,) = found("Fever 2 months ago.", "en", DAY)
    assert {m.code.code for m in one.measures} == {
        "date=2021-01", "precision=month", f"told-from={DAY}"}  # fmt: skip
    assert one.measures[1].code.name.zh == "精确到月"


@pytest.mark.parametrize(
    ("text", "language", "words", "expected"),
    [
        ("Glucose 180 mg/dL today.", "en", "Glucose 180 mg/dL", [("14749-6", 9.99134, "mmol/L")]),
        ("血糖10.0mmol/L。", "zh", "血糖10.0mmol/L", [("14749-6", 10.0, "mmol/L")]),
        ("BP 120/80 mmHg", "en", "BP 120/80 mmHg",
         [("8480-6", 120.0, "mm[Hg]"), ("8462-4", 80.0, "mm[Hg]")]),
        ("体温38.5℃", "zh", "体温38.5℃", [("8310-5", 38.5, "Cel")]),
    ],
)  # fmt: skip
def test_a_value_is_one_mention_with_its_canonical_value(text, language, words, expected):
    (one,) = [each for each in found(text, language) if each.kind == "value"]
    assert one.span.of(text) == words
    assert [(m.code.code, m.interval.value, m.unit) for m in one.measures] == expected


def test_a_rate_an_age_and_a_number_are_no_dates():
    for text in ("500 mg twice a day", "a 45 year old man", "T 37.0, P 80", "次日出院前日常活动"):
        assert told(text) == told(text, "zh") == [], text


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"context": {"period": {"start": "2021-03-05T08:00:00Z"}}, "date": "2024-01-01"}, DAY),
        ({"date": DAY}, DAY),
        ({"effectiveDateTime": DAY, "issued": "2021-04-01"}, DAY),
        ({"date": "2021"}, ""),
        ({"context": [{"reference": "Encounter/1"}]}, ""),
        ({}, ""),
    ],
)
def test_the_day_of_a_document(content, expected):
    assert day_of(content) == expected
