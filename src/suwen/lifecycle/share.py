"""Training on fewer labels: a share of them, whole groups and stratified; which to ask for next.

Shares of one seed are nested: who has a label at 5 % has it at 10 % too. A group (patient) has all
its labels or none, since whoever looks at a patient labels all pictures of it.

References: Lee, ICML workshop 2013 (pseudo-labels); Sohn et al., NeurIPS 2020 (FixMatch);
Settles, Active Learning Literature Survey, 2009 (entropy and margin sampling).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import special

from suwen.core.errors import BadInput
from suwen.lifecycle.examples import Array, Examples
from suwen.lifecycle.kinds import Choice
from suwen.lifecycle.recipe import Recipe, Unlabelled
from suwen.lifecycle.task import Task

UNKNOWN: Final = -1
"""Label of an example that stands in a training set without one."""
CONFIDENT: Final = 0.95
"""A pseudo-label counts from this probability on (FixMatch's threshold)."""

Index = NDArray[np.int64]


def check_recipe(task: Task, recipe: Recipe) -> None:
    """Check that the task's `fit` can use a share of the labels as the recipe says.

    Raises
    ------
    BadInput
        It cannot, or nothing would be left without a label.
    """
    carried_out: tuple[str, ...] = getattr(task, "strategies", get_args(Unlabelled)[:1])
    if recipe.unlabelled not in carried_out:
        raise BadInput(
            f"unlabelled = {recipe.unlabelled!r}, which training {task.name} does not carry out",
            f"one of {list(carried_out)}",
            "change `unlabelled` in the recipe",
        )
    if recipe.label_share < 1 and not isinstance(task.answers, Choice):
        raise BadInput(
            f"label_share = {recipe.label_share:g} for {task.name}, which names no classes",
            "a task that chooses between classes",
            "leave `label_share` at 1",
        )
    if recipe.unlabelled != "ignored" and recipe.label_share == 1:
        raise BadInput(
            f"unlabelled = {recipe.unlabelled!r} with every label given",
            "a `label_share` below 1",
            "lower `label_share`, or leave `unlabelled` at 'ignored'",
        )


def given(examples: Examples, recipe: Recipe) -> Examples:
    """Return what a member is trained on: a share of the labels, as the recipe says."""
    if recipe.label_share == 1:
        return examples
    return shown(examples, chosen(examples, recipe.label_share, recipe.seed), recipe.unlabelled)


def shown(examples: Examples, known: Index, unlabelled: Unlabelled) -> Examples:
    """Return the examples whose labels are known, and unless they are ignored the others too."""
    if unlabelled == "ignored":
        return examples.subset(known)
    labels = np.full(len(examples), UNKNOWN)
    labels[known] = np.asarray(examples.labels, dtype=int)[known]
    return replace(examples, labels=labels)


def chosen(examples: Examples, share: float, seed: int) -> Index:
    """Return which examples have a label, rising: of each class about `share`, at least one group.

    A group counts to the class that most of its examples have. Groups come in the order of a hash
    of seed and name, so that a larger share holds the smaller ones.
    """
    labels = np.asarray(examples.labels, dtype=int)
    names, place = np.unique(np.asarray(examples.groups).astype(str), return_inverse=True)
    counts = np.zeros((len(names), labels.max() + 1), dtype=int)
    np.add.at(counts, (place, labels), 1)
    of_class = counts.argmax(1)
    taken = np.zeros(len(names), dtype=bool)
    for k in np.unique(of_class):
        groups = sorted(np.flatnonzero(of_class == k), key=lambda g: _order(seed, str(names[g])))
        wanted, held = share * counts[of_class == k].sum(), 0
        for group in groups:
            if held >= wanted:
                break
            taken[group], held = True, held + int(counts[group].sum())
    return np.flatnonzero(taken[place])


def _order(seed: int, name: str) -> str:
    return hashlib.sha1(f"{seed}:{name}".encode(), usedforsecurity=False).hexdigest()


def entropy(probability: Array) -> Array:
    """Return the entropy of each row of class probabilities (n, K), in nats, (n,)."""
    return np.asarray(special.entr(probability).sum(1))


def narrowness(probability: Array) -> Array:
    """Return one minus the distance of the two most probable classes of each row, (n,)."""
    ranked = np.sort(probability, axis=1)
    return np.asarray(1 - (ranked[:, -1] - ranked[:, -2]))


def total_entropy(chances: Array) -> float:
    """Return the sum of the entropies of events with these probabilities (m,), in bits."""
    both = special.entr(chances) + special.entr(1 - np.asarray(chances))
    return float(np.sum(both) / np.log(2))


DOUBTS: Final[Mapping[str, Callable[[Array], Array]]] = {"entropy": entropy, "margin": narrowness}
"""How much a network's answer is in doubt, by the name of the way to ask for labels."""


def asked(examples: Examples, known: Index, doubt: Array, wanted: int) -> Index:
    """Return the examples that have a label after the next round of asking, rising.

    Parameters
    ----------
    examples, known
        The pool, and which of it have a label.
    doubt
        How much what the network of the last round says of each of the pool is in doubt, (n,).
    wanted
        How many labels there shall be. Whole groups are asked for, the one with the most doubtful
        example first, so that near-duplicates are not asked for as if they were new.
    """
    names, place = np.unique(np.asarray(examples.groups).astype(str), return_inverse=True)
    worst = np.full(len(names), -np.inf)
    np.maximum.at(worst, place, doubt)
    taken = np.isin(np.arange(len(names)), place[known])
    for group in np.argsort(-worst, kind="stable"):
        if taken[place].sum() >= wanted:
            break
        taken[group] = True
    return np.flatnonzero(taken[place])


def pseudo_labels(labels: Array, probability: Array) -> Array:
    """Return the labels with the unknown ones filled in where the network is confident, (n,).

    `probability` (n, K) is what it says of all; the others stay unknown.
    """
    sure = probability.max(1) >= CONFIDENT
    said = np.where(sure, probability.argmax(1), UNKNOWN)
    return np.where(np.asarray(labels) == UNKNOWN, said, labels)
