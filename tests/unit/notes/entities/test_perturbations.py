"""The same written otherwise: nothing changes its meaning, and labels go along."""

from __future__ import annotations

import random

import numpy as np
import pytest

from suwen.lifecycle.examples import Sample
from suwen.lifecycle.robust.text_changes import Edits
from suwen.notes.assertion.dialogue_status import Dialogue, Named, Turn
from suwen.notes.assertion.examples import Asserted
from suwen.notes.entities.data import Worded
from suwen.notes.entities.perturbations import IN_FULL, OTHER_UNITS, abbreviated, in_other_units
from suwen.notes.measures import units, values
from suwen.notes.text import Note, Span

ENGLISH = (
    "BP 120/80 mmHg, T 98.6 F, weight 150 lb, height 170 cm. Glucose 180 mg/dL, creatinine 1.2 "
    "mg/dL, sodium 140 mmol/L, WBC 11.2 x10^9/L, hemoglobin 12.3 g/dL, HbA1c 7.2 %."
)
CHINESE = (
    "体温38.5℃，血压140/90mmHg，体重130斤，身高1.7m，血糖10.0mmol/L，肌酐100μmol/L，"
    "血红蛋白120g/L。"
)


def canonical(text, language):
    return [
        (one.test, one.canonical and units.rounded(one.canonical), one.canonical_unit)
        for one in values.find(text, language)
    ]


@pytest.mark.parametrize(("text", "language"), [(ENGLISH, "en"), (CHINESE, "zh")])
def test_values_in_other_units_keep_their_canonical_value(text, language):
    before = canonical(text, language)
    edits = in_other_units(text)
    assert len(edits) >= 6
    for count in range(1, len(edits) + 1):
        after = Edits(tuple(edits[:count])).applied(text)
        assert after != text
        assert canonical(after, language) == before, after


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Glucose 180 mg/dL.", "Glucose 9.99134 mmol/L."),
        ("weight 150 lb", "weight 68.0389 kg"),
        ("Temp 98.6 F", "Temp 37 °C"),
        ("体重130斤", "体重65 kg"),
        ("体重60kg", "体重120 斤"),
        ("体温38.5℃", "体温101.3 °F"),
        ("Glucose 180.", "Glucose 180."),
        ("sodium 140 mmol/L", "sodium 140 mmol/L"),
    ],
)
def test_a_value_in_another_unit(text, expected):
    assert Edits(tuple(in_other_units(text))).applied(text) == expected


def test_values_drawn_at_random_survive_or_stay():
    draw = random.Random(3)
    for _ in range(200):
        number = f"{draw.uniform(0.5, 400):.{draw.randint(0, 3)}f}"
        unit = draw.choice(["mg/dL", "mmol/L", "g/L", "umol/L", "ng/mL"])
        name = draw.choice(["glucose", "creatinine", "cholesterol", "albumin", "calcium", "urea"])
        text = f"The {name} was {number} {unit} today."
        after = Edits(tuple(in_other_units(text))).applied(text)
        assert canonical(after, "en") == canonical(text, "en"), (text, after)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HTN and COPD.", "hypertension and chronic obstructive pulmonary disease."),
        ("Dermatomyositis (DM) is rare; DM may kill.",
         "Dermatomyositis (Dermatomyositis) is rare; Dermatomyositis may kill."),
        ("Myotonic dystrophy (DM) is rare; DM may kill.",
         "Myotonic dystrophy (DM) is rare; DM may kill."),
        ("Stage III disease.", "Stage III disease."),
        ("慢阻肺、脑梗、脑梗死", "慢性阻塞性肺疾病、脑梗死、脑梗死"),
    ],
)  # fmt: skip
def test_abbreviations_in_full(text, expected):
    assert Edits(tuple(abbreviated(text))).applied(text) == expected


def test_labels_go_where_their_words_go():
    text = "No HTN, COPD or gout; glucose 180 mg/dL."
    truth = np.array([[3, 6, 0], [8, 12, 0], [16, 20, 0], [22, 39, 5]], float)
    sample = Sample("x", Worded(text, "en", "bc5cdr"))
    for change in (IN_FULL, OTHER_UNITS):
        after = change.apply(sample, 100, 1).data.text
        moved = change.truth(truth, sample, 100, 1).astype(int)
        words = [after[start:end] for start, end, _ in moved]
        assert words[2] == "gout"
        assert words[0] == ("hypertension" if change is IN_FULL else "HTN")
        assert words[3].startswith("glucose ")
        assert moved[:, 2].tolist() == truth[:, 2].tolist()
        assert change.apply(sample, 0, 1).data.text == text


def test_mentions_sentences_and_turns_go_along():
    text = "Has HTN. No COPD."
    note = Note(text, "en", sentences=(Span(0, 8), Span(8, 17)))
    data = Asserted(note, (Span(4, 7), Span(12, 16)))
    moved = IN_FULL.apply(Sample("x", data), 100, 1).data
    assert [one.of(moved.text) for one in moved.mentions] == [
        "hypertension", "chronic obstructive pulmonary disease"]  # fmt: skip
    assert moved.note.sentences[0].of(moved.text) == "Has hypertension."
    turns = (Turn(False, "有慢阻肺吗"), Turn(True, "没有慢阻肺"))
    dialogue = Dialogue(turns, (Named(0, 1, 4, "x"), Named(1, 2, 5, "x")))
    talk = Asserted(Note(dialogue.text, "zh"), tuple(dialogue.spans()), dialogue)
    moved = IN_FULL.apply(Sample("x", talk), 100, 1).data
    assert [one.of(moved.text) for one in moved.dialogue.spans()] == ["慢性阻塞性肺疾病"] * 2
    assert moved.dialogue.text == moved.text
