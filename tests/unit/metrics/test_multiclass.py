"""Ranking and calibration of more than two classes, against definitions and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from suwen.metrics import calibration, discrimination
from suwen.metrics import multiclass as m


def auroc(truth, probability, weights=None):
    return m.macro(discrimination.auroc, truth, probability, weights)


def auprc(truth, probability, weights=None):
    return m.macro(discrimination.auprc, truth, probability, weights)


def forecasts(n=200, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, n)
    logits = rng.normal(size=(n, classes)) + 1.5 * np.eye(classes)[truth]
    odds = np.exp(logits)
    return truth, odds / odds.sum(1, keepdims=True)


def test_areas_are_means_over_the_classes_and_agree_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    truth, probability = forecasts()
    expected = metrics.roc_auc_score(truth, probability, multi_class="ovr", average="macro")
    assert auroc(truth, probability) == pytest.approx(expected)
    each = [metrics.average_precision_score(truth == k, probability[:, k]) for k in range(4)]
    assert auprc(truth, probability) == pytest.approx(np.mean(each))
    assert m.one_class(discrimination.auroc, truth, probability, 2) == pytest.approx(
        metrics.roc_auc_score(truth == 2, probability[:, 2])
    )


def test_log_loss_and_brier_score_follow_their_formulas():
    truth, probability = forecasts()
    assert m.log_loss(truth, probability) == pytest.approx(
        -np.mean([np.log(row[k]) for row, k in zip(probability, truth, strict=True)])
    )
    by_hand = [sum((row - np.eye(4)[k]) ** 2) for row, k in zip(probability, truth, strict=True)]
    assert m.brier(truth, probability) == pytest.approx(np.mean(by_hand))


def test_with_two_classes_the_figures_are_those_of_two_classes():
    truth, probability = forecasts(classes=2)
    second = probability[:, 1]
    assert m.log_loss(truth, probability) == pytest.approx(calibration.log_loss(truth, second))
    assert m.brier(truth, probability) == pytest.approx(2 * calibration.brier(truth, second))
    assert auroc(truth, probability) == pytest.approx(discrimination.auroc(truth, second))


def test_someone_who_is_right_as_often_as_he_says_has_no_calibration_error():
    truth = np.array([0, 0, 0, 1, 2, 2, 2, 0])
    probability = np.array([[0.75, 0.25, 0.0]] * 4 + [[0.15, 0.1, 0.75]] * 4)
    assert m.ece(truth, probability) == pytest.approx(0)
    sure = np.where(probability > 0.5, 1.0, 0.0)
    assert m.ece(truth, sure) == pytest.approx(0.25)


def test_class_wise_error_sees_what_the_most_probable_class_hides():
    truth = np.array([0] * 6 + [1] * 2 + [2] * 2)
    probability = np.tile([0.6, 0.4, 0.0], (10, 1))
    assert m.ece(truth, probability) == pytest.approx(0)
    assert m.ece_class_wise(truth, probability) == pytest.approx((0 + 0.2 + 0.2) / 3)


def test_weights_are_the_same_as_repeated_samples():
    truth, probability = forecasts()
    counts = 1 + np.arange(len(truth)) % 3
    index = np.repeat(np.arange(len(truth)), counts)
    for metric in (auroc, auprc, m.ece, m.ece_class_wise, m.brier, m.log_loss):
        expected = metric(truth[index], probability[index])
        assert metric(truth, probability, counts) == pytest.approx(expected)
        rows = metric(truth, probability, np.stack([counts, np.ones(len(truth))]))
        assert rows == pytest.approx([expected, metric(truth, probability)])


def test_a_class_without_examples_is_left_out_of_the_mean_and_its_absence_in_a_resample_is_not():
    truth, probability = forecasts()
    there = truth != 3
    each = [
        m.one_class(discrimination.auroc, truth[there], probability[there], k) for k in range(3)
    ]
    assert auroc(truth[there], probability[there]) == pytest.approx(np.mean(each))
    assert np.isnan(auroc(truth, probability, there.astype(float)))


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"\(n, K\)"):
        auroc(np.array([0, 1]), np.array([0.1, 0.2]))
    with pytest.raises(ValueError, match="numbered 0 to 1"):
        m.brier(np.array([2]), np.array([[0.5, 0.5]]))
