"""Expressions looked for together give what each gives alone."""

import re

import pytest

from suwen.notes.expressions import Expressions, any_of, beginnings, parts, small
from suwen.notes.facts import medication
from suwen.notes.measures import times

NOTES = (
    "Metformin 500 mg po bid and insulin 10 units at bedtime, as needed; improved since 2019.",
    "Seen on 03/14/2021 for cough, 3 days ago; aspirin 81 mg daily, then every 6 hours prn.",
    "口服二甲双胍0.5g每日2次，2021年3月14日起；头孢静滴q12h，必要时吸氧，症状好转。",
    "qdaily xdaily dailydaily may 2 May 2020 12/12/12 2020-01-02-03",
    "",
)


@pytest.mark.parametrize("text", NOTES)
@pytest.mark.parametrize("own", [medication._expressions().together, times._TOGETHER])
def test_every_expression_finds_what_it_finds_alone(own, text):
    alone = [[m.span() for m in pattern.finditer(text)] for pattern in own.patterns]
    assert [[m.span() for m in found] for found in own.finditers(text)] == alone


def test_a_match_hides_another_of_its_own_expression_only():
    own = Expressions([re.compile("aba"), re.compile("ba")], [re.compile("[ab]")])
    assert [[m.span() for m in found] for found in own.finditers("ababa")] == [
        [(0, 3)],
        [(1, 3), (3, 5)],
    ]


def test_alternatives_are_parted_outside_of_brackets_only():
    assert list(parts(r"a(?:b|c)|[|d]e|f\|g")) == ["a(?:b|c)", "[|d]e", r"f\|g"]


@pytest.mark.parametrize(
    "alternatives", [["twice a day", "twice", "t.?i.?d", "[一1]日", "a?b"], ["x", "xy"]]
)
def test_grouped_alternatives_match_where_the_plain_ones_do(alternatives):
    plain = re.compile("|".join(alternatives))
    grouped = re.compile(any_of(alternatives))
    text = "twice a day tid 一日 1日 ab b xy twicetwice"
    assert [m.span() for m in grouped.finditer(text)] == [m.span() for m in plain.finditer(text)]


def test_beginnings_match_where_words_begin():
    found = re.compile(beginnings(["in\\s+\\d", "inside", "每日"])).finditer(
        "in 2 inside sin 3 为每日"
    )
    assert [one.start() for one in found] == [0, 5, 19]
    with pytest.raises(ValueError, match="begins with no letter"):
        beginnings(["[ab]c"])


def test_small_letters_stand_where_the_large_ones_stood():
    assert small("İn MAY ſept") == "İn may sept"
