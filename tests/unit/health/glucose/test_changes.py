"""What happens to a sensor, made to a window: every part of it feels the change."""

from __future__ import annotations

import numpy as np
import pytest

from suwen.core.errors import BadInput
from suwen.health.glucose import changes
from suwen.health.glucose.window import Past, Window, grids, own_levels, recent
from suwen.lifecycle.examples import Sample

COUNT = 12 * 24 * 5


def sample():
    minutes = 5.0 * np.arange(COUNT)
    past = Past(minutes, 140 + 30 * np.sin(minutes / 300))
    place = np.array([COUNT - 1])
    window = Window(
        grids(past, place)[0],
        float(minutes[-1] / 60 % 24),
        own_levels(past, place, 60)[0],
        60,
        days=recent(past, COUNT - 1),
        place=COUNT - 1,
        past=past,
    )
    return Sample("somebody", window)


def values(one):
    return one.data.values


def readings(one):
    return one.data.days.readings


def test_a_change_of_no_strength_changes_nothing():
    before = sample()
    for change in (changes.thinned, changes.pressed, changes.calibrated, changes.noisy):
        after = change(before, 0.0, 1)
        assert np.allclose(values(after), values(before), atol=1e-3)
        assert np.allclose(after.data.own, before.data.own, atol=1e-3)
        assert np.allclose(after.data.features, before.data.features, atol=1e-3)


def test_readings_are_lost_but_for_the_last_minutes():
    after = changes.thinned(sample(), 0.5, 3)
    assert readings(after).shape[1] == pytest.approx(COUNT / 2, rel=0.1)
    assert list(readings(after)[0, -4:]) == [-15, -10, -5, 0]


def test_a_silent_hour_leaves_a_gap_in_the_curve():
    after = values(changes.silent(sample(), 60.0, 0))
    assert np.isnan(after[-15:-5]).all()
    assert np.isfinite(after[-4:]).all()
    assert np.isfinite(values(changes.silent(sample(), 30.0, 0))).all()


def test_a_sensor_that_is_lain_on_recovers():
    before = sample()
    gap = values(before) - values(changes.pressed(before, 30.0, 0))
    assert gap.max() == pytest.approx(30, abs=2)
    assert gap[-2:] == pytest.approx([0, 0], abs=1e-3)
    assert gap[:-9] == pytest.approx(np.zeros(136), abs=1e-3)


def test_a_calibration_leaves_a_jump_an_hour_ago():
    before = sample()
    gap = values(changes.calibrated(before, 20.0, 0)) - values(before)
    assert gap[:-13] == pytest.approx(np.full(132, 20.0), abs=1e-3)
    assert gap[-13:] == pytest.approx(np.zeros(13), abs=1e-3)


def test_a_sensor_that_reads_too_high_moves_the_own_level_too():
    before = sample()
    after = changes.shifted(before, 1.2, 0)
    assert after.data.own[0] == pytest.approx(1.2 * before.data.own[0], rel=1e-3)
    assert values(after)[-1] == pytest.approx(1.2 * values(before)[-1], rel=1e-4)


def test_inexact_times_keep_their_order_and_the_newest():
    minutes = readings(changes.jittered(sample(), 4.0, 1))[0]
    assert (np.diff(minutes) > 0).all()
    assert minutes[-1] == 0


def test_readings_in_the_wrong_unit_are_passed_over_as_in_use():
    after = changes.mistaken(sample(), 0.3, 1)
    assert readings(after).shape[1] == pytest.approx(0.7 * COUNT, rel=0.1)
    assert readings(after)[1].min() > 100


def test_a_window_without_its_readings_cannot_be_changed():
    bare = Sample("golden", Window(np.full(145, 100.0), 1.0, np.full(3, np.nan), 30))
    with pytest.raises(BadInput, match="without its readings"):
        changes.noisy(bare, 1.0, 0)
