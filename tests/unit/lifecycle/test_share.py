"""A share of the labels: whole groups, every class, nested; and which labels to ask for next."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from suwen.core.codes import BENIGN, MALIGNANT
from suwen.core.errors import BadInput
from suwen.lifecycle import share
from suwen.lifecycle.examples import Examples, Sample, Source
from suwen.lifecycle.kinds import Choice, Value
from suwen.lifecycle.recipe import Recipe

SOURCE = Source("made", "https://example.org", "CC0", "none", True)
LABELS = np.array([0] * 60 + [1] * 30 + [2] * 10)
GROUPS = np.array([f"woman {i // 2}" for i in range(100)])


def examples(labels=LABELS, groups=GROUPS) -> Examples:
    return Examples(
        SOURCE,
        tuple(f"picture {i}" for i in range(len(labels))),
        groups,
        labels,
        lambda i: Sample(f"picture {i}", i),
    )


def counts(index) -> list[int]:
    return np.bincount(LABELS[index], minlength=3).tolist()


def test_a_tenth_of_the_labels_is_a_tenth_of_each_class_in_whole_groups():
    index = share.chosen(examples(), 0.1, seed=1)
    assert counts(index) == [6, 4, 2]
    assert all(np.isin(np.flatnonzero(GROUPS[i] == GROUPS), index).all() for i in index)


def test_every_class_has_a_label_however_small_the_share():
    assert counts(share.chosen(examples(), 0.001, seed=1)) == [2, 2, 2]


def test_shares_of_one_seed_are_nested_and_seeds_differ():
    small, large = (set(share.chosen(examples(), part, seed=1)) for part in (0.1, 0.4))
    assert small < large
    assert small != set(share.chosen(examples(), 0.1, seed=2))
    assert len(share.chosen(examples(), 1.0, seed=1)) == 100


def test_labels_beyond_the_share_are_hidden_or_left_out():
    known = np.array([0, 1, 60, 61])
    assert len(share.shown(examples(), known, "ignored")) == 4
    partly = share.shown(examples(), known, "consistency")
    assert np.flatnonzero(partly.labels != share.UNKNOWN).tolist() == known.tolist()
    assert partly.labels[60] == 1
    assert len(share.given(examples(), Recipe(label_share=0.1))) == 12
    assert len(share.given(examples(), Recipe())) == 100


TWO = Choice((BENIGN, MALIGNANT))


@pytest.mark.parametrize(
    ("change", "answers", "message"),
    [
        ({"label_share": 0.1, "unlabelled": "consistency"}, TWO, "does not carry out"),
        ({"label_share": 1.0, "unlabelled": "pseudo-labels"}, TWO, "every label given"),
        ({"label_share": 0.1}, Value(BENIGN, "mm"), "names no classes"),
    ],
)
def test_what_a_task_cannot_do_with_few_labels_is_refused(change, answers, message):
    strategies = ("ignored", "pseudo-labels")
    task = SimpleNamespace(name="room.question", answers=answers, strategies=strategies)
    with pytest.raises(BadInput, match=message):
        share.check_recipe(task, Recipe(**change))


def test_a_plain_recipe_asks_nothing_special_of_a_task():
    share.check_recipe(SimpleNamespace(name="room.question", answers=TWO), Recipe(label_share=0.5))


def test_the_most_doubtful_groups_are_asked_for_first_and_whole():
    """Picture 5 is a coin toss, picture 8 nearly so; their sisters 4 and 9 are sure."""
    pool = examples(np.zeros(10, int), np.array([f"woman {i // 2}" for i in range(10)]))
    positive = np.full(10, 0.99)
    positive[5], positive[8], positive[0] = 0.5, 0.6, 0.5
    probability = np.stack([1 - positive, positive], 1)
    for way in share.DOUBTS:
        after = share.asked(pool, np.array([0, 1]), share.DOUBTS[way](probability), wanted=4)
        assert after.tolist() == [0, 1, 4, 5]
        after = share.asked(pool, np.array([0, 1]), share.DOUBTS[way](probability), wanted=5)
        assert after.tolist() == [0, 1, 4, 5, 8, 9]


def test_margin_looks_at_the_two_leading_classes_and_entropy_at_all():
    rows = np.array([[0.5, 0.5, 0.0], [0.4, 0.3, 0.3]])
    assert share.narrowness(rows).tolist() == pytest.approx([1.0, 0.9])
    assert share.entropy(rows).argmax() == 1


def test_only_confident_answers_become_labels():
    labels = np.array([0, share.UNKNOWN, share.UNKNOWN])
    probability = np.array([[0.01, 0.99], [0.04, 0.96], [0.06, 0.94]])
    assert share.pseudo_labels(labels, probability).tolist() == [0, 1, share.UNKNOWN]
