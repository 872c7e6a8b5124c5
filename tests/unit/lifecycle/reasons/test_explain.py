"""Explanations are checked before anyone sees them."""

from __future__ import annotations

import numpy as np
import pytest

from suwen.core.errors import BadInput
from suwen.lifecycle.examples import Sample
from suwen.lifecycle.reasons import explain
from suwen.lifecycle.reasons.explain_examples import explain_examples

WEIGHTS = np.zeros((16, 16))
WEIGHTS[4:8, 4:8] = 1.0


def score(values):
    """A model that looks at one square only."""
    return float((WEIGHTS * values).sum())


FULL, EMPTY = np.ones((16, 16)), np.zeros((16, 16))


def test_a_map_of_what_the_model_looks_at_is_faithful_and_its_opposite_is_not():
    right = explain.faithfulness_of(score, FULL, EMPTY, WEIGHTS)
    wrong = explain.faithfulness_of(score, FULL, EMPTY, -WEIGHTS)
    assert right > 0.9
    assert wrong < 0.1
    rng = np.random.default_rng(0)
    random = [explain.faithfulness_of(score, FULL, EMPTY, rng.random(64)) for _ in range(40)]
    assert np.mean(random) == pytest.approx(0.5, abs=0.1)
    assert all(0 <= value <= 1 for value in [right, wrong, *random])


def test_for_an_answer_below_the_empty_input_the_evidence_against_counts():
    assert explain.faithfulness_of(score, -FULL, EMPTY, -WEIGHTS) > 0.9


def test_where_the_answer_does_not_depend_on_the_input_there_is_no_score():
    assert explain.faithfulness_of(lambda _: 1.0, FULL, EMPTY, WEIGHTS) is None


def test_cells_cover_inputs_of_any_shape():
    shapes = {(5,): 5, (500,): 32, (16, 16): 64, (7, 30, 30): 216, (1, 64, 64): 36}
    for shape, count in shapes.items():
        cell = explain.cells_of(shape)
        assert cell.shape == shape
        assert set(np.unique(cell)) == set(range(count))


def test_the_same_map_is_alike_and_another_is_not():
    rng = np.random.default_rng(1)
    first, second = rng.random((32, 32)), rng.random((32, 32))
    assert explain.similarity(first, first) == pytest.approx(1)
    assert explain.similarity(first, second) < 0.4
    assert explain.similarity(first, np.ones((32, 32))) == 0


def test_the_card_says_that_the_toys_map_is_faithful_and_depends_on_the_weights(trained):
    found = trained.pack.content("explain.json")
    assert set(found) == {"cam", "occlusion"}
    for row in found.values():
        assert row["n"] >= 4
        assert row["faithfulness"] > row["random_high"] > row["random"]
        assert row["randomisation_similarity"] < 0.5


def brightest(examples):
    """The example whose square stands out most."""
    middle = [examples.load(i).data.values[2:6, 2:6].mean() for i in range(len(examples))]
    return int(np.argmax(middle))


def test_a_picture_that_passes_is_shown_with_its_score(toy, trained, toy_data):
    task = toy.Squares()
    examples = task.examples(toy_data, "squares")
    sample = examples.load(brightest(examples))
    relevance, explanation = explain.check(task, trained.pack, sample, "cam")
    assert relevance.shape == (8, 8)
    assert explanation.hidden_because is None
    assert explanation.faithfulness > 0.7
    assert explanation.randomisation_similarity < 0.5


def test_a_map_that_does_not_come_from_the_weights_is_hidden(toy, trained, toy_data):
    class Edges(toy.Squares):
        """Shows the input itself, whatever the weights say."""

        explanations = ("cam",)

        def saliency(self, pack, sample, method):
            return np.abs(sample.data.values)

    Edges.__module__ = "suwen_toy"
    task = Edges()
    examples = task.examples(toy_data, "squares")
    from suwen.lifecycle.evaluate import out_of_fold
    from suwen.lifecycle.measure.answered import rows_of

    rows = rows_of(task, trained.pack, examples, out_of_fold(task, trained.pack, examples))
    found = explain.on_development(task, trained.pack, examples, rows)
    assert found["cam"]["randomisation_similarity"] == pytest.approx(1)
    assert "noise" in explain.hidden_because(0.99, found["cam"]).en


def test_a_method_that_ignores_the_weights_is_not_even_computed_for_a_finding(
    toy, trained, toy_data, monkeypatch
):
    task = toy.Squares()
    sample = task.examples(toy_data, "squares").load(1)
    shown = explain.check_if_shown(task, trained.pack, sample, "cam")[1]
    assert shown == explain.check(task, trained.pack, sample, "cam")[1]

    monkeypatch.setattr(explain, "MOST_SIMILAR", 0.0)
    monkeypatch.setattr(task, "score_of", None)
    relevance, explanation = explain.check_if_shown(task, trained.pack, sample, "cam")
    assert relevance is None
    assert explanation.faithfulness is None
    assert "noise" in explanation.hidden_because.en
    assert explanation.randomisation_similarity == shown.randomisation_similarity


@pytest.mark.parametrize(
    ("value", "measured", "words"),
    [
        (0.9, {}, "not checked"),
        (None, {"random_high": 0.6, "randomisation_similarity": 0.1}, "hardly depends"),
        (0.5, {"random_high": 0.6, "randomisation_similarity": 0.1}, "Not faithful"),
        (0.9, {"random_high": 0.6, "randomisation_similarity": 0.7}, "stays the same"),
        (0.9, {"random_high": 0.6, "randomisation_similarity": None}, "stays the same"),
    ],
)
def test_each_reason_for_hiding_is_said_in_both_languages(value, measured, words):
    reason = explain.hidden_because(value, measured)
    assert words in reason.en
    assert any("一" <= letter <= "鿿" for letter in reason.zh)


def test_occlusion_finds_the_square(toy, trained, toy_data):
    task = toy.Squares()
    sample = task.examples(toy_data, "squares").load(1)
    found = explain.occlusion(task, trained.pack, sample)
    exact = task.saliency(trained.pack, sample, "cam") - np.median(sample.data.values) * (
        task.saliency(trained.pack, sample, "cam") / sample.data.values
    )
    assert found == pytest.approx(exact, abs=1e-4)


def test_pictures_and_scores_are_written_for_both_classes(toy, trained, toy_data, tmp_path):
    rows = explain_examples(toy.Squares(), trained.pack, toy_data, tmp_path, 4)
    assert len(rows) == 8
    assert len(list(tmp_path.glob("*.png"))) == len(list(tmp_path.glob("*.svg"))) == 4
    assert (tmp_path / "scores.json").exists()


def test_a_task_that_explains_nothing_says_so(toy, trained_mask, toy_data, tmp_path):
    with pytest.raises(BadInput, match="does not explain"):
        explain_examples(toy.SquareMask(), trained_mask.pack, toy_data, tmp_path, 1)


class Sum:
    """A question whose answer is the sum of its numbers, explained by the numbers themselves."""

    random_orders = 20
    explanations = ("own",)

    def input_of(self, pack, sample):
        return sample.data

    def baseline(self, pack, sample):
        return np.zeros(len(sample.data))

    def saliency(self, pack, sample, method):
        return sample.data

    def score_of(self, pack, sample, values):
        return float(values.sum())


class Measured:
    def content(self, name):
        return {"own": {"randomisation_similarity": 0.1, "random_high": 0.99}}


def test_a_task_may_ask_for_the_floor_of_the_very_sample():
    steep = Sample("steep", np.array([9.0, 0, 0, 0, 0, 0, 0, 0, 3, 1, 0.5, 0.2]))
    alike = Sample("alike", np.ones(12))
    _, shown = explain.check(Sum(), Measured(), steep, "own")
    _, hidden = explain.check(Sum(), Measured(), alike, "own")
    assert shown.hidden_because is None
    assert "random pictures reach 0.50" in hidden.hidden_because.en
