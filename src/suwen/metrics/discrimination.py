"""How well scores tell two classes apart: ROC, precision-recall, thresholds, size matching.

`truth` holds 0 and 1, `scores` are larger for 1; both have shape (n,). `weights` (..., n) default
to ones. A threshold is one number, or one a sample (n,). A metric that is not defined (one class is
absent) is NaN, never a guess.

Sources: Hanley & McNeil, Radiology 1982 (AUROC as a rank statistic, ties count one half);
Davis & Goadrich, ICML 2006 (why precision-recall is summed by steps, not interpolated linearly).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SIZE_TOLERANCE = 0.15
"""Two lesions are matched when their sizes differ by at most this share of their mean."""
ROUNDED = 1e-9
"""A specificity that misses the wanted one by no more than this reaches it."""


def _prepare(truth: Array, scores: Array, weights: Array | None) -> tuple[Array, Array, Array]:
    truth = np.asarray(truth, dtype=bool)
    scores = np.asarray(scores, dtype=float)
    if truth.shape != scores.shape or truth.ndim != 1:
        raise ValueError(f"truth {truth.shape} and scores {scores.shape} must both be (n,)")
    if np.isnan(scores).any():
        raise ValueError("scores hold NaN")
    weights = np.ones(truth.shape) if weights is None else np.asarray(weights, dtype=float)
    if weights.shape[-1:] != truth.shape:
        raise ValueError(f"weights {weights.shape} must end in {truth.shape}")
    return truth, scores, weights


def _ratio(top: Array, bottom: Array) -> Array:
    """Return top / bottom, NaN where bottom is zero."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(bottom > 0, top / bottom, np.nan)[()]


def _by_score(truth: Array, scores: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Return weight of positives and of negatives at each distinct score, and those scores."""
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(order) else order
    sorted_weights, sorted_truth = weights[..., order], truth[order]
    positives, negatives = sorted_weights * sorted_truth, sorted_weights * ~sorted_truth
    if len(starts) < len(order):
        positives = np.add.reduceat(positives, starts, axis=-1)
        negatives = np.add.reduceat(negatives, starts, axis=-1)
    return positives, negatives, ordered[starts]


def auroc(truth: Array, scores: Array, weights: Array | None = None) -> Array:
    """Return the area under the ROC curve; a tied pair counts one half."""
    truth, scores, weights = _prepare(truth, scores, weights)
    positives, negatives, _ = _by_score(truth, scores, weights)
    below = np.cumsum(negatives, axis=-1) - negatives
    won = (positives * (below + negatives / 2)).sum(-1)
    return _ratio(won, positives.sum(-1) * negatives.sum(-1))


def auprc(truth: Array, scores: Array, weights: Array | None = None) -> Array:
    """Return the area under the precision-recall curve, by steps (average precision)."""
    truth, scores, weights = _prepare(truth, scores, weights)
    positives, negatives, _ = _by_score(truth, scores, weights)
    gained = positives[..., ::-1]
    true_positives = np.cumsum(gained, axis=-1)
    called = true_positives + np.cumsum(negatives[..., ::-1], axis=-1)
    precision = np.nan_to_num(_ratio(true_positives, called))
    return _ratio((gained * precision).sum(-1), positives.sum(-1))


def _share_called(
    truth: Array, scores: Array, threshold: float | Array, weights: Array | None
) -> Array:
    """Return the share of the rows where `truth` holds that score at least `threshold`."""
    truth, scores, weights = _prepare(truth, scores, weights)
    chosen = weights * truth
    return _ratio((chosen * (scores >= threshold)).sum(-1), chosen.sum(-1))


def sensitivity(
    truth: Array, scores: Array, threshold: float | Array, weights: Array | None = None
) -> Array:
    """Return the share of positives with a score of at least `threshold`."""
    return _share_called(truth, scores, threshold, weights)


def specificity(
    truth: Array, scores: Array, threshold: float | Array, weights: Array | None = None
) -> Array:
    """Return the share of negatives with a score below `threshold`."""
    return 1 - _share_called(~np.asarray(truth, dtype=bool), scores, threshold, weights)


def sensitivity_at_specificity(
    truth: Array, scores: Array, wanted: float, weights: Array | None = None
) -> Array:
    """Return the largest sensitivity of any threshold whose specificity is at least `wanted`.

    The threshold is that of these very samples (and of each resample), so it tells how well the
    scores could serve at that specificity, not how a threshold chosen elsewhere would do.
    """
    truth, scores, weights = _prepare(truth, scores, weights)
    positives, negatives, _ = _by_score(truth, scores, weights)
    spared = _ratio(np.cumsum(negatives, axis=-1), negatives.sum(-1)[..., None])
    hit = 1 - _ratio(np.cumsum(positives, axis=-1), positives.sum(-1)[..., None])
    enough = spared >= wanted - ROUNDED
    found = np.where(enough, hit, 0.0).max(-1)
    return np.asarray(np.where(np.isnan(spared[..., -1]) | np.isnan(hit[..., -1]), np.nan, found))[
        ()
    ]


def accuracy(
    truth: Array, scores: Array, threshold: float | Array, weights: Array | None = None
) -> Array:
    """Return the share of samples on their own side of `threshold`."""
    truth, scores, weights = _prepare(truth, scores, weights)
    return _ratio((weights * ((scores >= threshold) == truth)).sum(-1), weights.sum(-1))


def roc_curve(truth: Array, scores: Array) -> tuple[Array, Array]:
    """Return false-positive rate and sensitivity from (0, 0) to (1, 1)."""
    truth, scores, weights = _prepare(truth, scores, None)
    positives, negatives, _ = _by_score(truth, scores, weights)
    fall_out = np.r_[0.0, np.cumsum(negatives[::-1])]
    hit = np.r_[0.0, np.cumsum(positives[::-1])]
    return _ratio(fall_out, fall_out[-1]), _ratio(hit, hit[-1])


def precision_recall_curve(truth: Array, scores: Array) -> tuple[Array, Array]:
    """Return recall (rising) and precision at each distinct threshold."""
    truth, scores, weights = _prepare(truth, scores, None)
    positives, negatives, _ = _by_score(truth, scores, weights)
    hit = np.cumsum(positives[::-1])
    called = hit + np.cumsum(negatives[::-1])
    return _ratio(hit, hit[-1]), _ratio(hit, called)


def size_matched_auroc(
    truth: Array,
    scores: Array,
    sizes: Array,
    weights: Array | None = None,
    tolerance: float = SIZE_TOLERANCE,
) -> Array:
    """Return the AUROC over pairs (positive, negative) of nearly the same size.

    A pair counts when the sizes differ by at most `tolerance` of their mean; a tied score counts
    one half. It shows the skill that is left once size, the easy part of the label, is taken away.
    """
    truth, scores, weights = _prepare(truth, scores, weights)
    sizes = np.asarray(sizes, dtype=float)
    first, second = np.flatnonzero(truth), np.flatnonzero(~truth)
    one, other = sizes[first][:, None], sizes[second][None, :]
    matched = np.abs(one - other) <= tolerance * (one + other) / 2
    ahead = scores[first][:, None] - scores[second][None, :]
    won = matched * ((ahead > 0) + 0.5 * (ahead == 0))
    left, right = weights[..., first], weights[..., second]
    # Single precision is exact for the counts of a resample, and takes half the time.
    exact = np.float32 if np.array_equal(weights, np.rint(weights)) else np.float64
    wins, pairs = (left.astype(exact) @ table.astype(exact) for table in (won, matched))
    return _ratio((wins * right).sum(-1), (pairs * right).sum(-1))
