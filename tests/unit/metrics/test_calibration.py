"""Calibration metrics against their definitions and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suwen.metrics import calibration as c


@st.composite
def forecasts(draw):
    n = draw(st.integers(2, 40))
    truth = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    probability = draw(st.lists(st.floats(0, 1), min_size=n, max_size=n))
    return np.array(truth), np.array(probability)


def ece_by_hand(truth, probability, bins):
    total = 0.0
    for k in range(bins):
        low, high = k / bins, (k + 1) / bins
        inside = [
            i
            for i, p in enumerate(probability)
            if min(int(p * bins), bins - 1) == k and (low <= p or p <= high)
        ]
        if inside:
            gap = np.mean(probability[inside]) - np.mean(truth[inside])
            total += len(inside) / len(truth) * abs(gap)
    return total


@given(forecasts())
def test_ece_is_the_mean_gap_over_ten_bins_of_equal_width(case):
    truth, probability = case
    assert c.ece(truth, probability) == pytest.approx(ece_by_hand(truth, probability, 10))


@given(forecasts())
def test_brier_score_and_log_loss_agree_with_scikit_learn(case):
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    truth, probability = case
    expected = metrics.brier_score_loss(truth, probability, pos_label=1, labels=[0, 1])
    assert c.brier(truth, probability) == pytest.approx(expected)
    inside = np.clip(probability, 1e-6, 1 - 1e-6)
    expected = metrics.log_loss(truth, inside, labels=[0, 1])
    assert c.log_loss(truth, inside) == pytest.approx(expected)


def test_a_forecaster_who_is_right_on_average_in_every_bin_has_no_calibration_error():
    probability = np.repeat([0.25, 0.75], 4)
    truth = np.array([1, 0, 0, 0, 1, 1, 1, 0])
    assert c.ece(truth, probability) == pytest.approx(0)
    assert c.ece_equal_mass(truth, probability) == pytest.approx(0)


def test_a_forecaster_who_says_90_percent_and_is_right_half_the_time_is_off_by_0_4():
    truth = np.array([1, 0] * 50)
    assert c.ece(truth, np.full(100, 0.9)) == pytest.approx(0.4)
    assert c.ece_equal_mass(truth, np.full(100, 0.9)) == pytest.approx(0.4)


def test_equal_mass_bins_hold_equally_many():
    probability = np.linspace(0.01, 0.2, 100)
    assert set(np.bincount(c.equal_mass(probability, 10))) == {10}


@given(forecasts())
def test_weights_are_the_same_as_repeated_samples(case):
    truth, probability = case
    counts = np.arange(len(truth)) % 3 + (np.arange(len(truth)) == 0)
    index = np.repeat(np.arange(len(truth)), counts)
    for metric in (c.ece, c.brier, c.log_loss):
        repeated = metric(truth[index], probability[index])
        assert metric(truth, probability, counts) == pytest.approx(repeated)


def test_a_sure_and_wrong_answer_costs_much_but_not_infinitely_much():
    assert 20 < c.log_loss(np.array([0]), np.array([1.0])) < 30


def test_the_reliability_diagram_holds_every_sample_once():
    rng = np.random.default_rng(0)
    probability = rng.random(200)
    bins = c.reliability(rng.random(200) < probability, probability)
    assert sum(each.count for each in bins) == 200
    assert all(each.low <= each.predicted <= each.high for each in bins)


def test_what_is_not_a_probability_is_refused():
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        c.brier(np.array([1]), np.array([1.2]))
    with pytest.raises(ValueError, match=r"\(n,\)"):
        c.brier(np.array([1]), np.array([0.2, 0.3]))
    with pytest.raises(ValueError, match="weights"):
        c.brier(np.array([1]), np.array([0.2]), np.ones(2))


def test_hosmer_lemeshow_is_the_sum_over_deciles_for_its_range():
    rng = np.random.default_rng(3)
    probability = rng.random(500)
    truth = (rng.random(500) < probability).astype(int)
    order = np.argsort(probability)
    total, means = 0.0, []
    for part in np.array_split(order, 10):
        mean = probability[part].mean()
        gap = truth[part].sum() - probability[part].sum()
        total += gap**2 / (len(part) * mean * (1 - mean))
        means.append(mean)
    expected = total / (means[-1] - means[0])
    assert c.hosmer_lemeshow(truth, probability) == pytest.approx(expected)


def test_hosmer_lemeshow_grows_when_probabilities_are_moved():
    rng = np.random.default_rng(4)
    probability = rng.uniform(0.05, 0.6, 2000)
    truth = (rng.random(2000) < probability).astype(int)
    moved = c.hosmer_lemeshow(truth, np.minimum(probability * 1.5, 0.99))
    assert moved > 5 * c.hosmer_lemeshow(truth, probability)


def test_hosmer_lemeshow_of_certain_bins_is_finite():
    truth = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0])
    assert np.isfinite(c.hosmer_lemeshow(truth, truth * 1.0))
