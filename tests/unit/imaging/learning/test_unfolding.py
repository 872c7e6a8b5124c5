"""A network that goes on from its exported file: no answer changes, and it can learn again."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import onnxruntime  # noqa: E402

from suwen.core.errors import BadInput  # noqa: E402
from suwen.imaging.learning.backbone import Backbone  # noqa: E402
from suwen.imaging.learning.networks import DetectionNet, export  # noqa: E402
from suwen.imaging.learning.unfolding import take_over  # noqa: E402
from suwen.lifecycle.onnx.quantised import quantise  # noqa: E402

EDGE = 32


def built(blocks=5, seed=0):
    torch.manual_seed(seed)
    return DetectionNet(Backbone(blocks, frozen=2), 8, dropout=0.0)


def shown(seed, count=6):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, EDGE, EDGE, generator=generator) * 2 - 1


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The file of a network whose normalisations have learned something."""
    network = built()
    network.train()
    with torch.no_grad():
        for seed in range(3):
            network(shown(seed))
    path = tmp_path_factory.mktemp("exported") / "net.onnx"
    export(network, shown(0, 1), path, ("maps",), free=("height", "width"))
    return path


def test_it_answers_as_its_file(file):
    network, asked = built(seed=9), shown(5)
    take_over(network, file.read_bytes(), [shown(0), shown(1)])
    with torch.no_grad():
        answered = network.eval()(asked).numpy()
    (expected,) = onnxruntime.InferenceSession(str(file)).run(None, {"input": asked.numpy()})
    np.testing.assert_allclose(answered, expected, atol=1e-4)


def test_it_goes_on_from_a_file_in_8_bits_too(file):
    feeds = [{"input": shown(seed, 1).numpy()} for seed in range(20)]
    content = quantise(file.read_bytes(), feeds, 0.0)
    assert len(content) < len(file.read_bytes())
    network, asked = built(seed=9), shown(5)
    take_over(network, content, [shown(0)])
    with torch.no_grad():
        answered = network.eval()(asked).numpy()
    (expected,) = onnxruntime.InferenceSession(content).run(None, {"input": asked.numpy()})
    assert np.abs(answered - expected).mean() < 0.02 * np.ptp(expected)


def test_in_training_each_normalisation_starts_from_what_it_meets(file):
    network, batch = built(seed=9), shown(0, 24)
    take_over(network, file.read_bytes(), [batch])
    with torch.no_grad():
        still = network.eval()(batch)
        moving = network.smooth.train()  # the backbone drops branches at random in training
        met = network(batch)
        moving.eval()
    assert torch.allclose(met, still, atol=1e-3)


def test_it_goes_on_learning(file):
    network, batch = built(seed=9), shown(0, 4)
    take_over(network, file.read_bytes(), [batch])
    optimiser = torch.optim.AdamW(network.parameters(), 0.1)
    losses = []
    for _ in range(10):
        optimiser.zero_grad()
        loss = network.train()(batch).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.item()))
    assert losses[-1] < 0.8 * losses[0]


def test_the_file_of_another_network_is_refused(file):
    with pytest.raises(BadInput, match="same network"):
        take_over(built(blocks=6), file.read_bytes(), [shown(0)])
