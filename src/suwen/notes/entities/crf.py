"""Linear-chain conditional random field at serving: the best tags and how sure each stretch is.

Source: Lafferty, McCallum & Pereira, ICML 2001. Tags are 0 for outside, 1 + 2 k for the first piece
of type k and 2 + 2 k for a further one (BIO).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

Floats = NDArray[np.float64]
SUREST = 1e-4
"""Probabilities are kept this far from 0 and 1, so that their logit stays finite."""


def best(emissions: Floats, transitions: Floats, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the most probable tags of each window by Viterbi, (b, t); 0 behind its end.

    Parameters
    ----------
    emissions
        Score of each tag at each piece, (b, t, tags).
    transitions
        Score of a tag (column) after another (row), (tags, tags).
    lengths
        Pieces of each window, (b,), at least 1.
    """
    windows, count, tags = emissions.shape
    back = np.zeros((count, windows, tags), dtype=np.int64)
    same = np.arange(tags)
    score = emissions[:, 0].astype(np.float64)
    for i in range(1, count):
        inside = (i < lengths)[:, None]
        total = score[:, :, None] + transitions
        back[i] = np.where(inside, total.argmax(1), same)
        score = np.where(inside, total.max(1) + emissions[:, i], score)
    found = np.zeros((windows, count), dtype=np.int64)
    each = np.arange(windows)
    tag = score.argmax(1)
    for i in range(count - 1, -1, -1):
        found[:, i] = np.where(i < lengths, tag, 0)
        tag = back[i, each, tag]
    return found


def marginals(emissions: Floats, transitions: Floats, lengths: NDArray[np.int64]) -> Floats:
    """Return the probability of each tag at each piece, (b, t, tags), by forward-backward.

    Behind the end of a window it is that of its last piece. Parameters as in `best`.
    """
    count = emissions.shape[1]
    forward, backward = np.zeros_like(emissions), np.zeros_like(emissions)
    forward[:, 0] = emissions[:, 0]
    for i in range(1, count):
        moved = _summed(forward[:, i - 1, :, None] + transitions, 1) + emissions[:, i]
        forward[:, i] = np.where((i < lengths)[:, None], moved, forward[:, i - 1])
    for i in range(count - 2, -1, -1):
        after = (emissions[:, i + 1] + backward[:, i + 1])[:, None]
        moved = _summed(transitions + after, 2)
        backward[:, i] = np.where((i + 1 < lengths)[:, None], moved, 0.0)
    total = forward + backward
    return np.asarray(np.exp(total - _summed(total, 2)[..., None]))


def _summed(values: Floats, axis: int) -> Floats:
    """Return the logarithm of the sum of exponentials along an axis."""
    top = values.max(axis, keepdims=True)
    return np.asarray(np.log(np.exp(values - top).sum(axis)) + top.squeeze(axis))


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


def decoded(
    emissions: Floats, transitions: Floats, lengths: NDArray[np.int64]
) -> list[list[tuple[float, int, int, int]]]:
    """Return (logit, first piece, last piece + 1, type) of each stretch of each window.

    The logit is that of the least sure piece of the stretch, the piece after it included: where it
    ends is part of what it says. Parameters as in `best`.
    """
    tags = best(emissions, transitions, lengths)
    found = [stretches(row[:length]) for row, length in zip(tags, lengths, strict=True)]
    if not any(found):
        return [[] for _ in found]
    every = marginals(emissions, transitions, lengths)
    sure = np.take_along_axis(every, tags[..., None], 2)[..., 0]
    return [
        [
            (_logit(row[low : min(high + 1, length)].min()), low, high, kind)
            for low, high, kind in own
        ]
        for own, row, length in zip(found, sure, lengths, strict=True)
    ]


def _logit(probability: float) -> float:
    return float(logit(np.clip(probability, SUREST, 1 - SUREST)))
