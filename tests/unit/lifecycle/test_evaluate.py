"""Evaluation: the same figures as the card, out-of-fold; all members on independent data."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from suwen.core import registry
from suwen.core.errors import BadInput, NotFound
from suwen.lifecycle import split
from suwen.lifecycle.card.page import _subgroups as card_lines
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.evaluate import evaluate, out_of_fold
from suwen.lifecycle.examples import NOT_RECORDED
from suwen.lifecycle.measure import figures as measure
from suwen.lifecycle.measure.answered import Answered, answered, rows_of
from suwen.lifecycle.measure.predictions import INDEPENDENT, predict_all
from suwen.metrics.discrimination import auroc
from suwen.metrics.intervals import paired_difference

KEYS = (
    "task",
    "pack",
    "data",
    "split",
    "n",
    "groups",
    "metrics",
    "floor",
    "subgroups",
    "not_recorded",
    "seconds",
)


@pytest.fixture(scope="module")
def elsewhere(toy, tmp_path_factory):
    """Pictures that no member was trained on."""
    folder = tmp_path_factory.mktemp("elsewhere")
    toy.table(folder, count=120, seed=99)
    return DataFolders((), folder)


@pytest.fixture(scope="module")
def result(toy, trained, toy_data):
    return evaluate(toy.Squares(), trained.pack, toy_data)


def test_the_result_has_exactly_the_documented_fields(result):
    assert tuple(result) == KEYS
    for entry in result["metrics"].values():
        assert set(entry) == {"value", "low", "high"}
    json.dumps(result, allow_nan=False)


def test_development_data_is_answered_out_of_fold_with_the_figures_of_the_card(result, trained):
    assert result["split"] == "out-of-fold"
    card = trained.pack.content("card.json")
    assert result["metrics"] == card["results"]["metrics"]
    assert result["floor"] == card["results"]["floor"]
    assert result["subgroups"] == card["results"]["subgroups"]


def test_what_headers_record_is_a_subgroup_small_groups_are_marked_and_gaps_are_named(
    toy, trained, toy_data, monkeypatch
):
    real = toy.Squares.examples

    def tagged(self, data, dataset):
        found = real(self, data, dataset)
        makers = np.where(np.arange(len(found)) < 5, "Maker B", "Maker A")
        nothing = np.full(len(found), NOT_RECORDED)
        return replace(found, tags={"manufacturer": makers, "sex": nothing})

    monkeypatch.setattr(toy.Squares, "examples", tagged)
    found = evaluate(toy.Squares(), trained.pack, toy_data)
    large, small = found["subgroups"]["manufacturer"].values()
    assert set(found["subgroups"]["manufacturer"]) == {"Maker A", "Maker B"}
    assert "auroc" in large
    assert "few" not in large
    assert small == {"n": 5, "groups": small["groups"], "few": True}
    assert found["not_recorded"] == ["sex"]
    assert "sex" not in found["subgroups"]
    text = "\n".join(card_lines(found))
    assert "| manufacturer | Maker B (few) | 5 |" in text
    assert "Not recorded in this data set, so not measured by: sex." in text


def test_every_interval_holds_its_value(result):
    for entry in result["metrics"].values():
        assert entry["low"] <= entry["value"] <= entry["high"]


def test_no_member_answers_a_patient_it_was_trained_on(toy, trained, toy_data, monkeypatch):
    task = toy.Squares()
    asked = []
    real = toy.Squares.predict

    def spy(self, pack, sample, members=None):
        asked.append((sample.key, tuple(members)))
        return real(self, pack, sample, members)

    monkeypatch.setattr(toy.Squares, "predict", spy)
    examples = task.examples(toy_data, "squares")
    out_of_fold(task, trained.pack, examples)
    patients = dict(zip(examples.keys, examples.groups, strict=True))
    assert len(asked) == 240
    assert all(members == (split.fold_of(patients[key], 5),) for key, members in asked)


def test_a_data_set_that_shares_nobody_with_the_packs_is_answered_by_all_members(
    toy, trained, toy_data, monkeypatch
):
    task = toy.Squares()
    monkeypatch.setattr(task, "apart", {"squares": ("squares",)}, raising=False)
    assert evaluate(task, trained.pack, toy_data)["split"] == "independent"
    monkeypatch.setattr(task, "apart", {"squares": ("others",)})
    assert evaluate(task, trained.pack, toy_data)["split"] == "out-of-fold"


def test_an_independent_set_is_answered_by_all_members(toy, trained, tmp_path, monkeypatch):
    toy.table(tmp_path, count=120, seed=99)
    asked = set()
    real = toy.Squares.predict

    def spy(self, pack, sample, members=None):
        asked.add(members)
        return real(self, pack, sample, members)

    monkeypatch.setattr(toy.Squares, "predict", spy)
    found = evaluate(toy.Squares(), trained.pack, DataFolders((), tmp_path))
    assert found["split"] == "independent"
    assert (found["n"], found["groups"]) == (120, 60)
    assert asked == {None}
    assert found["metrics"]["auroc"]["value"] > 0.65


def test_a_gain_over_one_of_several_floors_is_the_one_that_is_measured_alone(
    toy, trained, elsewhere
):
    task = toy.Squares()
    examples = task.examples(elsewhere, "squares")
    rows = rows_of(
        task, trained.pack, examples, predict_all(task, trained.pack, examples, INDEPENDENT)
    )
    rng = np.random.default_rng(4)
    rows = replace(rows, floors={**rows.floors, "chance": rng.normal(size=120)})
    found = measure.floors_of(rows, resamples=60)
    assert len(found) > 1
    for name, scores in rows.floors.items():
        alone = paired_difference(
            lambda w: auroc(rows.truth, rows.order, w),
            lambda w, scores=scores: auroc(rows.truth, scores, w),
            rows.groups,
            resamples=60,
        )
        assert found[name]["gain_auroc"] == measure.as_json(alone)


def test_a_mask_is_measured_by_dice_beside_its_floor(toy, trained_mask, toy_data):
    found = evaluate(toy.SquareMask(), trained_mask.pack, toy_data)
    assert tuple(found) == KEYS
    assert found["metrics"]["dice"]["value"] > 0.6
    floor = found["floor"]["whole picture"]
    assert floor["dice"]["value"] == pytest.approx(0.4)
    assert floor["gain_dice"]["low"] > 0


def test_subgroups_and_exclusions_stand_in_the_table(result):
    assert set(result["subgroups"]) == {"size", "without"}
    size, without = result["subgroups"]["size"], result["subgroups"]["without"]
    assert size["large"]["n"] + size["small"]["n"] == 240
    floor = without["large"].pop("floor")
    assert without["large"] == size["small"]
    assert floor["diameter"]["size_matched_auroc"]["value"] < 0.7


def test_a_small_subgroup_is_counted_and_not_measured(toy, trained, toy_data):
    task = toy.Squares()
    examples = task.examples(toy_data, "squares")
    rare = np.where(np.arange(240) < 7, "rare", "usual")
    examples = replace(examples, columns={"kind": rare})
    rows = rows_of(task, trained.pack, examples, out_of_fold(task, trained.pack, examples))
    found = measure.subgroups_of(rows, resamples=50)
    assert set(found["kind"]["rare"]) == {"n", "groups", "few"}
    assert "auroc" in found["kind"]["usual"]


def test_values_are_measured_by_rmse_and_gain_is_positive_when_the_error_falls():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=200)
    rows = Answered(
        kind="value",
        truth=truth,
        answer=truth + rng.normal(0, 0.1, 200),
        order=truth,
        groups=np.arange(200),
        columns={},
        floors={"mean": np.zeros(200)},
        volume_error=np.full(200, np.nan),
        abstained=np.zeros(200, dtype=bool),
    )
    found = measure.results(rows, resamples=200)
    assert found["metrics"]["rmse"]["value"] == pytest.approx(0.1, abs=0.02)
    assert found["floor"]["mean"]["gain_rmse"]["low"] > 0.5


def test_ranking_is_that_of_the_scores_and_not_of_each_folds_own_calibrator(toy, trained, toy_data):
    task = toy.Squares()
    examples = task.examples(toy_data, "squares")
    predictions = out_of_fold(task, trained.pack, examples)
    shifted = np.linspace(0.2, 0.8, len(examples))
    rows = answered(task, examples, predictions, shifted)
    found = measure.results(rows, resamples=50)["metrics"]["auroc"]["value"]
    expected = auroc(examples.labels, predictions.scores[:, 0])
    assert found == pytest.approx(expected)


def test_an_unknown_data_set_and_an_empty_test_folder_are_clear_errors(toy, trained, tmp_path):
    with pytest.raises(BadInput, match="circles"):
        evaluate(toy.Squares(), trained.pack, DataFolders((tmp_path,)), "circles")
    with pytest.raises(NotFound, match="--test-data"):
        evaluate(toy.Squares(), trained.pack, DataFolders((), tmp_path))


@pytest.fixture
def registered(toy, monkeypatch):
    """The toy tasks as the only registered ones."""
    own = {task.name: task for task in (toy.Squares(), toy.SquareMask())}
    monkeypatch.setattr(registry, "_tasks", own)
    monkeypatch.setattr(registry, "_rooms", [])
    return own


def command_line():
    import typer

    from suwen.cli import card, evaluate, explain, packs, train

    app = typer.Typer()
    for module in (train, evaluate, explain, card):
        app.command(module.__name__.rpartition(".")[2])(module.command)
    app.add_typer(packs.app, name="packs")
    return app


def test_the_command_line_goes_from_training_to_one_json_object(
    registered, toy, toy_data, tmp_path, settled, quick
):
    settled(home=tmp_path, data=toy_data.folders[0])
    runner, app = CliRunner(), command_line()

    def suwen(*words):
        done = runner.invoke(app, words)
        assert done.exit_code == 0, done.output + repr(done.exception)
        return done.stdout

    said = suwen("train", "toy.squares", "--set", "folds=3", "--set", "epochs=20", "--quiet")
    assert "AUROC" in said
    folder = said.split("suwen packs install ")[1].strip()
    assert "installed in" in suwen("packs", "install", folder)
    assert "intact" in suwen("packs", "list")
    assert "golden cases agree" in suwen("packs", "verify", folder)
    assert "BEGIN PUBLIC KEY" in suwen("packs", "key")
    found = json.loads(suwen("evaluate", "toy.squares", "--json"))
    assert tuple(found) == KEYS
    assert "size-matched AUROC" in suwen("evaluate", "toy.squares")
    assert suwen("card", "toy.squares").startswith("# Bright square · 亮方块")
    assert json.loads(suwen("card", "toy.squares", "--json"))["task"] == "toy.squares"
    out = tmp_path / "explained"
    assert "faithfulness" in suwen("explain", "toy.squares", "--out", str(out), "-k", "2")
    assert len(list(out.glob("*.png"))) == 2


def test_wrong_choices_on_the_command_line_are_named(registered, settled, tmp_path):
    from suwen.cli.train import recipe_of

    task = registered["toy.squares"]
    for choices, message in (
        (["epochs"], "NAME=VALUE"),
        (["epochs=many"], "epochs"),
        (["speed=9"], "speed"),
    ):
        with pytest.raises(BadInput, match=message):
            recipe_of(task, None, choices)
    file = tmp_path / "recipe.toml"
    file.write_text("epochs = 3\n[options]\nwidth = 8\n")
    made = recipe_of(task, file, ["folds=4"])
    assert (made.epochs, made.folds, made.options) == (3, 4, {"width": 8})
    made = recipe_of(task, file, ["options.width=9", "options.corrupt = 0.5", "options.start=a-b"])
    assert made.options == {"width": 9, "corrupt": 0.5, "start": "a-b"}
    file.write_text("epochs = ")
    with pytest.raises(BadInput, match="cannot be read"):
        recipe_of(task, file, [])


def test_very_many_samples_take_fewer_resamples_and_the_card_says_how_many(trained):
    assert measure.resamples_for(787) == 2000
    assert measure.resamples_for(100_000) == 500
    assert "2,000 resamples" in trained.pack.path("card.md").read_text()


def kinds_of(count=60):
    """Rows of three classes, called rightly, with a ratio beside them."""
    truth = np.arange(count) % 3
    answer = np.eye(3)[truth]
    nothing = np.zeros(count)
    return Answered(
        kind="choice",
        truth=truth,
        answer=answer,
        order=answer,
        groups=np.arange(count),
        columns={},
        floors={},
        volume_error=nothing,
        abstained=nothing.astype(bool),
        classes=("a", "b", "c"),
        shares=(0.4, 0.3, 0.3),
        figures={"wrong": lambda cells: 1 - np.trace(cells, axis1=-2, axis2=-1) / cells.sum()},
        ratios={"found": (np.arange(count) % 2, np.ones(count))},
    )


def test_a_task_adds_figures_of_its_table_and_ratios_of_its_examples():
    found = measure.metrics_of(kinds_of())
    assert float(found["wrong"](None)) == 0
    assert float(found["found"](None)) == 0.5
    weights = np.stack([np.arange(60) % 2, np.ones(60)])
    assert found["found"](weights).tolist() == [1.0, 0.5]


def test_the_ratios_of_some_rows_are_those_of_these_rows():
    some = kinds_of().where(np.arange(60) % 2 == 1)
    assert float(measure.metrics_of(some)["found"](None)) == 1.0
