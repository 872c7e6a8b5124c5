"""Training: the whole way on a toy, again after a kill, and overfitting."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from suwen.core.errors import BadInput, Conflict, NotFound, StorageUnavailable
from suwen.lifecycle import runs, split
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.measure import sets as measure_sets
from suwen.lifecycle.measure.predictions import INDEPENDENT, Predictions, predict_all
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.train import fit_member, train

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


def test_every_plot_is_there_as_png_and_svg(trained, trained_kinds, trained_mask, trained_sum):
    classes = ["roc", "precision_recall", "reliability", "confusion"]
    for made, names in (
        (trained, ["learning_curve", *classes]),
        (trained_kinds, classes),
        (trained_mask, ["dice"]),
        (trained_sum, ["agreement", "residuals"]),
    ):
        for name in names:
            assert (made.folder / "plots" / f"{name}.png").stat().st_size > 5000
            assert "<svg" in (made.folder / "plots" / f"{name}.svg").read_text()[:1000]
    confusion = (trained_kinds.folder / "plots" / "confusion.svg").read_text()
    assert all(f"<!-- {name} -->" in confusion for name in ("Nothing", "In the corner"))


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
        f"sys.path.insert(0, {str(Path(toy.__file__).parent)!r})\n"
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


def test_a_value_is_learned_and_measured_by_its_error_beside_its_floor(trained_sum):
    metrics = trained_sum.results["metrics"]
    assert metrics["rmse"]["value"] < 1.6
    assert metrics["r2"]["low"] > 0.7
    assert metrics["bias"]["low"] < 0 < metrics["bias"]["high"]
    assert trained_sum.results["floor"]["mean"]["gain_rmse"]["low"] > 2
    assert trained_sum.pack.content("thresholds.json") == {}


def test_the_interval_of_a_value_holds_the_share_it_promises(toy, trained_sum, toy_data):
    metrics = trained_sum.results["metrics"]
    assert metrics["coverage_90"]["value"] == pytest.approx(0.9, abs=0.04)
    assert 3 < metrics["interval_width"]["value"] < 6
    task = toy.SquareSum()
    sample = task.examples(toy_data, "squares").load(3)
    values = task.predict(trained_sum.pack, sample).scores
    interval = trained_sum.pack.answers.value(values)
    assert interval.level == 0.9
    assert interval.value == pytest.approx(values.mean())
    assert 3 < interval.high - interval.low < 6


def test_three_classes_are_learned_and_measured_class_by_class_beside_their_floors(trained_kinds):
    results = trained_kinds.results
    metrics, floor = results["metrics"], results["floor"]
    for name in ("auroc", "auprc", "f1", "accuracy", "balanced_accuracy", "cohen_kappa", "mcc"):
        assert metrics[name]["low"] > 0.3, name
    for key in ("nothing", "middle", "corner"):
        for name in ("auroc", "f1", "precision", "recall"):
            assert metrics[f"{name}_{key}"]["value"] > 0.5, (name, key)
    assert metrics["ece"]["value"] < 0.15
    assert metrics["brier"]["value"] < 0.5
    trivial = {"brightest part", "bright middle", "brightness", "majority class"}
    assert set(floor) == trivial | {measure_sets.ALL}
    assert floor[measure_sets.ALL]["set_coverage"]["value"] == 1.0
    assert floor[measure_sets.ALL]["gain_set_size"]["low"] > 1, "sets tell more than all classes"
    assert metrics["set_coverage"]["value"] > 0.85
    assert floor["majority class"]["balanced_accuracy"]["value"] == pytest.approx(1 / 3)
    assert floor["majority class"]["gain_f1"]["low"] > 0
    assert {"auroc", "auroc_middle", "f1"} < set(floor["brightest part"])
    assert "auroc" not in floor["bright middle"]
    assert set(floor["brightness"]) == {"auroc_any", "gain_auroc_any"}


def test_scores_of_three_classes_are_kept_by_member_and_class(toy, trained_kinds, toy_data):
    task = toy.SquareKinds()
    examples = task.examples(toy_data, "squares")
    path = sorted((trained_kinds.folder / "predictions").glob("fold-0-*.npz"))[0]
    stored = Predictions.load(path)
    inside = np.flatnonzero(split.folds_of(examples.groups, 3) == 0)
    assert stored.scores.shape == (len(inside), 1, 3)
    alone = task.predict(trained_kinds.pack, examples.load(int(inside[4])), [0])
    assert stored.scores[4] == pytest.approx(alone.scores)
    settings = trained_kinds.pack.settings
    assert settings["classes"] == ["nothing", "middle", "corner"]
    assert "most probable class" in settings["bands"]


def test_what_a_recipe_says_about_rare_classes_changes_training_or_is_refused(
    toy, toy_data, tmp_path
):
    task = toy.SquareKinds()
    examples = task.examples(toy_data, "squares")
    weights = set()
    for imbalance in ("none", "weights", "oversample"):
        recipe = Recipe(folds=3, epochs=5, imbalance=imbalance)
        (folder := tmp_path / imbalance / "member-0").mkdir(parents=True)
        fit_member(task, examples, recipe, folder.parent, 0)
        weights.add((folder / "net.onnx").read_bytes())
    assert len(weights) == 3
    with pytest.raises(BadInput, match=r"'focal', which training toy\.square_kinds does not"):
        train(task, Recipe(imbalance="focal"), toy_data, tmp_path, progress=False)
    with pytest.raises(BadInput, match=r"'weights', which training toy\.squares does not"):
        train(toy.Squares(), Recipe(imbalance="weights"), toy_data, tmp_path, progress=False)


def test_an_operating_point_that_the_recipe_asks_for_stands_in_the_figures(
    toy, toy_data, tmp_path, quick
):
    recipe = Recipe(folds=3, epochs=30, operating_point="youden")
    made = train(toy.Squares(), recipe, toy_data, tmp_path, progress=False)
    point = made.results["metrics"]["operating_point"]
    assert point["value"] == made.pack.answers.thresholds.operating_point != 0.5
    assert point["low"] < point["high"]
    page = made.pack.path("card.md").read_text()
    assert f"{point['value']:.3g} (best Youden index); each fold was measured" in page


def test_a_run_from_before_a_choice_existed_goes_on_with_its_default(
    toy, trained_mask, toy_data, toy_home, tmp_path, quick
):
    home = shutil.copytree(toy_home, tmp_path / "home")
    path = home / trained_mask.folder.relative_to(toy_home) / "run.json"
    run = json.loads(path.read_text())
    del run["recipe"]["interval_level"], run["recipe"]["operating_point"]
    path.write_text(json.dumps(run))
    toy.SquareMask.fitted.clear()
    again = train(toy.SquareMask(), Recipe(epochs=60, stress=40), toy_data, home, progress=False)
    assert toy.SquareMask.fitted == []
    assert again.folder.name == trained_mask.folder.name
    run["recipe"]["a_choice_that_is_gone"] = 1
    path.write_text(json.dumps(run))
    other = train(toy.SquareMask(), Recipe(epochs=60, stress=40), toy_data, home, progress=False)
    assert len(toy.SquareMask.fitted) == 5
    assert other.folder.name >= trained_mask.folder.name


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


def test_labels_that_are_not_the_classes_are_refused_before_training(
    toy, toy_data, tmp_path, monkeypatch
):
    monkeypatch.setattr(toy.Squares, "answers", toy.SquareKinds.answers)
    with pytest.raises(BadInput, match=r"3 classes and the labels \[0, 1\]"):
        train(toy.Squares(), FEW, toy_data, tmp_path, progress=False)


def test_a_class_whose_patients_all_fall_into_one_fold_is_refused_before_training(
    toy, toy_data, tmp_path, monkeypatch
):
    real = toy.SquareKinds.examples

    def rare(self, data, dataset):
        found = real(self, data, dataset)
        labels = np.where(found.labels == 2, 1, found.labels)
        labels[:2] = 2
        return replace(found, labels=labels)

    monkeypatch.setattr(toy.SquareKinds, "examples", rare)
    with pytest.raises(BadInput, match="all examples of In the corner belong to the groups of"):
        train(toy.SquareKinds(), FEW, toy_data, tmp_path, progress=False)
    assert not list(tmp_path.glob("runs/*/*"))


@pytest.mark.parametrize(
    "floor", [np.zeros((240, 2)), np.full(240, 3), np.zeros((240, 3, 1))], ids=["2", "class", "3d"]
)
def test_a_floor_of_three_classes_has_one_score_a_class_or_names_a_class(
    toy, toy_data, tmp_path, monkeypatch, floor
):
    real = toy.SquareKinds.examples
    changed = lambda self, *args: replace(real(self, *args), floors={"odd": floor})  # noqa: E731
    monkeypatch.setattr(toy.SquareKinds, "examples", changed)
    with pytest.raises(BadInput, match=r"floor 'odd' of toy\.square_kinds has the shape"):
        train(toy.SquareKinds(), FEW, toy_data, tmp_path, progress=False)


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


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("toy.squares", lambda scores: scores[:1]),
        ("toy.squares", lambda scores: np.stack([scores, scores], 1)),
        ("toy.square_kinds", lambda scores: scores[:, :2]),
        ("toy.square_kinds", lambda scores: scores[:, 0]),
    ],
)
def test_a_prediction_of_a_wrong_shape_is_a_clear_error(
    toy, toy_data, trained, trained_kinds, monkeypatch, name, wrong
):
    task = toy.tasks()[name]
    pack = (trained if name == "toy.squares" else trained_kinds).pack
    real = type(task).predict

    def predict(self, pack, sample, members=None):
        found = real(self, pack, sample, members)
        return replace(found, scores=wrong(found.scores))

    monkeypatch.setattr(type(task), "predict", predict)
    with pytest.raises(BadInput, match="one score a member"):
        predict_all(task, pack, task.examples(toy_data, "squares"), INDEPENDENT)
