"""Answers of published formulas: agreement, its limits and floor, golden values."""

from __future__ import annotations

import numpy as np
import pytest

from suwen.core.codes import SUWEN, Code, Text
from suwen.lifecycle import golden
from suwen.lifecycle.compression import regression
from suwen.lifecycle.examples import Examples, Output, Source
from suwen.lifecycle.kinds import Calculated
from suwen.lifecycle.measure import figures as measure
from suwen.lifecycle.measure.answered import Answered
from suwen.lifecycle.measure.calculated import FORMULA, stated
from suwen.lifecycle.robust import robustness

CODE = Code(system=f"{SUWEN}/codes", code="x", name=Text(en="X", zh="某"))


def rows(answer, formulas):
    n = len(answer)
    return Answered(
        kind="calculated",
        truth=np.zeros(n, dtype=int),
        answer=np.array(answer, dtype=float),
        order=np.array(answer, dtype=float),
        groups=np.arange(n),
        columns={FORMULA: np.array(formulas)},
        floors={},
        volume_error=np.full(n, np.nan),
        abstained=np.zeros(n, dtype=bool),
    )


def test_the_concept_asked_about_is_its_code():
    assert Calculated(CODE).asked == CODE


def test_shares_are_stated_with_wilson_limits_for_all_and_for_each_formula():
    found = stated(rows([1.0] * 9 + [0.0], ["A-1"] * 9 + ["B"]))
    value, low, high = found["accuracy"]
    assert (value, round(low, 4), round(high, 4)) == (0.9, 0.5958, 0.9821)
    assert found["accuracy_a_1"][0] == 1.0
    assert round(found["accuracy_a_1"][1], 4) == 0.7009
    assert found["accuracy_b"][0] == 0.0


def test_the_headline_may_not_fall():
    assert measure.headline(rows([1.0], ["A"])) == ("accuracy",)
    (rule,) = regression.RULES["calculated"](rows([1.0, 0.0], ["A", "A"]))
    assert rule.metric == "accuracy"


def test_another_answer_than_the_reference_is_an_error():
    judge = robustness.JUDGES["calculated"]
    assert judge.wrong(rows([1.0, 0.0], ["A", "A"])).tolist() == [False, True]


def test_a_subset_asks_for_agreement_by_its_own_numbers():
    examples = Examples(
        source=Source("s", "", "", "", shippable=False),
        keys=("a", "b", "c"),
        groups=np.array(["a", "b", "c"]),
        labels=np.zeros(3, dtype=int),
        load=lambda i: None,
        agrees=lambda i, output: output.values["v"] == i,
    )
    output = Output(np.zeros(0), {}, values={"v": 2.0})
    assert examples.subset(np.array([2, 0])).agrees(0, output)
    assert not examples.subset(np.array([2, 0])).agrees(1, output)


@pytest.mark.parametrize(("found", "same"), [
    ({"a": 1.0 + 1e-9, "b": "G2", "c": True}, True), ({"a": 1.1, "b": "G2", "c": True}, False),
    ({"a": 1.0, "b": "G3a", "c": True}, False), ({"a": "1.0", "b": "G2", "c": True}, False),
    ({"a": 1.0, "b": "G2"}, False)])  # fmt: skip
def test_golden_values_are_the_stored_ones(found, same):
    wanted = {"a": 1.0, "b": "G2", "c": True}
    assert golden._same_values(found, wanted, 1e-6) is same
