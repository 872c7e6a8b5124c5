"""Marks against true places: matching, FROC, sensitivity at given false alarms."""

from __future__ import annotations

import time

import numpy as np
import pytest

from suwen.metrics.froc import RATES, Matched, matched
from suwen.metrics.intervals import estimates, remembered


def marks(*rows):
    return np.array(rows, dtype=float).reshape(-1, 4)


def by_hand():
    """Two slices: a 10 mm nodule found twice, a 4 mm one missed by 0.1 mm, one that is ignored."""
    said = [
        marks((3.0, 4.9, 0, 8), (2.0, 0, 1, 8), (1.0, 50, 0, 4)),
        marks((2.5, 0, 3.1, 4), (0.5, 20, 0, 4), (1.5, 40, 40, 4)),
    ]
    true = [marks((0, 0, 10, 1)), marks((0, 0, 4, 1), (20, 0, 6, 0))]
    return matched(said, true)


def made_up(samples=60, dimensions=2, seed=0) -> tuple[list, list]:
    rng = np.random.default_rng(seed)
    said, true = [], []
    for _ in range(samples):
        k = int(rng.integers(0, 4))
        centres = rng.uniform(0, 60, (k, dimensions))
        counts = (rng.random(k) < 0.8).astype(float)
        true.append(np.column_stack([centres, rng.uniform(3, 14, k), counts]))
        near = centres + rng.normal(0, 2.5, (k, dimensions))
        far = rng.uniform(0, 60, (int(rng.integers(0, 7)), dimensions))
        logits = np.round(np.r_[rng.normal(1, 1, k), rng.normal(-1, 1, len(far))], 1)
        said.append(np.column_stack([logits, np.r_[near, far], np.ones(len(logits))]))
    return said, true


def slow(said, true, rate, weights):
    """The same by definition: try every threshold."""
    best = 0.0
    places = sum(w * (t[:, -1] == 1).sum() for t, w in zip(true, weights, strict=True))
    for cut in np.unique(np.concatenate([m[:, 0] for m in said])):
        alarms = hits = 0.0
        for m, t, w in zip(said, true, weights, strict=True):
            shown = m[m[:, 0] >= cut]
            far = np.linalg.norm(shown[:, None, 1:-1] - t[None, :, :-2], axis=-1)
            on = far <= np.maximum(t[:, -2] / 2, 3.0)
            alarms += w * (~on.any(1)).sum()
            hits += w * on[:, t[:, -1] == 1].any(0).sum()
        if alarms <= rate * sum(weights) + 1e-9:
            best = max(best, hits / places)
    return best


def test_a_nodule_is_found_by_its_best_mark_and_further_marks_on_it_are_not_counted():
    found = by_hand()
    assert found.best.tolist() == [3.0, -np.inf]
    assert found.score[~found.true].tolist() == [1.0, 2.5, 1.5]
    assert found.score[found.true].tolist() == [3.0, 2.0]


def test_a_small_nodule_is_reached_within_3_mm_and_a_large_one_within_its_radius():
    for diameter, reached in ((4.0, 3.0), (10.0, 5.0)):
        place = [marks((0, 0, diameter, 1))]
        inside = matched([marks((1.0, reached, 0, 1))], place)
        outside = matched([marks((1.0, reached + 0.01, 0, 1))], place)
        assert np.isfinite(inside.best).all()
        assert not np.isfinite(outside.best).any()


def test_the_hand_computed_curve_has_one_step():
    found = by_hand()
    alarms, hit = found.curve()
    assert alarms.tolist() == [0.0, 0.0]
    assert hit.tolist() == [0.0, 0.5]
    assert found.sensitivities((0.125, 8)).tolist() == [0.5, 0.5]
    assert found.threshold(1.0) == np.nextafter(1.0, 2)
    assert found.alarms_at(np.array([1.0, 1.6])) == 1.0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("dimensions", [2, 3])
def test_sensitivities_are_those_of_trying_every_threshold(seed, dimensions):
    said, true = made_up(9, dimensions, seed)
    found = matched(said, true)
    weights = np.random.default_rng(seed).integers(0, 3, (2, 9)).astype(float)
    got = found.sensitivities(RATES, weights)
    for row, wanted in zip(got, weights, strict=True):
        assert row == pytest.approx([slow(said, true, rate, wanted) for rate in RATES])
    plain = [slow(said, true, rate, np.ones(9)) for rate in RATES]
    assert found.sensitivities() == pytest.approx(plain)


def test_more_false_alarms_never_find_less():
    found = matched(*made_up())
    assert (np.diff(found.sensitivities()) >= 0).all()
    assert found.sensitivities()[0] < found.sensitivities()[-1]


def test_a_threshold_gives_at_most_the_stated_false_alarms_and_the_sensitivity_of_the_curve():
    found = matched(*made_up())
    for rate in RATES[:5]:
        at = np.full(found.samples, found.threshold(rate))
        assert found.alarms_at(at) <= rate
        assert found.found_at(at) == pytest.approx(found.sensitivities([rate])[0])


def test_drawing_a_sample_twice_is_having_it_twice():
    said, true = made_up(20)
    twice = matched(said + said[:5], true + true[:5])
    weights = np.r_[np.full(5, 2.0), np.ones(15)]
    assert matched(said, true).sensitivities(RATES, weights) == pytest.approx(twice.sensitivities())


def test_the_samples_kept_are_measured_as_if_they_were_alone():
    said, true = made_up(30)
    keep = np.arange(30) % 3 > 0
    alone = matched(
        [said[i] for i in np.flatnonzero(keep)], [true[i] for i in np.flatnonzero(keep)]
    )
    kept = matched(said, true).where(keep)
    assert kept.sensitivities().tolist() == alone.sensitivities().tolist()
    assert kept.mark_sample.tolist() == alone.mark_sample.tolist()


def test_sizes_share_the_threshold_of_all_and_add_up_to_it():
    found = matched(*made_up())
    large = found.diameter > 8
    whole, one, other = (found.sensitivities([1.0], of=of)[0] for of in (None, large, ~large))
    assert whole == pytest.approx(large.mean() * one + (~large).mean() * other)
    assert np.isnan(found.sensitivities([1.0], of=np.zeros(len(large), dtype=bool))).all()


def test_without_marks_nothing_is_found_and_without_places_nothing_is_defined():
    place = [marks((0, 0, 10, 1))]
    nothing = matched([np.zeros((0, 0))], place)
    assert nothing.sensitivities().tolist() == [0.0] * 7
    with pytest.raises(ValueError, match="at least one mark"):
        nothing.threshold(1.0)
    assert np.isnan(matched([marks((1.0, 0, 0, 1))], [marks()]).sensitivities()).all()


def test_marks_of_another_dimension_than_the_places_are_refused():
    with pytest.raises(ValueError, match="dimension"):
        matched([np.ones((1, 5))], [marks((0, 0, 10, 1))])


def test_two_thousand_resamples_of_a_thousand_slices_take_seconds():
    found = matched(*made_up(1000))
    assert isinstance(found, Matched)
    at = remembered(lambda w: found.sensitivities(RATES, w))
    metrics = {str(rate): (lambda w, i=i: at(w)[..., i]) for i, rate in enumerate(RATES)}
    start = time.perf_counter()
    made = estimates(metrics, np.arange(1000) // 2)
    assert time.perf_counter() - start < 10
    assert all(each.low < each.value < each.high for each in made.values())
