"""Confusion tables and what follows from them, against definitions and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suwen.metrics import classification as c


@st.composite
def called(draw, classes: int = 3):
    """Draw true and called classes; every class is true at least once."""
    n = draw(st.integers(classes, 40))
    numbers = st.lists(st.integers(0, classes - 1), min_size=n, max_size=n)
    truth, said = np.array(draw(numbers)), np.array(draw(numbers))
    truth[:classes] = np.arange(classes)
    return truth, said


def test_a_table_counts_true_classes_by_row_and_called_ones_by_column():
    cells = c.table(np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 2, 2, 0]), 3)
    assert cells.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 2]]


@given(called())
def test_all_figures_agree_with_scikit_learn(case):
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    truth, said = case
    cells, all_three = c.table(truth, said, 3), np.arange(3)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        truth, said, labels=[0, 1, 2], zero_division=0
    )
    assert c.precision(cells) == pytest.approx(precision)
    assert c.recall(cells) == pytest.approx(recall)
    assert c.f1(cells) == pytest.approx(f1)
    assert c.macro(c.f1(cells), all_three) == pytest.approx(f1.mean())
    assert c.accuracy(cells) == pytest.approx(metrics.accuracy_score(truth, said))
    assert c.balanced_accuracy(cells, all_three) == pytest.approx(recall.mean())
    assert c.cohen_kappa(cells) == pytest.approx(metrics.cohen_kappa_score(truth, said))
    assert c.mcc(cells) == pytest.approx(metrics.matthews_corrcoef(truth, said))


@given(called(2), st.data())
def test_weights_are_the_same_as_repeated_samples(case, data):
    truth, said = case
    size = len(truth)
    counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size)))
    index = np.repeat(np.arange(size), counts)
    cells = c.table(truth, said, 2, np.stack([counts, np.ones(size)]))
    assert cells[0].tolist() == c.table(truth[index], said[index], 2).tolist()
    assert cells[1].tolist() == c.table(truth, said, 2).tolist()


def test_a_class_that_is_never_called_has_precision_0_and_one_that_never_occurs_has_no_recall():
    cells = c.table(np.array([0, 0, 1]), np.array([0, 0, 0]), 3)
    assert c.precision(cells).tolist() == [pytest.approx(2 / 3), 0, 0]
    assert c.f1(cells)[1] == 0
    assert np.isnan(c.recall(cells)[2])
    assert np.isnan(c.f1(cells)[2])
    assert c.macro(c.f1(cells), np.array([0, 1])) == pytest.approx(0.4)


def test_calling_one_class_only_is_no_agreement_beyond_chance():
    cells = c.table(np.array([0, 1, 1, 2]), np.array([1, 1, 1, 1]), 3)
    assert c.cohen_kappa(cells) == 0
    assert c.mcc(cells) == 0
    assert np.isnan(c.mcc(c.table(np.array([1, 1]), np.array([1, 0]), 2)))


def test_what_is_no_class_is_refused():
    with pytest.raises(ValueError, match="numbered 0 to 1"):
        c.table(np.array([0, 2]), np.array([0, 1]), 2)
    with pytest.raises(ValueError, match="must both be"):
        c.table(np.array([0, 1]), np.array([0]), 2)
    with pytest.raises(ValueError, match="weights"):
        c.table(np.array([0, 1]), np.array([0, 1]), 2, np.ones(3))


def test_j_kappa_is_that_of_the_published_tables():
    # Mondejar-Guerra et al. 2019, as told there: half of kappa and an eighth of Se and +P of S, V
    cells = np.array([[90, 5, 5, 0], [2, 8, 0, 0], [1, 0, 9, 0], [1, 0, 1, 1]], dtype=float)
    kappa = float(c.cohen_kappa(cells))
    index = 8 / 10 + 9 / 10 + 8 / 13 + 9 / 15
    assert float(c.j_kappa(cells)) == pytest.approx(kappa / 2 + index / 8)
    assert float(c.j_kappa(np.eye(4))) == pytest.approx(1)
