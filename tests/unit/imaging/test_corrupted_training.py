"""Training inputs changed as the robustness card changes them, or made worse on purpose."""

import numpy as np
import pytest
import torch
from tests.unit.imaging.drawn_nodules import ball

from suwen.imaging.detection import draws as detection_draws
from suwen.imaging.detection import fit as fit_detection
from suwen.imaging.learning import hardening_ct, perturbations
from suwen.imaging.nodules import fit_malignancy as fit
from suwen.imaging.nodules import fit_segmentation
from suwen.imaging.nodules.data import Crop
from suwen.imaging.nodules.malignancy import SOFT_TISSUE, smooth_mask
from suwen.imaging.volumes.patches import LUNG_WINDOW


@pytest.fixture(scope="module")
def prepared():
    data, mask = ball(10.0)
    return fit.Prepared(data.volume, ((mask, smooth_mask(mask)),), (1.0, np.zeros(8)))


def test_corrupted_voxels_differ_keep_their_grid_and_can_be_replayed(prepared):
    volume = prepared.volume
    found = [
        hardening_ct.corrupted(volume, np.random.default_rng(seed)) for seed in (0, 0, 1, 2, 3)
    ]
    assert np.array_equal(found[0].values, found[1].values)
    assert all(one.values.shape == volume.values.shape for one in found)
    assert all(np.array_equal(one.affine, volume.affine) for one in found)
    changed = [np.abs(one.values - volume.values).mean() for one in found]
    assert len({round(float(each), 6) for each in changed}) == 4


def test_what_the_card_keeps_for_itself_is_never_trained_on():
    kept = {perturbations.DOUBLE.name, perturbations.JPEG.name}
    assert kept.isdisjoint(each.name for each in hardening_ct.CORRUPTIONS)
    assert kept < {each.name for each in perturbations.ON_CT}


def test_without_the_option_draws_are_those_of_before(prepared):
    plain = fit.draw(prepared, np.random.default_rng(5))[0]
    assert np.array_equal(plain, fit.draw(prepared, np.random.default_rng(5), 0.0)[0])
    assert not np.array_equal(plain, fit.draw(prepared, np.random.default_rng(5), 1.0)[0])


def test_inputs_made_worse_stay_within_eps_in_both_windows_and_raise_the_loss(prepared):
    shown = torch.from_numpy(fit.as_in_use(prepared)[0][None])
    kernel = torch.from_numpy(np.random.default_rng(0).normal(0, 1, shown.shape)).float()

    def loss(x):
        return (x * kernel).sum()

    torch.manual_seed(0)
    worse = hardening_ct.made_worse(shown, loss, 10.0, fit.WINDOWS)
    assert loss(worse) > loss(shown) + 1
    low, high = LUNG_WINDOW
    in_hu = (
        (worse - shown)[:, :, 0] * (high - low) / 4,
        (worse - shown)[:, :, 1] * SOFT_TISSUE[1] / 2,
    )
    for change in in_hu:
        assert change.abs().max() == pytest.approx(10.0, rel=1e-3)
    both = (in_hu[0] != 0) & (in_hu[1] != 0)
    assert torch.allclose(in_hu[0][both], in_hu[1][both], atol=1e-2)
    assert torch.equal(worse[:, :, 2], shown[:, :, 2])


def test_the_loss_of_a_network_in_use_is_not_made_worse(prepared):
    class Linear(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.full((3,), 0.01))

        def forward(self, x):
            score = (x.mean((1, 3, 4)) * self.w).sum(1, keepdim=True)
            return score.repeat(1, 9), None

    network, batch = Linear(), [fit.as_in_use(prepared)]
    label = torch.nn.functional.binary_cross_entropy_with_logits
    losses = {}
    for eps in (0.0, 25.0):
        for training in (True, False):
            network.train(training)
            torch.manual_seed(0)
            losses[eps, training] = fit._batch_loss(label, eps)(network, batch).item()
    assert losses[25.0, False] == losses[0.0, False] == losses[0.0, True]
    assert losses[25.0, True] > losses[0.0, True]


def test_a_slice_without_neighbours_is_never_made_thicker():
    names = {one.name for one in hardening_ct.OF_A_SLICE}
    assert names == {one.name for one in hardening_ct.CORRUPTIONS} - {perturbations.THICK.name}


def test_a_corrupted_slice_differs_keeps_its_shape_and_can_be_replayed():
    hu = np.random.default_rng(0).normal(-800, 100, (40, 50)).astype(np.float32)
    found = [hardening_ct.corrupted_slice(hu, 0.7, np.random.default_rng(s)) for s in (0, 0, 1, 2)]
    assert np.array_equal(found[0], found[1])
    assert {(one.shape, one.dtype) for one in found} == {((40, 50), np.dtype(np.float32))}
    assert not any(np.array_equal(one, hu) for one in found)


@pytest.fixture(scope="module")
def learned():
    """What is learned from, by how it is drawn."""
    data, mask = ball(10.0)
    hu = np.random.default_rng(0).normal(-800, 50, (120, 120)).astype(np.float32)
    places = np.array([[60.0, 50.0, 9.0, 1.0]])
    slice_ = detection_draws.Shown("a", hu, 1.0, places, np.argwhere(hu < 0))
    return {
        fit_segmentation.draw: fit_segmentation.marked(data, mask),
        fit_segmentation.draw_lung: hu[:72, :72],
        detection_draws.draw_near: slice_,
        detection_draws.draw_elsewhere: (slice_, ()),
        detection_draws.draw_lidc: Crop(data.volume, mask),
    }


def test_borders_and_search_learn_from_changed_voxels_only_where_asked(learned):
    for draw, item in learned.items():
        plain, none, all_ = (
            draw(item, np.random.default_rng(5), *corrupt) for corrupt in ((), (0.0,), (1.0,))
        )
        assert all(np.array_equal(a, b) for a, b in zip(plain, none, strict=True))
        assert not np.array_equal(plain[0], all_[0])
        assert [one.shape for one in plain] == [one.shape for one in all_]


@pytest.mark.parametrize("room", [fit_segmentation, fit_detection])
def test_inputs_of_borders_and_search_stay_within_eps_and_lose_more(learned, room):
    drawn = fit_segmentation.draw if room is fit_segmentation else detection_draws.draw_lidc
    batch = [drawn(learned[drawn], np.random.default_rng(seed)) for seed in (0, 1)]
    shown = torch.from_numpy(np.stack([one[0] for one in batch]))
    windows = room.WINDOWS
    kernel = torch.from_numpy(np.random.default_rng(0).normal(0, 1, shown.shape)).float()
    worse = hardening_ct.made_worse(shown, lambda x: (x * kernel).sum(), 10.0, windows)
    slopes = torch.tensor(windows.slopes).reshape(1, -1, 1, 1)
    in_hu = ((worse - shown) / slopes.clamp(min=1e-9)).abs()
    assert float(in_hu[:, :3].max()) == pytest.approx(10.0, rel=1e-2)
    assert ((worse - shown) * kernel).sum() > 0
    beyond = (shown[:, :3] <= -1) | (shown[:, :3] >= 1)
    assert torch.equal(worse[:, :3][beyond], shown[:, :3][beyond])
    assert torch.equal(worse[:, 3:], shown[:, 3:])


@pytest.mark.parametrize("room", [fit_segmentation, fit_detection])
def test_borders_and_search_in_use_are_not_made_worse(learned, room):
    drawn = fit_segmentation.draw if room is fit_segmentation else detection_draws.draw_lidc
    batch = [drawn(learned[drawn], np.random.default_rng(0))]
    outputs = 1 if room is fit_segmentation else 4
    step = batch[0][0].shape[-1] // batch[0][1].shape[-1]
    torch.manual_seed(0)
    network = torch.nn.Conv2d(batch[0][0].shape[0], outputs, step, step)
    losses = {}
    for eps in (0.0, 25.0):
        for training in (True, False):
            network.train(training)
            torch.manual_seed(0)
            losses[eps, training] = room._batch_loss(eps)(network, batch).item()
    assert losses[25.0, False] == losses[0.0, False] == losses[0.0, True]
    assert losses[25.0, True] > losses[0.0, True]
