"""A pack is calibrated again without training: the same answers, other limits."""

from __future__ import annotations

import pytest

from suwen.core.errors import BadInput
from suwen.lifecycle import runs
from suwen.lifecycle.calibration import prediction_sets
from suwen.lifecycle.recalibrate import recalibrate, recipe_of

HOW = ("value", "low", "high")


def test_a_pack_from_before_prediction_sets_gets_them_and_keeps_its_figures(
    toy, trained_kinds, toy_data, tmp_path
):
    task, pack = toy.SquareKinds(), trained_kinds.pack
    draft = recalibrate(task, pack, toy_data, tmp_path)
    for name in ("calibrator.json", "thresholds.json", prediction_sets.FILE):
        assert draft.content(name) == pack.content(name), name
    before, after = (one.content("card.json")["results"]["metrics"] for one in (pack, draft))
    assert {key: [after[key][end] for end in HOW] for key in after} == {
        key: [before[key][end] for end in HOW] for key in before
    }
    assert draft.settings["recalibrated"]["from"] == pack.identity
    assert not (draft.folder / "SIGNATURE.json").exists()
    page = draft.path("card.md").read_text()
    assert "## Prediction sets" in page
    assert "| `corner` | " in page
    assert list((tmp_path / "predictions").glob("fold-*.npz")), "a kill costs one fold"


def test_other_choices_make_other_sets_and_a_robustness_card_and_no_other_figures(
    toy, trained, toy_data, tmp_path
):
    chosen = {"set_level": 0.95, "stress": 12}
    recipe = recipe_of(trained.pack).model_copy(update=chosen)
    draft = recalibrate(toy.Squares(), trained.pack, toy_data, tmp_path, recipe)
    assert draft.answers.sets.level == 0.95
    assert draft.content("thresholds.json") == trained.pack.content("thresholds.json")
    before, after = (
        one.content("card.json")["results"]["metrics"] for one in (trained.pack, draft)
    )
    assert after["set_coverage"]["value"] >= before["set_coverage"]["value"]
    assert after["auroc"] == before["auroc"]
    assert draft.content("robustness.json")["n"] >= 12
    assert "## Robustness" in draft.path("card.md").read_text()
    assert draft.path("plots/robustness.png").stat().st_size > 0
    assert runs.read_json(draft.folder / "card.json")["recipe"]["stress"] == 12


def test_what_needs_training_is_refused(toy, trained, trained_mask, toy_data, tmp_path):
    recipe = recipe_of(trained.pack).model_copy(update={"epochs": 3})
    with pytest.raises(BadInput, match="another training"):
        recalibrate(toy.Squares(), trained.pack, toy_data, tmp_path, recipe)
    with pytest.raises(BadInput, match="no calibrator"):
        recalibrate(toy.SquareMask(), trained_mask.pack, toy_data, tmp_path)
