"""Conditions in data: what holds, what is not known, what forbids, and what broken rules say."""

from __future__ import annotations

import re

import pytest

from suwen.core.errors import BadInput
from suwen.health.advice.facts import room_facts
from suwen.health.advice.task import RULES
from suwen.health.guidelines.rules import Book, standing
from suwen.health.risk.equation import library
from suwen.lifecycle.rules import fits

FACTS = {"pressure": 150.0, "diabetes": True, "pregnant": False, "sex": "male"}
CHINESE = re.compile("[一-鿿]")
TEXT = 'en = "a", zh = "甲"'
HEAD = f"""
topic = "t"
name = {{{TEXT}}}
applies = {{age = {{from = 18}}}}
[source.s]
organisation = "o"
title = "t"
year = 2024
citation = "c"
"""


def rule(extra="", name="r", when="when = {pressure = {from = 140}}"):
    texts = "\n".join(f"{one} = {{{TEXT}}}" for one in ("title", "advice", "next"))
    head = f'[[rule]]\nid = "{name}"\nsource = "s"\nplace = "p"\nstrength = "I"'
    return "\n".join((head, when, texts, extra, ""))


def room():
    return Book([path.read_text(encoding="utf-8") for path in RULES])


@pytest.mark.parametrize(("when", "answer"), [
    ({}, True), ({"pressure": {"from": 150}}, True), ({"pressure": {"above": 150}}, False),
    ({"pressure": {"from": 140, "below": 150}}, False), ({"pressure": {"upto": 150}}, True),
    ({"weight": {"from": 90}}, None), ({"weight": {"from": 90}, "pregnant": True}, False),
    ({"any": [{"weight": {"from": 90}}, {"diabetes": True}]}, True),
    ({"any": [{"weight": {"from": 90}}, {"pregnant": True}]}, None),
    ({"none": [{"pregnant": True}]}, True), ({"none": [{"weight": {"from": 90}}]}, None),
    ({"all": [{"diabetes": True}, {"any": [{"sex": "male"}]}]}, True),
    ({"lacks": ["weight"]}, True), ({"lacks": ["pressure"]}, False),
    ({"sex": ["male", "other"]}, True), ({"sex": {"from": 1}}, False)])  # fmt: skip
def test_a_condition_holds_fails_or_is_not_known(when, answer):
    assert standing(when, FACTS).answer is answer


def test_a_condition_names_what_it_rests_on_and_what_it_misses():
    found = standing({"pregnant": False, "diabetes": True, "weight": {"from": 90}}, FACTS)
    assert (found.used, found.missing) == (["diabetes"], ["weight"])


def test_limits_of_another_name_fit_nothing():
    assert not fits(5.0, {"form": 3})


def test_the_people_a_topic_is_for_are_looked_at_unless_a_rule_is_for_all():
    book = Book([HEAD + rule() + rule("every = true", "r2")])
    young = {"pressure": 150.0, "age": 12.0}
    assert [one.rule.id for one in book.judge(young).said] == ["r2"]
    assert [one.rule.id for one in book.judge({**young, "age": 30.0}).said] == ["r", "r2"]
    assert [one.rule.id for one in book.judge(young, exclusions=False).said] == ["r", "r2"]


def test_without_an_age_nothing_is_said_and_the_age_is_missed():
    found = Book([HEAD + rule()]).judge({"pressure": 150.0})
    assert not found.said
    assert found.lacking[0].missing == ("age",)


def test_a_contraindication_withholds_a_rule_and_says_why():
    barred = f"unless = [{{when = {{pregnant = true}}, why = {{{TEXT}}}}}]"
    book = Book([HEAD + rule(barred)])
    person = {"pressure": 150.0, "age": 30.0, "pregnant": True}
    found = book.judge(person)
    assert not found.said
    assert (found.suppressed[0].used, found.suppressed[0].why[0].zh) == (("pregnant",), "甲")
    assert book.judge({**person, "pregnant": False}).said


def test_a_rule_gives_way_only_to_one_that_is_said():
    book = Book([HEAD + rule('yields_to = ["r2"]') + rule("", "r2", "when = {diabetes = true}")])
    person = {"pressure": 150.0, "age": 30.0, "diabetes": True}
    assert [one.rule.id for one in book.judge(person).said] == ["r2"]
    assert [one.rule.id for one in book.judge({**person, "diabetes": False}).said] == ["r"]


@pytest.mark.parametrize("text", [
    "topic = ", HEAD + rule() + rule(), HEAD + rule('urgency = "perhaps"'),
    HEAD + rule('yields_to = ["nobody"]'), HEAD + rule('unless = ["no such reason"]'),
    HEAD.replace("[source.s]", "[source.other]") + rule(), HEAD + rule("colour = 3")])  # fmt: skip
def test_broken_rules_are_refused(text):
    with pytest.raises(BadInput, match="rules of advice"):
        Book([text])


def names(when):
    for name, wanted in when.items():
        if name in ("all", "any", "none"):
            for one in wanted:
                yield from names(one)
        else:
            yield from wanted if name == "lacks" else [name]


def test_every_shipped_rule_names_known_facts_its_place_and_a_year():
    known = set(room_facts()["input"]) | set(library().input_names)
    book = room()
    assert len(book.rules) > 60
    for one in book.rules.values():
        used = set(names(one.when))
        for also in (*one.unless, *one.caution):
            used |= set(names(also.when))
        if one.effect:
            used.add(one.effect.fact)
        assert used <= known, one.id
        assert one.place, one.id
        assert one.strength, one.id
        assert 2010 <= book.source_of(one).year <= 2026, one.id


def test_every_shipped_sentence_is_there_in_both_languages():
    for one in room().rules.values():
        texts = [one.title, one.advice, one.next, one.seek, one.stop, one.goal and one.goal.text]
        texts += [also.why for also in one.unless] + [also.text for also in one.caution]
        for text in texts:
            assert text is None or (text.en.strip() and CHINESE.search(text.zh)), one.id


def test_a_red_flag_says_to_seek_care_now_in_both_languages_and_is_never_withheld():
    urgent = [one for one in room().rules.values() if one.urgency == "now"]
    assert len(urgent) >= 6
    for one in urgent:
        assert "Seek care now" in one.next.en, one.id
        assert "立即就医" in one.next.zh, one.id
        assert not one.unless, one.id


def test_advice_on_a_drug_says_not_to_act_alone():
    drugs = ("statin", "anticoagulant", "ACE inhibitor", "SGLT2 inhibitor is")
    for one in room().rules.values():
        if one.urgency != "now" and any(word in one.title.en for word in drugs):
            assert one.stop is not None or "clinician" in one.next.en, one.id
