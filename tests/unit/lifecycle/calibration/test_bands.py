"""Decision bands from an error budget."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suwen.core.errors import BadInput
from suwen.core.nouns import Band
from suwen.lifecycle.calibration import bands


def cohort(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    probability = rng.random(n)
    return (rng.random(n) < probability).astype(int), probability, np.arange(n) % 5


@given(st.floats(0.02, 0.5), st.floats(0.02, 0.5), st.integers(0, 50))
def test_the_error_budget_is_kept_on_the_sample_it_was_set_on(alarms, misses, seed):
    truth, probability, fold = cohort(300, seed)
    cuts = bands.choose(truth, probability, fold, alarms, misses)
    assert (probability[truth == 0] >= cuts.rule_in).mean() <= alarms
    assert (probability[truth == 1] < cuts.rule_out).mean() <= misses
    assert cuts.rule_out <= cuts.rule_in


def test_the_rates_measured_on_other_folds_are_near_the_budget():
    cuts = bands.choose(*cohort(), 0.10, 0.05)
    assert cuts.measured_false_alarms == pytest.approx(0.10, abs=0.03)
    assert cuts.measured_misses == pytest.approx(0.05, abs=0.03)


def test_every_probability_has_one_band():
    cuts = bands.Thresholds(0.8, 0.2, 0.1, 0.05, 0.11, 0.06)
    assert cuts.band(0.8) is Band.RULE_IN
    assert cuts.band(0.79) is Band.GREY
    assert cuts.band(0.2) is Band.GREY
    assert cuts.band(0.19) is Band.RULE_OUT
    for band in (Band.RULE_IN, Band.GREY, Band.RULE_OUT):
        assert cuts.reason(band).en
        assert cuts.reason(band).zh
    assert "11.0%" in cuts.reason(Band.RULE_IN).en


def test_a_perfect_classifier_with_loose_budgets_has_no_grey_zone():
    truth = np.repeat([0, 1], 50)
    probability = np.where(truth == 1, 0.9, 0.1) + np.tile(np.linspace(-0.05, 0.05, 50), 2)
    cuts = bands.choose(truth, probability, np.arange(100) % 5, 0.3, 0.3)
    assert cuts.overlapping
    assert cuts.rule_in == cuts.rule_out


def test_one_class_alone_gives_no_thresholds():
    with pytest.raises(BadInput):
        bands.choose(np.ones(10), np.linspace(0, 1, 10), np.arange(10) % 2, 0.1, 0.1)


def test_stored_thresholds_come_back_and_crossed_ones_are_refused():
    cuts = bands.choose(*cohort(), 0.10, 0.05)
    assert bands.Thresholds.from_json(cuts.to_json()) == cuts
    with pytest.raises(BadInput, match="out of order"):
        bands.Thresholds.from_json({**cuts.to_json(), "rule_in": 0.0})


def test_the_operating_point_is_a_half_unless_another_is_asked_for():
    cuts = bands.choose(*cohort(), 0.10, 0.05)
    assert cuts.operating_point == 0.5
    assert cuts.operating_by_fold == (0.5,) * 5


@pytest.mark.parametrize("rule", ["youden", "f1"])
def test_an_operating_point_that_is_chosen_is_the_best_of_all(rule):
    rng = np.random.default_rng(3)
    truth = (rng.random(400) < 0.15).astype(int)
    probability = np.clip(0.1 + 0.15 * truth + rng.normal(0, 0.08, 400), 0.001, 0.999).round(2)

    def worth(point):
        called = probability >= point
        hit, alarm = called[truth == 1].mean(), called[truth == 0].mean()
        precision = truth[called].mean()
        return hit - alarm if rule == "youden" else 2 * precision * hit / (precision + hit)

    found = bands.operating_point(rule, truth, probability)
    assert worth(found) == pytest.approx(max(worth(point) for point in np.unique(probability)))
    assert found < 0.3, "the classes are told apart far below one half"


def test_at_break_even_as_many_are_called_as_there_are():
    rng = np.random.default_rng(0)
    truth = (rng.random(400) < 0.2).astype(int)
    probability = np.clip(0.2 * truth + rng.random(400), 0, 1)
    point = bands.operating_point("break-even", truth, probability)
    called = probability >= point
    assert called.sum() == truth.sum()
    assert truth[called].mean() == pytest.approx(called[truth == 1].mean())


def test_a_folds_operating_point_is_found_without_it():
    truth, probability, fold = cohort()
    before = bands.choose(truth, probability, fold, 0.1, 0.05, "youden")
    changed = np.where(fold == 2, 1 - truth, truth)
    after = bands.choose(changed, probability, fold, 0.1, 0.05, "youden")
    assert before.operating_by_fold[2] == after.operating_by_fold[2]
    assert before.operating_by_fold != after.operating_by_fold
    assert before.operating_rule == "youden"


def test_thresholds_stored_before_there_was_a_choice_have_the_point_one_half():
    content = bands.choose(*cohort(), 0.10, 0.05).to_json()
    old = {key: value for key, value in content.items() if not key.startswith("operating")}
    assert bands.Thresholds.from_json(old).operating_point == 0.5
