"""Splits by group: what belongs to one patient stays on one side, in every run and every room.

The fold of a patient is a hash of the patient's id, so two data sets that share patients share the
split, and adding patients moves nobody.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import BadInput
from suwen.lifecycle.examples import Array

HELD_OUT = 10
"""With one member alone, one group in ten is held out of its training."""
PARTS = 5
"""The held-out groups of one member are cut into so many folds for the calibrator."""
STOPPING_SHARE = 8
"""One group in eight of a member's training groups is kept to decide when to stop."""


def fold_of(group: str, folds: int) -> int:
    """Return the fold (0 .. folds - 1) of a group: SHA-1 of its name, modulo `folds`."""
    return int(hashlib.sha1(group.encode(), usedforsecurity=False).hexdigest(), 16) % folds


def folds_of(groups: Array, folds: int) -> NDArray[np.int64]:
    """Return the fold of each group, shape (n,)."""
    return np.array([fold_of(str(group), folds) for group in groups], dtype=np.int64)


def held_out(groups: Array, members: int) -> NDArray[np.bool_]:
    """Return what the development figures are measured on, bool (n,).

    With several members everything, each fold by the member that never saw it. One member alone
    answers the groups held out of its training, by a hash of their own.
    """
    if members > 1:
        return np.ones(len(groups), dtype=bool)
    names = np.array([f"held:{group}" for group in groups])
    return np.asarray(folds_of(names, HELD_OUT) == 0)


def kept_apart(members: int) -> str:
    """Say in two words how development figures are kept apart from training."""
    return "out-of-fold" if members > 1 else "held out"


def trained_on(groups: Array, members: int, member: int) -> NDArray[np.bool_]:
    """Return what a member may have been trained on, bool (n,)."""
    if members == 1:
        return ~held_out(groups, members)
    return np.asarray(folds_of(groups, members) != member)


def check_disjoint(**parts: Array) -> None:
    """Check that no group stands in two of the named parts.

    Raises
    ------
    BadInput
        Some groups do; the text gives their number, not their names.
    """
    names = list(parts)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            shared = set(map(str, parts[first])) & set(map(str, parts[second]))
            if shared:
                raise BadInput(
                    f"{len(shared)} groups are in both {first} and {second}",
                    "each patient on one side only",
                    "split by group, not by sample",
                )


def member_split(groups: Array, folds: int, member: int) -> tuple[Array, Array, Array]:
    """Return indices (train, stop, held out) of one member of the ensemble.

    Fold `member` is held out, with one member alone the groups of `held_out`. Of the rest one
    group in `STOPPING_SHARE`, by a second hash, decides when to stop, so that what is held out is
    never looked at during training.
    """
    fold = folds_of(groups, folds)
    stopping = folds_of(np.array([f"stop:{group}" for group in groups]), STOPPING_SHARE) == 0
    left_out = fold == member if folds > 1 else held_out(groups, folds)
    train = np.flatnonzero(~left_out & ~stopping)
    stop = np.flatnonzero(~left_out & stopping)
    out = np.flatnonzero(left_out)
    if not (len(train) and len(stop) and len(out)):
        raise BadInput(
            f"{len(np.unique(groups))} groups leave a part of fold {member} empty",
            "more groups, or fewer folds",
            "lower `folds` in the recipe or add examples",
        )
    check_disjoint(train=groups[train], stopping=groups[stop], held_out=groups[out])
    return train, stop, out
