"""What people corrected, trained on beside a data set and kept out of everything that is measured.

Corrections come from patient records. They join the training part of every member; predictions,
figures, golden cases and plots are made from the data set alone, so a pack holds no patient's text
and its figures stay comparable with those of a pack trained without them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from suwen.core.errors import BadInput, NotFound
from suwen.lifecycle.examples import Array, Examples
from suwen.lifecycle.task import Corrects, Task
from suwen.records import Access

T = TypeVar("T")


def read(task: Task, access: Access) -> Examples:
    """Return what people corrected of a task's answers.

    Raises
    ------
    BadInput
        Answers of this task are not corrected one by one.
    NotFound
        Nobody corrected one that this person may see.
    """
    if not isinstance(task, Corrects):
        raise BadInput(
            f"{task.name} does not learn from corrections",
            "a task whose answers are corrected in the workbench",
            "train it without --from-corrections",
        )
    found = task.corrected(access)
    if found is None or not len(found):
        raise NotFound(
            f"no corrections for {task.name} that this person may see",
            "answers corrected in the workbench by the care team this person belongs to",
            "correct some first, or join their care team: suwen person share",
        )
    return found


def told(examples: Examples, added: Examples | None) -> Examples:
    """Return the examples with a source that says what else was trained on."""
    if added is None:
        return examples
    own, other = examples.source, added.source
    count = f"{len(added)} examples from {len(np.unique(added.groups))} groups"
    source = replace(
        own,
        name=f"{own.name}; {other.name} ({count})",
        licence=f"{own.licence}; {other.licence}",
        shippable=own.shippable and other.shippable,
        limits=(*own.limits, *other.limits),
    )
    return replace(examples, source=source)


def apart(added: Examples | None, held_out: Array) -> Examples | None:
    """Return what a member may be trained on: nothing of a group that it is measured on.

    A patient's corrections must not help to answer the same patient's held-out samples.
    """
    if added is None:
        return None
    known = np.isin(added.groups.astype(str), np.unique(held_out.astype(str)))
    return added if not known.any() else added.subset(np.flatnonzero(~known))


def joined(examples: Examples, added: Examples | None) -> Examples:
    """Return both as one to train on; columns, tags and floors stay with the data set.

    Raises
    ------
    BadInput
        A key stands in both.
    """
    if added is None:
        return examples
    if set(examples.keys) & set(added.keys):
        raise BadInput("corrected examples named like those of the data set", "other keys", "")
    n = len(examples)

    def either(first: Callable[[int], T], second: Callable[[int], T]) -> Callable[[int], T]:
        return lambda i: first(i) if i < n else second(i - n)

    truths = (examples.truth, added.truth)
    return Examples(
        source=examples.source,
        keys=(*examples.keys, *added.keys),
        groups=np.concatenate([examples.groups.astype(str), added.groups.astype(str)]),
        labels=np.concatenate([examples.labels, added.labels]),
        load=either(examples.load, added.load),
        truth=either(truths[0], truths[1]) if truths[0] and truths[1] else None,
        lacks=examples.lacks,
    )
