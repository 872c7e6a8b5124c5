"""A whole chest CT searched for nodules: marks of single slices joined to marks in space.

The network looks at single slices, as it was trained. What it marks in neighbouring slices at
nearly the same place is one candidate, whose logit is the mean over as many slices as a ball of
its diameter would be seen on: a vessel that looks round in one slice only is averaged down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.imaging.detector import LEAST_LOGIT, Detectors, marks_of, slice_maps
from suwen.imaging.lungs import Lungs
from suwen.imaging.patches import Floats
from suwen.imaging.volume import Volume

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
SPACE: Final = ("logit", "x_mm", "y_mm", "z_mm", "diameter_mm")
"""Columns of the marks of a volume."""


@dataclass(frozen=True)
class _Found:
    """Marks of all slices: slice number (n,), index (n, 2) in (y, x), logit and diameter (n,)."""

    slices: NDArray[np.int64]
    place_mm: NDArray[np.float64]
    logit: NDArray[np.float64]
    wide: NDArray[np.float64]


def search(networks: Detectors, volume: Volume, lungs: Lungs) -> NDArray[np.float64]:
    """Return the marks in a chest CT, strongest first, shape (n, 5); see `SPACE`.

    Parameters
    ----------
    networks
        Detectors of single slices.
    volume
        Axial slices in HU.
    lungs
        Where to look.
    """
    step = max(1, int(STEP_MM / volume.spacing[0] + 1e-6))
    heights = [z for z in range(0, len(volume.values), step) if _box(lungs, volume, z)]
    parts = [_slice_marks(networks, volume, lungs, z) for z in heights]
    number = np.concatenate([np.full(len(p), k) for k, p in enumerate(parts)] or [np.zeros(0)])
    flat = np.concatenate(parts) if parts else np.zeros((0, 4))
    found = _Found(number.astype(int), flat[:, 1:3], flat[:, 0], flat[:, 3])
    rows = [
        [logit, *volume.to_point(np.array([heights[0] + z * step, *(place / volume.spacing[1:])])), wide]
        for logit, z, place, wide in _joined(found, step * volume.spacing[0])
    ]
    marks = np.array(rows, dtype=np.float64).reshape(-1, len(SPACE))
    return marks[np.argsort(-marks[:, 0], kind="stable")]


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


def _joined(found: _Found, step_mm: float) -> list[tuple[float, float, NDArray[np.float64], float]]:
    """Join marks over slices; return logit, slice number, place (y, x) in mm and diameter."""
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
        joined.append(
            (score, float(found.slices[seed]), found.place_mm[seed], float(found.wide[seed]))
        )
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
