"""A 2D network learns a tiny set by heart, and what it ships answers without torch."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from suwen.core.errors import BadInput  # noqa: E402
from suwen.imaging import fit_planar  # noqa: E402
from suwen.imaging.fit_planar import Plan  # noqa: E402
from suwen.imaging.planar import PlanarInput, network_input  # noqa: E402
from suwen.lifecycle.manifest import Files  # noqa: E402
from suwen.lifecycle.recipe import Recipe  # noqa: E402
from suwen.lifecycle.task import Examples, Sample, Source  # noqa: E402
from suwen.lifecycle.weights import Weights, list_initialisers  # noqa: E402

SOURCE = Source("made", "https://example.org", "CC0", "none", True)
PIXELS = 32
PLAN = Plan(classes=3, pixels=PIXELS, blocks=5, frozen=2)
RECIPE = Recipe(epochs=14, patience=14, batch_size=6, learning_rate=5e-3, dropout=0.0)


def striped(kind: int, seed: int) -> PlanarInput:
    """A picture with stripes down, across, or along the diagonal."""
    y, x = np.mgrid[:40, :40]
    along = (x, y, x + y)[kind]
    noise = np.random.default_rng(seed).normal(0, 0.05, x.shape)
    return PlanarInput(np.clip(0.5 + 0.4 * np.sin(along * 0.9) + noise, 0, 1).astype(np.float32))


def examples(count: int = 12) -> Examples:
    return Examples(
        source=SOURCE,
        keys=tuple(f"case {i}" for i in range(count)),
        groups=np.arange(count),
        labels=np.arange(count) % 3,
        load=lambda i: Sample(f"case {i}", striped(i % 3, i)),
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("member")
    plain = RECIPE.model_copy(update={"augmentation": False})
    return folder, fit_planar.fit(PLAN, examples(), examples(), plain, folder)


def outputs(folder, names):
    session = onnxruntime.InferenceSession(str(folder / fit_planar.WEIGHTS))
    shown = np.stack([network_input(examples().load(i).data.image, PIXELS) for i in range(12)])
    return session.run(names, {"input": shown})


def test_stripes_in_three_directions_are_learned_by_heart(made):
    logits = outputs(made[0], ["logits"])[0]
    assert (logits.argmax(1) == examples().labels).mean() >= 0.9


def test_the_class_activation_map_adds_up_to_the_logit_but_for_a_constant(made):
    logits, cam = outputs(made[0], ["logits", "cam"])
    rest = logits - cam.mean((2, 3))
    assert np.ptp(rest, axis=0).max() < 1e-2


def test_noise_lies_further_from_the_training_pictures_than_they_do(made):
    session = onnxruntime.InferenceSession(str(made[0] / fit_planar.WEIGHTS))
    noise = np.random.default_rng(0).random((6, 1, PIXELS, PIXELS), dtype=np.float32)
    far = session.run(["distance"], {"input": noise})[0]
    assert far.min() > np.median(outputs(made[0], ["distance"])[0])


def test_weights_kept_in_half_precision_can_be_replaced_by_noise(made):
    files, listed = Files(made[0]), list_initialisers(made[0])
    shown = np.random.default_rng(0).random((1, 1, PIXELS, PIXELS), dtype=np.float32)
    path = made[0] / fit_planar.WEIGHTS
    learned, noise = (
        Weights(files, listed, seed).run([path], "features", {"input": shown})[0]
        for seed in (None, 3)
    )
    assert not np.allclose(learned, noise, atol=1e-2)


def test_a_member_says_what_it_reads_and_where_it_started(made):
    settings = made[1]
    assert (settings["network"], settings["pixels"]) == (fit_planar.WEIGHTS, PIXELS)
    assert "ImageNet" in settings["start"]
    assert len(settings["history"]) == RECIPE.epochs


def test_a_recipe_may_start_from_noise_or_freeze_more():
    changed = PLAN.changed({"pretrained": False, "frozen": 5})
    assert (changed.pretrained, changed.frozen, changed.pixels) == (False, 5, PIXELS)


def test_an_unknown_option_is_refused():
    with pytest.raises(BadInput, match="depth"):
        PLAN.changed({"depth": 3})


def test_large_pictures_are_kept_no_larger_than_training_needs():
    kept = fit_planar.prepared(examples(3), 20)
    assert [picture.shape for picture in kept] == [(28, 28)] * 3
    assert kept[0].dtype == np.uint8
