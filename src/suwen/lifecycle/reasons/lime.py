"""A local linear model of an answer (LIME), as a second opinion beside Shapley values.

Groups of the input are left out at random, and a ridge regression weighted by likeness to the whole
input says how far each group moves the answer. Source: Ribeiro, Singh & Guestrin, KDD 2016. The
groups left out are drawn from a seed, so the same question has the same answer; how far other seeds
say otherwise is the method's stability (Visani et al., J Oper Res Soc 73:91, 2022).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
DRAWS: Final = 256
"""Inputs with groups left out that are answered."""
WIDTH: Final = 0.5
"""Width of the kernel over the share of groups left out."""
RIDGE: Final = 1.0


def local_weights(
    score: Callable[[Array], Array], groups: int, seed: int = 0, draws: int = DRAWS
) -> Array:
    """Return how far each group moves the score, (groups,).

    Parameters
    ----------
    score
        Returns the scores (m,) of inputs (m, groups) in which 1 keeps a group and 0 leaves it out.
    groups
        Number of groups.
    seed, draws
        Seed and number of the inputs that are drawn; the whole input is always one of them.
    """
    rng = np.random.default_rng(seed)
    kept = (rng.random((draws, groups)) < rng.uniform(0.1, 0.95, (draws, 1))).astype(float)
    kept[0] = 1.0
    near = np.sqrt(np.exp(-(((1 - kept.mean(1)) / WIDTH) ** 2)))
    design = np.hstack([kept, np.ones((draws, 1))]) * near[:, None]
    penalty = np.diag([RIDGE] * groups + [0.0])
    right = design.T @ (np.asarray(score(kept), dtype=float) * near)
    return np.asarray(np.linalg.solve(design.T @ design + penalty, right)[:groups])


def stability(found: Array) -> float:
    """Return the mean rank correlation between pairs of repeated weights (n, groups), n >= 2."""
    ranks = np.argsort(np.argsort(np.asarray(found), axis=1), axis=1).astype(float)
    table = np.corrcoef(ranks)
    return float(table[np.triu_indices(len(table), 1)].mean())
