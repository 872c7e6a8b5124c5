"""Both networks learn a tiny set by heart, and a second call goes on where the first stopped."""

from __future__ import annotations

import csv

import numpy as np
import onnxruntime
import pytest
from tests.unit.imaging.drawn_nodules import ball

from suwen.core.errors import BadInput
from suwen.imaging.learning import training
from suwen.imaging.nodules import fit_malignancy, fit_segmentation
from suwen.imaging.nodules.data import ATTRIBUTES, read_nodules
from suwen.imaging.nodules.examples import crop_input, crop_of, examples_of
from suwen.imaging.nodules.lung_slices import LUNG_PATCH
from suwen.imaging.nodules.malignancy import TREES, network_input
from suwen.imaging.nodules.segmentation import Networks, mask_from, probability_maps
from suwen.imaging.reading.nifti import write_nifti
from suwen.imaging.volumes.volume import Volume
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.recipe import Recipe
from suwen.metrics.overlap import dice

pytest.importorskip("torch")

COUNT = 12


@pytest.fixture(scope="module", autouse=True)
def nothing_but_the_tiny_set():
    """No lung slices of a real data set join the training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DataFolders, "from_settings", classmethod(lambda cls: cls(())))
        yield


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Twelve balls of 8 to 14 mm in the format of the real set; every second one calcified."""
    root = tmp_path_factory.mktemp("data")
    folder = root / "imaging" / "lidc_voi"
    for name in ("image", "nodule_mask"):
        (folder / name).mkdir(parents=True)
    rows = []
    for number in range(COUNT):
        diameter, benign = 8.0 + number // 2, number % 2
        data, mask = ball(diameter, (2.5, 0.7, 0.7), (6, 44, 44), hu=500.0 if benign else 30.0)
        name = f"P-{number}_R_1.nii.gz"
        (folder / "image" / name).write_bytes(write_nifti(data.volume))
        inside = Volume(mask.astype(np.uint8), data.volume.affine)
        (folder / "nodule_mask" / name).write_bytes(write_nifti(inside))
        rows.append(
            {
                "patient_id": f"P-{number}",
                "nodule_id": 1,
                "seriesuid": f"1.{number}",
                "coordX": 0,
                "coordY": 0,
                "coordZ": 0,
                "diameter_mm": diameter,
                "Diagnosis_value": 1 - benign,
                "Malignancy_value": 1 if benign else 5,
                **{f"{attribute}_value": 2 + benign for attribute in ATTRIBUTES},
            }
        )
    with (folder / "nodules.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return DataFolders((root,))


@pytest.fixture(scope="module")
def examples(tiny):
    return examples_of(
        tiny,
        lambda nodule: crop_input(nodule, crop_of(nodule).mask),
        lambda nodule: crop_of(nodule).mask,
    )


def test_the_set_is_read_as_it_was_written(tiny, examples):
    assert len(read_nodules(tiny)) == COUNT
    assert examples.labels.tolist() == [1, 0] * (COUNT // 2)
    assert examples.load(0).data.volume.spacing == pytest.approx((2.5, 0.7, 0.7))


@pytest.fixture(scope="module")
def segmentation(examples, tmp_path_factory):
    folder = tmp_path_factory.mktemp("segmentation")
    recipe = Recipe(epochs=14, patience=14, batch_size=4, learning_rate=5e-3, dropout=0.0)
    return folder, recipe, fit_segmentation.fit(examples, examples, recipe, folder)


def test_the_segmentation_network_learns_the_borders_by_heart(examples, segmentation):
    folder, _, made = segmentation
    session = onnxruntime.InferenceSession(str(folder / made["weights"]))

    network = Networks(1, lambda batch: session.run(None, {"input": batch}))
    overlaps = []
    for i in range(len(examples)):
        data = examples.load(i).data
        found = mask_from(probability_maps(network, data)[0], data)
        overlaps.append(dice(examples.truth(i), found))
    assert np.mean(overlaps) > 0.85
    curve = [row["train_loss"] for row in made["history"]]
    assert curve[-1] < 0.5 * curve[0]
    low, high = made["volume_ratio"]
    assert -1 < low <= high < 1


def test_finished_epochs_are_not_trained_again(examples, segmentation, monkeypatch):
    folder, recipe, made = segmentation

    def never(*args):
        raise AssertionError("an epoch was trained again")

    monkeypatch.setattr(fit_segmentation, "draw", never)
    monkeypatch.setattr(fit_segmentation, "SLICES_EACH", 0)
    again = fit_segmentation.fit(examples, examples, recipe, folder)
    assert again["history"] == made["history"]


def test_a_kill_between_epochs_ends_in_the_same_weights(examples, segmentation, tmp_path):
    recipe = segmentation[1].model_copy(update={"epochs": 2})
    (tmp_path / "whole").mkdir()
    fit_segmentation.fit(examples, examples, recipe, tmp_path / "whole")
    kept = training._keep

    class Killed(Exception):
        pass

    def killed(*args):
        kept(*args)
        raise Killed

    (tmp_path / "broken").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "_keep", killed)
        with pytest.raises(Killed):
            fit_segmentation.fit(examples, examples, recipe, tmp_path / "broken")
    resumed = fit_segmentation.fit(examples, examples, recipe, tmp_path / "broken")
    whole = fit_segmentation.fit(examples, examples, recipe, tmp_path / "whole")
    assert resumed["history"] == whole["history"]


def test_the_malignancy_network_and_trees_tell_the_two_kinds_apart(examples, tmp_path):
    import lightgbm

    recipe = Recipe(epochs=5, patience=5, batch_size=4, learning_rate=3e-3, dropout=0.0)
    options = {**fit_malignancy.TREE_OPTIONS, "min_child_samples": 2}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit_malignancy, "TREE_OPTIONS", options)
        made = fit_malignancy.fit(examples, examples, recipe, tmp_path)
    session = onnxruntime.InferenceSession(str(tmp_path / made["networks"][0]))
    logits, exact = [], []
    for i in range(len(examples)):
        data = examples.load(i).data
        shown = network_input(data.volume, data.mask)[None]
        logit, features, cam = session.run(["logit", "features", "cam"], {"input": shown})
        logits.append(float(logit[0, 0]))
        exact.append(float(cam.mean() - logit[0, 0]))
        assert features.shape[:2] == cam.shape[:2]
    malignant = examples.labels == 1
    assert np.array(logits)[malignant].min() > np.array(logits)[~malignant].max()
    assert np.ptp(exact) < 1e-4  # the mean of the map is the logit, up to the bias
    boosters = [lightgbm.Booster(model_file=str(tmp_path / name)) for name in TREES]
    assert all(booster.feature_name() == made["features"] for booster in boosters)


def test_the_choice_against_imbalance_changes_what_the_trees_learn(examples, tmp_path):
    uneven = examples.subset(np.r_[0, 1, 3, 5, 7, 9, 11, 1, 3, 5, 7, 9, 11])
    targets, _ = fit_malignancy.targets_of(uneven)
    learned = {}
    options = {**fit_malignancy.TREE_OPTIONS, "min_child_samples": 2}
    for choice in ("none", "weights", "oversample", "focal"):
        (tmp_path / choice).mkdir()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fit_malignancy, "TREE_OPTIONS", options)
            fit_malignancy.fit_trees(uneven, targets, Recipe(imbalance=choice), tmp_path / choice)
        learned[choice] = [(tmp_path / choice / name).read_text() for name in TREES]
    assert learned["weights"] == learned["oversample"] != learned["none"] == learned["focal"]


def test_borders_are_not_learned_without_random_slices(examples, tmp_path):
    with pytest.raises(BadInput, match="augmentation"):
        fit_segmentation.fit(examples, examples, Recipe(augmentation=False), tmp_path)


def test_lung_without_a_nodule_is_shown_with_nothing_to_find():
    lung = np.full((LUNG_PATCH, LUNG_PATCH), -850.0, np.float32)
    shown, truth = fit_segmentation.draw_lung(lung, np.random.default_rng(0))
    assert shown.shape == (4, 48, 48)
    assert shown[1].mean() == pytest.approx((-850 + 300) / 700, abs=0.1), "lung in the lung window"
    assert truth.shape == (1, 48, 48)
    assert not truth.any()
