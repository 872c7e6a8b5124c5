"""A large nodule is shown with a cavity now and then; a small one never."""

import numpy as np

from suwen.imaging.detection import cavities
from suwen.imaging.detection.cavities import hollowed


def slice_with(wide):
    """A soft round nodule of `wide` mm in the middle of a slice of lung with 1 mm pixels."""
    y, x = np.ogrid[:80, :80]
    hu = np.where(np.hypot(x - 40, y - 40) <= wide / 2, 40, -860).astype(np.float32)
    return hu, np.array([[40.0, 40.0, wide, 1.0]])


def test_a_cavity_is_gas_within_a_wall(monkeypatch):
    monkeypatch.setattr(cavities, "SHARE", 1.0)
    hu, places = slice_with(24.0)
    shown = hollowed(hu, 1.0, places, np.random.default_rng(1))
    nodule = hu > 0
    gas = nodule & (shown < -800)
    assert 0.03 < gas.sum() / nodule.sum() < 0.5
    changed = np.abs(shown - hu) > 30
    assert (changed & ~nodule).sum() < 0.1 * gas.sum(), "it lies in the nodule"
    y, x = np.argwhere(gas).mean(0)
    assert np.hypot(x - 40, y - 40) < 24 / 2 * 0.5


def test_the_slice_itself_is_kept(monkeypatch):
    monkeypatch.setattr(cavities, "SHARE", 1.0)
    hu, places = slice_with(24.0)
    before = hu.copy()
    hollowed(hu, 1.0, places, np.random.default_rng(1))
    assert np.array_equal(hu, before)


def test_a_small_nodule_and_one_that_does_not_count_stay_solid(monkeypatch):
    monkeypatch.setattr(cavities, "SHARE", 1.0)
    small, places = slice_with(6.0)
    assert hollowed(small, 1.0, places, np.random.default_rng(1)) is small
    large, places = slice_with(24.0)
    places[0, 3] = 0
    assert hollowed(large, 1.0, places, np.random.default_rng(1)) is large


def test_most_draws_stay_as_they_are():
    hu, places = slice_with(24.0)
    rng = np.random.default_rng(3)
    changed = sum(hollowed(hu, 1.0, places, rng) is not hu for _ in range(400))
    assert 30 < changed < 95
