"""Discrimination metrics against their definitions and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import trapezoid

from suwen.metrics import discrimination as d
from suwen.metrics.classification import table


@st.composite
def scored(draw, both: bool = True):
    """Draw truth and scores with many ties; both classes present when asked."""
    n = draw(st.integers(2, 30))
    truth = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    if both:
        truth[0], truth[1] = True, False
    scores = draw(st.lists(st.integers(-4, 4), min_size=n, max_size=n))
    return np.array(truth), np.array(scores, dtype=float)


def pairs_won(truth, scores, matched=lambda i, j: True):
    won = total = 0.0
    for i in np.flatnonzero(truth):
        for j in np.flatnonzero(~truth):
            if matched(i, j):
                total += 1
                won += 1.0 if scores[i] > scores[j] else 0.5 if scores[i] == scores[j] else 0.0
    return won / total if total else float("nan")


@given(scored())
def test_auroc_is_the_share_of_pairs_ordered_rightly_ties_one_half(case):
    truth, scores = case
    assert d.auroc(truth, scores) == pytest.approx(pairs_won(truth, scores))


@given(scored())
def test_auroc_and_auprc_agree_with_scikit_learn(case):
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    truth, scores = case
    assert d.auroc(truth, scores) == pytest.approx(metrics.roc_auc_score(truth, scores))
    expected = metrics.average_precision_score(truth, scores)
    assert d.auprc(truth, scores) == pytest.approx(expected)


@given(scored())
def test_auroc_of_reversed_scores_is_its_complement(case):
    truth, scores = case
    assert d.auroc(truth, -scores) == pytest.approx(1 - d.auroc(truth, scores))


@settings(max_examples=50)
@given(scored(), st.data())
def test_weights_are_the_same_as_repeated_samples(case, data):
    truth, scores = case
    counts = np.array(
        data.draw(st.lists(st.integers(0, 3), min_size=len(truth), max_size=len(truth)))
    )
    counts[:2] = np.maximum(counts[:2], 1)
    index = np.repeat(np.arange(len(truth)), counts)
    sizes = 1 + np.abs(scores)
    for metric in (d.auroc, d.auprc):
        repeated = metric(truth[index], scores[index])
        assert metric(truth, scores, counts) == pytest.approx(repeated)
    both = d.size_matched_auroc(truth[index], scores[index], sizes[index])
    weighted = d.size_matched_auroc(truth, scores, sizes, counts)
    assert weighted == pytest.approx(both, nan_ok=True)


def test_many_rows_of_weights_give_one_value_each():
    rng = np.random.default_rng(0)
    truth, scores = rng.random(40) < 0.4, rng.normal(size=40)
    weights = rng.integers(0, 3, (7, 40))
    together = d.auroc(truth, scores, weights)
    assert together.shape == (7,)
    assert together[3] == pytest.approx(d.auroc(truth, scores, weights[3]))


@given(scored())
def test_size_matched_auroc_counts_only_pairs_of_nearly_one_size(case):
    truth, scores = case
    sizes = 5 + np.arange(len(truth)) % 7 * 0.6

    def matched(i, j):
        return abs(sizes[i] - sizes[j]) <= 0.15 * (sizes[i] + sizes[j]) / 2

    found = d.size_matched_auroc(truth, scores, sizes)
    assert found == pytest.approx(pairs_won(truth, scores, matched), nan_ok=True)


def test_a_score_that_is_only_size_has_no_skill_left_between_nodules_of_one_size():
    rng = np.random.default_rng(1)
    size = np.exp(rng.normal(2, 0.5, 400))
    truth = rng.random(400) < 1 / (1 + np.exp(-(size - 8)))
    assert d.auroc(truth, size) > 0.8
    assert d.size_matched_auroc(truth, size, size) < 0.65


def test_without_one_of_the_classes_the_area_is_not_defined():
    assert np.isnan(d.auroc(np.array([1, 1]), np.array([0.2, 0.9])))
    assert np.isnan(d.auprc(np.array([0, 0]), np.array([0.2, 0.9])))


@given(scored(), st.integers(-5, 5))
def test_sensitivity_specificity_and_accuracy_follow_from_the_confusion_table(case, threshold):
    truth, scores = case
    (right_no, false_yes), (missed, right_yes) = table(truth, scores >= threshold, 2)
    assert d.sensitivity(truth, scores, threshold) == right_yes / (right_yes + missed)
    specificity = right_no / (right_no + false_yes)
    assert d.specificity(truth, scores, threshold) == pytest.approx(specificity)
    right = (right_yes + right_no) / len(truth)
    assert d.accuracy(truth, scores, threshold) == pytest.approx(right)


def test_a_score_on_the_threshold_is_called_positive():
    assert d.sensitivity(np.array([1]), np.array([0.5]), 0.5) == 1


def test_each_sample_may_have_its_own_threshold():
    truth, scores = np.array([1, 1, 0]), np.array([0.3, 0.3, 0.6])
    points = np.array([0.2, 0.4, 0.7])
    assert d.sensitivity(truth, scores, points) == 0.5
    assert d.specificity(truth, scores, points) == 1


@given(scored())
def test_the_area_under_the_drawn_roc_curve_is_the_auroc(case):
    truth, scores = case
    x, y = d.roc_curve(truth, scores)
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert trapezoid(y, x) == pytest.approx(d.auroc(truth, scores))


@given(scored())
def test_the_steps_of_the_precision_recall_curve_sum_to_the_auprc(case):
    truth, scores = case
    recall, precision = d.precision_recall_curve(truth, scores)
    assert np.sum(np.diff(recall, prepend=0) * precision) == pytest.approx(d.auprc(truth, scores))


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="must both be"):
        d.auroc(np.array([1, 0]), np.array([0.1]))
    with pytest.raises(ValueError, match="NaN"):
        d.auroc(np.array([1, 0]), np.array([0.1, np.nan]))
    with pytest.raises(ValueError, match="weights"):
        d.auroc(np.array([1, 0]), np.array([0.1, 0.2]), np.ones(3))


def test_sensitivity_at_a_specificity_is_that_of_the_loosest_threshold_that_keeps_it():
    truth = np.array([0] * 10 + [1] * 4)
    scores = np.array([*range(10), 8.5, 9.5, 3.5, 20.0])
    found = d.sensitivity_at_specificity
    assert found(truth, scores, 0.9) == 0.75  # from 8.5: one of ten negatives lies above
    assert found(truth, scores, 1.0) == 0.5
    assert found(truth, scores, 0.4) == 1.0


def test_sensitivity_at_a_specificity_goes_with_weights_and_is_undefined_without_a_class():
    truth, scores = np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.5, 0.9])
    weights = np.array([[1, 1, 1, 1], [1, 0, 3, 1], [1, 1, 0, 0]])
    found = d.sensitivity_at_specificity(truth, scores, 0.9, weights)
    assert found[:2].tolist() == [0.5, 1.0]
    assert np.isnan(found[2])


def test_chance_finds_a_tenth_at_ninety_percent_specificity():
    rng = np.random.default_rng(4)
    truth, scores = rng.random(40_000) < 0.3, rng.random(40_000)
    assert d.sensitivity_at_specificity(truth, scores, 0.9) == pytest.approx(0.1, abs=0.01)
