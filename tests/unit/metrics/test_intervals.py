"""Bootstrap intervals by patient."""

from __future__ import annotations

import time

import numpy as np
import pytest

from suwen.metrics import calibration, discrimination
from suwen.metrics.intervals import (
    distribution,
    estimate,
    estimates,
    paired_difference,
    remembered,
    resampled_weights,
)
from suwen.metrics.overlap import mean


def test_all_nodules_of_a_patient_are_drawn_together():
    groups = np.array(["a", "b", "a", "c", "b", "a"])
    weights = resampled_weights(groups, 50, seed=1)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, 0] == weights[:, 5]).all()
    assert (weights[:, [0, 1, 3]].sum(1) == 3).all()


def test_one_seed_gives_one_interval_and_another_seed_another():
    values = np.random.default_rng(0).normal(size=60)
    groups = np.arange(60)
    first = estimate(lambda w: mean(values, w), groups, seed=1)
    assert first == estimate(lambda w: mean(values, w), groups, seed=1)
    assert first != estimate(lambda w: mean(values, w), groups, seed=2)


def test_the_interval_of_a_mean_holds_the_truth_about_95_times_in_100():
    rng = np.random.default_rng(7)
    held = 0
    for i in range(300):
        values = rng.normal(3, 1, 80)
        found = estimate(lambda w, v=values: mean(v, w), np.arange(80), resamples=400, seed=i)
        held += found.low <= 3 <= found.high
    assert 0.90 <= held / 300 <= 0.98


def test_patients_with_many_alike_nodules_make_the_interval_wider_than_counting_nodules_would():
    rng = np.random.default_rng(2)
    values = np.repeat(rng.normal(size=30), 8)
    by_patient = estimate(lambda w: mean(values, w), np.repeat(np.arange(30), 8))
    by_nodule = estimate(lambda w: mean(values, w), np.arange(240))
    assert by_patient.high - by_patient.low > 2 * (by_nodule.high - by_nodule.low)


def test_a_paired_difference_is_narrower_than_its_parts():
    rng = np.random.default_rng(3)
    truth = rng.random(300) < 0.5
    good = truth + rng.normal(0, 1.0, 300)
    better = good + 0.3 * truth
    groups = np.arange(300)

    def metric(scores):
        return lambda w: discrimination.auroc(truth, scores, w)

    gain = paired_difference(metric(better), metric(good), groups)
    alone = estimate(metric(better), groups)
    assert 0 < gain.low < gain.value < gain.high
    assert gain.high - gain.low < (alone.high - alone.low) / 2


def test_the_centred_interval_of_a_calibration_error_holds_its_own_value():
    rng = np.random.default_rng(4)
    probability = rng.random(150)
    truth = rng.random(150) < probability

    def metric(weights):
        return calibration.ece(truth, probability, weights)

    drawn = distribution(metric, np.arange(150))
    assert drawn.mean() > metric(None), "resampling inflates this metric"
    found = estimate(metric, np.arange(150), within=(0, 1))
    assert 0 <= found.low <= found.value <= found.high


def test_an_undefined_metric_has_no_interval():
    found = estimate(
        lambda w: discrimination.auroc(np.ones(5), np.arange(5.0), w), np.arange(5), resamples=20
    )
    assert np.isnan([found.value, found.low, found.high]).all()


def test_787_nodules_and_2000_resamples_take_a_few_seconds_at_most():
    rng = np.random.default_rng(5)
    truth, scores = rng.random(787) < 0.35, rng.normal(size=787)
    sizes, groups = np.exp(rng.normal(2, 0.4, 787)), rng.integers(0, 436, 787)
    start = time.perf_counter()
    found = estimate(lambda w: discrimination.size_matched_auroc(truth, scores, sizes, w), groups)
    assert time.perf_counter() - start < 5
    assert found.low < found.value < found.high


@pytest.mark.parametrize("resamples", [1, 250, 251])
def test_as_many_resamples_are_made_as_were_asked_for(resamples):
    assert distribution(lambda w: mean(np.arange(4.0), w), np.arange(4), resamples).shape == (
        resamples,
    )


def test_many_metrics_at_once_have_the_intervals_they_have_alone():
    values, groups = np.random.default_rng(0).normal(size=60), np.arange(60) // 2
    metrics = {"mean": lambda w: mean(values, w), "square": lambda w: mean(values**2, w)}
    found = estimates(metrics, groups, resamples=300, centred={"square": (0.0, 1.0)})
    assert found["mean"] == estimate(metrics["mean"], groups, resamples=300)
    alone = estimate(metrics["square"], groups, resamples=300, within=(0.0, 1.0))
    assert found["square"] == alone
    assert found["square"].high <= 1


def test_what_metrics_share_is_made_once_for_each_array_of_weights():
    asked = []
    shared = remembered(lambda w: asked.append(w) or np.zeros(2))
    ones, others = np.ones(2), np.ones(2)
    for weights in (ones, ones, others, others, ones, None, None):
        shared(weights)
    assert [id(each) for each in asked] == [id(each) for each in (ones, others, ones, None)]


def test_so_many_samples_that_their_weights_would_not_fit_are_taken_in_smaller_parts(monkeypatch):
    from suwen.metrics import intervals

    values, groups = np.arange(50.0), np.arange(50) // 5
    whole = distribution(lambda w: mean(values, w), groups, 20)
    monkeypatch.setattr(intervals, "_CELLS", 150)
    sizes = []
    parts = distribution(lambda w: sizes.append(w.shape) or mean(values, w), groups, 20)
    assert max(sizes) == (3, 50)
    assert parts == pytest.approx(whole)
