"""Learning from one person's own earlier forecasts: what they teach, and what they never know."""

from __future__ import annotations

import numpy as np
import pytest

from suwen.health.glucose import person

AHEAD = 60


def forecasts(factor, count=150, noise=0.0, every=30.0, seed=1):
    """Somebody in whom a foretold change comes true `factor` times."""
    rng = np.random.default_rng(seed)
    linear, trees = 20 * rng.standard_normal((2, count))
    truth = factor * (linear + trees) + noise * rng.standard_normal(count)
    return person.Said(
        minutes=every * np.arange(count),
        linear=linear,
        trees=trees,
        step=rng.standard_normal(count),
        size=np.full(count, 10.0),
        change=truth,
    )


def test_without_a_history_the_model_of_everybody_answers():
    said = forecasts(0.5)
    assert person.for_person(said, 2, AHEAD) == (said.linear[2] + said.trees[2], 10.0)


def test_somebody_whose_glucose_moves_half_as_far_as_foretold_is_foretold_less():
    said = forecasts(0.5)
    last = len(said.minutes) - 1
    found = np.array([person.for_person(said, k, AHEAD)[0] for k in range(100, last)])
    plain = (said.linear + said.trees)[100:last]
    near = np.abs(plain) < 20
    ratio = found[near] / plain[near]
    assert np.median(ratio) == pytest.approx(0.62, abs=0.1)


def test_a_correction_is_never_larger_than_the_error_expected():
    said = forecasts(-3.0)
    found, _ = person.for_person(said, 149, AHEAD)
    assert abs(found - said.linear[149] - said.trees[149]) <= 10.0 + 1e-9


def test_what_came_later_than_the_moment_changes_nothing():
    said = forecasts(0.5, noise=5.0)
    changed = said._replace(change=np.where(said.minutes > 3000 - AHEAD, 999.0, said.change))
    place = int(np.searchsorted(said.minutes, 3000))
    assert person.for_person(said, place, AHEAD) == person.for_person(changed, place, AHEAD)
    assert person.for_person(said, place + 1, AHEAD) != person.for_person(changed, place + 1, AHEAD)


def test_intervals_follow_how_far_off_forecasts_for_this_person_were():
    calm, restless = (person.for_person(forecasts(1.0, noise=n), 149, AHEAD)[1] for n in (2, 40))
    assert calm < 6
    assert restless > 20


def test_forecasts_that_overlap_count_as_little_as_they_say():
    often, seldom = forecasts(1.0, 800, 30.0, 5.0), forecasts(1.0, 67, 30.0, 60.0)
    sizes = [person.for_person(one, len(one.minutes) - 1, AHEAD)[1] for one in (often, seldom)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.2)


def test_all_moments_at_once_say_the_same_as_one_by_one():
    said = forecasts(0.7, 40, 4.0)
    changes, errors = person.for_all(said, AHEAD)
    assert (changes[30], errors[30]) == person.for_person(said, 30, AHEAD)
