"""A learning curve on a toy: more labels help, a killed run goes on, and nothing leaks."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from suwen.core.errors import BadInput, Conflict
from suwen.lifecycle import runs, share, split
from suwen.lifecycle.curve import figures as curve_figures
from suwen.lifecycle.curve import grid as curve
from suwen.lifecycle.curve import page as curve_page
from suwen.lifecycle.curve import plan as curve_plan
from suwen.lifecycle.curve.plan import Declaration
from suwen.lifecycle.recipe import Recipe

PLAN = {
    "folds": 3,
    "held_out": [1],
    "shares": [0.05, 0.25, 1.0],
    "seeds": [1, 2],
    "recipe": {"epochs": 60, "batch_size": 16},
    "pretraining": [{"name": "seen before", "pictures": ["toy.square_kinds/squares"]}],
    "line": [
        {"name": "plain"},
        {"name": "again", "panel": "Start", "start": "zeros"},
        {"name": "pretrained", "panel": "Start", "start": "seen before", "seeds": [1]},
        {
            "name": "others used",
            "panel": "Others",
            "unlabelled": "pseudo-labels",
            "shares": [0.05, 0.25],
        },
        {"name": "asked", "panel": "Others", "ask": "margin", "shares": [0.05, 0.25]},
    ],
}


def made(toy):
    """The toy that places squares, with starts and strategies that a test can watch."""

    class Little(type(toy.tasks()["toy.square_kinds"])):
        starts = ("zeros",)
        strategies = ("ignored", "pseudo-labels")

        def __init__(self):
            self.pools: list[set[str]] = []
            self.seen: Counter = Counter()

        def pretrain(self, pools, recipe, folder):
            self.pools.extend(set(map(str, examples.groups)) for _, examples in pools)
            return {}

        def fixed_features(self, examples):
            loaded = [examples.load(i).data.values.ravel() for i in range(len(examples))]
            return np.stack(loaded)

        def fit(self, train, valid, recipe, folder):
            known = np.flatnonzero(train.labels != share.UNKNOWN)
            self.seen[recipe.unlabelled, recipe.options.get("start", "")] += 1
            self.last = train
            return super().fit(train.subset(known), valid, recipe, folder)

    Little.__module__ = toy.__name__  # where the types of its samples are looked up
    return Little()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Few resamples: what intervals are worth is tested where they are made."""
    monkeypatch.setattr(curve_figures, "RESAMPLES", 40)


def run(task, data, folder, change=()):
    """Run the declaration, with some of its keys changed."""
    plan = Declaration.model_validate({**PLAN, **dict(change)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curve.registry, "find", lambda name: task)
        return curve.run(task, plan, data, folder / "curve", folder / "pretrained")


@pytest.fixture
def little(toy):
    return made(toy)


@pytest.fixture(scope="module")
def ran(toy, toy_data, tmp_path_factory):
    """One run of the whole declaration: its task, its result, its folder."""
    task, folder = made(toy), tmp_path_factory.mktemp("little")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curve_figures, "RESAMPLES", 40)
        return task, run(task, toy_data, folder), folder


@pytest.fixture
def found(ran):
    return ran[1]


def value(found, line, part, metric="auroc"):
    (point,) = [p for p in found["points"] if (p["line"], p["share"]) == (line, part)]
    return point["metrics"][metric]["value"]


def test_every_line_is_measured_at_every_share_beside_its_floor(found):
    lines = Counter(point["line"] for point in found["points"])
    assert lines == {
        "plain": 3, "again": 3, "pretrained": 3, "others used": 2, "asked": 2, curve.FLOOR: 3,
    }  # fmt: skip
    for point in found["points"]:
        entry = point["metrics"]["auroc"]
        assert entry["low"] <= entry["value"] <= entry["high"]
        assert entry["value"] == pytest.approx(np.mean(entry["seeds"]))
        assert (point["change"] is None) == (point["line"] == "plain")


def test_more_labels_rank_better(found):
    assert value(found, "plain", 1.0) > value(found, "plain", 0.05) + 0.05


def test_no_held_out_group_is_trained_on_or_pretrained_on(ran, toy_data):
    task, found, _ = ran
    groups = map(str, task.examples(toy_data, "squares").groups)
    out = {group for group in groups if split.fold_of(group, 3) == 1}
    assert found["held_out"]["groups"] == len(out)
    assert task.pools
    assert not any(pool & out for pool in task.pools)
    assert not set(map(str, task.last.groups)) & out


def test_what_has_no_label_is_shown_without_one_and_what_is_asked_for_differs(ran):
    task, found, _ = ran
    asked = [p for p in found["points"] if p["line"] == "asked"]
    plain = [p for p in found["points"] if p["line"] == "plain"]
    assert asked[0]["labels"] == plain[0]["labels"]
    assert asked[0]["metrics"] == plain[0]["metrics"], "the first round is by chance"
    assert asked[1]["metrics"] != plain[1]["metrics"]
    assert task.seen["pseudo-labels", ""] == 4


def test_lines_that_need_the_same_network_train_it_once_and_a_second_run_trains_none(ran, toy_data):
    task, found, folder = ran
    # plain 3 x 2, zeros 3 x 2, pretrained 3, others 2 x 2, asked 1 x 2
    assert task.seen.total() == 6 + 6 + 3 + 4 + 2
    assert json.dumps(run(task, toy_data, folder)) == json.dumps(found)
    assert task.seen.total() == 21


SMALL = {"pretraining": [], "shares": [0.1, 0.5], "line": [PLAN["line"][0], PLAN["line"][4]]}


def test_a_killed_run_goes_on_with_the_network_it_was_at(little, toy_data, tmp_path, monkeypatch):
    fit = type(little).fit

    def dies(self, train, valid, recipe, folder):
        if self.seen.total() == 3:
            raise KeyboardInterrupt
        return fit(self, train, valid, recipe, folder)

    with monkeypatch.context() as patch:
        patch.setattr(type(little), "fit", dies)
        with pytest.raises(KeyboardInterrupt):
            run(little, toy_data, tmp_path, SMALL)
    run(little, toy_data, tmp_path, SMALL)
    assert little.seen.total() == 8


def test_two_processes_do_not_write_one_curve(little, toy_data, tmp_path):
    (tmp_path / "curve").mkdir()
    with runs.alone(tmp_path / "curve"), pytest.raises(Conflict):
        run(little, toy_data, tmp_path)


def test_answers_to_other_examples_are_not_taken_for_these(little, toy_data, tmp_path):
    run(little, toy_data, tmp_path, SMALL)
    with pytest.raises(BadInput, match="answered other examples"):
        run(little, toy_data, tmp_path, {**SMALL, "most_held_out": 20})


def test_a_task_with_two_classes_and_nothing_special_has_a_curve(toy, toy_data, tmp_path):
    found = run(toy.tasks()["toy.squares"], toy_data, tmp_path, SMALL)
    assert {point["line"] for point in found["points"]} == {"plain", "asked"}
    assert value(found, "plain", 0.5) > 0.7


def test_the_page_says_what_was_declared_and_measured(found, tmp_path):
    page = curve_page.write(found, tmp_path / "page").read_text()
    assert f"{value(found, 'plain', 1.0):.3f} (" in page
    assert "| others used | the task's own | pseudo-labels | random |" in page
    assert "against plain" in page
    assert (tmp_path / "page" / "learning_curve.png").stat().st_size > 10_000
    assert (tmp_path / "page" / "learning_curve.svg").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"line": [{"name": "a", "start": "jigsaw"}]}, "starts from 'jigsaw'"),
        (
            {"line": [{"name": "a", "unlabelled": "consistency", "shares": [0.1]}]},
            "unlabelled = 'consistency'",
        ),
    ],
)
def test_what_the_task_does_not_know_is_refused_before_anything_runs(little, change, message):
    with pytest.raises(BadInput, match=message):
        curve_plan.check(little, Declaration.model_validate({**PLAN, **change}))


def test_a_task_that_measures_has_no_curve(toy):
    with pytest.raises(BadInput, match="chooses between classes"):
        curve_plan.check(toy.tasks()["toy.square_sum"], Declaration.model_validate(PLAN))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shares = [0.5, 0.1]\n[[line]]\nname = 'a'", "rising shares"),
        ("[[line]]\nname = 'a'\n[[line]]\nname = 'a'", "names that differ"),
        ("held_out = [0, 7]\n[[line]]\nname = 'a'", "folds held out"),
        ("[[line]]\nname = 'a'\nunlabelled = 'consistency'", "shares below 1"),
        ("[[line]]\nname = 'a'\nstrategy = 'best'", "line.0.strategy"),
        ("shares = [0.1, 2.0]\n[[line]]\nname = 'a'", "less than or equal to 1"),
        ("shares = [", "cannot be read"),
        ("", "line"),
    ],
)
def test_a_declaration_that_does_not_fit_is_one_clear_error(text, message, tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(text)
    with pytest.raises(BadInput, match=message):
        curve_plan.read(path)


def test_few_labels_are_trained_for_as_many_steps_as_declared(little):
    plan = Declaration.model_validate(
        {**PLAN, "least_steps": 100, "recipe": {"epochs": 2, "batch_size": 10}}
    )
    line = plan.line[0]
    assert plan.recipe_of(little, line, 20, 1).epochs == 50
    assert plan.recipe_of(little, line, 1000, 1).epochs == 2
    longer = line.model_copy(update={"longer": 3})
    assert plan.recipe_of(little, longer, 20, 1).epochs == 150


def test_an_unknown_choice_of_the_recipe_is_refused():
    with pytest.raises(BadInput, match="Extra inputs"):
        curve_plan.changed(Recipe(), {"speed": 3})
