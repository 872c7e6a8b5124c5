"""How well called classes agree with the true ones: the confusion table and what follows from it.

`truth` and `called` hold class numbers 0 .. K - 1 and have shape (n,); `weights` (..., n) default
to ones. Every figure is read off a table of shape (..., K, K): true class by row, called class by
column. A class without examples has no recall (NaN); one that was never called has the precision
0 (the convention of scikit-learn), so that a rare class given up is not left out of a mean.

Sources: Cohen, Educ Psychol Meas 20:37, 1960 (kappa); Gorodkin, Comput Biol Chem 28:367, 2004 (the
correlation of Matthews for any number of classes); Brodersen et al., ICPR 2010 (balanced accuracy);
Sokolova & Lapalme, Inf Process Manag 45:427, 2009 (macro averages).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def table(truth: Array, called: Array, classes: int, weights: Array | None = None) -> Array:
    """Return the confusion table, shape (..., classes, classes)."""
    truth, called = np.asarray(truth, dtype=int), np.asarray(called, dtype=int)
    if truth.shape != called.shape or truth.ndim != 1:
        raise ValueError(f"truth {truth.shape} and called {called.shape} must both be (n,)")
    cell = truth * classes + called
    if len(cell) and (
        min(truth.min(), called.min()) < 0 or max(truth.max(), called.max()) >= classes
    ):
        raise ValueError(f"classes are numbered 0 to {classes - 1}")
    if weights is None:
        found: Array = np.bincount(cell, minlength=classes**2).astype(float)
    else:
        weights = np.asarray(weights, dtype=float)
        if weights.shape[-1:] != truth.shape:
            raise ValueError(f"weights {weights.shape} must end in {truth.shape}")
        found = np.stack([weights[..., cell == k].sum(-1) for k in range(classes**2)], axis=-1)
    return found.reshape(*found.shape[:-1], classes, classes)


def _ratio(top: Array, bottom: Array, empty: float) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(bottom > 0, top / bottom, empty))


def _right(cells: Array) -> Array:
    """Return what lies on the diagonal, shape (..., K)."""
    return np.asarray(np.diagonal(cells, axis1=-2, axis2=-1))


def accuracy(cells: Array) -> Array:
    """Return the share of samples called rightly."""
    return _ratio(_right(cells).sum(-1), cells.sum((-2, -1)), np.nan)


def recall(cells: Array) -> Array:
    """Return the share of each true class that was called so (sensitivity), shape (..., K)."""
    return _ratio(_right(cells), cells.sum(-1), np.nan)


def precision(cells: Array) -> Array:
    """Return the share of each called class that is truly so, shape (..., K)."""
    return _ratio(_right(cells), cells.sum(-2), 0.0)


def f1(cells: Array) -> Array:
    """Return the harmonic mean of precision and recall of each class, shape (..., K)."""
    found = _ratio(2 * _right(cells), cells.sum(-1) + cells.sum(-2), np.nan)
    return np.where(cells.sum(-1) > 0, found, np.nan)


def macro(by_class: Array, present: Array) -> Array:
    """Return the plain mean over the classes listed in `present` (numbers), shape (...)."""
    return np.asarray(by_class[..., present].mean(-1))


def balanced_accuracy(cells: Array, present: Array) -> Array:
    """Return the mean recall over the classes listed in `present`."""
    return macro(recall(cells), present)


def cohen_kappa(cells: Array) -> Array:
    """Return the agreement beyond chance, 1 when perfect, 0 when by chance; unweighted."""
    total = cells.sum((-2, -1))
    chance = (cells.sum(-1) * cells.sum(-2)).sum(-1)
    return _ratio(_right(cells).sum(-1) * total - chance, total**2 - chance, np.nan)


def j_kappa(cells: Array) -> Array:
    """Return the figure of heartbeat classes: half of kappa and an eighth of the index j.

    The classes are N, S, V and more; j adds recall and precision of S and of V.

    Source: Mar et al., IEEE Trans Biomed Eng 58:2168, 2011; Mondejar-Guerra et al., Biomed Signal
    Process Control 47:41, 2019.
    """
    both = recall(cells)[..., 1:3].sum(-1) + precision(cells)[..., 1:3].sum(-1)
    return np.asarray(cohen_kappa(cells) / 2 + both / 8)


def mcc(cells: Array) -> Array:
    """Return the correlation of called and true classes; 0 when only one class is ever called.

    With one true class only it is not defined.
    """
    total, true, said = cells.sum((-2, -1)), cells.sum(-1), cells.sum(-2)
    joint = _right(cells).sum(-1) * total - (true * said).sum(-1)
    spread_true = total**2 - (true**2).sum(-1)
    spread_said = total**2 - (said**2).sum(-1)
    found = _ratio(joint, np.sqrt(spread_true * spread_said), 0.0)
    return np.where(spread_true > 0, found, np.nan)
