"""Answers as they are measured: the same that the pack gives, with its intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from suwen.lifecycle.calibration import calibrate
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.evaluate import evaluate, out_of_fold
from suwen.lifecycle.measure import classes as measure_classes
from suwen.lifecycle.measure import figures as measure
from suwen.lifecycle.measure.answered import Answered, rows_of
from suwen.lifecycle.measure.predictions import INDEPENDENT, predict_all


@pytest.fixture(scope="module")
def elsewhere(toy, tmp_path_factory):
    """Pictures that no member was trained on."""
    folder = tmp_path_factory.mktemp("elsewhere")
    toy.table(folder, count=120, seed=99)
    return DataFolders((), folder)


def test_on_independent_data_each_interval_is_the_one_that_is_shown(
    toy, trained, trained_kinds, trained_sum, elsewhere
):
    for task, made in (
        (toy.Squares(), trained),
        (toy.SquareKinds(), trained_kinds),
        (toy.SquareSum(), trained_sum),
    ):
        examples = task.examples(elsewhere, "squares")
        predictions = predict_all(task, made.pack, examples, INDEPENDENT)
        rows = rows_of(task, made.pack, examples, predictions)
        for i in (0, 7, 119):
            scores = task.predict(made.pack, examples.load(i)).scores
            shown = {
                "toy.squares": made.pack.answers.probability,
                "toy.square_kinds": made.pack.answers.probabilities,
                "toy.square_sum": made.pack.answers.value,
            }[task.name](scores)
            shown = shown if isinstance(shown, tuple) else (shown,)
            for found, end in ((rows.answer, "value"), (rows.low, "low"), (rows.high, "high")):
                wanted = [getattr(one, end) for one in shown]
                assert np.atleast_1d(found[i]) == pytest.approx(wanted)


def test_out_of_fold_intervals_have_the_spread_that_all_members_show(
    toy, trained, toy_data, monkeypatch
):
    task = toy.Squares()
    examples = task.examples(toy_data, "squares")
    predictions = out_of_fold(task, trained.pack, examples)
    alone = rows_of(task, trained.pack, examples, predictions)
    assert (alone.low < alone.answer).all()
    assert (alone.answer < alone.high).all()
    monkeypatch.setattr(calibrate.Calibrator, "spread", lambda self, logits: 0.0)
    certain = rows_of(task, trained.pack, examples, predictions)
    assert (certain.high - certain.low).mean() < 0.8 * (alone.high - alone.low).mean()
    assert (certain.answer == alone.answer).all()


def test_what_is_added_to_all_logits_of_a_sample_changes_no_answer_and_no_order(
    toy, trained_kinds, elsewhere
):
    task = toy.SquareKinds()
    examples = task.examples(elsewhere, "squares")
    predictions = predict_all(task, trained_kinds.pack, examples, INDEPENDENT)
    added = np.random.default_rng(0).normal(0, 9, (120, 1, 1))
    shifted = replace(predictions, scores=predictions.scores + added)
    before, after = (
        rows_of(task, trained_kinds.pack, examples, each) for each in (predictions, shifted)
    )
    assert after.answer == pytest.approx(before.answer)
    assert after.high == pytest.approx(before.high)
    areas = [measure.metrics_of(rows)["auroc"](None) for rows in (before, after)]
    assert areas[1] == pytest.approx(areas[0])


def test_three_classes_on_an_independent_set_are_measured_with_all_their_floors(
    toy, trained_kinds, elsewhere
):
    found = evaluate(toy.SquareKinds(), trained_kinds.pack, elsewhere)
    assert found["split"] == "independent"
    assert found["metrics"]["auroc"]["value"] > 0.8
    assert found["floor"]["majority class"]["accuracy"]["value"] < 0.7
    assert {"auroc", "accuracy", "f1", "ece"} < set(found["subgroups"]["size"]["large"])


def test_the_majority_class_is_that_of_the_development_data(toy, trained_kinds, toy_data):
    task = toy.SquareKinds()
    examples = task.examples(toy_data, "squares")
    rare = examples.subset(np.flatnonzero(examples.labels == 2))
    predictions = predict_all(task, trained_kinds.pack, rare, INDEPENDENT)
    rows = rows_of(task, trained_kinds.pack, rare, predictions)
    frequent = int(np.bincount(examples.labels).argmax())
    assert (measure_classes.majority(rows) == frequent).all()
    found = measure.results(rows, resamples=50)
    assert found["floor"]["majority class"]["accuracy"]["value"] == 0
    assert found["metrics"]["auroc"]["value"] is None, "one class alone has no order"
    assert "f1_nothing" not in found["metrics"]


def test_an_interval_that_is_right_nine_times_in_ten_measures_so():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=2000)
    rows = Answered(
        kind="value",
        truth=truth,
        answer=np.zeros(2000),
        order=np.zeros(2000),
        groups=np.arange(2000),
        columns={},
        floors={},
        volume_error=np.full(2000, np.nan),
        abstained=np.zeros(2000, dtype=bool),
        low=np.full(2000, -1.645),
        high=np.full(2000, 1.645),
        level=0.9,
    )
    metrics = measure.results(rows, resamples=100)["metrics"]
    assert metrics["coverage_90"]["value"] == pytest.approx(0.9, abs=0.02)
    assert metrics["interval_width"]["value"] == pytest.approx(3.29)
    other = replace(rows, level=0.975)
    assert "coverage_97_5" in measure.metrics_of(other)


def test_a_number_asked_for_several_times_ahead_is_measured_at_each():
    rng = np.random.default_rng(1)
    ahead = np.repeat([30, 60], 200)
    truth = rng.normal(0, np.where(ahead == 30, 10.0, 20.0))
    rows = Answered(
        kind="value",
        truth=truth,
        answer=np.zeros(400),
        order=np.zeros(400),
        groups=np.arange(400) % 40,
        columns={"minutes ahead": ahead},
        floors={"offset": np.full(400, 30.0)},
        volume_error=np.full(400, np.nan),
        abstained=np.zeros(400, dtype=bool),
        low=np.full(400, -16.45),
        high=np.full(400, 16.45),
        level=0.9,
        by="minutes ahead",
    )
    found = measure.results(rows, resamples=100)
    metrics = found["metrics"]
    assert metrics["rmse_30"]["value"] == pytest.approx(10, abs=1.5)
    assert metrics["rmse_60"]["value"] == pytest.approx(20, abs=3)
    assert metrics["rmse_30"]["low"] < metrics["rmse_30"]["value"] < metrics["rmse_30"]["high"]
    assert metrics["coverage_90_30"]["value"] > 0.8 > metrics["coverage_90_60"]["value"]
    assert found["floor"]["offset"]["gain_rmse_30"]["value"] > 15
    assert set(found["subgroups"]["minutes ahead"]["30"]) >= {"rmse", "mae", "coverage_90"}
