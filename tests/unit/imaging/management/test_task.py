"""Two measurements and a guideline: growth, steps down, a threshold crossed, what is missing."""

from __future__ import annotations

import pytest
from tests.unit.imaging.management.test_guidelines import FLEISCHNER, LUNG_RADS

from suwen.imaging.management.guidelines import Advice
from suwen.imaging.management.task import judge

SCREENING = {"context": "screening", "exams": 2}


def sized(mm, kind="solid", part=None):
    found = {"kind": kind, "total": mm}
    return found if part is None else {**found, "solid": part}


def category(now, before=None, followed="first", days=182.0, context=SCREENING):
    data = Advice("screening", now, before or {}, followed, days, context)
    verdict, crossed = judge(LUNG_RADS, data)
    return verdict.categories, crossed


STORIES = {
    "first CT, 7 mm": ((sized(7.0),), ("3",), False),
    "new, 7 mm": ((sized(7.0), None, "new"), ("4A",), False),
    "7.0 to 7.4 mm in half a year": ((sized(7.4), sized(7.0), "matched"), ("2",), False),
    "7.0 to 7.4 mm in two months": ((sized(7.4), sized(7.0), "matched", 61.0), ("3",), False),
    "7.0 to 9.0 mm in half a year": ((sized(9.0), sized(7.0), "matched"), ("4B",), False),
    "5.0 to 6.8 mm in half a year": ((sized(6.8), sized(5.0), "matched"), ("4A",), False),
    "5.5 to 6.5 mm: crosses 6 mm without growing": (
        (sized(6.5), sized(5.5), "matched"), ("3",), True),
    "7.5 to 8.2 mm: crosses 8 mm without growing": (
        (sized(8.2), sized(7.5), "matched"), ("4A",), True),
    "9.0 to 9.2 mm in three months": ((sized(9.2), sized(9.0), "matched", 91.0), ("3",), False),
    "16 mm, unchanged": ((sized(16.0), sized(16.0), "matched"), ("4B",), False),
    "9.0 to 7.0 mm": ((sized(7.0), sized(9.0), "matched"), ("3",), False),
    "part-solid, the solid part from 3 to 5 mm": (
        (sized(12.0, "part-solid", 5.0), sized(12.0, "part-solid", 3.0), "matched"),
        ("4B",), False),
    "part-solid, new": ((sized(12.0, "part-solid", 3.0), None, "new"), ("4A",), False),
    "ground-glass, 15 to 20 mm": (
        (sized(20.0, "ground-glass"), sized(15.0, "ground-glass"), "matched"), ("2",), False),
    "6.0 to 7.8 mm over two years, on two CTs": (
        (sized(7.8), sized(6.0), "matched", 730.0), ("3",), False),
    "5.0 to 7.0 mm over two years, on two CTs: crosses 6 mm": (
        (sized(7.0), sized(5.0), "matched", 730.0), ("3",), True),
    "the same over three CTs": (
        (sized(7.8), sized(6.0), "matched", 730.0, {**SCREENING, "exams": 3}), ("4B",), False),
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_lung_rads_over_time(story):
    arguments, categories, crossed = STORIES[story]
    assert category(*arguments) == (categories, crossed)


def test_an_earlier_ct_that_could_not_be_compared_leaves_a_range():
    verdict, _ = judge(LUNG_RADS, Advice("screening", sized(7.0), followed="", context=SCREENING))
    assert verdict.categories == ("2", "3", "4A", "4B")
    assert "change" in verdict.missing


def test_fleischner_sends_what_grew_to_a_work_up_and_ends_after_two_years():
    context = {"context": "incidental", "age": 60, "multiple": False, "risk": "low"}
    grown = Advice("incidental", sized(9.0), sized(7.0), "matched", 182.0, context)
    assert judge(FLEISCHNER, grown)[0].categories == ("growing",)
    stable = Advice("incidental", sized(7.0), sized(7.0), "matched", 640.0, context)
    assert judge(FLEISCHNER, stable)[0].categories == ("stable-done",)
