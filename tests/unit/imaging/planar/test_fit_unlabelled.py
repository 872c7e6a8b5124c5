"""Pre-training without labels brings views of one picture together, and others start from it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from suwen.core.errors import BadInput, NotFound  # noqa: E402
from suwen.imaging.learning.backbone import BACKBONE, PRETRAINING, started  # noqa: E402
from suwen.imaging.learning.variation import Variation  # noqa: E402
from suwen.imaging.pictures.picture import PlanarInput  # noqa: E402
from suwen.imaging.planar import fit_unlabelled  # noqa: E402
from suwen.imaging.planar.fit_unlabelled import Pool, pretrain  # noqa: E402
from suwen.lifecycle.examples import Examples, Sample, Source  # noqa: E402
from suwen.lifecycle.recipe import Recipe  # noqa: E402

SOURCE = Source("made", "https://example.org", "CC0", "none", True)
OPTIONS = {"start": "noise", "pixels": 32, "blocks": 3, "frozen": 0, "drawn": 12}
RECIPE = Recipe(epochs=6, batch_size=6, learning_rate=5e-3, options=OPTIONS)


def picture(seed: int) -> PlanarInput:
    small = np.random.default_rng(seed).random((5, 5))
    return PlanarInput(np.kron(small, np.ones((8, 8))).astype(np.float32))


def pool(count: int = 14) -> Pool:
    found = Examples(
        SOURCE,
        tuple(f"case {i}" for i in range(count)),
        np.array([f"person {i // 2}" for i in range(count)]),
        np.full(count, -1),
        lambda i: Sample(f"case {i}", picture(i)),
    )
    return Pool(found, Variation())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unlabelled")
    return folder, pretrain([pool(), pool(7)], RECIPE, folder)


def test_the_loss_falls_and_no_label_is_looked_at(made):
    history = made[1]["history"]
    assert len(history) == RECIPE.epochs
    assert history[-1]["train_loss"] < history[0]["train_loss"]


def test_a_network_starts_from_what_was_left(made):
    folder, about = made
    backbone, origin = started(3, 1, str(folder))
    with np.load(folder / BACKBONE, allow_pickle=False) as kept:
        for name, value in backbone.state_dict().items():
            assert np.array_equal(kept[name], value.numpy())
    assert origin == about["origin"]
    assert origin.startswith("noise; then contrastive")
    assert "14 of made, 7 of made" in origin
    assert json.loads((folder / PRETRAINING).read_text())["recipe"]["options"] == OPTIONS


def test_another_depth_and_an_absent_folder_are_refused(made, tmp_path):
    with pytest.raises(BadInput, match="4 blocks"):
        started(4, 0, str(made[0]))
    with pytest.raises(NotFound, match="no start"):
        started(3, 0, str(tmp_path / "nowhere"))


def test_pictures_of_one_person_are_no_negatives_of_each_other():
    """Four views: two pictures. Of one person, nothing is left to be told apart."""
    view = torch.eye(4)[:, None, None]

    class Fixed(torch.nn.Module):
        def forward(self, x):
            return torch.tensor([[1.0, 0.0], [0.8, 0.6], [1.0, 0.0], [0.8, 0.6]])

    def batch(groups):
        return [(view[k].numpy(), view[k].numpy(), group) for k, group in enumerate(groups)]

    apart = float(fit_unlabelled._contrast(Fixed(), batch(["a", "b"])))
    together = float(fit_unlabelled._contrast(Fixed(), batch(["a", "a"])))
    expected = np.log(1 + 2 * np.exp((0.8 - 1) / fit_unlabelled.TEMPERATURE))
    assert apart == pytest.approx(expected, abs=1e-4)
    assert together == pytest.approx(0, abs=1e-4)


def test_too_few_pictures_and_unknown_options_are_refused(tmp_path):
    with pytest.raises(BadInput, match="4 pictures of made"):
        pretrain([pool(4)], RECIPE, tmp_path)
    with pytest.raises(BadInput, match="depth"):
        pretrain([pool()], RECIPE.model_copy(update={"options": {"depth": 2}}), tmp_path)


def test_views_without_labels_vary_more():
    how = Variation()
    assert fit_unlabelled.variation.stronger(how) == replace(
        how, turn=16.0, shift=0.12, zoom=0.36, tone=0.35 * 1.5, noise=0.04 * 1.5, blur=1.5
    )
