"""What a pack says about one sample, for each kind of answer."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from suwen.core.errors import BadInput
from suwen.core.nouns import PROBABILITY, Band, Finding, Interval, RecordValue
from suwen.lifecycle import say
from suwen.lifecycle.calibration import prediction_sets
from suwen.lifecycle.examples import Output, Sample
from suwen.lifecycle.kinds import Choice
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.run import abstention

HERE = Sample("x", None, (RecordValue(record="Observation/1/_history/1", path="value"),))


def said(task, pack, scores):
    return say.finding(task, pack, HERE, Output(np.array(scores), {}))


def test_two_classes_give_the_probability_of_the_one_looked_for(toy, trained):
    answers = trained.pack.answers
    found = said(toy.Squares(), trained.pack, [1.0, 1.2, 0.8, 1.1, 0.9])
    assert found.code == toy.NODULE
    assert found.probability == trained.pack.answers.probability(
        np.array([1.0, 1.2, 0.8, 1.1, 0.9])
    )
    assert found.band is answers.band(found.probability)[0]


def test_of_three_classes_the_most_probable_is_named_and_the_others_stand_beside_it(
    toy, trained_kinds
):
    scores = [[0.0, 4.0, 0.0]] * 3
    found = said(toy.SquareKinds(), trained_kinds.pack, scores)
    each = trained_kinds.pack.answers.probabilities(np.array(scores))
    assert found.code == toy.MIDDLE
    assert found.band is Band.RULE_IN
    assert found.probability == each[1]
    assert [one.code for one in found.measures] == [toy.NOTHING, toy.CORNERED]
    assert [one.interval for one in found.measures] == [each[0], each[2]]
    assert {one.unit for one in found.measures} == {PROBABILITY}
    assert "Most probable: In the middle" in found.reason.en


def test_where_none_of_the_classes_looked_for_is_most_probable_the_question_itself_is_answered(
    toy, trained_kinds
):
    scores = [[6.0, 0.0, 0.0], [5.0, 0.0, 0.0], [7.0, 0.0, 0.0]]
    found = said(toy.SquareKinds(), trained_kinds.pack, scores)
    nothing = trained_kinds.pack.answers.probabilities(np.array(scores))[0]
    assert found.code == toy.SQUARE_CODE
    assert found.band is Band.RULE_OUT
    assert found.probability.value == pytest.approx(1 - nothing.value)
    assert found.probability.low == pytest.approx(1 - nothing.high)
    assert [one.code for one in found.measures] == list(toy.SquareKinds.answers.classes)


def test_a_question_of_three_classes_that_is_not_answered_is_named_by_its_own_concept(
    toy, trained_kinds
):
    found = abstention(toy.SquareKinds(), trained_kinds.pack, HERE, [toy.NOTHING.name])
    assert found.code == toy.SQUARE_CODE


def test_a_value_is_a_measure_with_its_prediction_interval(toy, trained_sum):
    found = said(toy.SquareSum(), trained_sum.pack, [1.0, 1.1, 0.9, 1.0, 1.0])
    (measure,) = found.measures
    assert found.probability is None
    assert measure.unit == "1"
    assert measure.interval.level == 0.9
    assert measure.interval.low < 1.0 == pytest.approx(measure.interval.value)
    assert "90%" in found.reason.en


def test_a_pack_asked_for_another_kind_of_answer_says_what_it_is(toy, trained, trained_sum):
    with pytest.raises(BadInput, match="calibrated as Conformal"):
        trained_sum.pack.answers.probability(np.zeros(5))
    with pytest.raises(BadInput, match="calibrated as Calibrator"):
        trained.pack.answers.probabilities(np.zeros((5, 3)))
    with pytest.raises(TypeError, match="mask"):
        said(toy.SquareMask(), trained.pack, [])


def test_three_classes_need_a_concept_they_are_kinds_of_and_names_that_differ(toy):
    with pytest.raises(BadInput, match="without a name for what they are kinds of"):
        Choice((toy.NOTHING, toy.MIDDLE, toy.CORNERED))
    with pytest.raises(BadInput, match="one short name"):
        Choice((toy.NOTHING, toy.NOTHING))
    found = Choice((toy.NOTHING, toy.NODULE), None)
    assert found.keys == ("nothing", "nodule"), "a SNOMED number is no name"
    assert found.asked == toy.NODULE


def test_an_answer_keeps_what_remains_possible_and_a_pack_without_sets_says_nothing_of_it(
    toy, trained, tmp_path
):
    found = said(toy.Squares(), trained.pack, [0.1, -0.2, 0.0, 0.2, -0.1])
    assert found.possible is not None
    assert found.possible.level == 0.9
    assert set(found.possible.codes) <= set(toy.Squares.answers.classes)
    earlier = shutil.copytree(trained.pack.folder, tmp_path / "earlier")
    (earlier / prediction_sets.FILE).unlink()
    old = said(toy.Squares(), Pack.draft(earlier), [0.1, -0.2, 0.0, 0.2, -0.1])
    assert old.possible is None
    assert "possible" not in old.model_dump(mode="json"), "its id is what it always was"
    assert Finding.model_validate(old.model_dump(mode="json")).id == old.id
    assert Finding.model_validate(found.model_dump(mode="json")) == found


def test_the_complement_of_an_interval_turns_its_ends_round():
    found = say.complement(Interval(value=0.7, low=0.5, high=0.8))
    assert (found.low, found.value, found.high) == pytest.approx((0.2, 0.3, 0.5))
