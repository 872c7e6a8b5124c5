"""Dice, volume error, RMSE and MAE."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from suwen.metrics import overlap as o

MASKS = arrays.arrays(bool, (3, 4, 2))


@given(MASKS, MASKS)
def test_dice_is_twice_the_common_part_over_the_sum(one, other):
    a = {tuple(i) for i in np.argwhere(one)}
    b = {tuple(i) for i in np.argwhere(other)}
    expected = 2 * len(a & b) / (len(a) + len(b)) if a or b else 1.0
    assert o.dice(one, other) == pytest.approx(expected)
    assert o.dice(one, other) == o.dice(other, one)


def test_a_nodule_that_was_missed_has_dice_zero_and_volume_error_minus_one():
    truth = np.ones((2, 2, 2), dtype=bool)
    assert o.dice(truth, ~truth) == 0
    assert o.volume_error(truth, ~truth) == -1


def test_without_a_true_region_the_volume_error_is_not_defined():
    nothing = np.zeros((2, 2), dtype=bool)
    assert np.isnan(o.volume_error(nothing, ~nothing))


def test_masks_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        o.dice(np.ones((2, 2), dtype=bool), np.ones((2, 3), dtype=bool))


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=20))
def test_rmse_and_mae_follow_their_formulas(values):
    truth = np.zeros(len(values))
    assert o.rmse(truth, values) == pytest.approx(np.sqrt(np.mean(np.square(values))))
    assert o.mae(truth, values) == pytest.approx(np.mean(np.abs(values)))
    assert o.rmse(truth, values) >= o.mae(truth, values) - 1e-9


def test_the_mean_leaves_out_what_is_not_defined():
    assert o.mean(np.array([1.0, np.nan, 3.0])) == 2
    assert np.isnan(o.mean(np.array([np.nan])))


def test_bias_is_the_mean_of_what_was_said_too_much():
    assert o.bias(np.array([1.0, 2.0]), np.array([2.0, 2.5])) == 0.75


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=3, max_size=20))
def test_r2_agrees_with_scikit_learn(pairs):
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    truth, said = np.array(pairs).T
    truth = truth + 500 + np.arange(len(truth)) * 0.01
    expected = metrics.r2_score(truth, said + 500)
    assert o.r2(truth, said + 500) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert o.r2(truth, truth, np.ones((2, len(truth)))).tolist() == [1, 1]


def test_without_any_spread_in_the_truth_there_is_no_r2():
    assert np.isnan(o.r2(np.full(3, 0.1), np.array([0.1, 0.2, 0.3])))
