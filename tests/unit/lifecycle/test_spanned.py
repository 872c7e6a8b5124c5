from dataclasses import replace

import numpy as np
import pytest

from suwen.core.codes import Code, Text
from suwen.core.errors import BadInput
from suwen.lifecycle import spanned
from suwen.lifecycle.examples import Examples, Sample, Source
from suwen.lifecycle.fitting import fit_answers
from suwen.lifecycle.kinds import Spans
from suwen.lifecycle.measure import spans as measure_spans
from suwen.lifecycle.measure.predictions import held_back, out_of_fold
from suwen.lifecycle.recipe import Recipe
from suwen.metrics import spans
from suwen.metrics.ranking import reciprocal_rank

SOURCE = Source("made up", "https://suwen.health", "Apache-2.0", "Written here.", True)


def type_of(code):
    return Code(system="https://suwen.health/codes", code=code, name=Text(en=code, zh="类型"))


TYPES = (type_of("problem"), type_of("drug"))
EXACT = Spans(type_of("entities"), TYPES)
COVERED = Spans(type_of("identifiers"), TYPES, match="covered")


class Words:
    def __init__(self, text):
        self.text = text


def texts(truth, said=("no fever on aspirin", "well")):
    return Examples(
        source=SOURCE,
        keys=tuple(f"t{i}" for i in range(len(truth))),
        groups=np.arange(len(truth)),
        labels=np.zeros(len(truth)),
        load=lambda i: Sample(f"t{i}", Words(said[i])),
        truth=lambda i: np.array(truth[i], dtype=float).reshape(-1, 3),
    )


def rows(*stretches):
    return np.array([(1.0, *each) for each in stretches], dtype=float).reshape(-1, 4)


def test_a_stretch_is_right_only_with_its_start_end_and_type():
    true = np.array([(3, 8, 0), (12, 19, 1)])
    said = np.array([(3, 8, 0), (12, 18, 1), (12, 19, 0)])
    right, found = spans.exact(said, true)
    assert right.tolist() == [True, False, False]
    assert found.tolist() == [True, False]


def test_the_same_stretch_said_twice_is_right_once():
    right, found = spans.exact(np.array([(3, 8, 0), (3, 8, 0)]), np.array([(3, 8, 0)]))
    assert right.tolist() == [True, False]
    assert found.tolist() == [True]


def test_a_text_is_judged_by_the_types_that_its_data_set_names():
    examples = texts([[(3, 8, 0)], []])
    answered = [rows((3, 8, 0), (12, 19, 1)), rows((0, 4, 1))]
    assert spanned.counted(EXACT, examples, answered).by_text.tolist() == [1.0, 1.0]
    drugs = Spans(type_of("entities"), TYPES, headline="drug")
    assert spanned.counted(drugs, examples, answered).by_text.tolist() == [0.0, 0.0]
    assert spanned.counted(COVERED, examples, answered).by_text[1] == 0.0


def test_an_identifier_is_covered_when_no_letter_or_digit_of_it_is_left():
    text = "Dr. Jane A. Roe, 555-0101"
    true = np.array([(4, 15, 0), (17, 25, 1)])
    said = np.array([(4, 8, 0), (9, 10, 0), (12, 15, 0), (17, 24, 1)])
    right, found = spans.covered(said, true, text)
    assert found.tolist() == [True, False], "the last digit of the number is left"
    assert right.all()


def test_precision_recall_and_f1_by_hand():
    examples = texts([[(3, 8, 0), (12, 19, 1)], []])
    said = spanned.counted(EXACT, examples, [rows((3, 8, 0), (0, 2, 0)), rows((0, 4, 1))])
    found = {name: float(metric(None)) for name, metric in measure_spans.ranking(said).items()}
    assert found["precision"] == pytest.approx(1 / 3)
    assert found["recall"] == pytest.approx(1 / 2)
    assert found["f1"] == pytest.approx(0.4)
    assert found["f1_problem"] == pytest.approx(2 / 3)
    assert found["f1_drug"] == 0
    assert found["macro_f1"] == pytest.approx(1 / 3)
    assert said.by_text.tolist() == pytest.approx([0.5, 0.0])


def test_marking_something_in_a_text_without_identifiers_is_over_redaction():
    examples = texts([[(12, 19, 1)], []])
    said = spanned.counted(COVERED, examples, [rows((12, 19, 0)), rows((0, 4, 1))])
    found = measure_spans.ranking(said)
    assert float(found["recall"](None)) == 1
    assert float(found["over_redaction"](None)) == 1
    assert float(found["over_redaction"](np.array([[1.0, 2.0]]))[0]) == 1


def test_a_headline_type_gives_the_plain_keys():
    examples = texts([[(3, 8, 0), (12, 19, 1)]])
    one = Spans(type_of("entities"), TYPES, headline="drug")
    said = spanned.counted(one, examples, [rows((3, 8, 0))])
    assert float(measure_spans.ranking(said)["f1"](None)) == 0


def test_texts_left_out_take_their_stretches_along():
    examples = texts([[(3, 8, 0)], [(0, 4, 1)]])
    said = spanned.counted(EXACT, examples, [rows((3, 8, 0)), rows((0, 3, 1))])
    kept = said.where(np.array([False, True]))
    assert kept.correct.tolist() == [False]
    assert kept.sample.tolist() == [0]
    assert kept.true.tolist() == [[0, 1]]


def test_a_true_stretch_that_ends_before_it_starts_is_refused():
    with pytest.raises(BadInput, match="start < end"):
        spanned.truths(texts([[(8, 3, 0)]]))


def test_the_first_right_code_counts():
    assert reciprocal_rank(["I10", "E11"], ["E11", "E10"]) == 0.5
    assert reciprocal_rank(["I10"], ["E11"]) == 0


def test_marks_that_are_all_wrong_give_no_probabilities_and_training_says_so(
    trained_spans, toy_spans, toy_data
):
    task = toy_spans.Words()
    examples = held_back(task.examples(toy_data, task.datasets[0]), 1)
    said = out_of_fold(task, trained_spans.pack, examples)
    moved = said.marks + np.array([0.0, 1.0, 1.0, 0.0])
    with pytest.raises(BadInput, match=r"0 of \d+ stretches marked in held-out texts are right"):
        fit_answers(task, examples, Recipe(), replace(said, marks=moved), trained_spans.pack)
