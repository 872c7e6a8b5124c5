"""`suwen curve` from the command line on a tiny set: every start and strategy learns it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("torch")

from suwen.cli import build
from suwen.core import registry
from suwen.core.codes import BENIGN, BREAST_LESION, MALIGNANT, NORMAL
from suwen.core.settings import settings
from suwen.imaging.pictures.picture import PlanarInput
from suwen.imaging.planar.fit import Plan
from suwen.imaging.planar.task import PlanarTask
from suwen.lifecycle.examples import Examples, Sample, Source
from suwen.lifecycle.kinds import Choice
from suwen.lifecycle.recipe import Recipe

SOURCE = Source("stripes", "https://example.org", "CC0", "none", True)
DECLARATION = """
folds = 3
held_out = [0]
shares = [0.6]
seeds = [1]
least_steps = 40

[[pretraining]]
name = "contrastive"
pictures = ["test.stripes"]
[pretraining.recipe]
epochs = 2
batch_size = 8
options = { start = "imagenet", pixels = 32, blocks = 5, frozen = 2 }

[[line]]
name = "ImageNet"
start = "imagenet"
[[line]]
name = "pre-trained"
start = "contrastive"
[[line]]
name = "from nothing"
start = "noise"
longer = 2
[[line]]
name = "pseudo-labels"
unlabelled = "pseudo-labels"
[[line]]
name = "consistency"
unlabelled = "consistency"
[[line]]
name = "asked"
ask = "entropy"
shares = [0.3, 0.6]
"""


def striped(kind: int, seed: int) -> PlanarInput:
    y, x = np.mgrid[:40, :40]
    noise = np.random.default_rng(seed).normal(0, 0.05, x.shape)
    return PlanarInput(np.clip(0.5 + 0.4 * np.sin((x, y, x + y)[kind] * 0.9) + noise, 0, 1))


class Stripes(PlanarTask):
    """Which way do the stripes run?"""

    name = "test.stripes"
    answers = Choice((NORMAL, BENIGN, MALIGNANT), BREAST_LESION)
    datasets = ("stripes",)
    plan = Plan(classes=3, pixels=32, blocks=5, frozen=2)
    recipe = Recipe(epochs=4, batch_size=6, learning_rate=5e-3, dropout=0.0, augmentation=False)

    def examples(self, data, dataset):
        """Return 36 pictures of 36 people."""
        return Examples(
            SOURCE,
            tuple(f"case {i}" for i in range(36)),
            np.array([f"person {i}" for i in range(36)]),
            np.arange(36) % 3,
            lambda i: Sample(f"case {i}", striped(i % 3, i)),
        )


@pytest.fixture
def stripes(monkeypatch, tmp_path):
    task = Stripes()
    monkeypatch.setattr(registry, "find", lambda name: task)
    monkeypatch.setenv("SUWEN_HOME", str(tmp_path))
    settings.cache_clear()
    path = tmp_path / "few.toml"
    path.write_text(DECLARATION)
    yield path
    settings.cache_clear()


def test_every_start_and_strategy_learns_which_way_stripes_run(stripes, tmp_path):
    asked = ["curve", "test.stripes", str(stripes), "--json", "--out", str(tmp_path / "docs")]
    done = CliRunner().invoke(build(), asked)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    ranked = {
        point["line"]: point["metrics"]["auroc"]["value"]
        for point in found["points"]
        if point["share"] == 0.6
    }
    assert len(ranked) == 7
    assert min(ranked.values()) > 0.8, ranked
    assert "## balanced accuracy" in (tmp_path / "docs" / "curve.md").read_text()
    kept = tmp_path / "curves" / "test.stripes" / "few"
    assert not list(kept.rglob("state.pt"))
    assert json.loads((kept / "curve.json").read_text()) == found
