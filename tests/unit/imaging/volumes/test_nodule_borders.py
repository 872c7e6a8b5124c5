"""From slices to the mask of one nodule, with a stand-in for the trained network."""

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.imaging.drawn_nodules import SOLID_HU, ball, threshold_network

from suwen.imaging.nodules.segmentation import Networks, mask_from, probability_maps, without_cavity
from suwen.imaging.volumes.patches import Turn, back_to_slice, plane, stack
from suwen.imaging.volumes.volume import Volume
from suwen.metrics.overlap import dice

ONE = Networks(1, lambda batch: [threshold_network(batch)])


def segment(data):
    return mask_from(probability_maps(ONE, data).mean(0), data)


@pytest.mark.parametrize("diameter", [5.0, 10.0, 22.0, 34.0])
def test_the_borders_of_a_ball_are_found_at_any_size(diameter):
    data, mask = ball(diameter, shape=(40, 96, 96))
    assert dice(mask, segment(data)) > 0.85


def test_the_mask_ends_where_the_nodule_ends_and_not_where_the_crop_does():
    data, _mask = ball(8.0, shape=(40, 64, 64))
    found = segment(data)
    assert not found[:12].any()
    assert not found[-12:].any()
    low = 16
    crop = Volume(data.volume.values[low:24], data.volume.affine.copy())
    crop.affine[:3, 3] = data.volume.to_point(np.array([float(low), 0, 0]))
    assert dice(found[low:24], segment(replace(data, volume=crop))) > 0.98


def test_only_the_nodule_at_the_point_is_taken():
    data, mask = ball(8.0, shape=(24, 96, 96))
    values = data.volume.values.copy()
    values[8:16, 5:15, 5:15] = SOLID_HU
    found = segment(data.with_values(values))
    assert dice(mask, found) > 0.85
    assert not found[:, 5:15, 5:15].any()


def test_a_point_in_plain_lung_gives_an_empty_mask():
    data, _ = ball(8.0, shape=(24, 96, 96))
    x, y, z = data.point
    assert not segment(replace(data, point=(x + 15.0, y, z))).any()


def test_a_cavity_belongs_to_its_nodule():
    data, mask = ball(14.0, shape=(24, 64, 64), noise=0.0)
    _, hole = ball(7.0, shape=(24, 64, 64))
    hollow = data.with_values(np.where(hole, -920, data.volume.values))
    filled = without_cavity(hollow)
    assert filled.volume.values[12, 32, 32] > -500
    assert dice(mask, segment(hollow)) > 0.85


def test_lung_without_a_wall_around_it_is_left_alone():
    data, _ = ball(8.0)
    assert without_cavity(data) is data


def test_a_patch_is_centred_at_its_index_whatever_the_pixel_size():
    values = np.zeros((3, 40, 40), np.float32)
    values[1, 20, 22] = 100
    for pixel in (0.5, 0.7, 1.4):
        patch = plane(values, (1, 20, 22), (0.7, 0.7), pixel, pixels=21)
        assert np.unravel_index(patch.argmax(), patch.shape) == (10, 10)


def test_beyond_the_last_slice_the_last_slice_is_repeated():
    data, _ = ball()
    values = data.volume.values
    shown = stack(values, (len(values) - 1.0, 32, 32), data.volume.spacing, 0.7)
    assert np.array_equal(shown[1], shown[2])
    assert not np.array_equal(shown[0], shown[1])


def test_a_patch_turned_by_a_half_turn_is_the_patch_seen_from_the_other_side():
    data, _ = ball()
    values, index, spacing = data.volume.values, (10.0, 30.0, 31.0), (0.7, 0.7)
    straight = plane(values, index, spacing, 0.7)
    turned = plane(values, index, spacing, 0.7, Turn(np.pi))
    assert turned == pytest.approx(straight[::-1, ::-1], abs=1e-2)


def test_a_patch_put_back_lies_where_it_was_cut():
    flat = np.zeros((40, 50), np.float32)
    flat[18:24, 20:28] = 1
    patch = plane(flat[None], (0, 20, 24), (0.7, 0.7), 0.65)
    restored = back_to_slice(patch, (20, 24), (0.7, 0.7), 0.65, flat.shape)
    assert dice(flat > 0.5, restored > 0.5) > 0.95
