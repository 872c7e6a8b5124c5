"""Training: the whole way on a toy, again after a kill, and overfitting."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

from suwen.core.errors import BadInput, Conflict, NotFound, StorageUnavailable
from suwen.lifecycle import runs, split
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.predictions import Predictions
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.train import train

FEW = Recipe(folds=3, epochs=5)


def test_a_run_folder_holds_everything_needed_to_repeat_it(trained):
    run = json.loads((trained.folder / "run.json").read_text())
    assert run["recipe"]["seed"] == 7
    assert run["recipe"]["dataset"] == "squares"
    assert len(run["data"]["fingerprint"]) == len(run["data"]["content"]) == 64
    assert len(run["code"]["room"]) == 64
    assert run["environment"]["libraries"]["onnxruntime"] != "absent"
    assert run["started"] <= run["finished"]
    for member in range(5):
        done = json.loads((trained.folder / f"member-{member}" / "done.json").read_text())
        assert done["seed"] == 7 + 1000 * member
        assert len(done["history"]["valid_loss"]) == 60


def test_every_plot_is_there_as_png_and_svg(trained, trained_mask):
    names = {"learning_curve", "roc", "precision_recall", "reliability", "confusion"}
    for name in names:
        assert (trained.folder / "plots" / f"{name}.png").stat().st_size > 5000
        assert "<svg" in (trained.folder / "plots" / f"{name}.svg").read_text()[:1000]
    assert (trained_mask.folder / "plots" / "dice.png").exists()


def test_out_of_fold_predictions_come_from_the_member_that_never_saw_the_patient(
    toy, trained, toy_data
):
    task = toy.Squares()
    examples = task.examples(toy_data, "squares")
    found = Predictions.joined(
        [
            (np.flatnonzero(split.folds_of(examples.groups, 5) == k), Predictions.load(path))
            for k, path in enumerate(sorted((trained.folder / "predictions").glob("*.npz")))
        ]
    )
    assert (found.fold == split.folds_of(examples.groups, 5)).all()
    for i in (0, 50, 239):
        alone = task.predict(trained.pack, examples.load(i), [int(found.fold[i])])
        assert found.scores[i] == pytest.approx(alone.scores)


def test_the_same_run_again_gives_the_same_figures_and_trains_nothing(
    toy, trained, toy_data, toy_home, tmp_path, quick
):
    home = shutil.copytree(toy_home, tmp_path / "home")
    toy.Squares.fitted.clear()
    again = train(toy.Squares(), Recipe(epochs=60), toy_data, home, progress=False)
    assert toy.Squares.fitted == []
    assert again.folder.name == trained.folder.name
    assert again.results == trained.results


def test_two_fresh_runs_of_one_seed_give_the_same_weights_and_figures(
    toy, quick, toy_data, tmp_path
):
    runs = [
        train(toy.SquareMask(), FEW, toy_data, tmp_path / name, progress=False)
        for name in ("a", "b")
    ]
    assert runs[0].results == runs[1].results
    first, second = ((r.folder / "member-1" / "net.onnx").read_bytes() for r in runs)
    assert first == second


def test_after_a_failure_in_the_third_member_the_first_two_are_not_trained_again(
    toy, toy_data, tmp_path, monkeypatch, quick
):
    task = toy.SquareMask()
    task.fitted.clear()
    real = toy.written

    def failing(weights, bias, path):
        if "member-2" in str(path):
            raise KeyboardInterrupt
        real(weights, bias, path)

    monkeypatch.setattr(toy, "written", failing)
    with pytest.raises(KeyboardInterrupt):
        train(task, FEW, toy_data, tmp_path, progress=False)
    assert len(task.fitted) == 3
    monkeypatch.setattr(toy, "written", real)
    done = train(task, FEW, toy_data, tmp_path, progress=False)
    assert len(task.fitted) == 4
    whole = train(task, FEW, toy_data, tmp_path / "other", progress=False)
    assert done.results == whole.results


def test_a_process_killed_while_training_goes_on_where_it_was(toy, quick, toy_data, tmp_path):
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "import importlib.util\n"
        f"spec = importlib.util.spec_from_file_location('suwen_toy', {toy.__file__!r})\n"
        "toy = importlib.util.module_from_spec(spec)\n"
        "sys.modules['suwen_toy'] = toy\n"
        "spec.loader.exec_module(toy)\n"
        "real = toy.written\n"
        "def slow(weights, bias, path):\n"
        "    real(weights, bias, path)\n"
        "    if 'member-1' in str(path): time.sleep(60)\n"
        "toy.written = slow\n"
        "from suwen.lifecycle.train import train\n"
        "from suwen.lifecycle.recipe import Recipe\n"
        "from suwen.lifecycle.data import DataFolders\n"
        f"data = DataFolders((Path({str(toy_data.folders[0])!r}),))\n"
        "train(toy.SquareMask(), Recipe(folds=3, epochs=5), data, "
        f"Path({str(tmp_path)!r}), progress=False)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("runs/*/*/member-1/net.onnx")):
        assert process.poll() is None, "the training process ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()
    toy.SquareMask.fitted.clear()
    done = train(toy.SquareMask(), FEW, toy_data, tmp_path, progress=False)
    assert len(toy.SquareMask.fitted) == 2, "member 0 was kept, 1 and 2 were trained"
    assert done.results["n"] == 240


def test_a_strong_signal_is_learned_to_the_end(toy, quick, tmp_path):
    toy.table(tmp_path, count=120, signal=6.0)
    data = DataFolders((tmp_path,))
    made = train(toy.Squares(), Recipe(epochs=80), data, tmp_path / "home", progress=False)
    metrics = made.results["metrics"]
    assert metrics["auroc"]["value"] > 0.99
    assert metrics["accuracy"]["low"] > 0.9
    assert made.results["floor"]["diameter"]["gain_auroc"]["low"] > 0


def test_a_value_is_learned_and_measured_by_its_error_beside_its_floor(toy, toy_data, tmp_path):
    made = train(toy.SquareSum(), FEW, toy_data, tmp_path, progress=False)
    assert made.results["metrics"]["rmse"]["value"] < 1.0
    assert made.results["floor"]["mean"]["gain_rmse"]["low"] > 2
    assert (made.folder / "plots" / "agreement.png").exists()
    assert made.pack.content("thresholds.json") == {}
    assert "RMSE (lower is better)" in made.pack.path("card.md").read_text()


def test_pure_noise_gives_no_skill(toy, quick, tmp_path):
    toy.table(tmp_path, signal=0.0, seed=11)
    data = DataFolders((tmp_path,))
    made = train(toy.Squares(), Recipe(epochs=30), data, tmp_path / "home", progress=False)
    metrics = made.results["metrics"]
    assert metrics["auroc"]["low"] < 0.5 < metrics["auroc"]["high"]
    assert metrics["ece"]["value"] < 0.15


def test_an_unknown_or_missing_data_set_is_said_before_anything_is_trained(toy, toy_data, tmp_path):
    with pytest.raises(BadInput, match="circles"):
        train(toy.Squares(), Recipe(dataset="circles"), toy_data, tmp_path, progress=False)
    with pytest.raises(NotFound, match="toy/squares"):
        train(toy.Squares(), FEW, DataFolders((tmp_path,)), tmp_path, progress=False)
    assert not list(tmp_path.glob("runs/*/*"))


def test_three_classes_are_refused_before_training(toy, toy_data, tmp_path, monkeypatch):
    classes = (*toy.Squares.answers.classes, toy.NOTHING)
    monkeypatch.setattr(toy.Squares, "answers", type(toy.Squares.answers)(classes))
    with pytest.raises(BadInput, match="3 classes"):
        train(toy.Squares(), FEW, toy_data, tmp_path, progress=False)


def test_a_floor_that_does_not_fit_the_answer_is_refused_before_training(
    toy, toy_data, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        toy.SquareMask, "_floors", lambda self, stored: {"diameter": stored["diameter"]}
    )
    with pytest.raises(BadInput, match="no Dice coefficient"):
        train(toy.SquareMask(), FEW, toy_data, tmp_path, progress=False)
    monkeypatch.setattr(toy.SquareMask, "_floors", lambda self, stored: {"x": np.full(240, np.nan)})
    monkeypatch.setattr(toy.SquareMask, "answers", toy.Squares.answers)
    with pytest.raises(BadInput, match="not finite"):
        train(toy.SquareMask(), FEW, toy_data, tmp_path, progress=False)
    assert not list(tmp_path.glob("runs/*/*"))


def test_two_trainings_of_one_run_do_not_write_over_each_other(toy, toy_data, tmp_path, quick):
    folder = train(toy.SquareMask(), FEW, toy_data, tmp_path, progress=False).folder
    with runs.alone(folder), pytest.raises(Conflict, match="another process trains"):
        train(toy.SquareMask(), FEW, toy_data, tmp_path, progress=False)


def test_a_full_disk_is_said_and_the_next_start_goes_on(
    toy, toy_data, tmp_path, monkeypatch, quick
):
    task = toy.SquareMask()
    real = toy.written

    def full(weights, bias, path):
        if "member-1" in str(path):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(weights, bias, path)

    monkeypatch.setattr(toy, "written", full)
    with pytest.raises(StorageUnavailable, match="disk is full"):
        train(task, FEW, toy_data, tmp_path, progress=False)
    monkeypatch.setattr(toy, "written", real)
    task.fitted.clear()
    assert train(task, FEW, toy_data, tmp_path, progress=False).results["n"] == 240
    assert len(task.fitted) == 2


def test_a_task_that_writes_no_weights_is_told_so(toy, toy_data, tmp_path, monkeypatch):
    monkeypatch.setattr(toy, "written", lambda *_: None)
    with pytest.raises(BadInput, match="no weights"):
        train(toy.Squares(), FEW, toy_data, tmp_path, progress=False)


def test_a_prediction_of_a_wrong_shape_is_a_clear_error(toy, toy_data, trained):
    from suwen.lifecycle.predictions import INDEPENDENT, predict_all

    class Short(toy.Squares):
        def predict(self, pack, sample, members=None):
            return super().predict(pack, sample, [0])

    Short.__module__ = "suwen_toy"
    task = Short()
    with pytest.raises(BadInput, match="one score a member"):
        predict_all(task, trained.pack, task.examples(toy_data, "squares"), INDEPENDENT)
