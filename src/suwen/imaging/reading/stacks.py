"""Slices of one series into stacks: what shares a series without belonging together is told apart.

Contrast phases, two reconstructions of one scan and repeated scans are sometimes sent under one
Series Instance UID. Sorted by position alone they would be interleaved into one wrong volume, also
where no two slices lie at the very same position. They are told apart by the fields that differ
between them, or by the order in which they were numbered; blocks that follow each other along the
body stay one stack.

Reference: DICOM PS3.3 2024e sections C.7.3.1 (General Series), C.7.6.1 (General Image: Acquisition
Number, Image Type), C.8.2.1 (CT Image: Convolution Kernel).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from itertools import combinations
from typing import Final

import numpy as np

from suwen.core.errors import BadInput
from suwen.imaging.reading.geometry import Slice, Stack
from suwen.imaging.reading.problem import Problem, refusal, warning

LEAST_SLICES: Final = 2
"""Slices of the smallest group; a field that is new on every slice tells nothing apart."""
TOUCHING_MM: Final = 0.01
JUMP_IN_STEPS: Final = 3.0
"""A way back of more steps than this, against the direction of numbering, starts a new pass."""
SAME_MM: Final = 2
"""Decimals of a millimetre to which positions are compared."""
SEPARATED: Final = "separated"
"""Code of the problem that a series held several stacks."""
NUMBERING: Final = "the order of InstanceNumber"

Parts = list[tuple[str, Stack | None]]


def groups_by(
    slices: Sequence[Slice], key: Callable[[Slice], Hashable]
) -> dict[Hashable, list[Slice]]:
    """Return the slices by what `key` says of each, in the order of first appearance."""
    groups: dict[Hashable, list[Slice]] = {}
    for one in slices:
        groups.setdefault(key(one), []).append(one)
    return groups


def stacks_of(slices: Sequence[Slice], problems: list[Problem]) -> Parts:
    """Return the stacks of a series as (`1/2`, stack); one without a name where nothing is mixed.

    A series that mixes stacks which nothing tells apart is refused.
    """
    if not slices:
        return [("", None)]
    fields: list[str] = []
    found = _apart(slices, 0, fields)
    if any(_collides(Stack.of(group)) for group in found):
        problems.append(
            refusal(
                "same-position",
                "Several slices lie at the same position and nothing tells them apart.",
                "多层图像位置相同且无法区分。",
            )
        )
        return [("", Stack.of(slices))]
    if len(found) == 1:
        return [("", Stack.of(slices))]
    count, named = len(found), ", ".join(dict.fromkeys(fields))
    problems.append(
        warning(
            SEPARATED,
            f"The series holds {count} stacks of slices over the same part of the body (they "
            f"differ in {named}); they were taken apart, and the one with the most slices, else "
            "the first, is the one answered about.",
            f"该序列含 {count} 组重叠的图像（{named} 不同），已分开；以层数最多（相同时取第一组）"
            "的一组作答。",
        )
    )
    return [(f"{n + 1}/{count}", Stack.of(group)) for n, group in enumerate(found)]


def _apart(slices: Sequence[Slice], number: int, fields: list[str]) -> list[list[Slice]]:
    """Return the groups that lie over each other, told apart by the fields from `number` on."""
    names = slices[0].names
    for k in range(number, len(names)):
        groups = list(groups_by(slices, lambda one, k=k: one.keys[k]).values())  # type: ignore[misc]
        if len({len(one.keys) for one in slices}) == 1 and _over_each_other(groups):
            fields.append(names[k])
            groups.sort(key=_first_number)
            return [part for group in groups for part in _apart(group, k + 1, fields)]
    passes = _passes(slices)
    if _over_each_other(passes):
        fields.append(NUMBERING)
        return passes
    return [list(slices)]


def _over_each_other(groups: Sequence[Sequence[Slice]]) -> bool:
    """Say whether groups of enough slices cover the same part of the body."""
    if len(groups) < 2 or min(len(group) for group in groups) < LEAST_SLICES:
        return False
    normal = groups[0][0].normal
    ends = []
    for group in groups:
        heights = [float(one.position @ normal) for one in group]
        ends.append((min(heights), max(heights)))
    return any(min(a[1], b[1]) - max(a[0], b[0]) >= -TOUCHING_MM for a, b in combinations(ends, 2))


def _passes(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Return the slices by how often their numbering had gone back over the body."""
    numbers = [_number(one) for one in slices]
    if len(slices) < 2 * LEAST_SLICES or None in numbers or len(set(numbers)) < len(numbers):
        return [list(slices)]
    ordered = [slices[int(i)] for i in np.argsort(np.array(numbers, dtype=float))]
    heights = np.array([float(one.position @ slices[0].normal) for one in ordered])
    steps = np.diff(heights)
    forward = np.sign(np.median(steps)) or 1.0
    back = steps * forward < -JUMP_IN_STEPS * float(np.median(np.abs(steps)))
    found = np.concatenate([[0], np.cumsum(back)])
    return [[ordered[int(i)] for i in np.flatnonzero(found == k)] for k in range(found[-1] + 1)]


def _number(one: Slice) -> float | None:
    try:
        return next(iter(one.instance.numbers("InstanceNumber")), None)
    except BadInput:
        return None


def _first_number(group: Sequence[Slice]) -> float:
    return min((n for one in group if (n := _number(one)) is not None), default=0.0)


def _collides(stack: Stack) -> bool:
    return any(count > 1 for count in Counter(stack.heights.round(SAME_MM)).values())


def without_copies(slices: Sequence[Slice], problems: list[Problem]) -> list[Slice]:
    """Keep one of each slice that came again under another UID: same place, fields and pixels."""
    kept: list[Slice] = []
    places = groups_by(
        slices, lambda one: (*(one.position + 0.0).round(SAME_MM), one.keys, one.instance.frames)
    )
    for group in places.values():
        kept += group[:1] if len(group) > 1 and _equal(group) else group
    if len(kept) < len(slices):
        problems.append(
            warning(
                "duplicates",
                f"{len(slices) - len(kept)} slice(s) came again under another UID with the same "
                "pixels; one of each was kept.",
                f"{len(slices) - len(kept)} 层以不同 UID 重复（像素相同），只保留一份。",
            )
        )
    return kept


def _equal(group: Sequence[Slice]) -> bool:
    """Say whether single-frame slices hold the same quantities."""
    if any(one.instance.frames > 1 for one in group):
        return False
    scales = {(one.slope, one.intercept) for one in group}
    try:
        first, *others = (next(one.instance.pixels([0])) for one in group)
    except BadInput:
        return False
    return len(scales) == 1 and all(np.array_equal(first, other) for other in others)
