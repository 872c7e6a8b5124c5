"""From logits to probabilities."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from suwen.core.errors import BadInput
from suwen.lifecycle.calibration import calibrate
from suwen.metrics.calibration import ece, log_loss


def cross_fitted(kind, *data):
    return calibrate.cross_fitted(partial(calibrate.fit, kind), *data)


def overconfident(n=1500, seed=0):
    """Logits three times too large, with an offset."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 1.2, n)
    truth = (rng.random(n) < expit(true)).astype(float)
    groups = np.array([f"p{i // 2}" for i in range(n)])
    return 3 * true + 1, truth, groups


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), min_size=1, max_size=25))
def test_pooling_adjacent_violators_agrees_with_scikit_learn(rows):
    isotonic = pytest.importorskip("sklearn.isotonic", reason="scikit-learn is not installed")
    values, weights = np.array(rows, dtype=float).T
    found = calibrate.pool_adjacent_violators(values, weights)
    assert (np.diff(found) >= 0).all()
    assert found == pytest.approx(isotonic.isotonic_regression(values, sample_weight=weights))


@pytest.mark.parametrize("kind", ["temperature", "isotonic"])
def test_overconfident_logits_become_probabilities_that_can_be_believed(kind):
    logits, truth, groups = overconfident()
    fold = np.arange(len(truth)) // 2 % 5
    _, probability = calibrate.cross_fitted(
        partial(calibrate.fit, kind), logits, truth, groups, fold
    )
    assert ece(truth, expit(logits)) > 0.12
    assert ece(truth, probability) < 0.05


def test_the_temperature_found_is_the_one_that_was_put_in():
    logits, truth, groups = overconfident(6000)
    found = calibrate.fit("temperature", logits, truth, groups)
    assert found.a == pytest.approx(1 / 3, rel=0.12)
    assert found.b == pytest.approx(-1 / 3, abs=0.12)


def test_platt_parameters_agree_with_scikit_learns_logistic_regression():
    linear = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    logits, truth, groups = overconfident(3000)
    model = linear.LogisticRegression(C=1e6).fit(logits[:, None], truth)
    found = calibrate.fit("temperature", logits, truth, groups)
    assert found.a == pytest.approx(model.coef_[0, 0], rel=0.02)
    assert found.b == pytest.approx(model.intercept_[0], abs=0.02)


@pytest.mark.parametrize("kind", ["temperature", "isotonic"])
def test_a_higher_logit_never_gets_a_lower_probability(kind):
    logits, truth, groups = overconfident(300)
    found = calibrate.fit(kind, logits, truth, groups)
    probability = found.probability(np.linspace(-20, 20, 500))
    assert (np.diff(probability) >= 0).all()
    assert (probability > 0).all()
    assert (probability < 1).all()


@pytest.mark.parametrize("kind", ["temperature", "isotonic"])
def test_a_stored_calibrator_answers_to_the_digit(kind):
    logits, truth, groups = overconfident(300)
    found = calibrate.fit(kind, logits, truth, groups)
    again = calibrate.Calibrator.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found
    assert (again.probability(logits) == found.probability(logits)).all()


def test_members_that_disagree_make_a_wider_interval():
    found = calibrate.fit("temperature", *overconfident(600))
    agreed = found.interval(np.array([1.0, 1.1, 0.9, 1.0, 1.0]))
    split = found.interval(np.array([-3.0, 5.0, 1.0, 3.0, -1.0]))
    assert agreed.value == pytest.approx(split.value)
    assert split.high - split.low > 2 * (agreed.high - agreed.low)
    assert 0 < split.low < split.value < split.high < 1


def test_one_member_alone_is_not_certain_of_itself():
    found = calibrate.fit("temperature", *overconfident(200)).interval(np.array([2.0]))
    assert found.low < found.value < found.high


def test_separable_classes_still_give_finite_probabilities():
    truth = np.repeat([0.0, 1.0], 20)
    found = calibrate.fit("temperature", np.where(truth == 1, 5.0, -5.0), truth, np.arange(40))
    assert np.isfinite([found.a, found.b]).all()
    assert found.probability(np.array([-5.0, 5.0])) == pytest.approx([1 / 22, 21 / 22], abs=0.03)


def test_the_better_calibrator_by_cross_fitted_log_loss_is_chosen():
    logits, truth, groups = overconfident(1200)
    fold = np.arange(len(truth)) // 2 % 5
    chosen, by_fold, probability, losses = calibrate.choose("best", logits, truth, groups, fold)
    assert losses[chosen.kind] == min(losses.values())
    assert losses[chosen.kind] == pytest.approx(float(log_loss(truth, probability)))
    assert len(by_fold) == 5


def test_a_fold_is_calibrated_by_the_others_only():
    logits, truth, groups = overconfident(400)
    fold = np.arange(400) // 2 % 4
    first, _ = calibrate.cross_fitted(
        partial(calibrate.fit, "temperature"), logits, truth, groups, fold
    )
    changed = np.where(fold == 2, 1 - truth, truth)
    second, _ = calibrate.cross_fitted(
        partial(calibrate.fit, "temperature"), logits, changed, groups, fold
    )
    assert first[2] == second[2]
    assert first[0] != second[0]


def test_calibration_needs_both_classes_and_rising_knots():
    with pytest.raises(BadInput, match="one class"):
        calibrate.fit("temperature", np.arange(3.0), np.ones(3), np.arange(3))
    content = calibrate.fit("isotonic", *overconfident(100)).to_json()
    with pytest.raises(BadInput, match="fall"):
        calibrate.Calibrator.from_json({**content, "y": list(content["y"])[::-1]})
    with pytest.raises(BadInput, match="unknown kind"):
        calibrate.Calibrator.from_json({**content, "kind": "pickle"})
