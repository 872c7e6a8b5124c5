"""Shapley values from drawn orders, against what can be worked out by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from suwen.lifecycle.reasons import shapley


def test_a_sum_gives_each_group_its_own_weight():
    weights = np.array([2.0, -1.0, 0.5])
    assert shapley.sampled(lambda kept: kept @ weights, 3, orders=1) == pytest.approx(weights)


def test_what_two_groups_do_together_is_shared_between_them():
    found = shapley.sampled(lambda kept: 6 * kept[:, 0] * kept[:, 2], 3)
    assert found == pytest.approx([3, 0, 3])


def test_the_values_add_up_to_the_whole_move():
    def score(kept):
        return np.tanh(kept @ np.array([1.0, 2.0, -3.0, 0.5])) + kept[:, 0] * kept[:, 3]

    found = shapley.sampled(score, 4, seed=3)
    empty, full = score(np.array([[0.0] * 4, [1.0] * 4]))
    assert found.sum() == pytest.approx(full - empty)


def test_many_orders_come_near_the_mean_over_every_order():
    def score(kept):
        return 1 / (1 + np.exp(-(kept @ np.array([3.0, -2.0, 1.0, 2.0]) - 1)))

    moved = np.zeros(4)
    for order in itertools.permutations(range(4)):
        kept = np.zeros((1, 4))
        for k in order:
            before = score(kept)[0]
            kept[0, k] = 1
            moved[k] += (score(kept)[0] - before) / 24
    assert shapley.sampled(score, 4, orders=200) == pytest.approx(moved, abs=0.02)


def test_the_same_seed_draws_the_same_orders():
    def score(kept):
        return np.maximum(kept @ np.arange(5.0) - 3, 0)

    assert (shapley.sampled(score, 5, 1, 4) == shapley.sampled(score, 5, 1, 4)).all()
    assert (shapley.sampled(score, 5, 1, 4) != shapley.sampled(score, 5, 2, 4)).any()
