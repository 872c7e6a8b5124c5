"""The same case in English and in Chinese gives the same coded facts."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from suwen.notes.assertion.rules import assertions
from suwen.notes.coding.ranked import Context, coder, primary
from suwen.notes.facts.gathered import AGREEMENT, Said, facts_of
from suwen.notes.measures import values
from suwen.notes.reading.sections import sections_of
from suwen.notes.reading.sentences import sentences_of
from suwen.notes.text import Mention, Note, Span
from suwen.notes.vocabulary.lexicon import lexicon

PAIRS = tomllib.loads(
    (Path(__file__).parents[1] / "unit" / "notes" / "pairs.toml").read_text(encoding="utf-8")
)["pair"]
KINDS = ("problem", "drug", "procedure")


def facts(text, language):
    """The facts of a note whose mentions are the names of the vocabulary."""
    sections = sections_of(text, language)
    note = Note(text, language, "", sections, sentences_of(text, sections))
    measured = [value.span for value in values.find(text, language)]
    mentions = [
        Mention(found.start, found.end, found.kind)
        for found in lexicon().find(text, KINDS)
        if found.kind != "drug"
        or not any(Span(found.start, found.end).overlaps(span) for span in measured)
    ]
    context = Context.of(text)
    said = []
    for mention, how in zip(mentions, assertions(note, mentions), strict=True):
        best = primary(coder().code(mention.of(text), mention.kind, context), mention.kind)
        code = best.as_code() if best else None
        said.append(Said(mention, how.presence, how.temporality, how.experiencer, code))
    return facts_of([note], [said])


def stated(found):
    """What is compared: kind, code, presence, time, person, and of a drug how it is taken."""
    return {
        (
            *(fact.kind, fact.key, fact.presence, fact.temporality, fact.experiencer),
            *(fact.detail(part) for part in ("dose", "route", "frequency")),
        )
        for fact in found
        if fact.kind in ("problem", "drug", "allergy")
    }


def measured(found):
    return sorted((fact.key, fact.quantity.value) for fact in found if fact.kind == "value")


def test_there_are_forty_cases_and_more():
    assert len(PAIRS) >= 40


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair["name"].replace(" ", "-"))
def test_both_languages_say_the_same(pair):
    english, chinese = facts(pair["en"], "en"), facts(pair["zh"], "zh")
    assert stated(english) == stated(chinese)
    one, other = measured(english), measured(chinese)
    assert [key for key, _ in one] == [key for key, _ in other]
    for (key, value), (_, same) in zip(one, other, strict=True):
        assert value == pytest.approx(same, rel=AGREEMENT), key


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_the_cases_say_is_found_with_its_code(language):
    wanted = found = 0
    for pair in PAIRS:
        said = {
            (fact.kind, fact.key, fact.presence, fact.experiencer)
            for fact in facts(pair[language], language)
        }
        for one in pair["facts"]:
            if one["kind"] != "value":
                wanted += 1
                key = f"{one['system']}|{one['code']}"
                how = (one.get("presence", "present"), one.get("experiencer", "patient"))
                found += (one["kind"], key, *how) in said
    assert found / wanted > 0.95
