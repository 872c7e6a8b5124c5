"""What intervals are worth."""

from __future__ import annotations

import numpy as np
import pytest

from suwen.metrics import coverage as c


def patients(n=4000, shift=0.0, seed=0):
    """Outcomes whose true log odds lie `shift` above those said."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0, 1.3, n)
    truth = (rng.random(n) < 1 / (1 + np.exp(-odds - shift))).astype(float)
    return truth, odds


def limits(odds, half):
    return tuple(1 / (1 + np.exp(-(odds + side))) for side in (-half, half))


def test_a_value_on_the_end_of_its_interval_is_inside():
    found = c.inside(np.array([1.0, 2.0, 3.1]), np.full(3, 1.0), np.array([1.0, 3.0, 3.0]))
    assert found.tolist() == [True, True, False]


def test_the_interval_score_is_the_width_and_twice_the_distance_outside_over_what_may_miss():
    found = c.interval_score(np.array([5.0, 0.0, 12.0]), np.zeros(3) + 1, np.zeros(3) + 10, 0.9)
    assert found == pytest.approx([9, 9 + 20 * 1, 9 + 20 * 2])


def one_each(n=4000):
    return np.arange(n)


def test_exact_probabilities_need_no_width_once_sampling_noise_is_allowed_for():
    _, odds = patients()
    none = limits(odds, 0.0)
    found = [c.frequency_coverage(*_exact(seed), none, one_each()) for seed in range(40)]
    assert np.mean(found) == pytest.approx(0.95, abs=0.02)


def _exact(seed):
    _, odds = patients()
    said = 1 / (1 + np.exp(-odds))
    return (np.random.default_rng(seed).random(len(odds)) < said).astype(float), said


def test_probabilities_that_are_off_are_held_only_by_intervals_that_are_wide_enough():
    truth, odds = patients(shift=0.6)
    said = 1 / (1 + np.exp(-odds))
    assert c.frequency_coverage(truth, said, limits(odds, 0.1), one_each()) < 0.5
    assert c.frequency_coverage(truth, said, limits(odds, 0.9), one_each()) > 0.9


def test_patients_whose_samples_stray_together_are_no_fault_of_the_interval():
    """Eighty patients of a hundred samples, each with log odds of his own about those said."""
    found, blind = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(80), 100)
        odds = rng.normal(0, 1, len(groups))
        own = rng.normal(0, 1.0, 80)[groups]
        truth = (rng.random(len(groups)) < 1 / (1 + np.exp(-odds - own))).astype(float)
        # what is true of a new patient: the mean over the patients there could be
        nodes, mass = np.polynomial.hermite_e.hermegauss(15)
        said = (1 / (1 + np.exp(-(odds[:, None] + nodes))) * mass / mass.sum()).sum(1)
        found.append(c.frequency_coverage(truth, said, (said, said), groups))
        blind.append(c.frequency_coverage(truth, said, (said, said), np.arange(len(said))))
    assert np.mean(found) == pytest.approx(0.95, abs=0.04)
    assert np.mean(blind) < 0.9, "as if every sample were a patient of its own"


def test_weights_are_the_same_as_repeated_samples_in_the_same_bins():
    truth, odds = patients(300)
    said, ends = 1 / (1 + np.exp(-odds)), limits(odds, 0.05)
    weights = np.stack([np.ones(300), np.full(300, 2.0)])
    first, second = c.frequency_coverage(truth, said, ends, one_each(300), weights)
    assert first == c.frequency_coverage(truth, said, ends, one_each(300))
    assert second <= first, "twice the samples allow less noise"


def test_equal_probabilities_do_not_part():
    truth, said = np.tile([0.0, 1.0], 100), np.full(200, 0.5)
    assert c.frequency_coverage(truth, said, (said, said), one_each(200)) == 1.0


def test_a_patient_of_many_samples_counts_once():
    sets = np.array([[True, False]] * 9 + [[False, True]])
    truth, groups = np.zeros(10, dtype=int), np.array([1] * 9 + [2])
    assert c.of_all(sets, truth, groups) == pytest.approx(0.5)
    assert c.of_class(sets, truth, groups, 0) == pytest.approx(0.5)
    assert np.isnan(c.of_class(sets, truth, groups, 1))
    weights = np.array([[1.0] * 9 + [0.0], [1.0] * 9 + [3.0]])
    assert c.of_all(sets, truth, groups, weights) == pytest.approx([1.0, 0.25])
