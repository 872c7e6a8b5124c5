"""A 2D network learns a tiny set by heart, and what it ships answers without torch."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from suwen.core.errors import BadInput  # noqa: E402
from suwen.imaging.learning import partly_labelled  # noqa: E402
from suwen.imaging.pictures.picture import PlanarInput, network_input  # noqa: E402
from suwen.imaging.planar import fit as fit_planar  # noqa: E402
from suwen.imaging.planar.fit import Plan  # noqa: E402
from suwen.lifecycle import share  # noqa: E402
from suwen.lifecycle.examples import Examples, Sample, Source  # noqa: E402
from suwen.lifecycle.recipe import Recipe  # noqa: E402
from suwen.lifecycle.sealed.manifest import Files  # noqa: E402
from suwen.lifecycle.sealed.weights import Weights, list_initialisers  # noqa: E402

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
    changed = PLAN.changed({"start": "noise", "frozen": 5})
    assert (changed.start, changed.frozen, changed.pixels) == ("noise", 5, PIXELS)


def test_filters_of_noise_are_not_kept_still_unless_asked():
    assert (PLAN.frozen, PLAN.changed({"start": "noise"}).frozen) == (2, 0)


def test_an_unknown_option_is_refused():
    with pytest.raises(BadInput, match="depth"):
        PLAN.changed({"depth": 3})


PARTLY = {"pseudo-labels": {"pseudo_labels"}, "consistency": set()}


@pytest.mark.parametrize("unlabelled", sorted(PARTLY))
def test_a_third_of_the_labels_is_enough_to_learn_the_stripes(unlabelled, tmp_path, monkeypatch):
    monkeypatch.setattr(share, "CONFIDENT", 0.6)
    known = np.arange(6)
    recipe = RECIPE.model_copy(update={"unlabelled": unlabelled, "augmentation": False})
    given = share.shown(examples(), known, unlabelled)
    settings = fit_planar.fit(PLAN, given, examples(3), recipe, tmp_path)
    logits = outputs(tmp_path, ["logits"])[0]
    assert (logits.argmax(1) == examples().labels)[6:].mean() >= 0.8
    assert set(settings) & {"pseudo_labels"} == PARTLY[unlabelled]
    assert (tmp_path / "teacher").is_dir() == (unlabelled == "pseudo-labels")


def test_a_student_takes_the_steps_of_its_teacher():
    assert fit_planar.as_many_steps(RECIPE, 12, 12) == 14
    assert fit_planar.as_many_steps(RECIPE, 12, 24) == 7
    assert fit_planar.as_many_steps(RECIPE, 3, 60) == 1


def test_a_confident_view_must_be_said_again_of_the_varied_one():
    """Logits are the mean grey level: white is class 1 for sure, mid-grey is in doubt."""

    class Bright(torch.nn.Module):
        def forward(self, x):
            level = 20 * (x.mean((1, 2, 3)) - 0.5)
            return torch.stack([-level, level], 1), x

    def nothing(logits, wanted):
        return logits.sum() * 0

    def batch(plain, varied):
        views = [np.full((1, 1, 2, 2), value, np.float32) for value in (plain, varied)]
        return [(views[0][0], 0, *views)]

    loss = partly_labelled.loss_of(nothing, lambda network, batch: torch.tensor(7.0))
    assert float(loss(Bright(), batch(1.0, 0.0))) == pytest.approx(20, abs=1e-3)
    assert float(loss(Bright(), batch(1.0, 1.0))) == pytest.approx(0, abs=1e-3)
    assert float(loss(Bright(), batch(0.55, 0.0))) == pytest.approx(0, abs=1e-3)
    assert float(loss(Bright(), [(np.zeros((1, 2, 2)), 0)])) == 7


def test_large_pictures_are_kept_no_larger_than_training_needs():
    kept = fit_planar.prepared(examples(3), 20)
    assert [picture.shape for picture in kept] == [(28, 28)] * 3
    assert kept[0].dtype == np.uint8
