"""Decision bands of several classes from one error budget."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from suwen.core.codes import Code, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Band
from suwen.lifecycle.calibration import bands_classes

NAMES = [
    Code(system="http://x", code=en, name=Text(en=en, zh=zh))
    for en, zh in (("Normal", "正常"), ("Bacterial", "细菌性"), ("Viral", "病毒性"))
]
CUTS = bands_classes.ClassThresholds((1.0, 0.7, 0.6), 0.2, 0.1, 0.05, (0.0, 0.08, 0.11), 0.04)


def cohort(n=1500, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    probability = softmax(rng.normal(0, 1, (n, 3)) + 1.8 * np.eye(3)[truth], axis=1)
    return truth, probability, np.arange(n) % 5


@pytest.mark.parametrize(
    ("probability", "named", "band"),
    [
        ((0.1, 0.7, 0.2), 1, Band.RULE_IN),
        ((0.1, 0.69, 0.21), 1, Band.GREY),
        ((0.2, 0.2, 0.6), 2, Band.RULE_IN),
        ((0.81, 0.1, 0.09), 0, Band.RULE_OUT),
        ((0.78, 0.12, 0.1), 0, Band.GREY),
        ((0.4, 0.35, 0.25), 0, Band.GREY),
    ],
)
def test_the_most_probable_class_is_named_with_the_band_of_its_own_threshold(
    probability, named, band
):
    assert CUTS.band(np.array(probability)) == (named, band)


@pytest.mark.parametrize(
    ("named", "band", "words"),
    [
        (
            1,
            Band.RULE_IN,
            "Bacterial. High means 0.70 or more: in validation 8.0% of all other cases",
        ),
        (0, Band.RULE_OUT, "Normal. Anything else is below 0.20: in validation 4.0% of the others"),
        (2, Band.GREY, "Viral, but too uncertain"),
    ],
)
def test_each_band_says_the_class_and_what_was_measured_in_both_languages(named, band, words):
    reason = CUTS.reason(named, band, NAMES)
    assert words in reason.en
    assert NAMES[named].name.zh in reason.zh


@given(st.floats(0.02, 0.4), st.floats(0.02, 0.4), st.integers(0, 30))
def test_the_error_budget_is_kept_on_the_sample_it_was_set_on(alarms, misses, seed):
    truth, probability, fold = cohort(300, seed)
    cuts = bands_classes.choose(truth, probability, fold, (alarms, misses))
    found = [cuts.band(row) for row in probability]
    for k in (1, 2):
        wrong = [(n, b) == (k, Band.RULE_IN) for n, b in found]
        assert np.mean(np.array(wrong)[truth != k]) <= alarms
    missed = np.array([band is Band.RULE_OUT for _, band in found])
    assert missed[truth != 0].mean() <= misses


def test_the_rates_measured_on_other_folds_are_those_of_the_bands_given_there():
    truth, probability, fold = cohort()
    cuts = bands_classes.choose(truth, probability, fold, (0.10, 0.05))
    assert cuts.measured_misses == pytest.approx(0.05, abs=0.02)
    for k in (1, 2):
        called = [cuts.band(row) == (k, Band.RULE_IN) for row in probability[truth != k]]
        assert cuts.measured_false_alarms[k] == pytest.approx(np.mean(called), abs=0.02)
        assert 0.02 < cuts.measured_false_alarms[k] <= 0.12


def test_stored_thresholds_hold_the_rule_in_words_and_come_back():
    content = json.loads(json.dumps(CUTS.to_json()))
    assert "most probable class is named" in content["rule"]
    assert bands_classes.ClassThresholds.from_json(content) == CUTS
    with pytest.raises(BadInput, match="outside"):
        bands_classes.ClassThresholds.from_json({**content, "rule_out": 1.2})


def test_even_odds_at_another_prevalence_are_moved_by_bayes():
    truth = np.array([0] * 25 + [1] * 50 + [2] * 25)
    assert bands_classes.moved_even_odds(truth, None) == 0.5
    assert bands_classes.moved_even_odds(truth, 0.5) == pytest.approx(0.75)
    assert bands_classes.moved_even_odds(truth, 0.75) == pytest.approx(0.5)


def test_asked_as_a_whole_the_operating_point_decides_before_the_kinds_are_compared():
    truth, probability, fold = cohort()
    cuts = bands_classes.choose(truth, probability, fold, (0.10, 0.05), True, 0.25)
    assert cuts.operating_point == pytest.approx(0.75, abs=0.02)
    assert len(cuts.operating_by_fold) == 5
    assert cuts.band(np.array([0.3, 0.4, 0.3]))[0] == 0
    assert cuts.band(np.array([0.2, 0.3, 0.5]))[0] == 2
    again = bands_classes.ClassThresholds.from_json(json.loads(json.dumps(cuts.to_json())))
    assert again == cuts
    assert cuts.to_json()["rule"] == bands_classes.WHOLE_RULE


def test_a_class_without_examples_is_never_called_and_moves_no_threshold():
    truth, probability, fold = cohort()
    two = truth != 1
    left = np.delete(probability[two], 1, axis=1)
    left /= left.sum(1, keepdims=True)
    spread = np.insert(left, 1, 0.0, axis=1)
    found = bands_classes.choose(truth[two], spread, fold[two], (0.1, 0.05))
    assert found.rule_in[1] == 1.0
    assert found.measured_false_alarms[1] == 0.0
    assert 0.02 < found.measured_false_alarms[2] < 0.15
    assert found.measured_misses < 0.1
