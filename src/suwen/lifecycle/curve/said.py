"""What one network of a learning curve says of examples: logits of classes, or stretches of texts.

References: Settles & Craven, EMNLP 2008 (total entropy of a text); Settles, Active Learning
Literature Survey, 2009.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special

from suwen.core.errors import BadInput
from suwen.lifecycle import share
from suwen.lifecycle.examples import Array, Examples
from suwen.lifecycle.kinds import Choice, Spans
from suwen.lifecycle.measure.answered import Answered
from suwen.lifecycle.measure.predictions import Predictions
from suwen.lifecycle.spanned import counted
from suwen.lifecycle.task import Task

Said = Array | Sequence[Array]
"""Logits (n,) or (n, K) of classes; of texts the rows of `Output.marks` of each."""


def keep(path: Path, task: Task, examples: Examples, found: Predictions) -> None:
    """Write what a network said of examples, uncalibrated."""
    said: dict[str, Any] = (
        {"marks": found.marks, "counts": found.mark_counts}
        if task.answers.kind == "spans"
        else {"logits": found.scores[:, 0]}
    )
    partial = path.with_name(f".partial-{path.name}")
    np.savez(partial, keys=np.array(examples.keys), **said)
    partial.replace(path)


def read(path: Path, examples: Examples) -> Said:
    """Return what `keep` wrote.

    Raises
    ------
    BadInput
        It was said of other examples.
    """
    with np.load(path, allow_pickle=False) as kept:
        if kept["keys"].tolist() != list(examples.keys):
            raise BadInput(
                f"{path.parent.name} answered other examples",
                "the same data",
                f"remove {path.parent}",
            )
        if "logits" not in kept.files:
            return np.split(kept["marks"], np.cumsum(kept["counts"])[:-1])
        logits: Array = kept["logits"]
    return logits


def doubt(task: Task, said: Said, way: str) -> Array:
    """Return how much each answer is in doubt, (n,), in a way of `share.DOUBTS`.

    Of a text it is the total entropy of the stretches that are marked in it, in bits.
    """
    if isinstance(task.answers, Spans):
        chances = (special.expit(each[:, 0]) if each.size else np.zeros(0) for each in said)
        return np.array([share.total_entropy(one) for one in chances])
    logits = np.asarray(said)
    if logits.ndim == 2:
        return share.DOUBTS[way](np.asarray(special.softmax(logits, axis=1)))
    positive = special.expit(logits)
    return share.DOUBTS[way](np.stack([1 - positive, positive], axis=1))


def rows_of(task: Task, examples: Examples, said: Said) -> Answered:
    """Return examples with what one network says of them, uncalibrated."""
    count, nothing = len(examples), np.full(len(examples), np.nan)
    rows: dict[str, Any] = {
        "groups": examples.groups,
        "columns": {},
        "floors": {},
        "volume_error": nothing,
        "abstained": np.zeros(count, dtype=bool),
    }
    if isinstance(task.answers, Spans):
        spanned = counted(task.answers, examples, list(said))
        by_text, true = spanned.by_text, spanned.true.sum(1).astype(float)
        return Answered("spans", true, by_text, by_text, spanned=spanned, **rows)
    logits = np.asarray(said)
    several = logits.ndim == 2
    answer = special.softmax(logits, axis=1) if several else special.expit(logits)
    choice = task.answers if isinstance(task.answers, Choice) else None
    return Answered(
        kind="choice",
        truth=np.asarray(examples.labels, dtype=float),
        answer=answer,
        order=answer if several else logits,
        classes=choice.keys if choice else (),
        whole=choice is not None and choice.whole,
        watched=choice.watched if choice else None,
        **rows,
    )
