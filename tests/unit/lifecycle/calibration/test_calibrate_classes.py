"""From logits of several classes to probabilities with intervals."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import softmax

from suwen.core.errors import BadInput
from suwen.lifecycle.calibration import calibrate, calibrate_classes
from suwen.metrics.multiclass import ece, ece_class_wise, log_loss


def overconfident(n=3000, seed=0, offset=(0.0, 0.0, 0.0)):
    """Logits of three classes three times too large, with an offset for each class."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 1.3, (n, 3))
    chance = softmax(true, axis=1)
    truth = (rng.random(n)[:, None] > chance.cumsum(1)).sum(1)
    groups = np.array([f"p{i // 2}" for i in range(n)])
    return 3 * true + np.array(offset), truth, groups


def test_the_temperature_found_is_the_one_that_was_put_in():
    found = calibrate_classes.fit("temperature", *overconfident())
    assert found.a == pytest.approx((1 / 3,) * 3, rel=0.08)
    assert found.b == (0, 0, 0)


def test_vector_scaling_also_takes_the_offsets_out():
    logits, truth, groups = overconfident(6000, offset=(0.0, 2.0, -1.0))
    found = calibrate_classes.fit("vector", logits, truth, groups)
    assert found.a == pytest.approx((1 / 3,) * 3, rel=0.15)
    shifts = np.array(found.b) - found.b[0]
    assert shifts == pytest.approx([0, -2 / 3, 1 / 3], abs=0.15)


@pytest.mark.parametrize("kind", ["temperature", "vector"])
def test_overconfident_logits_become_probabilities_that_can_be_believed(kind):
    logits, truth, groups = overconfident()
    fold = np.arange(len(truth)) // 2 % 5
    _, probability = calibrate.cross_fitted(
        lambda *data: calibrate_classes.fit(kind, *data), logits, truth, groups, fold
    )
    assert probability.sum(1) == pytest.approx(1)
    assert ece(truth, softmax(logits, axis=1)) > 0.12
    assert ece(truth, probability) < 0.04
    assert ece_class_wise(truth, probability) < 0.04


def test_with_an_offset_vector_scaling_is_chosen_by_its_lower_cross_fitted_loss():
    logits, truth, groups = overconfident(offset=(0.0, 3.0, -1.0))
    fold = np.arange(len(truth)) // 2 % 5
    chosen, by_fold, probability, losses = calibrate_classes.choose(
        "best", logits, truth, groups, fold
    )
    assert chosen.kind == "vector"
    assert losses["vector"] < losses["temperature"]
    assert losses["vector"] == pytest.approx(float(log_loss(truth, probability)))
    assert len(by_fold) == 5
    only, *_ = calibrate_classes.choose("temperature", logits, truth, groups, fold)
    assert only.kind == "temperature"


@pytest.mark.parametrize("kind", ["temperature", "vector"])
def test_a_stored_calibrator_answers_to_the_digit(kind):
    logits, truth, groups = overconfident(300)
    found = calibrate_classes.fit(kind, logits, truth, groups)
    stored = json.loads(json.dumps(found.to_json()))
    again = calibrate_classes.ClassCalibrator.from_json(stored)
    assert again == found
    assert (again.probability(logits) == found.probability(logits)).all()


@pytest.mark.parametrize("kind", ["temperature", "vector"])
def test_members_that_disagree_make_wider_intervals(kind):
    found = calibrate_classes.fit(kind, *overconfident(600))
    agreed = found.intervals(np.array([[2.0, 0, 0], [2.1, 0, 0], [1.9, 0, 0]]))
    split = found.intervals(np.array([[6.0, 0, 0], [-2.0, 0, 0], [2.0, 0, 0]]))
    assert sum(one.value for one in split) == pytest.approx(1)
    for one, other in zip(agreed, split, strict=True):
        assert other.value == pytest.approx(one.value)
        assert other.high - other.low > 2 * (one.high - one.low)
        assert 0 < other.low < other.value < other.high < 1


@pytest.mark.parametrize("kind", ["temperature", "vector"])
def test_the_interval_of_the_calibrator_alone_has_the_width_that_other_samples_show(kind):
    logits = np.array([[3.0, 1.0, -1.0]])
    said = [
        calibrate_classes.fit(kind, *overconfident(400, seed)).probability(logits)[0]
        for seed in range(60)
    ]
    low, high = calibrate_classes.fit(kind, *overconfident(400, 99)).limits(logits, np.zeros(3), 1)
    spread = np.std(said, axis=0)
    assert (high - low)[0] == pytest.approx(2 * 1.96 * spread, rel=0.5)


@pytest.mark.parametrize("kind", ["temperature", "vector"])
def test_twenty_alike_samples_of_a_patient_teach_no_more_than_one(kind):
    logits, truth, groups = overconfident(300)
    groups = np.arange(300)
    once = calibrate_classes.fit(kind, logits, truth, groups)
    many = calibrate_classes.fit(
        kind, np.repeat(logits, 20, 0), np.repeat(truth, 20), np.repeat(groups, 20)
    )
    spread = [np.sqrt(np.diag(np.array(each.covariance))) for each in (once, many)]
    assert spread[1] == pytest.approx(spread[0], rel=0.15, abs=1e-4)


def test_classes_that_are_told_apart_perfectly_still_give_finite_probabilities():
    truth = np.repeat([0, 1, 2], 20)
    for kind in calibrate_classes.KINDS:
        found = calibrate_classes.fit(kind, 8.0 * np.eye(3)[truth], truth, np.arange(60))
        assert found.probability(8.0 * np.eye(3)).max() < 0.999


def test_calibration_needs_every_class_and_a_kind_for_several():
    logits, truth, groups = overconfident(60)
    with pytest.raises(BadInput, match="without one of the classes"):
        calibrate_classes.fit("vector", logits, np.minimum(truth, 1), groups)
    fold = np.arange(60) % 2
    with pytest.raises(BadInput, match="'isotonic' for more than two"):
        calibrate_classes.choose("isotonic", logits, truth, groups, fold)
    with pytest.raises(BadInput, match="'vector' for two"):
        calibrate.choose("vector", logits[:, 0], truth > 0, groups, fold)
    content = calibrate_classes.fit("vector", logits, truth, groups).to_json()
    with pytest.raises(BadInput, match="unknown kind"):
        calibrate_classes.ClassCalibrator.from_json({**content, "kind": "pickle"})
    with pytest.raises(BadInput, match="do not fit"):
        calibrate_classes.ClassCalibrator.from_json({**content, "b": [0.0]})


@pytest.mark.parametrize("kind", calibrate_classes.KINDS)
def test_a_class_that_the_data_do_not_tell_apart_gets_no_share(kind):
    logits, truth, groups = overconfident()
    two = truth != 1
    data = (logits[two], truth[two], groups[two])
    found = calibrate_classes.fit(kind, *data, lacks=(1,))
    probability = found.probability(data[0])
    assert probability[:, 1].max() < 1e-6
    assert probability[:, 2].mean() == pytest.approx((data[1] == 2).mean(), abs=0.03)
    low, high = found.limits(data[0], np.full(3, 0.01), 3)
    assert np.isfinite([low, high]).all()
    assert (high - low)[:, 1].max() < 1e-6
    again = calibrate_classes.ClassCalibrator.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found
