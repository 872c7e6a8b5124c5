"""Detection through the lifecycle: out-of-fold marks, thresholds, figures, card, golden cases."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Band, RecordValue
from suwen.lifecycle import golden, runs, say
from suwen.lifecycle.calibration import bands_places
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.evaluate import evaluate, out_of_fold
from suwen.lifecycle.examples import Output
from suwen.lifecycle.measure import figures as measure
from suwen.lifecycle.measure import places as measure_places
from suwen.lifecycle.measure.answered import rows_of
from suwen.lifecycle.measure.predictions import Predictions, check_output
from suwen.lifecycle.plots import run as plots
from suwen.metrics import calibration
from suwen.metrics.froc import matched


@pytest.fixture(scope="module")
def task(toy_places):
    return toy_places.Spots()


@pytest.fixture(scope="module")
def examples(task, toy_data):
    return task.examples(toy_data, "squares")


@pytest.fixture(scope="module")
def predictions(task, trained_places, examples):
    return out_of_fold(task, trained_places.pack, examples)


@pytest.fixture(scope="module")
def rows(task, trained_places, examples, predictions):
    return rows_of(task, trained_places.pack, examples, predictions)


def test_the_card_holds_what_evaluation_measures_again(task, trained_places, toy_data):
    found = evaluate(task, trained_places.pack, toy_data)
    results = trained_places.pack.content("card.json")["results"]
    assert found["metrics"] == results["metrics"]
    assert found["floor"] == results["floor"]
    assert found["subgroups"] == results["subgroups"]
    assert {"sensitivity_at_1fp", "sensitivity_at_0_125fp", "sensitivity_at_8fp", "cpm"} <= set(
        found["metrics"]
    )
    json.dumps(found, allow_nan=False)


def test_the_pack_finds_more_spots_than_bright_rows_do(trained_places):
    floor = trained_places.results["floor"]["bright rows"]
    assert floor["gain_sensitivity_at_1fp"]["low"] > 0
    assert trained_places.results["metrics"]["cpm"]["value"] > floor["cpm"]["value"]


def test_spots_are_measured_by_size_at_one_threshold_and_pictures_by_their_columns(trained_places):
    found = trained_places.results["subgroups"]
    assert set(found) == {"size", "true size"}
    key = "sensitivity_at_1fp"
    small, middle, large = (found["true size"][name] for name, *_ in measure_places.SIZES)
    assert small[key]["value"] < middle[key]["value"] < large[key]["value"]
    whole = trained_places.results["metrics"][key]["value"]
    parts = [(each["n"], each[key]["value"]) for each in (small, middle, large)]
    assert whole == pytest.approx(sum(n * v for n, v in parts) / sum(n for n, _ in parts))
    assert found["size"]["small"]["n"] + found["size"]["large"]["n"] == 240


def test_on_independent_pictures_all_members_and_the_shipped_thresholds_answer(
    task, toy, trained_places, tmp_path
):
    toy.table(tmp_path, count=120, seed=99)
    found = evaluate(task, trained_places.pack, DataFolders((), tmp_path))
    assert found["split"] == "independent"
    assert found["metrics"]["false_alarms"]["value"] == pytest.approx(1, abs=0.4)
    assert found["metrics"]["false_alarms_at_rule_in"]["value"] == pytest.approx(0.125, abs=0.12)


def test_each_fold_is_measured_at_the_threshold_found_without_it(trained_places, rows, predictions):
    cuts = trained_places.pack.answers.place_thresholds
    assert len(set(cuts.operating_by_fold)) > 1
    for k, point in enumerate(cuts.operating_by_fold):
        assert (rows.detected.operating[predictions.fold == k] == point).all()
    own = measure_places.metrics(rows)
    assert own["false_alarms"](None) == pytest.approx(cuts.measured_false_alarms)
    assert own["sensitivity"](None) == pytest.approx(cuts.measured_sensitivity)
    assert cuts.measured_rule_in_false_alarms < cuts.measured_false_alarms


def test_the_calibration_error_of_marks_is_that_of_marks_weighed_as_their_pictures(rows):
    marked = rows.detected
    every = np.ones(len(marked.probability), dtype=bool)
    error = measure_places.calibration_error(marked, every)
    truth = marked.matched.true.astype(float)
    assert error(None) == pytest.approx(calibration.ece(truth, marked.probability))
    assert error(None) < 0.03
    weights = np.random.default_rng(0).integers(0, 3, (3, len(rows.truth))).astype(float)
    each = weights[:, marked.matched.mark_sample]
    assert error(weights) == pytest.approx(calibration.ece(truth, marked.probability, each))


def test_marks_come_back_from_their_file_and_in_the_examples_order(predictions, tmp_path):
    predictions.save(tmp_path / "all.npz")
    again = Predictions.load(tmp_path / "all.npz")
    assert np.array_equal(again.marks, predictions.marks)
    assert [len(each) for each in again.marks_of()] == again.mark_counts.tolist()
    assert again.scores.shape == (240, 0)


def test_predictions_from_before_there_were_marks_have_none(predictions, tmp_path):
    path = tmp_path / "old.npz"
    predictions.save(path)
    with np.load(path) as stored:
        old = {name: stored[name] for name in stored.files if "mark" not in name}
    np.savez(path, **old)
    assert all(not each.size for each in Predictions.load(path).marks_of())


def test_each_picture_keeps_its_own_marks_when_folds_are_joined(
    task, trained_places, examples, predictions
):
    for i in (0, 5, 239):
        alone = task.predict(trained_places.pack, examples.load(i), [int(predictions.fold[i])])
        assert np.array_equal(predictions.marks_of()[i], alone.marks)


def test_a_mark_speaks_with_probability_interval_and_band(task, trained_places, examples):
    pack = trained_places.pack
    cuts = pack.answers.place_thresholds
    sample = replace(examples.load(0), evidence=(RecordValue(record="Observation/1", path="x"),))
    output = task.predict(pack, sample)
    said = say.marked(task, pack, sample, output)
    assert 0 < len(said) < len(output.marks)
    logits = [mark[0] for mark, _ in said]
    assert logits == sorted(logits, reverse=True)
    assert logits[-1] >= cuts.operating
    strongest = said[0][1]
    assert strongest.band is Band.RULE_IN
    assert strongest.probability.low < strongest.probability.value < strongest.probability.high
    assert "per picture" in strongest.reason.en
    assert "每张图" in strongest.reason.zh
    assert pack.answers.of_mark(cuts.operating)[1] is Band.GREY
    assert pack.answers.of_mark(cuts.operating - 1e-6)[1] is Band.RULE_OUT
    with pytest.raises(TypeError, match="marked"):
        say.finding(task, pack, sample, output)


def test_a_golden_case_notices_a_moved_and_a_weaker_mark(task, trained_places, monkeypatch):
    pack = trained_places.pack
    assert golden.check(task, pack) == []
    real = type(task).predict
    for column, by in ((0, 0.02), (1, 0.6), (3, 0.6)):
        change = np.eye(4)[column] * by

        def other(self, pack, sample, members=None, change=change):
            output = real(self, pack, sample, members)
            return replace(output, marks=output.marks + change)

        monkeypatch.setattr(type(task), "predict", other)
        assert "the marks differ" in golden.check(task, pack)[0]


@pytest.mark.parametrize(
    "output",
    [
        Output(np.zeros(0), {}),
        Output(np.zeros(0), {}, marks=np.zeros((2, 3))),
        Output(np.zeros(0), {}, marks=np.full((1, 4), np.nan)),
        Output(np.zeros(1), {}, marks=np.zeros((1, 4))),
    ],
)
def test_marks_that_break_the_contract_are_refused(task, output):
    with pytest.raises(BadInput, match="returned marks"):
        check_output(task, output, 1)


def test_examples_that_cannot_be_measured_are_refused_before_training(task, examples):
    measure.check_examples(task, examples)
    with pytest.raises(BadInput, match="no true place that counts"):
        measure.check_examples(task, replace(examples, truth=lambda i: np.zeros((0, 4))))
    with pytest.raises(BadInput, match="true places of 'picture-0'"):
        measure.check_examples(task, replace(examples, truth=lambda i: np.ones((1, 3))))
    with pytest.raises(BadInput, match="without a truth"):
        measure.check_examples(task, replace(examples, truth=None))
    with pytest.raises(BadInput, match="floors"):
        measure.check_examples(task, replace(examples, floors={"size": np.ones(240)}))


def test_a_rule_in_looser_than_what_is_shown_is_refused():
    found = matched([np.array([[1.0, 0, 0, 4]])], [np.array([[0.0, 0, 4, 1]])])
    with pytest.raises(BadInput, match="fewer for rule-in"):
        bands_places.choose(found, np.zeros(1, dtype=int), (1, 2), Text(en="slice", zh="切片"))


def test_the_card_says_in_words_what_the_figures_mean(trained_places):
    card = (trained_places.pack.folder / "card.md").read_text()
    assert "sensitivity at 0.125 FP" in card
    assert "| shown | ≥" in card
    assert "false alarms per picture" in card
    assert "n counts true places" in card
    assert "false alarms (lower is better)" in card


def test_froc_and_reliability_are_drawn(task, rows, tmp_path):
    made = plots.draw(task, rows, [], tmp_path)
    assert [path.name for path in made] == ["froc.png", "reliability.png"]
    assert all(path.stat().st_size > 4_000 for path in made)


def test_a_true_place_that_moved_is_other_data(task, examples):
    again = runs.fingerprint(task, examples)
    assert again == runs.fingerprint(task, replace(examples))
    moved = replace(
        examples, truth=lambda i: examples.truth(i) + (i == 0) * np.array([0.1, 0, 0, 0])
    )
    assert len(examples.truth(0)) > 0
    assert again != runs.fingerprint(task, moved)
