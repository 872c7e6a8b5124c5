"""What a 2D pack ships: the same answer for a picture and its mirror where that is asked for."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from suwen.imaging.learning.backbone import Backbone  # noqa: E402
from suwen.imaging.learning.networks import export  # noqa: E402
from suwen.imaging.planar.net import OUTPUTS, Mirrored, PlanarNet, PlanarScoring  # noqa: E402

PIXELS = 64


@pytest.mark.parametrize("mirrored", [True, False])
def test_only_a_mirrored_network_cannot_tell_a_picture_from_its_mirror(tmp_path, mirrored):
    torch.manual_seed(0)
    network = PlanarNet(Backbone(5), 3, 0.0).eval()
    if mirrored:
        network.backbone = Mirrored(network.backbone)
    pooled, labels = torch.randn(30, network.backbone.channels), torch.arange(30) % 3
    path = tmp_path / "net.onnx"
    example = torch.zeros(2, 1, PIXELS, PIXELS)
    export(PlanarScoring(network, pooled, labels), example, path, OUTPUTS)
    shown = np.random.default_rng(0).random((3, 1, PIXELS, PIXELS), dtype=np.float32)
    session = onnxruntime.InferenceSession(str(path))
    wanted = ["logits", "distance", "cam"]
    logits, away, maps = session.run(wanted, {"input": shown})
    logits_of_mirror, away_of_mirror, maps_of_mirror = session.run(
        wanted, {"input": np.ascontiguousarray(shown[..., ::-1])}
    )
    alike = [
        np.allclose(logits, logits_of_mirror, atol=1e-4),
        np.allclose(away, away_of_mirror, atol=1e-3),
        np.allclose(maps, maps_of_mirror[..., ::-1], atol=1e-3),
    ]
    assert alike == [mirrored] * 3
