"""Pictures are made worse in training as the robustness card makes them, or against the network."""

import numpy as np
import pytest
import torch

from suwen.imaging.learning import hardening
from suwen.imaging.learning.hardening import HELD_OUT, attacked_loss, corrupted, corruptions_of
from suwen.imaging.pictures import perturbations as planar_perturbations

AMONG = corruptions_of(planar_perturbations.ULTRASOUND)


@pytest.fixture(scope="module")
def picture():
    y, x = np.mgrid[:90, :120]
    return np.clip(60 + x + 40 * np.sin(y / 6), 0, 255).astype(np.uint8)


def test_a_corrupted_picture_differs_keeps_its_shape_and_can_be_replayed(picture):
    found = [corrupted(picture, AMONG, np.random.default_rng(seed)) for seed in (0, 0, 1, 2, 3, 4)]
    assert np.array_equal(found[0], found[1])
    assert {one.shape for one in found} == {picture.shape}
    assert {one.dtype for one in found} == {np.dtype(np.uint8)}
    assert sum(not np.array_equal(one, picture) for one in found) >= 5


def test_what_the_card_keeps_for_itself_is_never_trained_on():
    for card in (planar_perturbations.ALL, planar_perturbations.ULTRASOUND):
        assert set(HELD_OUT) < set(card)
        assert set(corruptions_of(card)) == set(card) - set(HELD_OUT)


class Linear(torch.nn.Module):
    """Two logits of the mean of the picture, weighted."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.weight = torch.nn.Parameter(torch.randn(1, 8, 8, generator=generator))

    def forward(self, x):
        value = (x * self.weight).sum((1, 2, 3))
        return torch.stack([-value, value], 1), x


def test_inputs_made_worse_stay_within_reach_and_raise_the_loss():
    network, shown = Linear(), torch.full((3, 1, 8, 8), 0.5)
    wanted = torch.tensor([0, 1, 1])

    def loss(x):
        return torch.nn.functional.cross_entropy(network(x)[0], wanted)

    torch.manual_seed(0)
    worse = hardening._made_worse(shown, loss, 0.02)
    assert loss(worse) > loss(shown)
    assert (worse - shown).abs().max() <= 0.02 + 1e-6


def test_checks_are_judged_as_they_are():
    network = Linear()
    batch = [(np.full((1, 8, 8), 0.5, np.float32), k) for k in (0, 1)]
    plain = torch.nn.functional.cross_entropy
    loss = attacked_loss(plain, 0.05)
    with torch.no_grad():
        checked = float(loss(network, batch))
    shown = torch.from_numpy(np.stack([one[0] for one in batch]))
    assert checked == pytest.approx(float(plain(network(shown)[0], torch.tensor([0, 1])).item()))
    assert float(loss(network, batch).item()) > checked
