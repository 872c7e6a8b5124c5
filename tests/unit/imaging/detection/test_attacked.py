"""The slopes of the borders and of the search are those of what small steps along them change."""

import numpy as np
import pytest
from tests.unit.imaging.drawn_nodules import ball

from suwen.core import registry
from suwen.imaging.detection import attacked as attacked_nodules
from suwen.imaging.detection.detector import DETECTION, slice_maps
from suwen.imaging.detection.scan import ScanInput
from suwen.imaging.detection.task import networks_of as detectors_of
from suwen.imaging.nodules.segmentation import probability_maps
from suwen.imaging.tasks import SEGMENTATION, networks_of
from suwen.imaging.volumes.volume import Volume
from suwen.lifecycle import packs
from suwen.lifecycle.examples import Sample
from suwen.lifecycle.robust import attack
from suwen.lifecycle.robust.attack import Target


@pytest.fixture(scope="module")
def nodule():
    """A nodule of 10 mm, its true mask, and the pack that segments it."""
    data, mask = ball(10.0, noise=20.0)
    return Sample("ball", data), mask, packs.current(SEGMENTATION)


@pytest.fixture(scope="module")
def spot():
    """A slice of lung with one nodule, where it is, and the pack that searches it."""
    rows, columns = np.mgrid[:96, :96]
    hu = np.random.default_rng(0).normal(-850, 20, (1, 96, 96)).astype(np.float32)
    hu[0][np.hypot(rows - 40, columns - 60) < 4] = -100
    affine = np.array([[0, 0, 1.0, 5.0], [0, 1.0, 0, -7.0], [1.0, 0, 0, 0], [0, 0, 0, 1]])
    places = np.array([[65.0, 33.0, 0.0, 8.0, 1.0]])
    return Sample("spot", ScanInput(Volume(hu, affine))), places, packs.current(DETECTION)


def soft_dice(pack, data, mask):
    inside = probability_maps(networks_of(pack, [0]), data)[0]
    return 2 * inside[mask].sum() / (inside.sum() + mask.sum())


def margin(pack, data, places):
    hu, spacing = data.volume.values[0], data.volume.spacing[1:]
    logit = slice_maps(detectors_of(pack, [0]), hu, spacing)[0]
    slope = attacked_nodules._margin_slope(logit, data, places)
    false, true = np.log(np.exp(logit[slope > 0]).sum()), np.log(np.exp(logit[slope < 0]).sum())
    return float(false - true)


def test_the_slope_of_the_borders_is_that_of_lost_dice(nodule):
    sample, mask, pack = nodule
    values = sample.data.volume.values
    slope = registry.find(SEGMENTATION).harm_gradient(pack, sample, values, [0], mask)
    along = 0.5 * slope / np.abs(slope).max()
    up, down = (soft_dice(pack, sample.data.with_values(values + s * along), mask) for s in (1, -1))
    assert (down - up) / 2 == pytest.approx(float((slope * along).sum()), rel=0.1)


def test_the_slope_of_the_search_is_that_of_false_marks_over_true_ones(spot):
    sample, places, pack = spot
    values = sample.data.volume.values
    slope = registry.find(DETECTION).harm_gradient(pack, sample, values, [0], places)
    along = 0.5 * slope / np.abs(slope).max()
    up, down = (margin(pack, sample.data.with_values(values + s * along), places) for s in (1, -1))
    assert (up - down) / 2 == pytest.approx(float((slope * along).sum()), rel=0.1)


@pytest.mark.parametrize("kind", ["nodule", "spot"])
def test_fgsm_of_25_hu_does_more_harm_than_noise_of_25_hu(kind, request):
    sample, truth, pack = request.getfixturevalue(kind)
    target = Target(registry.find(pack.task), pack, sample, [0], truth)
    harm = {
        method: target.harm(attack.attacked(target, method, 25.0, 0).data.volume.values)
        for method in ("noise", "fgsm")
    }
    assert harm["fgsm"] > harm["noise"] + 0.02


def test_a_place_that_does_not_count_is_neither_raised_nor_lowered(spot):
    sample, places, _ = spot
    ignored = np.vstack([places, [30.0, 60.0, 0.0, 10.0, 0.0]])
    logit = np.zeros((48, 48), np.float32)
    found = attacked_nodules._margin_slope(logit, sample.data, ignored)
    assert found.sum() == pytest.approx(0, abs=1e-6)
    assert found[33, 12] == 0 < found[5, 5]
    assert found[20, 30] < 0
    alone = attacked_nodules._margin_slope(logit, sample.data, ignored[1:])
    assert alone.min() == 0
    assert alone.sum() == pytest.approx(1)


def test_the_wall_of_a_filled_cavity_is_attacked_and_the_filling_is_not():
    data, mask = ball(16.0, noise=0.0)
    z, y, x = np.indices(mask.shape)
    step = data.volume.spacing
    away = np.sqrt(
        sum(((k - c) * s) ** 2 for k, c, s in zip((z, y, x), data.index, step, strict=True))
    )
    hollow = data.with_values(np.where(away < 4, -900.0, data.volume.values))
    slope = attacked_nodules.border_gradient(packs.current(SEGMENTATION), hollow, [0], mask)
    assert not slope[away < 3.5].any()
    assert np.abs(slope[(away > 6) & (away < 10)]).max() > 0
