"""A whole chest CT searched for nodules: marks of single slices joined to marks in space.

The network looks at single slices, as it was trained. What it marks in neighbouring slices at
nearly the same place is one candidate, whose logit is the mean over as many slices as a ball of
its diameter would be seen on: a vessel that looks round in one slice only is averaged down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.imaging.anatomy.lungs import Lungs
from suwen.imaging.detection.detector import (
    LEAST_LOGIT,
    PIXEL_MM,
    STRIDE,
    Detectors,
    channels,
    marks_of,
    slice_maps,
)
from suwen.imaging.volumes.patches import Floats, plane
from suwen.imaging.volumes.volume import Volume

STEP_MM: Final = 2.0
"""Slices closer than this to the last one looked at are skipped."""
MARGIN_MM: Final = 16.0
"""What is shown around the lungs in a slice."""
WALL_MM: Final = 4.0
"""A mark lies in a lung or no farther than this from one."""
JOINED_MM: Final = 3.0
"""Marks of neighbouring slices closer than this, or than half the diameter, belong together."""
SEEN_SHARE: Final = 0.6
"""Share of its diameter over which a nodule is clearly seen along z."""
TALLEST: Final = 1.5
"""A candidate reaches no farther along z than this many diameters: what does is a vessel."""


RESCORED: Final = 60
"""Candidates that all networks look at."""
LOOKED_AT: Final = 96
"""Edge in pixels of what they are shown: 48 mm."""


@dataclass(frozen=True)
class _Candidate:
    """Marks of neighbouring slices that belong together: their logit and the strongest one."""

    logit: float
    seed: int


@dataclass(frozen=True)
class _Found:
    """Marks of all slices looked at: their number (n,), (y, x) in mm (n, 2), logit, diameter."""

    slices: NDArray[np.int64]
    place_mm: NDArray[np.float64]
    logit: NDArray[np.float64]
    wide: NDArray[np.float64]


def search(
    first: Detectors, rest: Detectors | None, volume: Volume, lungs: Lungs
) -> NDArray[np.float64]:
    """Return the marks in a chest CT, strongest first, shape (n, 5): logit, x, y, z, diameter.

    Parameters
    ----------
    first
        One network; it looks at every slice.
    rest
        The other networks; they look at the slice through the middle of the strongest
        candidates only, and the logits of all are averaged there.
    volume
        Axial slices in HU.
    lungs
        Where to look.
    """
    step = max(1, int(STEP_MM / volume.spacing[0] + 1e-6))
    heights = [z for z in range(0, len(volume.values), step) if _box(lungs, volume, z)]
    parts = [_slice_marks(first, volume, lungs, z) for z in heights]
    number = np.concatenate([np.full(len(p), k) for k, p in enumerate(parts)] or [np.zeros(0)])
    flat = np.concatenate(parts) if parts else np.zeros((0, 4))
    found = _Found(number.astype(int), flat[:, 1:3], flat[:, 0], flat[:, 3])
    candidates = sorted(_joined(found, step * volume.spacing[0]), key=lambda one: -one.logit)
    levels = np.array([heights[found.slices[one.seed]] for one in candidates], dtype=float)
    seeds = [one.seed for one in candidates]
    index = np.column_stack([levels, found.place_mm[seeds] / volume.spacing[1:]])
    logits = np.array([one.logit for one in candidates])
    if rest is not None and candidates:
        own = found.logit[seeds[:RESCORED]]
        logits[:RESCORED] += _agreed(rest, volume, index[:RESCORED], own) - own
        logits[RESCORED:] = np.minimum(logits[RESCORED:], logits[:RESCORED].min())
    marks = np.column_stack([logits, volume.to_point(index), found.wide[seeds]])
    return np.asarray(marks[np.argsort(-logits, kind="stable")], dtype=np.float64)


def _agreed(
    rest: Detectors, volume: Volume, index: NDArray[np.float64], own: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean of all networks' logits at some places; `own` are those of the first."""
    shown = np.stack([channels(around(volume, place)) for place in index])
    return np.asarray(np.mean(np.stack([own, *at_middle(rest.run(shown))]), axis=0))


def at_middle(maps: Sequence[Floats]) -> list[Floats]:
    """Return each network's logit in the middle of what it was shown by `around`, (n,)."""
    middle = LOOKED_AT // STRIDE // 2
    near = slice(middle - 2, middle + 2)
    return [one[:, 0, near, near].max((1, 2)) for one in maps]


def around(volume: Volume, index: NDArray[np.float64]) -> Floats:
    """Return the slice around a place at the network's pixel size, (LOOKED_AT, LOOKED_AT) in HU."""
    z, y, x = (float(value) for value in index)
    return plane(volume.values, (z, y, x), volume.spacing[1:], PIXEL_MM, pixels=LOOKED_AT)


def _box(lungs: Lungs, volume: Volume, z: int) -> tuple[slice, slice] | None:
    """Return rows and columns of a slice that show the lungs with a margin; None without lung."""
    grid = lungs.grid
    height = volume.to_point(np.array([float(z), 0.0, 0.0]))
    level = int(np.clip(round(float(grid.to_index(height)[0])), 0, len(grid.values) - 1))
    inside = np.argwhere(lungs.labels[level])
    if not len(inside):
        return None
    ends = np.array([inside.min(0) - 0.5, inside.max(0) + 0.5])
    points = grid.to_point(np.column_stack([np.full(2, level, float), ends]))
    index = volume.to_index(points)[:, 1:]
    more = MARGIN_MM / np.array(volume.spacing[1:])
    low = np.maximum(np.floor(index.min(0) - more), 0).astype(int)
    high = np.minimum(np.ceil(index.max(0) + more) + 1, volume.values.shape[1:]).astype(int)
    return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))


def _slice_marks(networks: Detectors, volume: Volume, lungs: Lungs, z: int) -> NDArray[np.float64]:
    """Return the marks of one slice in or at the lungs: logit, y and x in mm, diameter."""
    box = _box(lungs, volume, z)
    if box is None:
        return np.zeros((0, 4))
    hu: Floats = np.asarray(volume.values[z][box], dtype=np.float32)
    marks = marks_of(slice_maps(networks, hu, volume.spacing[1:]))
    start = np.array([box[0].start, box[1].start]) * volume.spacing[1:]
    place = marks[:, [2, 1]] + start
    index = np.column_stack([np.full(len(marks), float(z)), place / volume.spacing[1:]])
    held = lungs.holds(volume.to_point(index), WALL_MM)
    return np.column_stack([marks[:, 0], place, marks[:, 3]])[held]


def _joined(found: _Found, step_mm: float) -> list[_Candidate]:
    """Join marks over slices."""
    free = np.ones(len(found.logit), dtype=bool)
    joined = []
    for seed in np.argsort(-found.logit, kind="stable"):
        if not free[seed]:
            continue
        chain = [int(seed)]
        for direction in (-1, 1):
            last = int(seed)
            while (after := _next(found, free, last, direction, int(seed), step_mm)) is not None:
                chain.append(after)
                last = after
        free[chain] = False
        seen = max(1, round(SEEN_SHARE * float(found.wide[seed]) / step_mm))
        logits = np.sort(found.logit[chain])[::-1][:seen]
        missing = np.full(seen - len(logits), LEAST_LOGIT)
        score = float(np.concatenate([logits, missing]).mean())
        joined.append(_Candidate(score, int(seed)))
    return joined


def _next(
    found: _Found, free: NDArray[np.bool_], last: int, direction: int, seed: int, step_mm: float
) -> int | None:
    """Return the mark of the next slice that goes on from `last`, if there is one."""
    target = found.slices[last] + direction
    far = abs(target - found.slices[seed]) * step_mm > TALLEST * found.wide[seed] + step_mm
    near = np.flatnonzero(free & (found.slices == target))
    if far or not len(near):
        return None
    away = np.linalg.norm(found.place_mm[near] - found.place_mm[last], axis=1)
    closest = int(away.argmin())
    if away[closest] > max(JOINED_MM, found.wide[last] / 2):
        return None
    return int(near[closest])
