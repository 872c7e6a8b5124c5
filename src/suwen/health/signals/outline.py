"""A signal drawn in few columns: of each its lowest and its highest sample, where they stand.

So a spike of one sample among ten million is seen. What was never recorded stays a gap.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]
BLOCK: Final = 64
"""Samples of which two are kept beforehand, for windows of very many."""


def extremes(values: NDArray[np.floating], columns: int) -> Places:
    """Return the places of the lowest and highest sample of each column, rising.

    Parameters
    ----------
    values
        (n,), NaN where nothing was recorded; a column of nothing but that keeps its first.
    columns
        Equal parts, at least 1. Of at most two samples a column all are kept.
    """
    count = len(values)
    if count <= 2 * columns:
        return np.arange(count)
    size = -(-count // columns)
    whole = count // size * size
    parts = [_of_blocks(values[:whole].reshape(-1, size), 0)]
    if whole < count:
        parts.append(_of_blocks(values[whole:].reshape(1, -1), whole))
    found = np.concatenate(parts)
    return found[np.diff(found, prepend=-1) > 0]


def _of_blocks(blocks: NDArray[np.floating], first: int) -> Places:
    gone = np.isnan(blocks)
    low, high = blocks, blocks
    if gone.any():
        low, high = np.where(gone, np.inf, blocks), np.where(gone, -np.inf, blocks)
    ends = np.stack([low.argmin(1), high.argmax(1)], axis=1)
    ends.sort(1)
    begins = first + np.arange(len(blocks)) * blocks.shape[1]
    return np.asarray((ends + begins[:, None]).ravel(), dtype=np.int64)


class Outline:
    """A signal of which any window is drawn at once.

    Parameters
    ----------
    values
        (n,), NaN where nothing was recorded.
    """

    def __init__(self, values: NDArray[np.floating]) -> None:
        self.values = values

    @cached_property
    def brief(self) -> Places:
        """The extremes of each `BLOCK` samples, rising."""
        return extremes(self.values, max(1, -(-len(self.values) // BLOCK)))

    def places(self, first: int, end: int, columns: int) -> Places:
        """Return which samples of first..end are drawn in so many columns, rising."""
        first, end = max(0, first), min(len(self.values), end)
        if end - first <= 2 * BLOCK * columns:
            return first + extremes(self.values[first:end], columns)
        low, high = np.searchsorted(self.brief, (first, end))
        inside = self.brief[low:high]
        return np.asarray(inside[extremes(self.values[inside], columns)])
