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


def test_exact_probabilities_need_no_width_once_sampling_noise_is_allowed_for():
    truth, odds = patients()
    said, none = 1 / (1 + np.exp(-odds)), limits(odds, 0.0)
    assert c.frequency_coverage(truth, said, none) < 0.3
    found = [c.frequency_coverage(*_exact(seed), none, noise=True) for seed in range(40)]
    assert np.mean(found) == pytest.approx(0.95, abs=0.03)


def _exact(seed):
    _, odds = patients()
    said = 1 / (1 + np.exp(-odds))
    return (np.random.default_rng(seed).random(len(odds)) < said).astype(float), said


def test_probabilities_that_are_off_are_held_only_by_intervals_that_are_wide_enough():
    truth, odds = patients(shift=0.6)
    said = 1 / (1 + np.exp(-odds))
    assert c.frequency_coverage(truth, said, limits(odds, 0.1), noise=True) < 0.5
    assert c.frequency_coverage(truth, said, limits(odds, 0.9)) > 0.9


def test_weights_are_the_same_as_repeated_samples_in_the_same_bins():
    truth, odds = patients(300)
    said, ends = 1 / (1 + np.exp(-odds)), limits(odds, 0.3)
    weights = np.stack([np.ones(300), np.full(300, 2.0)])
    first, second = c.frequency_coverage(truth, said, ends, weights)
    assert first == second == c.frequency_coverage(truth, said, ends)
    noisy = c.frequency_coverage(truth, said, ends, weights, noise=True)
    assert noisy[1] <= noisy[0], "twice the samples allow less noise"
