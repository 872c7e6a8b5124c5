"""Linear-chain conditional random field at serving: the best tags and how sure each stretch is.

Source: Lafferty, McCallum & Pereira, ICML 2001. Tags are 0 for outside, 1 + 2 k for the first piece
of type k and 2 + 2 k for a further one (BIO).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit, logsumexp

Floats = NDArray[np.float64]
SUREST = 1e-4
"""Probabilities are kept this far from 0 and 1, so that their logit stays finite."""


def best(emissions: Floats, transitions: Floats) -> NDArray[np.int64]:
    """Return the most probable tags (n,) by Viterbi.

    Parameters
    ----------
    emissions
        Score of each tag at each piece, (n, tags).
    transitions
        Score of a tag (column) after another (row), (tags, tags).
    """
    count = len(emissions)
    back = np.zeros((count, emissions.shape[1]), dtype=np.int64)
    score = emissions[0].astype(np.float64)
    for i in range(1, count):
        total = score[:, None] + transitions
        back[i] = total.argmax(0)
        score = total.max(0) + emissions[i]
    tags = np.zeros(count, dtype=np.int64)
    tags[-1] = int(score.argmax())
    for i in range(count - 1, 0, -1):
        tags[i - 1] = back[i, tags[i]]
    return tags


def marginals(emissions: Floats, transitions: Floats) -> Floats:
    """Return the probability of each tag at each piece, (n, tags), by forward-backward."""
    count = len(emissions)
    forward, backward = np.zeros_like(emissions), np.zeros_like(emissions)
    forward[0] = emissions[0]
    for i in range(1, count):
        forward[i] = logsumexp(forward[i - 1][:, None] + transitions, axis=0) + emissions[i]
    for i in range(count - 2, -1, -1):
        backward[i] = logsumexp(transitions + (emissions[i + 1] + backward[i + 1])[None], axis=1)
    total = forward + backward
    return np.asarray(np.exp(total - logsumexp(total, axis=1, keepdims=True)))


def stretches(tags: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Return (first piece, last piece + 1, type) of each stretch; a further piece may begin one."""
    found: list[tuple[int, int, int]] = []
    for i, tag in enumerate(tags.tolist()):
        kind = (tag - 1) // 2
        if tag == 0:
            continue
        if tag % 2 == 0 and found and found[-1][1] == i and found[-1][2] == kind:
            found[-1] = (found[-1][0], i + 1, kind)
        else:
            found.append((i, i + 1, kind))
    return found


def decoded(emissions: Floats, transitions: Floats) -> list[tuple[float, int, int, int]]:
    """Return (logit, first piece, last piece + 1, type) of each stretch of one window.

    The logit is that of the least sure piece of the stretch, the piece after it included: where it
    ends is part of what it says.
    """
    if not len(emissions):
        return []
    tags = best(emissions, transitions)
    found = stretches(tags)
    if not found:
        return []
    sure = marginals(emissions, transitions)[np.arange(len(tags)), tags]
    return [
        (float(logit(np.clip(sure[low : high + 1].min(), SUREST, 1 - SUREST))), low, high, kind)
        for low, high, kind in found
    ]
