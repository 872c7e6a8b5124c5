"""What the clinic does to an image, in its own units."""

import numpy as np
import pytest
from tests.unit.imaging.nodules import ball

from suwen.imaging import perturbations as p
from suwen.lifecycle.task import Sample


@pytest.fixture
def sample():
    data, _ = ball(10.0, noise=0.0)
    return Sample("ball", data)


def changed(sample, one, strength, seed=0):
    return np.asarray(one.apply(sample, strength, seed).data.volume.values)


def test_noise_of_25_hu_has_a_spread_of_25_hu_and_a_seed(sample):
    before = sample.data.volume.values
    noisy = changed(sample, p.NOISE, 25.0)
    assert (noisy - before).std() == pytest.approx(25, rel=0.01)
    assert np.array_equal(noisy, changed(sample, p.NOISE, 25.0))
    assert not np.array_equal(noisy, changed(sample, p.NOISE, 25.0, seed=1))


def test_a_soft_kernel_flattens_edges_and_a_sharp_one_lifts_them(sample):
    steep = np.abs(np.diff(sample.data.volume.values, axis=2)).max()
    assert np.abs(np.diff(changed(sample, p.SOFT, 1.0), axis=2)).max() < 0.7 * steep
    assert np.abs(np.diff(changed(sample, p.SHARP, 1.0), axis=2)).max() > 1.2 * steep


def test_slices_of_5_mm_blur_along_z_only(sample):
    before, thick = sample.data.volume.values, changed(sample, p.THICK, 5.0)
    assert thick.sum() == pytest.approx(before.sum(), rel=1e-3)
    assert np.abs(np.diff(thick[:, 32, 32])).max() < np.abs(np.diff(before[:, 32, 32])).max()
    assert changed(sample, p.THICK, 1.0) is sample.data.volume.values


def test_a_moved_point_stays_in_its_slice_at_the_stated_distance(sample):
    moved = p.MOVED.apply(sample, 4.0, 3).data.point
    gap = np.array(moved) - sample.data.point
    assert np.hypot(gap[0], gap[1]) == pytest.approx(4)
    assert gap[2] == 0


def test_an_offset_shifts_every_voxel(sample):
    before = sample.data.volume.values
    assert changed(sample, p.OFFSET, -40.0) == pytest.approx(before - 40)
