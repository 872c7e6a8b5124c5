"""Prediction sets: what they promise is kept on new patients."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from suwen.core.codes import Code, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Band, PossibleAnswers
from suwen.lifecycle import say
from suwen.lifecycle.calibration import prediction_sets as ps
from suwen.metrics import coverage

LEVEL = 0.9


def rhythms(patients=600, each=1, seed=0):
    """Four classes of shares 50, 10, 30 and 10 %, logits told with a doubt by patient."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(patients), each)
    truth = np.repeat(rng.choice(4, patients, p=[0.5, 0.1, 0.3, 0.1]), each)
    stray = rng.normal(0, 1.2, (patients, 4))[groups] + rng.normal(0, 0.3, (len(groups), 4))
    probability = special.softmax(1.5 * np.eye(4)[truth] + stray, axis=1)
    return probability, truth, groups, groups % 5


@pytest.mark.parametrize("kind", ps.KINDS)
def test_each_class_is_held_as_often_as_promised_in_new_patients(kind):
    held = []
    for seed in range(20):
        sets, _ = ps.choose(*rhythms(seed=seed), LEVEL, [kind])
        probability, truth, groups, _ = rhythms(2000, seed=1000 + seed)
        inside = sets.of(probability)
        held.append([coverage.of_class(inside, truth, groups, k) for k in range(4)])
    assert np.mean(held, axis=0) == pytest.approx(np.full(4, LEVEL), abs=0.02)


def test_many_samples_of_one_patient_are_no_more_patients():
    """With 40 beats each, a limit from beats alone would promise too much for a new patient."""
    fair, blind = [], []
    for seed in range(30):
        probability, truth, groups, _ = rhythms(24, 40, seed)
        scores = ps.nonconformity("threshold", probability)[np.arange(len(truth)), truth]
        new, right, *_ = rhythms(400, 5, 500 + seed)
        told = ps.nonconformity("threshold", new)[np.arange(len(right)), right]
        for found, own in ((fair, groups), (blind, np.arange(len(groups)))):
            found.append(np.mean(told <= ps.limit_of(scores, own, LEVEL)))
    assert np.mean(fair) >= LEVEL - 0.01
    assert np.mean(blind) < np.mean(fair) - 0.02


def test_a_class_of_too_few_patients_takes_the_limit_of_all():
    probability, truth, groups, fold = rhythms(400)
    rare = np.flatnonzero(truth == 3)[:4]
    keep = np.concatenate([np.flatnonzero(truth != 3), rare])
    sets, _ = ps.choose(probability[keep], truth[keep], groups[keep], fold[keep], LEVEL)
    assert sets.pooled == (3,), "four patients cannot promise nine of ten"
    scores = ps.nonconformity(sets.kind, probability[keep])[np.arange(len(keep)), truth[keep]]
    assert sets.limits[3] == ps.limit_of(scores, groups[keep], LEVEL)


def test_what_ships_takes_no_limit_that_no_fold_could_measure():
    """Nine patients are just enough, but eight are left without any fold that has one of them."""
    probability, truth, groups, fold = rhythms(400)
    keep = np.concatenate([np.flatnonzero(truth != 3), np.flatnonzero(truth == 3)[:9]])
    sets, _ = ps.choose(probability[keep], truth[keep], groups[keep], fold[keep], LEVEL)
    assert sets.pooled == (3,)
    assert sets.limits[3] < 0.99


def test_with_too_few_patients_every_class_remains_possible():
    probability, truth, groups, fold = rhythms(8)
    sets, _ = ps.choose(probability, truth, groups, fold, LEVEL)
    present = np.unique(truth)
    assert sets.of(probability)[:, present].all()
    assert not np.delete(sets.of(probability), present, axis=1).any(), "never seen, never named"


def test_the_most_probable_class_is_in_every_cumulated_set():
    probability, truth, groups, fold = rhythms()
    sets, _ = ps.choose(probability, truth, groups, fold, LEVEL, ["cumulated"])
    assert sets.of(probability)[np.arange(len(truth)), probability.argmax(1)].all()


def test_each_fold_is_measured_with_limits_that_never_saw_it():
    probability, truth, groups, fold = rhythms()
    sets, _ = ps.choose(probability, truth, groups, fold, LEVEL, ["threshold"])
    changed = truth.copy()
    changed[fold == 2] = 0
    again, _ = ps.choose(probability, changed, groups, fold, LEVEL, ["threshold"])
    assert again.limits_by_fold[2] == sets.limits_by_fold[2]
    assert again.limits_by_fold[1] != sets.limits_by_fold[1]
    inside = ps.crossed(sets, probability, fold)
    assert (inside[fold == 2] == sets.of(probability[fold == 2], 2)).all()
    assert (ps.crossed(sets, probability, np.full(len(fold), -1)) == sets.of(probability)).all()


def test_sets_come_back_from_their_file():
    sets, figures = ps.choose(*rhythms(), LEVEL)
    content = {**sets.to_json(), "cross_fitted": figures}
    assert ps.PredictionSets.from_json(content) == sets
    assert set(figures) == set(ps.KINDS)
    with pytest.raises(BadInput):
        ps.PredictionSets.from_json({**content, "kind": "guessed"})


def test_of_two_classes_the_second_probability_is_enough():
    probability, truth, groups, fold = rhythms()
    one, answer = probability[:, 1] / (probability[:, 0] + probability[:, 1]), truth == 1
    rows = truth < 2
    sets, _ = ps.choose(one[rows], answer[rows], groups[rows], fold[rows], LEVEL)
    assert sets.of(np.array([0.999, 0.001])).tolist() == [[False, True], [True, False]]
    assert sets.coverage == pytest.approx(LEVEL, abs=0.03)


def code(name, chinese):
    return Code(system="test", code=name, name=Text(en=name, zh=chinese))


SINUS, AF, OTHER = code("Sinus rhythm", "窦性心律"), code("AF", "房颤"), code("Other", "其他")
BY_BUDGET = Text(en="High means 0.90 or more.", zh="“高”指概率不低于 0.90。")


def settled(band, codes, classes=(SINUS, AF, OTHER), named=1):
    return say.settled(band, BY_BUDGET, PossibleAnswers(codes=codes, level=LEVEL), classes, named)


def test_high_is_said_only_where_nothing_else_remains_possible():
    assert settled(Band.RULE_IN, (AF,)) == (Band.RULE_IN, BY_BUDGET)
    band, reason = settled(Band.RULE_IN, (AF, OTHER))
    assert band is Band.GREY
    assert reason.en == (
        "Most probable: AF. Possible: AF or other. Such sets hold the true answer in about 90% of "
        "cases."
    )
    assert reason.zh == "最可能：房颤。可能为：房颤或其他。此类集合在约 90% 的病例中包含真实答案。"
    assert settled(Band.RULE_OUT, (AF,), named=0)[0] is Band.GREY


def test_grey_says_between_what():
    band, reason = settled(Band.GREY, (SINUS, AF))
    assert band is Band.GREY
    assert "Possible: sinus rhythm or AF." in reason.en
    assert reason.en.startswith(BY_BUDGET.en)
    _, reason = settled(Band.GREY, (AF,))
    assert "At the level of 90% only “AF” remains possible." in reason.en
    _, reason = settled(Band.GREY, (), named=0)
    assert "Unlike anything learnt" in reason.en
    assert "均不相似" in reason.zh


def test_two_answers_are_yes_and_no():
    _, reason = settled(Band.GREY, (SINUS, AF), (SINUS, AF))
    assert "Possible: yes or no." in reason.en
    assert "可能为：是或否。" in reason.zh
