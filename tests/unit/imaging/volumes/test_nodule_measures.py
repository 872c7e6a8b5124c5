"""What is measured of a nodule, against balls of known size."""

import numpy as np
import pytest
from tests.unit.imaging.drawn_nodules import affine, ball

from suwen.imaging.nodules.features import features_of
from suwen.imaging.volumes.nodule import (
    box_of,
    cut_around,
    domain_of,
    equivalent_diameter_mm,
    is_axial,
    longest_diameter_mm,
    volume_mm3,
)
from suwen.imaging.volumes.volume import Volume


@pytest.mark.parametrize("spacing", [(1.25, 0.7, 0.7), (2.5, 0.8, 0.8), (0.6, 0.5, 0.9)])
def test_a_ball_of_12_mm_measures_12_mm_whatever_the_spacing(spacing):
    data, mask = ball(12.0, spacing, shape=(40, 64, 64))
    assert equivalent_diameter_mm(volume_mm3(mask, data.volume)) == pytest.approx(12, rel=0.05)
    assert longest_diameter_mm(mask, data.volume) == pytest.approx(12, abs=1.5)


def test_a_single_voxel_has_the_diagonal_of_its_pixel_as_longest_diameter():
    data, mask = ball()
    mask = np.zeros_like(mask)
    mask[3, 4, 5] = True
    assert longest_diameter_mm(mask, data.volume) == pytest.approx(0.7 * np.sqrt(2))


def test_the_box_of_a_mask_is_its_first_and_last_index():
    mask = np.zeros((5, 6, 7), bool)
    mask[1:3, 2:5, 4] = True
    low, high = box_of(mask)
    assert (low.tolist(), high.tolist()) == ([1, 2, 4], [2, 4, 4])


def test_a_piece_cut_out_of_a_ct_keeps_its_place_in_the_patient():
    values = np.random.default_rng(0).normal(size=(60, 200, 200)).astype(np.float32)
    volume = Volume(values, affine((2.0, 0.8, 0.8)))
    point = tuple(volume.to_point(np.array([30.0, 100.0, 80.0])))
    part = cut_around(volume, point)
    assert part.values.shape < values.shape
    here = np.round(part.to_index(point)).astype(int)
    assert part.values[tuple(here)] == values[30, 100, 80]


def test_sagittal_slices_are_not_taken_for_axial_ones():
    data, _ = ball()
    turned = data.volume.affine[:, [2, 1, 0, 3]]
    assert is_axial(data.volume)
    assert not is_axial(Volume(data.volume.values, turned))


def test_the_domain_does_not_see_where_a_crop_ends_in_z():
    data, _ = ball(shape=(24, 64, 64), noise=0.0)
    tight = Volume(data.volume.values[8:16], data.volume.affine.copy())
    tight.affine[:3, 3] = data.volume.to_point(np.array([8.0, 0, 0]))
    short = type(data)(tight, data.point)
    assert domain_of(short) == pytest.approx(domain_of(data), rel=1e-6)


def test_features_do_not_change_when_slices_beyond_the_nodule_are_cut_off():
    data, mask = ball()
    low, high = box_of(mask)
    kept = slice(low[0], high[0] + 1)
    short = Volume(data.volume.values[kept], data.volume.affine)
    assert features_of(short, mask[kept]) == pytest.approx(features_of(data.volume, mask))


def test_a_star_is_less_round_and_rougher_than_a_ball():
    data, mask = ball(12.0)
    star = mask.copy()
    star[:, 31:33, 14:50] = mask.any((1, 2))[:, None, None]
    star[:, 14:50, 31:33] |= mask.any((1, 2))[:, None, None]
    round_one, spiky = features_of(data.volume, mask), features_of(data.volume, star)
    assert spiky["circularity"] < 0.6 * round_one["circularity"]
    assert spiky["radius_variation"] > 2 * round_one["radius_variation"]


def test_a_calcified_ball_is_seen_as_calcified():
    dense, mask = ball(12.0, hu=600.0)
    soft, _ = ball(12.0)
    assert features_of(dense.volume, mask)["share_calcified"] > 0.8
    assert features_of(soft.volume, mask)["share_calcified"] == 0


def test_a_mask_of_one_voxel_still_has_finite_features():
    data, mask = ball()
    mask = np.zeros_like(mask)
    mask[12, 32, 32] = True
    assert np.isfinite(list(features_of(data.volume, mask).values())).all()


def test_a_mask_of_one_voxel_has_features_wherever_it_falls_between_the_grids():
    grid = np.random.default_rng(0).normal(-600, 200, (3, 50, 50)).astype(np.float32)
    volume = Volume(grid, affine((2.0, 0.5, 0.5)))
    for column in range(10, 40):
        mask = np.zeros(grid.shape, dtype=bool)
        mask[1, 25, column] = True
        assert np.isfinite(list(features_of(volume, mask).values())).all()
