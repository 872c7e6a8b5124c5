"""Typed stretches of a text against the true ones, counted per text.

`exact` is the strict entity-level matching of CoNLL-2003 (Tjong Kim Sang & De Meulder): start, end
and type are right, or the stretch is wrong. `covered` is what matters for identifiers: a true
stretch is found when every letter and digit of it lies in answered ones, whatever their type, and
an answered stretch is right when it shares a character with a true one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def exact(answered: Array, true: Array) -> tuple[Array, Array]:
    """Return which answered stretches are right (m,) and which true ones were found (k,).

    Both arrays have the columns start, end, type number; equal rows count once.
    """
    wanted = {tuple(row) for row in true.tolist()}
    left = set(wanted)
    right = np.zeros(len(answered), dtype=bool)
    for i, row in enumerate(map(tuple, answered.tolist())):
        if row in left:
            left.remove(row)
            right[i] = True
    found = np.array([tuple(row) not in left for row in true.tolist()], dtype=bool)
    return right, found


def covered(answered: Array, true: Array, text: str) -> tuple[Array, Array]:
    """Return which answered stretches touch a true one (m,) and which true ones are covered (k,).

    Parameters
    ----------
    answered, true
        Columns start, end, type number.
    text
        The text: only its letters and digits have to be covered.
    """
    hidden = np.zeros(len(text) + 1, dtype=bool)
    for start, end in answered[:, :2].astype(int):
        hidden[start:end] = True
    real = np.zeros(len(text) + 1, dtype=bool)
    for start, end in true[:, :2].astype(int):
        real[start:end] = True
    told = np.array([character.isalnum() for character in text] + [False])
    right = [bool(real[start:end].any()) for start, end in answered[:, :2].astype(int)]
    found = [not (told & ~hidden)[start:end].any() for start, end in true[:, :2].astype(int)]
    return np.array(right, dtype=bool), np.array(found, dtype=bool)


def per_type(types: Array, chosen: Array, count: int) -> Array:
    """Return how many chosen stretches there are of each type, (count,)."""
    return np.bincount(np.asarray(types, dtype=int)[np.asarray(chosen, bool)], minlength=count)


def share(part: Array, whole: Array) -> Array:
    """Return part / whole, NaN where the whole is empty."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(whole > 0, part / np.maximum(whole, 1e-12), np.nan))


def f1(precision: Array, recall: Array) -> Array:
    """Return the harmonic mean; 0 where nothing was answered right, NaN where nothing is true."""
    answered = np.nan_to_num(np.asarray(precision, dtype=float))
    total = answered + recall
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = 2 * answered * recall / total
    return np.asarray(np.where(total == 0, 0.0, mean))
