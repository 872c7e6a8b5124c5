"""The slope of the malignancy networks in logits per HU; changed nodules are segmented again."""

import numpy as np
import pytest
from tests.unit.imaging.drawn_nodules import ball

from suwen.core import registry
from suwen.imaging.nodules import saliency
from suwen.imaging.nodules.malignancy import PIXEL_MM, PIXELS, network_input, show, smooth_mask
from suwen.imaging.planar import attacked
from suwen.imaging.tasks import MALIGNANCY
from suwen.lifecycle import packs
from suwen.lifecycle.examples import Sample
from suwen.lifecycle.robust import attack
from suwen.lifecycle.robust.attack import Target


@pytest.fixture(scope="module")
def pack():
    return packs.current(MALIGNANCY)


@pytest.fixture(scope="module")
def sample():
    data, mask = ball(10.0, noise=20.0)
    return Sample("ball", data.__class__(volume=data.volume, point=data.point, mask=mask))


def test_the_way_back_is_the_transpose_of_the_way_there(sample):
    data = sample.data
    rng = np.random.default_rng(0)
    soft = smooth_mask(data.mask)
    there = [rng.normal(0, 1, data.volume.values.shape) for _ in range(2)]
    shown = [show(data.with_values(v).volume, data.mask, soft).values for v in there]
    back = attacked._back(shown[1], data)
    assert back.shape == data.volume.values.shape
    assert (back * there[0]).sum() == pytest.approx((shown[0] * shown[1]).sum(), rel=1e-4)
    assert shown[0].shape[1:] == (PIXELS, PIXELS)
    assert PIXEL_MM > 0


def test_the_slope_is_that_of_small_steps_along_it(pack, sample):
    task = registry.find(MALIGNANCY)
    values = task.input_of(pack, sample)
    slope = task.gradient_of(pack, sample, values, [0], np.asarray(1.0))
    along = slope / np.abs(slope).max()
    reach = 0.5
    files = [(name, 0) for name in pack.member(0)["networks"]]
    up, down = (
        np.mean(pack.run(files, "logit", {"input": network_input(volume, sample.data.mask)[None]}))
        for volume in (
            saliency.with_seen(sample.data, values + sign * reach * along).volume
            for sign in (1, -1)
        )
    )
    assert (up - down) / (2 * reach) == pytest.approx(float((slope * along).sum()), rel=0.15)


def test_fgsm_of_10_hu_moves_the_answer_more_than_noise_of_10_hu(pack, sample):
    task = registry.find(MALIGNANCY)
    target = Target(task, pack, sample, [0], 0)
    before = task.predict(pack, sample, [0]).scores[0]
    moved = {
        method: task.predict(pack, attack.attacked(target, method, 10.0, 0), [0]).scores[0] - before
        for method in ("noise", "fgsm")
    }
    assert moved["fgsm"] > 0.05
    assert moved["fgsm"] > 3 * abs(moved["noise"])


def test_a_changed_nodule_is_segmented_again_as_in_use(sample):
    task = registry.find(MALIGNANCY)
    by_name = {each.name: each for each in task.perturbations}
    one = by_name["motion blur (mm)"]
    still, moved = one.apply(sample, 0.01, 0), one.apply(sample, 8.0, 0)
    assert still.data.mask.any()
    assert not np.array_equal(still.data.mask, moved.data.mask)
