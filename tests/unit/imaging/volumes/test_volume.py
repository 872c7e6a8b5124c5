"""A volume knows where its voxels lie in the patient, and resamples without losing the place."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy import ndimage

from suwen.imaging.volumes.volume import Volume


def test_points_and_indices_are_inverse(small_volume: Volume) -> None:
    index = np.array([[0.0, 0, 0], [7, 11, 15], [2.5, 3.25, 4.75]])
    assert small_volume.to_index(small_volume.to_point(index)) == pytest.approx(index)
    assert small_volume.spacing == pytest.approx((2.5, 0.7, 0.8))
    assert small_volume.voxel_mm3 == pytest.approx(1.4)


def test_a_point_belongs_to_the_grid_up_to_half_a_voxel_outside(small_volume: Volume) -> None:
    corner = small_volume.to_point(np.array([-0.49, -0.49, -0.49]))
    beyond = small_volume.to_point(np.array([0.0, 0.0, 15.6]))
    assert small_volume.holds(tuple(corner))
    assert not small_volume.holds(tuple(beyond))


def test_a_crop_holds_at_each_point_what_the_volume_holds_there(small_volume: Volume) -> None:
    centre = tuple(small_volume.to_point(np.array([3.3, 5.2, 7.1])))
    crop = small_volume.crop(centre, (5, 7, 9), 0.6)
    assert crop.values.shape == (5, 7, 9)
    assert crop.spacing == pytest.approx((0.6, 0.6, 0.6))
    assert crop.to_point(np.array([2.0, 3, 4])) == pytest.approx(centre)
    z, y, x = small_volume.to_index(crop.to_point(np.array([1.0, 2, 7])))
    # the volume is linear in its indices, so linear interpolation is exact
    assert crop.values[1, 2, 7] == pytest.approx(z * 100 + y * 10 + x - 1000, abs=1e-2)


@pytest.mark.parametrize("index", [(0, 0, 0), (7, 11, 15), (3, -4, 7), (-40, 0, 0), (90, 5, 5)])
def test_a_crop_over_the_edge_is_filled_with_air(
    small_volume: Volume, index: tuple[int, int, int]
) -> None:
    centre = tuple(small_volume.to_point(np.array(index, dtype=float)))
    crop = small_volume.crop(centre, (9, 9, 9), 0.9)
    whole = ndimage.affine_transform(
        small_volume.values.astype(np.float32),
        0.9 / np.array(small_volume.spacing),
        small_volume.to_index(crop.affine[:3, 3]),
        (9, 9, 9),
        order=1,
        cval=-1000.0,
    )
    assert crop.values == pytest.approx(whole, abs=1e-3)
    assert (crop.values == -1000).any()


def test_a_small_crop_of_a_large_volume_needs_little_memory() -> None:
    large = Volume(np.zeros((100, 256, 256), dtype=np.int16), np.eye(4)[:, [2, 1, 0, 3]])
    tracemalloc.start()
    try:
        large.crop((128, 128, 50), (32, 32, 32), 0.8)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < large.values.nbytes / 10


def test_resampling_keeps_the_place_and_covers_the_volume(small_volume: Volume) -> None:
    again = small_volume.resampled((1.25, 1.4, 0.4))
    assert again.spacing == pytest.approx((1.25, 1.4, 0.4))
    assert again.values.shape == (15, 6, 31)
    assert np.array_equal(again.values[::2, :, ::2], small_volume.values[:, ::2, :])
    last = again.to_point(np.array([14.0, 5, 30]))
    assert last == pytest.approx(small_volume.to_point(np.array([7.0, 10, 15])))
