"""A signal in few columns keeps what stands out, and what was never recorded stays a gap."""

from __future__ import annotations

import numpy as np
import pytest

from suwen.health.signals.outline import BLOCK, Outline, extremes


def test_few_samples_are_all_kept():
    assert extremes(np.arange(10.0), 5).tolist() == list(range(10))


def test_one_spike_among_many_samples_is_kept_up_and_down():
    values = np.zeros(1_000_003, dtype=np.float32)
    values[[777_777, 123_456, 1_000_002]] = 5, -5, 9
    for places in (extremes(values, 100), Outline(values).places(0, len(values), 100)):
        assert {777_777, 123_456, 1_000_002} <= set(places.tolist())
        assert len(places) <= 204
        assert (np.diff(places) > 0).all()


def test_a_gap_stays_a_gap_and_its_edges_stay_values():
    values = np.sin(np.arange(10_000) / 7)
    values[3000:6000] = np.nan
    places = extremes(values, 50)
    inside = (places >= 3000) & (places < 6000)
    assert np.isnan(values[places[inside]]).all()
    assert inside.any()
    assert np.isfinite(values[places[~inside]]).all()


@pytest.mark.parametrize("columns", [10, 1000])
def test_a_window_of_an_outline_is_that_of_the_samples(columns):
    values = np.random.default_rng(0).normal(size=50 * BLOCK * columns // 10)
    first, end = len(values) // 5, len(values) // 5 * 4
    found = Outline(values).places(first, end, columns)
    assert found.min() >= first
    assert found.max() < end
    assert values[found].max() == pytest.approx(values[first + BLOCK : end - BLOCK].max())
    assert Outline(values).places(-5, 10**9, 10**9).tolist() == list(range(len(values)))
