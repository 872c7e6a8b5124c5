"""The local linear model: right where the score is linear, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from suwen.lifecycle.reasons import lime


def test_a_linear_score_gives_back_its_weights():
    weights = np.array([2.0, -1.0, 0.5, 0.0])
    found = lime.local_weights(lambda kept: kept @ weights, 4)
    assert found == pytest.approx(weights, abs=0.1)


def test_the_same_seed_draws_the_same():
    def score(kept):
        return kept[:, 0] * kept[:, 1] + kept[:, 2]

    assert (lime.local_weights(score, 3, 5) == lime.local_weights(score, 3, 5)).all()
    assert (lime.local_weights(score, 3, 5) != lime.local_weights(score, 3, 6)).any()


def test_what_never_moves_the_score_weighs_least():
    found = lime.local_weights(lambda kept: 3 * kept[:, 1] - kept[:, 3], 5)
    assert np.argsort(-np.abs(found))[:2].tolist() == [1, 3]


def test_stability_is_one_for_one_order_and_less_for_others():
    same = np.array([[3.0, 2.0, 1.0], [30.0, 20.0, 10.0]])
    assert lime.stability(same) == pytest.approx(1.0)
    assert lime.stability(np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])) == pytest.approx(-1.0)
