"""What the detector learns from: crops whose maps lie where the nodule lies in the picture."""

import numpy as np
import pytest

from suwen.core.errors import BadInput
from suwen.imaging.detection.detector import DETECTION, marks_of
from suwen.imaging.detection.draws import (
    CROP,
    SMALL_CROP,
    Shown,
    View,
    cut,
    draw_elsewhere,
    draw_lidc,
    draw_near,
    lung_pixels,
    target,
)
from suwen.imaging.nodules.data import Crop
from suwen.imaging.volumes.volume import Volume
from suwen.lifecycle import packs
from suwen.lifecycle.recipe import Recipe


def chest(x=120.0, y=80.0, wide=10.0):
    """A slice of 1 mm pixels: body, two lungs, one bright nodule."""
    rows, columns = np.mgrid[:200, :300]
    hu = np.full((200, 300), -1000.0, np.float32)
    hu[((rows - 100) / 90) ** 2 + ((columns - 150) / 140) ** 2 < 1] = 40
    for middle in (95, 205):
        hu[((rows - 95) / 60) ** 2 + ((columns - middle) / 42) ** 2 < 1] = -850
    hu[np.hypot(rows - y, columns - x) < wide / 2] = 50
    places = np.array([[x, y, wide, 1.0]])
    return Shown("a", hu, 1.0, places, lung_pixels(hu))


@pytest.mark.parametrize("angle", [0.0, 0.6])
@pytest.mark.parametrize("flip", [1, -1])
@pytest.mark.parametrize("zoom", [1.0, 1.3])
def test_the_learned_maps_mark_the_nodule_where_the_crop_shows_it(angle, flip, zoom):
    one = chest()
    hu, maps, weight = cut(one, View((110.0, 90.0), CROP, angle, zoom, flip))
    logits = maps.copy()
    logits[0] = np.where(maps[0] > 0.999, 5, -9)
    (mark,) = marks_of(logits)
    row, column = (round(value / 0.5) for value in (mark[2], mark[1]))
    bright = np.argwhere(hu > 0)
    near = bright[np.linalg.norm(bright - (row, column), axis=1) < 18]
    assert near.mean(0) == pytest.approx([row, column], abs=1.5)
    assert mark[3] == pytest.approx(10 * zoom, rel=0.01)
    assert weight.shape == (1, CROP // 4, CROP // 4)


def test_what_lies_beyond_the_slice_weighs_nothing():
    _, _, weight = cut(chest(), View((5.0, 100.0)))
    assert weight[0, 24, 0] == 0
    assert weight[0, 24, 47] == 1


def test_an_ignored_place_is_neither_learned_nor_punished():
    maps, weight = target(np.array([[96.0, 96.0, 8.0, 0.0]]), 48, np.ones((48, 48), np.float32))
    assert maps[0].max() == 0
    assert weight[0, 24, 24] == 0
    assert weight[0, 5, 5] == 1


def test_lung_pixels_lie_in_the_lungs():
    one = chest()
    assert len(one.lung) > 500
    assert (one.hu[tuple(one.lung.T)] < -500).mean() > 0.9


def test_draws_hold_a_nodule_or_follow_a_false_alarm():
    rng, one = np.random.default_rng(1), chest()
    held = [draw_near(one, rng)[1][0].max() for _ in range(20)]
    assert np.mean(np.array(held) > 0.999) > 0.9
    shown, maps, weight = draw_elsewhere((one, [[200.0, 95.0]]), rng)
    assert shown.shape == (3, CROP, CROP)
    assert maps.shape == (4, CROP // 4, CROP // 4)
    assert weight.any()


def test_a_lidc_crop_is_learned_where_it_is_known():
    values = np.full((5, 44, 44), -800, np.float32)
    mask = np.zeros(values.shape, bool)
    mask[1:4, 18:26, 18:26] = True
    values[mask] = 40
    affine = np.array([[0, 0, 0.7, 0], [0, 0.7, 0, 0], [2.0, 0, 0, 0], [0, 0, 0, 1]])
    rng = np.random.default_rng(2)
    shown, maps, weight = draw_lidc(Crop(Volume(values, affine), mask), rng)
    assert shown.shape == (3, SMALL_CROP, SMALL_CROP)
    assert 0 < weight.mean() < 1
    assert maps[0].max() == 1
    assert np.exp(maps[3][maps[0] > 0.999]) == pytest.approx(8 * 0.7 * 2 / np.sqrt(np.pi), rel=0.25)


def test_training_goes_on_from_the_member_of_the_current_pack():
    torch = pytest.importorskip("torch")
    from suwen.imaging.detection import fit
    from suwen.imaging.learning.backbone import Backbone
    from suwen.imaging.learning.networks import DetectionNet

    network = DetectionNet(Backbone(fit.BLOCKS, fit.FROZEN), fit.WIDTH, 0.1)
    pack, one = packs.current(DETECTION), chest()
    recipe = Recipe(folds=pack.members, seed=7)

    def epoch(rng):
        return [(draw_near, one)] * 3

    assert fit._go_on(network, recipe, "member-1", epoch) == pack.member(1)["epochs"]
    shown = draw_near(one, np.random.default_rng(3))[0][None]
    (expected,) = pack.run([(fit.WEIGHTS, 1)], "maps", {"input": shown})
    with torch.no_grad():
        answered = network.eval()(torch.from_numpy(shown)).numpy()
    assert np.abs(answered - expected).mean() < 0.02 * np.ptp(expected)
    with pytest.raises(BadInput, match="folds"):
        fit._go_on(network, recipe.model_copy(update={"folds": 5}), "member-1", epoch)
