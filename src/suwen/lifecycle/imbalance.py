"""How rarer classes are made to count in training: one implementation for every room.

`none`: not at all. `weights`: each sample counts by the inverse frequency of its class (mean 1).
`oversample`: each epoch draws all classes equally often, with replacement. `focal`: the loss of a
sample is multiplied by (1 - p)^2, p the probability of its own class (Lin et al., Focal loss for
dense object detection, ICCV 2017).

All but `none` move the logits away from the frequencies of the data; the calibrator, fitted on
out-of-fold logits of the data as they are, moves the probabilities back.

A task says with its attribute `imbalances` which of them its `fit` really carries out; a recipe
that asks for another is refused before anything is trained.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from suwen.core.errors import BadInput, MissingExtra
from suwen.lifecycle.examples import Array
from suwen.lifecycle.recipe import Imbalance, Recipe
from suwen.lifecycle.task import Task

if TYPE_CHECKING:
    from torch import Tensor

GAMMA = 2.0
"""Exponent of the focal loss, the one its authors found best."""


def check_recipe(task: Task, recipe: Recipe) -> None:
    """Check that the task's `fit` carries out what the recipe asks for.

    Raises
    ------
    BadInput
        It does not: the choice would stand in the card and change nothing.
    """
    carried_out: tuple[str, ...] = getattr(task, "imbalances", ("none",))
    if recipe.imbalance not in carried_out:
        raise BadInput(
            f"imbalance = {recipe.imbalance!r}, which training {task.name} does not carry out",
            f"one of {list(carried_out)}",
            "change `imbalance` in the recipe",
        )


def class_weights(labels: Array, classes: int) -> Array:
    """Return the weight of a sample of each class, (classes,): n / (classes present x its count).

    A class without an example, as in data that do not tell it apart, weighs nothing.
    """
    counts = np.bincount(np.asarray(labels, dtype=int), minlength=classes)
    present = counts > 0
    return np.where(present, len(labels) / (present.sum() * np.maximum(counts, 1)), 0.0)


def sample_weights(choice: Imbalance, labels: Array, classes: int) -> Array:
    """Return the weight of each sample, (n,), for trees and other learners that take weights.

    Raises
    ------
    BadInput
        `focal`, which is a loss and no weight.
    """
    if choice == "focal":
        raise BadInput(
            "imbalance = 'focal' for a learner that takes weights",
            "none, weights or oversample",
            "leave 'focal' out of the task's `imbalances`",
        )
    labels = np.asarray(labels, dtype=int)
    if choice == "weights":
        return np.asarray(class_weights(labels, classes)[labels])
    return np.ones(len(labels))


def epoch_order(choice: Imbalance, labels: Array, rng: np.random.Generator) -> Array:
    """Return the samples of one epoch in the order they are shown, (n,) indices.

    A permutation; with `oversample` as many draws with replacement, every class equally likely.
    """
    labels = np.asarray(labels, dtype=int)
    if choice != "oversample":
        return rng.permutation(len(labels))
    _, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    chance = 1 / counts[place]
    return rng.choice(len(labels), size=len(labels), p=chance / chance.sum())


def network_loss(
    choice: Imbalance, labels: Array, classes: int
) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the mean cross-entropy of a batch under the choice, for networks in PyTorch.

    It takes logits (n,) with targets in [0, 1] for two classes (soft labels are welcome), or logits
    (n, classes) with class numbers (n,).

    Raises
    ------
    MissingExtra
        PyTorch is not installed.
    """
    try:
        import torch
        from torch.nn import functional
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "torch", "train") from None
    found = class_weights(labels, classes) if choice == "weights" else np.ones(classes)
    weights = torch.tensor(found, dtype=torch.float32)

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        if logits.ndim == 1:
            target = target.to(logits.dtype)
            wrong = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
            weight = weights[0] + (weights[1] - weights[0]) * target
            missed = (target - logits.sigmoid()).abs()
        else:
            wrong = functional.cross_entropy(logits, target, reduction="none")
            weight = weights[target]
            missed = 1 - logits.softmax(1).gather(1, target[:, None])[:, 0]
        if choice == "focal":
            wrong = missed**GAMMA * wrong
        mean: Tensor = (weight * wrong).mean()
        return mean

    return loss
