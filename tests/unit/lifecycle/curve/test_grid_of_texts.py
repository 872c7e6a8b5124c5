"""A learning curve of a task that marks stretches: counted by text, asked by total entropy."""

from __future__ import annotations

import numpy as np
import pytest

from suwen.core.errors import BadInput
from suwen.lifecycle import share
from suwen.lifecycle.curve import figures as curve_figures
from suwen.lifecycle.curve import grid as curve
from suwen.lifecycle.curve import page as curve_page
from suwen.lifecycle.curve import plan as curve_plan
from suwen.lifecycle.curve import said as curve_said
from suwen.lifecycle.curve.plan import Declaration

PLAN = {
    "folds": 3,
    "held_out": [1],
    "shares": [0.05, 0.25, 1.0],
    "seeds": [1, 2],
    "line": [
        {"name": "by chance"},
        {"name": "asked", "panel": "Order", "ask": "entropy", "shares": [0.05, 0.25]},
    ],
}


def watching(toy_spans):
    """Return the toy that finds words of x; it notes what it was trained on and what it watched."""

    class Watching(toy_spans.Words):
        def __init__(self):
            self.trained, self.watched = [], []

        def fit(self, train, valid, recipe, folder):
            self.trained.append(set(train.keys))
            self.watched.append(len(valid))
            return super().fit(train, valid, recipe, folder)

    Watching.__module__ = toy_spans.__name__  # where the types of its samples are looked up
    return Watching()


@pytest.fixture(scope="module")
def ran(toy_spans, toy_data, tmp_path_factory):
    task = watching(toy_spans)
    folder = tmp_path_factory.mktemp("texts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curve_figures, "RESAMPLES", 40)
        plan = Declaration.model_validate(PLAN)
        return task, curve.run(task, plan, toy_data, folder, folder / "pretrained")


def points(found, line):
    return {p["share"]: p for p in found["points"] if p["line"] == line}


def test_strict_f1_has_an_interval_at_every_share_beside_the_floor(ran):
    _, found = ran
    assert set(points(found, "every word")) == {0.05, 0.25, 1.0}
    for point in found["points"]:
        entry = point["metrics"]["f1"]
        assert entry["low"] <= entry["value"] <= entry["high"]
        assert point["stretches"][0] > 0
    floor = points(found, "every word")[1.0]["metrics"]["f1"]["value"]
    assert points(found, "by chance")[1.0]["metrics"]["f1"]["value"] > floor + 0.05


def test_the_first_texts_are_drawn_by_chance_and_the_next_are_those_in_doubt(ran):
    task, found = ran
    chance, asked = points(found, "by chance"), points(found, "asked")
    assert asked[0.05]["metrics"] == chance[0.05]["metrics"]
    assert asked[0.25]["labels"] == chance[0.25]["labels"]
    assert asked[0.25]["stretches"] > chance[0.25]["stretches"], "doubt adds up over stretches"
    assert len(task.trained) == 3 * 2 + 2, "the first round is trained once"
    assert set(task.watched) == {0}, "no labelled text counts twice"


def test_the_doubt_of_a_text_is_the_total_entropy_of_its_marks(toy_spans):
    task = toy_spans.Words()
    even, sure = [0.0, 0, 1, 0], [30.0, 2, 3, 0]
    said = [np.array([even, even]), np.zeros((0, 0)), np.array([sure, even])]
    found = curve_said.doubt(task, said, "entropy")
    assert found == pytest.approx([2.0, 0.0, 1.0])
    assert share.total_entropy(np.array([0.0, 1.0])) == 0.0


def test_a_margin_between_classes_is_no_way_to_ask_for_texts(toy_spans):
    plan = Declaration.model_validate({**PLAN, "line": [{"name": "a", "ask": "margin"}]})
    with pytest.raises(BadInput, match="margin"):
        curve_plan.check(toy_spans.Words(), plan)


def test_the_page_counts_texts_and_the_stretches_that_had_to_be_labelled(ran, tmp_path):
    _, found = ran
    page = curve_page.write(found, tmp_path).read_text()
    assert " texts)" in page
    first, second = (np.mean(each["stretches"]) for each in points(found, "asked").values())
    assert f"| asked | {first:.0f} | {second:.0f} |  |" in page
    assert "logistic regression" not in page
    assert (tmp_path / "learning_curve.png").stat().st_size > 5_000
