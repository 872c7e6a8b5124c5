"""How rarer classes are made to count."""

from __future__ import annotations

import numpy as np
import pytest

from suwen.core.errors import BadInput
from suwen.lifecycle import imbalance

LABELS = np.repeat([0, 1, 2], [70, 20, 10])


def test_with_weights_every_class_counts_the_same_in_all():
    weights = imbalance.sample_weights("weights", LABELS, 3)
    assert [weights[k == LABELS].sum() for k in range(3)] == pytest.approx([100 / 3] * 3)
    assert weights.mean() == pytest.approx(1)
    assert (imbalance.sample_weights("none", LABELS, 3) == 1).all()
    assert (imbalance.sample_weights("oversample", LABELS, 3) == 1).all()


def test_oversampling_shows_every_class_equally_often_and_the_others_every_sample_once():
    rng = np.random.default_rng(0)
    shown = np.concatenate([imbalance.epoch_order("oversample", LABELS, rng) for _ in range(200)])
    assert np.bincount(LABELS[shown]) / len(shown) == pytest.approx([1 / 3] * 3, abs=0.01)
    assert len(np.unique(shown)) == 100
    for choice in ("none", "weights", "focal"):
        order = imbalance.epoch_order(choice, LABELS, rng)
        assert sorted(order) == list(range(100))


def test_one_seed_gives_one_order():
    first, second = (
        imbalance.epoch_order("oversample", LABELS, np.random.default_rng(5)) for _ in range(2)
    )
    assert (first == second).all()


def test_a_focal_weight_is_refused():
    with pytest.raises(BadInput, match="'focal' for a learner that takes weights"):
        imbalance.sample_weights("focal", LABELS, 3)


def test_a_class_without_examples_weighs_nothing_and_changes_no_other():
    weights = imbalance.class_weights(LABELS, 4)
    assert weights[3] == 0
    assert weights[:3] == pytest.approx(imbalance.class_weights(LABELS, 3))


LOGITS = np.array([[2.0, 0.5, -1.0], [0.1, 0.2, 0.3], [-1.0, 3.0, 0.0]])
TRUTH = np.array([0, 2, 0])


def by_hand(choice):
    """The mean loss of the three samples, from its definition."""
    odds = np.exp(LOGITS)
    said = (odds / odds.sum(1, keepdims=True))[np.arange(3), TRUTH]
    loss = -np.log(said)
    if choice == "focal":
        loss = (1 - said) ** 2 * loss
    if choice == "weights":
        loss = loss * np.array([100 / 210, 100 / 60, 100 / 30])[TRUTH]
    return loss.mean()


@pytest.mark.parametrize("choice", ["none", "weights", "focal", "oversample"])
def test_the_loss_of_a_network_is_the_one_defined(choice):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    loss = imbalance.network_loss(choice, LABELS, 3)
    logits = torch.tensor(LOGITS, requires_grad=True)
    found = loss(logits, torch.tensor(TRUTH))
    assert found.item() == pytest.approx(by_hand(choice), rel=1e-6)
    found.backward()
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("choice", ["none", "weights", "focal"])
def test_with_two_classes_one_logit_gives_the_loss_of_two(choice):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    labels = np.repeat([0, 1], [90, 10])
    loss = imbalance.network_loss(choice, labels, 2)
    logit, truth = torch.tensor([1.5, -0.5, 0.3]), torch.tensor([1.0, 1.0, 0.0])
    pair = torch.stack([torch.zeros(3), logit], 1)
    assert float(loss(logit, truth)) == pytest.approx(float(loss(pair, truth.long())), rel=1e-5)
    assert float(loss(logit, torch.tensor([0.4, 0.6, 0.5]))) > 0, "soft labels are welcome"
