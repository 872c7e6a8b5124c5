"""Relations within a sentence, on the development sentences and on the paired notes."""

import re
import tomllib
from pathlib import Path

import pytest

from suwen.notes.facts.relations import relate
from suwen.notes.measures import values
from suwen.notes.text import Mention, Note, Span

HERE = Path(__file__).parents[1]
SENTENCES = tomllib.loads((HERE / "relations.toml").read_text(encoding="utf-8"))
PAIRS = tomllib.loads((HERE / "pairs.toml").read_text(encoding="utf-8"))["pair"]
KINDS = {"d": "drug", "p": "problem"}
F1_FLOOR = 0.98


def marked(text):
    plain, mentions, at = "", [], 0
    for match in re.finditer(r"\{([dp]):([^}]+)\}", text):
        plain += text[at : match.start()]
        mentions.append(Mention(len(plain), len(plain) + len(match[2]), KINDS[match[1]]))
        plain += match[2]
        at = match.end()
    return plain + text[at:], mentions


def said(text, language):
    plain, mentions = marked(text)
    found = relate(Note(plain, language), mentions)
    return {f"{r.head.of(plain)} {r.kind.split('-', 1)[1]} {r.value}" for r in found}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_relations_of_the_development_sentences(language):
    assert len(SENTENCES[language]) >= 60
    right = wrong = missed = 0
    for text, *wanted in SENTENCES[language]:
        got = said(text, language)
        right += len(got & set(wanted))
        wrong += len(got - set(wanted))
        missed += len(set(wanted) - got)
    assert 2 * right / (2 * right + wrong + missed) >= F1_FLOOR


def test_a_dose_before_its_drug_is_its_own():
    assert said("She takes 81 mg of {d:aspirin} and 5 mg of {d:warfarin}.", "en") == {
        "aspirin dose 81 mg", "warfarin dose 5 mg",
    }  # fmt: skip


def test_a_dose_does_not_go_to_the_drug_of_the_next_sentence():
    assert said("{d:阿司匹林}停用。100mg为其原剂量。", "zh") == set()


def test_a_time_is_not_given_to_a_denied_problem():
    assert said("无{p:发热}，{p:咳嗽}两周。", "zh") == {"咳嗽 time P2W"}


@pytest.mark.parametrize("pair", PAIRS, ids=[pair["name"] for pair in PAIRS])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_values_and_medication_of_a_pair_are_the_same_in_both_languages(pair, language):
    text = pair[language]
    measured = values.find(text, language)
    ends = [m.end() for m in re.finditer(r"[.。;；](?!\d)", text)] + [len(text)]
    sentences = tuple(Span(a, b) for a, b in zip([0, *ends], ends, strict=False) if a < b)
    drugs = [fact for fact in pair["facts"] if fact["kind"] == "drug"]
    places = [_last(text, fact[language]) for fact in drugs]
    mentions = [Mention(at, at + len(fact[language]), "drug")
                for at, fact in zip(places, drugs, strict=True)]  # fmt: skip
    found = relate(Note(text, language, sentences=sentences), mentions, measured)
    for fact, at in zip(drugs, places, strict=True):
        own = {one.kind: one.value for one in found if one.head.start == at}
        assert own.get("drug-dose") == fact.get("dose")
        assert own.get("drug-frequency") == fact.get("frequency")
        assert ("drug-as-needed" in own) == fact.get("as_needed", False)
        if "route" in fact:
            assert own.get("drug-route") == fact["route"]
    for fact in (one for one in pair["facts"] if one["kind"] == "value"):
        assert any(
            value.test == fact["test"]
            and value.code.code == fact["code"]
            and value.canonical == pytest.approx(fact["value"], rel=0.01)
            and value.canonical_unit == fact["unit"]
            for value in measured
        ), fact["test"]


def _last(text, word):
    return text.lower().rindex(word.lower())
