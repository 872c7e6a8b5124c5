"""Trees are kept as compressed text and answer as they did."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from suwen.lifecycle.pack import Pack
from suwen.lifecycle.sealed import trees


@pytest.fixture
def grown():
    """Trees that tell the sign of a number from noise, and the numbers (80, 2)."""
    lightgbm = pytest.importorskip("lightgbm", reason="OpenMP is not installed")
    x = np.random.default_rng(0).normal(size=(80, 2))
    data = lightgbm.Dataset(x, (x[:, 0] > 0).astype(float))
    return lightgbm.train({"verbose": -1, "num_threads": 1}, data, 30), x


@pytest.fixture
def folder(trained, grown, tmp_path):
    """A pack that is being made, with those trees in its first member."""
    folder = shutil.copytree(trained.pack.folder, tmp_path / "pack")
    grown[0].save_model(str(folder / "member-0" / "trees.lgb.txt"))
    return folder


@pytest.mark.parametrize("compressed", [False, True])
def test_trees_are_opened_from_their_text_and_answer_to_the_last_digit(folder, grown, compressed):
    made, x = grown
    if compressed:
        trees.compress_in(folder)
        assert not (folder / "member-0" / "trees.lgb.txt").exists()
    opened = Pack.draft(folder).booster("trees.lgb.txt", member=0)
    assert (opened.predict(x) == made.predict(x)).all()


def test_compressed_trees_take_a_third_of_the_room_and_equal_trees_equal_bytes(folder):
    plain = folder / "member-0" / "trees.lgb.txt"
    text, kept = plain.read_bytes(), folder / "member-0" / "trees.lgb.txt.gz"
    trees.compress_in(folder)
    once = kept.read_bytes()
    plain.write_bytes(text)
    trees.compress_in(folder)
    assert kept.read_bytes() == once
    assert len(once) < 0.4 * len(text)


def test_trees_dealt_out_anew_answer_otherwise_and_each_time_the_same(folder, grown):
    _, x = grown
    trees.compress_in(folder)
    pack = Pack.draft(folder)
    own = pack.booster("trees.lgb.txt", member=0).predict(x)
    dealt = [pack.randomised(3).booster("trees.lgb.txt", member=0).predict(x) for _ in range(2)]
    assert (dealt[0] == dealt[1]).all()
    assert np.abs(dealt[0] - own).max() > 0.1


def test_slimmed_trees_answer_and_explain_as_before_in_half_the_bytes(grown):
    lightgbm = pytest.importorskip("lightgbm", reason="OpenMP is not installed")
    made, x = grown
    text = made.model_to_string()
    slim = trees.slimmed(text)
    assert len(slim) < 0.6 * len(text)
    again = lightgbm.Booster(model_str=slim)
    assert np.abs(again.predict(x) - made.predict(x)).max() < 1e-4
    moved = again.predict(x, pred_contrib=True) - made.predict(x, pred_contrib=True)
    assert np.abs(moved).max() < 1e-4
    assert trees.shuffled(slim, 1) != slim
