"""Types and diameters of balls whose every measure is known."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.imaging.drawn_nodules import LUNG_HU, ball

from suwen.imaging.nodules.kind import composition, mean_diameter_mm
from suwen.imaging.volumes.volume import Volume


@pytest.mark.parametrize("diameter", [5.0, 8.0, 15.0])
def test_a_solid_ball_is_solid_and_as_wide_as_it_is(diameter):
    data, mask = ball(diameter)
    found = composition(data.volume, mask)
    assert found.kind == "solid"
    assert found.mean_mm == pytest.approx(diameter, abs=0.7)  # a pixel
    assert found.solid_mm == found.mean_mm


def test_a_pale_ball_is_ground_glass_without_a_solid_part():
    data, mask = ball(14.0, hu=-600.0)
    found = composition(data.volume, mask)
    assert (found.kind, found.solid_mm, found.solid_mm3) == ("ground-glass", 0.0, 0.0)


def test_a_pale_ball_with_a_dense_core_is_part_solid_and_the_core_is_measured():
    pale, mask = ball(20.0, hu=-600.0)
    dense, core = ball(11.0)
    values = np.maximum(pale.volume.values, dense.volume.values)
    found = composition(Volume(values, pale.volume.affine), mask)
    assert found.kind == "part-solid"
    assert found.mean_mm == pytest.approx(20, abs=0.6)
    assert found.solid_mm == pytest.approx(11, abs=1.5)
    assert found.solid_mm3 == pytest.approx(core.sum() * pale.volume.voxel_mm3, rel=0.4)


def test_the_mean_of_an_oblong_is_that_of_its_long_and_short_axis():
    data, _ = ball(10.0)
    _, y, x = np.indices(data.volume.values.shape) - np.array([12, 31.5, 31.5])[:, None, None, None]
    mask = (y * 0.7 / 7) ** 2 + (x * 0.7 / 3.5) ** 2 <= 1  # 14 x 7 mm
    volume = Volume(np.full(mask.shape, LUNG_HU), data.volume.affine)
    assert mean_diameter_mm(volume, mask) == pytest.approx((14 + 7) / 2, abs=0.4)
