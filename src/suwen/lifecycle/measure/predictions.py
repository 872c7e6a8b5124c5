"""What a pack said about labelled examples, and how it is collected without leaking.

On development examples member k answers fold k only, which it never saw (out-of-fold). On
independent examples all members answer.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from suwen.core.errors import BadInput
from suwen.lifecycle import split
from suwen.lifecycle.examples import Array, Examples, Output, Sample
from suwen.lifecycle.golden import arrays_of, save_arrays
from suwen.lifecycle.kinds import Choice, Spans
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.task import Task
from suwen.metrics.overlap import dice, volume_error
from suwen.metrics.ranking import reciprocal_rank

INDEPENDENT = -1
"""Fold number of examples that no member saw."""
MARK_COLUMNS = (4, 5)
"""Numbers in a mark: logit, centre in a plane or in space, diameter."""
SPAN_COLUMNS = 4
"""Numbers in a stretch: logit, start, end, type."""


@dataclass(frozen=True)
class Predictions:
    """Outputs for n examples, in the order of the examples.

    Parameters
    ----------
    fold
        Fold that answered, or `INDEPENDENT`, shape (n,).
    scores
        Logits or values of the members that answered, shape (n, members); with K > 2 classes
        (n, members, K); (n, 0) for masks and places.
    features
        Names of the domain features, shape (d,), and `domain` their values, shape (n, d).
    dice, volume_error
        For masks, shape (n,); NaN otherwise.
    digest
        SHA-256 of each sample's data, shape (n,): the fingerprint of what was really read.
    seconds
        Time of each prediction, shape (n,).
    marks, mark_counts
        For places and spans: the rows of `Output.marks` of all examples one after another, and how
        many each example has, shape (n,). For other kinds no marks.
    rank
        For a ranking: 1 / place of the first right code, 0 where none is named. For a calculation
        1 where it agrees with its reference, else 0. NaN otherwise.
    spread
        `Output.spread` of each example, (n, members); (n, 0) where the weights say none.
    """

    fold: Array
    scores: Array
    features: Array
    domain: Array
    dice: Array
    volume_error: Array
    digest: Array
    seconds: Array
    marks: Array
    mark_counts: Array
    rank: Array
    spread: Array

    def __len__(self) -> int:
        return len(self.fold)

    def domains(self) -> list[Mapping[str, float]]:
        """Return the domain features of each example by name."""
        names = [str(name) for name in self.features]
        return [dict(zip(names, map(float, row), strict=True)) for row in self.domain]

    def marks_of(self) -> list[Array]:
        """Return the rows of `Output.marks` of each example."""
        return np.split(self.marks, np.cumsum(self.mark_counts)[:-1]) if len(self) else []

    def save(self, path: Path) -> None:
        """Write to `path` (`.npz`)."""
        save_arrays(path, {each.name: getattr(self, each.name) for each in fields(self)})

    @classmethod
    def load(cls, path: Path) -> Predictions:
        """Read what `save` wrote; an older file has no marks, ranks or spreads."""
        with np.load(path, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
        count = len(found["fold"])
        none = {
            "marks": np.zeros((0, 0)),
            "mark_counts": np.zeros(count, dtype=np.int64),
            "rank": np.full(count, np.nan),
            "spread": np.zeros((count, 0)),
        }
        return cls(**{**none, **found})

    @classmethod
    def joined(cls, parts: list[tuple[Array, Predictions]]) -> Predictions:
        """Put (index, predictions) parts that cover 0 .. n - 1 into the examples' order."""
        order = np.argsort(np.concatenate([index for index, _ in parts]), kind="stable")
        joined = {}
        for each in fields(cls):
            columns = [getattr(part, each.name) for _, part in parts]
            if each.name == "features":
                joined[each.name] = columns[0]
            elif each.name != "marks":
                joined[each.name] = np.concatenate(columns)[order]
        marks = [one for _, part in parts for one in part.marks_of()]
        return cls(**joined, marks=_stacked([marks[i] for i in order]))


def check_output(task: Task, output: Output, members: int) -> None:
    """Check that an output has the shape the contract states.

    Raises
    ------
    BadInput
        It has not: the room's `predict` is at fault.
    """
    if task.answers.kind == "places":
        _check_marks(task, output)
        return
    if isinstance(task.answers, Spans):
        _check_spans(task, task.answers, output)
        return
    if task.answers.kind in ("ranked", "calculated"):
        return
    shape = np.asarray(output.scores).shape
    answers = task.answers
    wanted: tuple[int, ...] = (members,)
    if several := isinstance(answers, Choice) and len(answers.classes) > 2:
        wanted = (members, len(answers.classes))
    if answers.kind != "mask" and shape != wanted:
        raise BadInput(
            f"{task.name} returned scores of shape {shape} for {members} members",
            f"one score a member{' and class' if several else ''}: {wanted}",
            "correct `predict` of the task",
        )
    if output.spread is not None and not _says_errors(output.spread, members):
        raise BadInput(
            f"{task.name} returned a spread of shape {np.shape(output.spread)}",
            f"one expected error a member, finite and positive: ({members},)",
            "correct `predict` of the task",
        )
    if task.answers.kind == "mask" and (output.mask is None or output.mask.dtype != np.bool_):
        raise BadInput(f"{task.name} returned no bool mask", "a mask", "correct `predict`")


def _says_errors(spread: Array, members: int) -> bool:
    found = np.asarray(spread, dtype=float)
    return found.shape == (members,) and bool(np.isfinite(found).all() and (found > 0).all())


def _check_marks(task: Task, output: Output) -> None:
    marks = None if output.marks is None else np.asarray(output.marks)
    if marks is None or marks.ndim != 2 or marks.shape[1] not in MARK_COLUMNS:
        raise BadInput(
            f"{task.name} returned marks of shape {None if marks is None else marks.shape}",
            "a row a mark: logit, centre in mm (2 or 3 columns), diameter in mm",
            "correct `predict` of the task",
        )
    if not np.isfinite(marks).all() or np.asarray(output.scores).size:
        raise BadInput(
            f"{task.name} returned marks that are not finite, or scores beside them",
            "finite marks and empty scores",
            "correct `predict` of the task",
        )


def _check_spans(task: Task, answers: Spans, output: Output) -> None:
    rows = np.zeros((0, 0)) if output.marks is None else np.asarray(output.marks, dtype=float)
    if output.marks is None or rows.ndim != 2 or rows.shape[1] != SPAN_COLUMNS:
        raise BadInput(
            f"{task.name} returned stretches of shape {rows.shape}",
            "a row a stretch: logit, start, end, number of the type",
            "correct `predict` of the task",
        )
    typed = (rows[:, 3] >= 0) & (rows[:, 3] < len(answers.types))
    if not (np.isfinite(rows).all() and (rows[:, 1] < rows[:, 2]).all() and typed.all()):
        raise BadInput(
            f"{task.name} returned stretches with impossible values",
            "finite logits, start < end, types of the answer",
            "correct `predict` of the task",
        )


def _stacked(marks: list[Array]) -> Array:
    """Return all marks one after another; (0, 0) when there is none at all."""
    found = [each for each in marks if each.size]
    return np.concatenate(found) if found else np.zeros((0, 0))


def _content_digest(task: Task, sample: Sample) -> str:
    found = hashlib.sha256()
    for values in arrays_of(task, sample.data).values():
        found.update(str((values.dtype, values.shape)).encode())
        found.update(np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


def predict_all(
    task: Task,
    pack: Pack,
    examples: Examples,
    fold: int,
    step: Callable[[], None] = lambda: None,
) -> Predictions:
    """Predict every example with member `fold`, or with all members when `INDEPENDENT`.

    `step` is called after each example (progress).
    """
    members = None if fold == INDEPENDENT else [fold]
    count = pack.members if members is None else 1
    outputs, overlaps, digests, seconds, marks, ranks = [], [], [], [], [], []
    spreads: list[Array] = []
    for i in range(len(examples)):
        sample = examples.load(i)
        start = time.perf_counter()
        output = task.predict(pack, sample, members)
        seconds.append(time.perf_counter() - start)
        check_output(task, output, count)
        overlaps.append(_overlap(task, examples, i, output))
        digests.append(_content_digest(task, sample))
        outputs.append((np.asarray(output.scores, dtype=float), dict(output.domain)))
        marks.append(np.zeros((0, 0)) if output.marks is None else np.asarray(output.marks, float))
        ranks.append(_rank(task, examples, i, output))
        spreads.append(np.zeros(0) if output.spread is None else np.asarray(output.spread, float))
        step()
    features = list(outputs[0][1]) if outputs else []
    shape = (len(outputs), len(features))
    return Predictions(
        fold=np.full(len(outputs), fold),
        scores=np.array([scores for scores, _ in outputs]),
        features=np.array(features, dtype=str),
        domain=np.array([[row[f] for f in features] for _, row in outputs]).reshape(shape),
        dice=np.array([overlap[0] for overlap in overlaps], dtype=float),
        volume_error=np.array([overlap[1] for overlap in overlaps], dtype=float),
        digest=np.array(digests, dtype=str),
        seconds=np.array(seconds),
        marks=_stacked(marks),
        mark_counts=np.array([len(each) for each in marks], dtype=np.int64),
        rank=np.array(ranks, dtype=float),
        spread=np.array(spreads).reshape(len(spreads), -1),
    )


def _overlap(task: Task, examples: Examples, i: int, output: Output) -> tuple[float, float]:
    if task.answers.kind != "mask" or output.mask is None:
        return float("nan"), float("nan")
    truth = examples.truth_of(i)
    return dice(truth, output.mask), volume_error(truth, output.mask)


def right_codes(examples: Examples, i: int) -> list[str]:
    """Return the codes that are right for example i.

    Raises
    ------
    BadInput
        There are no true codes.
    """
    return [str(code) for code in examples.truth_of(i)]


def _rank(task: Task, examples: Examples, i: int, output: Output) -> float:
    if task.answers.kind == "calculated":
        if examples.agrees is None:
            raise BadInput("references without `agrees`", "Examples.agrees", "add it to `examples`")
        return float(examples.agrees(i, output))
    if task.answers.kind != "ranked":
        return float("nan")
    return reciprocal_rank(output.ranked, right_codes(examples, i))


def held_back(examples: Examples, members: int) -> Examples:
    """Return the examples that development figures are measured on (`split.held_out`)."""
    if members > 1:
        return examples
    return examples.subset(np.flatnonzero(split.held_out(examples.groups, members)))


def out_of_fold(
    task: Task, pack: Pack, examples: Examples, step: Callable[[], None] = lambda: None
) -> Predictions:
    """Let each fold be answered by the member that never saw it.

    One member alone answers everything, which has to be held out of its training (`held_back`);
    its folds are those of the calibrator.
    """
    if pack.members == 1:
        found = predict_all(task, pack, examples, 0, step)
        return replace(found, fold=split.folds_of(examples.groups, split.PARTS))
    fold = split.folds_of(examples.groups, pack.members)
    parts: list[tuple[Array, Predictions]] = []
    for k in np.unique(fold):
        index = np.flatnonzero(fold == k)
        parts.append((index, predict_all(task, pack, examples.subset(index), int(k), step)))
    return Predictions.joined(parts)
