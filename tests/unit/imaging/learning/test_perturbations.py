"""What the clinic does to an image, in its own units."""

import numpy as np
import pytest
from tests.unit.imaging.drawn_nodules import ball

from suwen.imaging.detection.scan import ScanInput
from suwen.imaging.learning import perturbations as p
from suwen.imaging.volumes.volume import Volume
from suwen.lifecycle.examples import Sample


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


def test_contrast_medium_raises_tissue_and_leaves_air(sample):
    values = np.array([-1000.0, -500.0, 0.0, 300.0]).reshape(1, 1, 4)
    data = sample.data.with_values(values)
    found = changed(Sample("row", data), p.CONTRAST, 40.0)
    assert found.ravel() == pytest.approx([-1000, -480, 40, 340])


def test_a_scanner_that_reads_3_percent_high_keeps_water_at_zero(sample):
    data = sample.data.with_values(np.array([-900.0, 0.0, 100.0]).reshape(1, 1, 3))
    found = changed(Sample("row", data), p.SCALE, 3.0)
    assert found.ravel() == pytest.approx([-927, 0, 103])


def test_motion_keeps_the_mass_and_spreads_a_bright_line(sample):
    values = np.full((3, 41, 41), -800.0)
    values[:, 20, 20] = 1000
    still = Sample("dot", sample.data.with_values(values))
    for one in (p.MOTION, p.DOUBLE):
        found = changed(still, one, 4.0)
        assert found.sum() == pytest.approx(values.sum(), rel=1e-4)
        assert found.max() < 500
        assert np.array_equal(found, changed(still, one, 4.0))


def test_a_double_contour_of_4_mm_has_two_tops_4_mm_apart(sample):
    values = np.full((1, 61, 61), -800.0)
    values[:, 30, 30] = 1000
    still = Sample("dot", sample.data.with_values(values))
    _, step_y, step_x = sample.data.volume.spacing
    lit = np.argwhere(changed(still, p.DOUBLE, 8.0)[0] > -600) * (step_y, step_x)
    assert np.linalg.norm(lit.max(0) - lit.min(0)) == pytest.approx(8, abs=2 * step_x)


def test_jpeg_of_low_quality_differs_more_and_stays_in_the_window(sample):
    before = np.clip(sample.data.volume.values, -1000, 400)
    gaps = [np.abs(changed(sample, p.JPEG, s) - before).mean() for s in p.JPEG.strengths]
    assert 0 < gaps[0] < gaps[1] < gaps[2] < 60
    assert changed(sample, p.JPEG, 70.0).max() <= 400


def test_a_turn_moves_image_and_truth_alike(sample):
    data = sample.data
    mask = np.zeros(data.volume.values.shape, dtype=bool)
    z, y, x = (round(k) for k in data.index)
    mask[z, y, x : x + 8] = True
    lit = Sample("line", data.with_values(np.where(mask, 300.0, -800.0)))
    for angle in p.TURNED.strengths:
        found = changed(lit, p.TURNED, angle) > -250
        moved = p.TURNED.truth(mask, lit, angle, 0)
        assert (found == moved).mean() > 0.999
        assert moved.any()
    quarter = p.TURNED.truth(mask, lit, 90.0, 0)
    assert np.ptp(np.argwhere(quarter)[:, 2]) == 0
    assert np.ptp(np.argwhere(quarter)[:, 1]) == 7


def test_a_rolled_slice_and_its_places_turn_alike_and_air_comes_in(sample):
    values = np.full((1, 80, 120), -800.0, np.float32)
    values[0, 30:33, 90:93] = 300
    affine = np.array([[0, 0, 0.8, 7.0], [0, 0.8, 0, -9.0], [1.0, 0, 0, 0], [0, 0, 0, 1]])
    still = Sample("slice", ScanInput(Volume(values, affine)))
    places = np.array([[0.8 * 91 + 7, 0.8 * 31 - 9, 0, 2.4, 1.0], [7.0, -9.0, 0, 5.0, 1.0]])
    for angle in p.ROLLED.strengths:
        turned = p.ROLLED.apply(still, angle, 0).data.volume
        moved = p.ROLLED.truth(places, still, angle, 0)
        bright = np.argwhere(turned.values > 0).mean(0)
        assert turned.to_point(bright) == pytest.approx(moved[0, :3], abs=0.3)
        assert moved[:, 3:].tolist() == [[2.4, 1.0], [5.0, 0.0]]  # the corner leaves the picture
        assert turned.values[0, 0, 0] == p.LOWEST_HU
    assert p.ROLLED.truth(places[:0], still, 5.0, 0).shape == (0, 5)


def test_a_single_slice_is_changed_by_all_but_its_thickness_and_a_moved_point():
    names = {one.name for one in p.ON_CT} - {p.THICK.name, p.MOVED.name}
    assert {one.name for one in p.ON_SLICE} == names
