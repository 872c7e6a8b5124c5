"""Training inputs changed as the robustness card changes them, or made worse on purpose."""

import numpy as np
import pytest
import torch
from tests.unit.imaging.nodules import ball

from suwen.imaging import fit_malignancy as fit
from suwen.imaging import perturbations
from suwen.imaging.malignancy import SOFT_TISSUE, smooth_mask
from suwen.imaging.patches import LUNG_WINDOW


@pytest.fixture(scope="module")
def prepared():
    data, mask = ball(10.0)
    return fit.Prepared(data.volume, ((mask, smooth_mask(mask)),), (1.0, np.zeros(8)))


def test_corrupted_voxels_differ_keep_their_grid_and_can_be_replayed(prepared):
    volume = prepared.volume
    found = [fit.corrupted(volume, np.random.default_rng(seed)) for seed in (0, 0, 1, 2, 3)]
    assert np.array_equal(found[0].values, found[1].values)
    assert all(one.values.shape == volume.values.shape for one in found)
    assert all(np.array_equal(one.affine, volume.affine) for one in found)
    changed = [np.abs(one.values - volume.values).mean() for one in found]
    assert len({round(float(each), 6) for each in changed}) == 4


def test_what_the_card_keeps_for_itself_is_never_trained_on():
    kept = {perturbations.DOUBLE.name, perturbations.JPEG.name}
    assert kept.isdisjoint(each.name for each in fit.CORRUPTIONS)
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
    worse = fit._made_worse(shown, loss, 10.0)
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
