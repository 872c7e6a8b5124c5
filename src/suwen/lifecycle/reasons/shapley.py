"""Shapley values of groups of an input against an empty one, from drawn orders.

In each order the groups enter one after another, and each is given what the score moves as it
enters; every order is also taken backwards, which halves the noise. All orders add up to the whole
move, so their mean does too. Source: Castro, Gómez & Tejada, Computers & Operations Research
36:1726, 2009; orders taken backwards: Mitchell et al., JMLR 23:43, 2022.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
ORDERS: Final = 8
"""Orders that are drawn; as many backwards come with them."""


def sampled(
    score: Callable[[Array], Array], groups: int, seed: int = 0, orders: int = ORDERS
) -> Array:
    """Return how far each group moved the score, (groups,); the sum is the whole move.

    Parameters
    ----------
    score
        Returns the scores (m,) of inputs (m, groups) in which 1 keeps a group and 0 leaves it out.
    groups
        Number of groups.
    seed, orders
        Seed and number of the orders that are drawn.
    """
    rng = np.random.default_rng(seed)
    drawn = np.array([rng.permutation(groups) for _ in range(orders)])
    drawn = np.vstack([drawn, drawn[:, ::-1]])
    place = np.argsort(drawn, axis=1)
    kept = (place[:, None, :] < np.arange(groups + 1)[:, None]).astype(float)
    scores = np.asarray(score(kept.reshape(-1, groups)), dtype=float).reshape(len(drawn), -1)
    moved = np.diff(scores, axis=1)
    return np.asarray(np.take_along_axis(moved, place, axis=1).mean(0))
