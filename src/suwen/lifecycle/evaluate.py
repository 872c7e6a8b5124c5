"""Measure a pack on labelled examples, without tuning anything.

On development data member k answers fold k, with the calibrator fitted without fold k
(`out-of-fold`). With a test folder all members and the calibrator that ships answer
(`independent`); so with a data set of the task that shares nobody with the pack's own (`apart`).
Published or written rules are never fitted: all of the set is answered, and where it is the
development set the split says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from suwen.core.errors import BadInput
from suwen.lifecycle import assemble, rules, split
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.measure import figures as measure
from suwen.lifecycle.measure.answered import rows_of
from suwen.lifecycle.measure.predictions import INDEPENDENT, held_back, out_of_fold, predict_all
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.task import Task

INDEPENDENT_SET, DEVELOPMENT = "independent", "development (the rules were written with it in view)"


def evaluate(
    task: Task,
    pack: Pack,
    data: DataFolders,
    dataset: str = "",
    step: Callable[[int], Callable[[], None]] = lambda total: lambda: None,
) -> dict[str, Any]:
    """Measure `pack` on `dataset`; on an independent set when `data.test` is given.

    Parameters
    ----------
    task, pack, data
        The question, the answer to it, and where the data sets lie.
    dataset
        One of the task's data sets; by default the pack's own.
    step
        Called with the number of examples; returns what is called after each (progress).

    Returns
    -------
    dict
        `task`, `pack`, `data`, `split`, `n`, `groups`, `metrics` ({key: {value, low, high}}),
        `floor`, `subgroups`, `not_recorded` (columns of which nothing is recorded), `seconds`.

    Raises
    ------
    BadInput, NotFound
        The task has no data set of that name, or it is in none of the folders.
    """
    started = time.perf_counter()
    dataset = _known(task, dataset or str(pack.settings["dataset"]))
    examples = task.examples(data, dataset)
    ruled = rules.is_ruled(pack)
    independent = data.test is not None or is_apart(task, pack, dataset)
    if independent or ruled:
        predictions = predict_all(task, pack, examples, INDEPENDENT, step(len(examples)))
    else:
        examples = held_back(examples, pack.members)
        predictions = out_of_fold(task, pack, examples, step(len(examples)))
    own = DEVELOPMENT if ruled else split.kept_apart(pack.members)
    return {
        "task": task.name,
        "pack": pack.identity,
        "data": dataset,
        "split": INDEPENDENT_SET if independent else own,
        **measure.results(
            rows_of(task, pack, examples, predictions), assemble.exclusions_of(task, examples)
        ),
        "seconds": round(time.perf_counter() - started, 3),
    }


def _known(task: Task, dataset: str) -> str:
    if dataset not in task.datasets:
        raise BadInput(f"{task.name} has no data set {dataset!r}", f"one of {list(task.datasets)}")
    return dataset


def is_apart(task: Task, pack: Pack, dataset: str) -> bool:
    """Say whether nobody in a data set of the task was in what the pack was trained on."""
    apart: Mapping[str, Sequence[str]] = getattr(task, "apart", {})
    return str(pack.settings["dataset"]) in apart.get(dataset, ())
