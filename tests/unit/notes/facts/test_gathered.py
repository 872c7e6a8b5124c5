from dataclasses import replace

import pytest

from suwen.core.codes import Code, Text
from suwen.notes.facts.gathered import Said, facts_of
from suwen.notes.reading.sections import sections_of
from suwen.notes.reading.sentences import sentences_of
from suwen.notes.text import Mention, Note

FEVER = Code(
    system="http://human-phenotype-ontology.org",
    code="HP:0001945",
    name=Text(en="Fever", zh="发热"),
)


def note(text, language="en", number=1):
    sections = sections_of(text, language)
    record = f"DocumentReference/{number}/_history/1"
    return Note(text, language, record, sections, sentences_of(text, sections))


def said(one, word, kind="problem", **how):
    start = one.text.index(word)
    return Said(Mention(start, start + len(word), kind), **how)


def test_the_same_fact_in_three_notes_is_one_fact_with_three_places():
    notes = [note(text, number=i) for i, text in enumerate(("Fever.", "Again fever.", "发热。"))]
    words = ("Fever", "fever", "发热")
    named = [[said(one, word, code=FEVER)] for one, word in zip(notes, words, strict=True)]
    (fact,) = facts_of(notes, named)
    assert fact.code == FEVER
    assert [one.record.split("/")[1] for one in fact.cited] == ["0", "1", "2"]
    assert not fact.contradicted


def test_what_one_note_affirms_and_another_denies_stays_two_facts_both_marked():
    notes = [note("Fever.", number=1), note("No fever.", number=2)]
    named = [
        [said(notes[0], "Fever", code=FEVER)],
        [said(notes[1], "fever", code=FEVER, presence="absent")],
    ]
    first, second = facts_of(notes, named)
    assert (first.presence, second.presence) == ("present", "absent")
    assert first.contradicted
    assert second.contradicted


def test_a_fever_of_the_past_does_not_contradict_that_there_is_none_now():
    one = note("Fever last year. No fever now.")
    named = [
        [
            said(one, "Fever", code=FEVER, temporality="historical"),
            said(one, "fever now", code=FEVER, presence="absent"),
        ]
    ]
    assert not any(fact.contradicted for fact in facts_of([one], named))


def test_a_mothers_illness_is_not_the_patients():
    one = note("Diabetes. Her mother had diabetes.")
    code = FEVER.model_copy(update={"code": "HP:0000819"})
    named = [
        [
            said(one, "Diabetes", code=code),
            said(one, "diabetes", code=code, experiencer="family"),
        ]
    ]
    assert [fact.experiencer for fact in facts_of([one], named)] == ["patient", "family"]


def test_a_drug_has_its_dose_route_and_frequency():
    one = note("Metformin 500 mg orally twice daily.")
    (fact,) = facts_of([one], [[said(one, "Metformin", "drug")]])
    assert fact.kind == "drug"
    assert (fact.detail("dose"), fact.detail("route")) == ("500 mg", "oral")
    assert fact.detail("frequency") == "2/1d"


@pytest.mark.parametrize(
    ("text", "word", "language"),
    [
        ("He is allergic to penicillin.", "penicillin", "en"),
        ("Penicillin allergy.", "Penicillin", "en"),
        ("Allergies: penicillin.", "penicillin", "en"),
        ("对青霉素过敏。", "青霉素", "zh"),
        ("过敏史：青霉素。", "青霉素", "zh"),
    ],
)
def test_what_somebody_is_allergic_to_is_an_allergy_and_no_medication(text, word, language):
    one = note(text, language)
    (fact,) = facts_of([one], [[said(one, word, "drug")]])
    assert fact.kind == "allergy"


def test_a_drug_that_is_taken_is_no_allergy_because_an_allergy_is_named_elsewhere():
    one = note("No known allergies. Takes aspirin 100 mg daily.")
    (fact,) = facts_of([one], [[said(one, "aspirin", "drug")]])
    assert fact.kind == "drug"


def test_a_value_is_said_in_canonical_units_with_the_words_it_was_written_in():
    one = note("Fasting glucose 180 mg/dL.")
    (fact,) = [each for each in facts_of([one], [[]]) if each.kind == "value"]
    assert fact.quantity.value == pytest.approx(9.99, abs=0.01)
    assert fact.quantity.unit == "mmol/L"
    assert "180 mg/dL" in fact.quantity.written


def test_the_same_value_in_two_units_is_one_fact():
    notes = [note("Glucose 180 mg/dL.", number=1), note("血糖10.0mmol/L。", "zh", number=2)]
    facts = [each for each in facts_of(notes, [[], []]) if each.kind == "value"]
    assert len(facts) == 1
    assert len(facts[0].cited) == 2


def test_what_has_no_code_is_told_by_its_words():
    one = note("Fwee syndrome.")
    (fact,) = facts_of([one], [[said(one, "Fwee syndrome")]])
    assert fact.code is None
    assert fact.name.en == "Fwee syndrome"


def test_how_long_ago_becomes_a_date_where_the_day_of_the_note_is_known():
    for day, expected in (("2021-03-05", "2021-03-02"), ("", "")):
        one = replace(note("Fever 3 days ago."), day=day)
        (fact,) = facts_of([one], [[said(one, "Fever", code=FEVER)]])
        assert fact.detail("time") == "-P3D"
        assert fact.detail("onset") == expected
    denied = replace(note("No fever for 3 days."), day="2021-03-05")
    (fact,) = facts_of([denied], [[said(denied, "fever", code=FEVER, presence="absent")]])
    assert fact.detail("onset") == ""
