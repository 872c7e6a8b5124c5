"""Figures of merit of an answer that is any number of stretches of a text.

Precision, recall and F1 over all stretches (micro) and by type; how often something is marked where
nothing is to be; and how far the probability of a stretch can be believed.
"""

from __future__ import annotations

import numpy as np

from suwen.lifecycle.examples import Array
from suwen.lifecycle.measure.answered import Answered
from suwen.lifecycle.spanned import Spanned
from suwen.metrics import spans
from suwen.metrics.calibration import BINS
from suwen.metrics.intervals import Metric, remembered

HEADLINE = ("f1", "precision", "recall", "over_redaction")


def spanned_of(rows: Answered) -> Spanned:
    """Return the counts of rows that answer with stretches."""
    if rows.spanned is None:
        raise TypeError(f"rows of kind {rows.kind} have no stretches")
    return rows.spanned


def _weighed(table: Array, weights: Array | None) -> Array:
    """Return the column sums of (n, types) counts, each row as often as it was drawn."""
    return np.asarray(table.sum(0) if weights is None else weights @ table)


def ranking(said: Spanned) -> dict[str, Metric]:
    """Return the metrics that need no probability, so that floors have them too."""
    chosen = [said.keys.index(said.headline)] if said.headline else list(range(len(said.keys)))

    def rates(weights: Array | None) -> Array:
        """Return precision and recall of the headline and of each type, (..., 1 + types, 2)."""
        right, answered, found, true = (
            _weighed(table, weights) for table in (said.right, said.answered, said.found, said.true)
        )
        both = [
            np.concatenate([one[..., chosen].sum(-1, keepdims=True), one], axis=-1)
            for one in (right, answered, found, true)
        ]
        return np.stack([spans.share(both[0], both[1]), spans.share(both[2], both[3])], axis=-1)

    at = remembered(rates)
    names = ["", *(f"_{key}" for key in said.keys)]
    there = [0, *(1 + k for k in range(len(said.keys)) if said.true[:, k].any())]
    found: dict[str, Metric] = {}
    for k in there:
        found[f"f1{names[k]}"] = lambda w, k=k: spans.f1(at(w)[..., k, 0], at(w)[..., k, 1])  # type: ignore[misc]
        found[f"precision{names[k]}"] = lambda w, k=k: at(w)[..., k, 0]  # type: ignore[misc]
        found[f"recall{names[k]}"] = lambda w, k=k: at(w)[..., k, 1]  # type: ignore[misc]
    types = there[1:]
    found["macro_f1"] = lambda w: np.asarray(
        spans.f1(at(w)[..., types, 0], at(w)[..., types, 1]).mean(-1)
    )
    empty = np.asarray(said.true.sum(1) == 0)
    if said.match == "covered" and empty.any():
        over = (said.answered.sum(1) > 0) & empty
        found["over_redaction"] = lambda w: (
            np.asarray(over[empty].mean()) if w is None else spans.share(w @ over, w @ empty)
        )
    return found


def metrics(rows: Answered) -> dict[str, Metric]:
    """Return every metric, with its texts bound."""
    said = spanned_of(rows)
    found = ranking(said)
    if len(said.probability) and np.isfinite(said.probability).all():
        found["ece"] = _calibration_error(said)
    return found


def _calibration_error(said: Spanned) -> Metric:
    """Return the expected calibration error of the stretches, each weighed as its text."""
    texts = len(said.true)
    bins = np.minimum((said.probability * BINS).astype(int), BINS - 1)
    gaps, counts = np.zeros((texts, BINS)), np.zeros(texts)
    np.add.at(gaps, (said.sample, bins), said.probability - said.correct)
    np.add.at(counts, said.sample, 1.0)

    def error(weights: Array | None) -> Array:
        drawn = np.ones(texts) if weights is None else weights
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.abs(drawn @ gaps).sum(-1) / (drawn @ counts))[()]

    return error
