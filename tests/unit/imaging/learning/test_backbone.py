"""The start of 2D networks: what is frozen stays as ImageNet left it, the rest learns."""

from __future__ import annotations

import builtins

import pytest

torch = pytest.importorskip("torch")

from suwen.core.errors import MissingExtra  # noqa: E402
from suwen.imaging.learning.backbone import Backbone  # noqa: E402


@pytest.fixture(scope="module")
def backbone():
    return Backbone(5, frozen=2)


def test_a_picture_becomes_a_map_of_features_at_an_eighth_of_its_size(backbone):
    with torch.no_grad():
        assert backbone.eval()(torch.zeros(2, 3, 48, 48)).shape == (2, backbone.channels, 6, 6)


def test_the_imagenet_weights_answer_otherwise_than_noise(backbone):
    shown = torch.randn(1, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        learned = backbone.eval()(shown)
        again = Backbone(5, frozen=2).eval()(shown)
        noise = Backbone(5, pretrained=False).eval()(shown)
    assert torch.equal(learned, again)
    assert not torch.allclose(learned, noise, atol=0.1)


def test_training_leaves_the_frozen_blocks_and_their_statistics_alone(backbone):
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    optimiser = torch.optim.AdamW(backbone.parameters(), 0.01, weight_decay=0.1)
    backbone.train()(torch.randn(4, 3, 48, 48)).square().mean().backward()
    optimiser.step()
    changed = {n for n, v in backbone.state_dict().items() if not torch.equal(v, before[n])}
    assert changed
    assert not [name for name in changed if name.startswith(("stem.", "blocks.0.", "blocks.1."))]
    assert any(name.endswith("running_mean") for name in changed)
    backbone.load_state_dict(before)


def test_without_the_packages_the_error_names_the_extra(monkeypatch):
    real = builtins.__import__

    def absent(name, *args, **kwargs):
        if name.startswith("efficientnet"):
            raise ModuleNotFoundError("absent", name=name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingExtra, match="train"):
        Backbone(5)
