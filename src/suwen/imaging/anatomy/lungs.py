"""The lungs on a chest CT, by thresholds and shapes: no network, so it also works on odd scans.

Aerated lung is found as dark regions inside the body; what lies around the body (air, the table's
foam) is left out because it touches the border of a slice. The two lungs are told apart by where
they lie, and each is closed with a large ball, so that nodules at the wall, vessels and a
consolidated part between aerated parts belong to it.

Reference: Hu, Hoffman & Reinhardt, IEEE Trans Med Imaging 20:490-498, 2001 (threshold, separation,
smoothing); here on a coarse grid, since only the region is asked for, not its exact border.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from suwen.core.nouns import Point
from suwen.imaging.volumes.kept import Kept
from suwen.imaging.volumes.nodule import Mask, box_of
from suwen.imaging.volumes.volume import Volume

GRID_MM: Final = 3.0
"""Edge of the voxels it works on."""
DARK_HU: Final = -400.0
BODY_HU: Final = -300.0
LEAST_ML: Final = 150.0
"""A lung holds at least this much aerated tissue; smaller dark regions are bowel or airways."""
SECOND_SHARE: Final = 0.1
"""The smaller lung has at least this share of the larger one's volume."""
AIRWAY_MM2: Final = 1000.0
"""The section of the trachea or a main bronchus is smaller than this ..."""
AIRWAY_MM: Final = 25.0
"""... and its middle lies no farther than this from the body's middle."""
CLOSED_MM: Final = 18.0
"""Radius of the ball that closes a lung over vessels, nodules at its wall and consolidation."""
KEPT: Final = 8
"""Lungs kept; some megabytes each."""

Side = Literal["left", "right", ""]
Zone = Literal["upper", "middle", "lower", ""]


@dataclass(frozen=True)
class Lungs:
    """Both lungs on a coarse grid: 0 outside, 1 the right lung, 2 the left one."""

    labels: NDArray[np.uint8]
    grid: Volume
    _near: dict[float, NDArray[np.bool_]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """What lies within a margin of a lung, by that margin: every slice of a search asks."""

    @property
    def found(self) -> bool:
        """Whether there is any lung."""
        return bool(self.labels.any())

    def side(self, point: Point) -> Side:
        """Return the lung a point lies in, or the nearer one within 10 mm."""
        return ("", "right", "left")[self._label(point)]

    def zone(self, point: Point) -> Zone:
        """Return the third of its lung's height a point lies in (for lobes see `lobes.py`)."""
        label = self._label(point)
        if not label:
            return ""
        heights = np.flatnonzero((self.labels == label).any((1, 2)))
        ends = self.grid.to_point(np.array([[heights[0], 0, 0], [heights[-1], 0, 0]], dtype=float))[
            :, 2
        ]
        share = (point[2] - ends.min()) / max(np.ptp(ends), 1e-6)
        return "lower" if share < 1 / 3 else "middle" if share < 2 / 3 else "upper"

    def holds(self, points: NDArray[np.float64], margin_mm: float = 0.0) -> NDArray[np.bool_]:
        """Say of LPS points (n, 3) whether they lie in a lung or within a margin of one."""
        inside = self._within(margin_mm)
        index = np.rint(self.grid.to_index(points)).astype(int)
        within = ((index >= 0) & (index < self.labels.shape)).all(1)
        held = np.zeros(len(points), dtype=bool)
        held[within] = inside[tuple(index[within].T)]
        return held

    def _within(self, margin_mm: float) -> NDArray[np.bool_]:
        if margin_mm not in self._near:
            inside = self.labels > 0
            if margin_mm > 0:
                inside = ndimage.distance_transform_edt(~inside, self.grid.spacing) <= margin_mm
            self._near[margin_mm] = inside
        return self._near[margin_mm]

    def _label(self, point: Point) -> int:
        index = np.rint(self.grid.to_index(point)).astype(int)
        reach = np.ceil(10 / np.array(self.grid.spacing)).astype(int)
        box = tuple(
            slice(max(0, int(i - r)), max(0, int(i + r + 1)))
            for i, r in zip(index, reach, strict=True)
        )
        near = np.argwhere(self.labels[box])
        if not len(near):
            return 0
        start = np.array([part.start for part in box])
        away = np.linalg.norm((near + start - index) * np.array(self.grid.spacing), axis=1)
        return int(self.labels[tuple(near[away.argmin()] + start)])


def find_lungs(volume: Volume) -> Lungs:
    """Return the lungs of a chest CT in HU; none where nothing looks like a lung.

    They are kept by the content of the CT: the search and what answers about points both ask.

    Parameters
    ----------
    volume
        Axial slices in HU, shape (z, y, x).
    """
    return _kept.of(volume.digest(), lambda: _find(volume))


_kept: Kept[Lungs] = Kept(KEPT)


def _find(volume: Volume) -> Lungs:
    spacing = np.array(volume.spacing)
    step = np.maximum(1, np.round(GRID_MM / spacing)).astype(int)
    affine = volume.affine.copy()
    affine[:3, :3] = affine[:3, :3] * step
    affine[:3, 3] = volume.to_point((step - 1) / 2)
    values = _block_means(volume.values, step)
    grid = Volume(values, affine)
    labels = _two_lungs(_aerated(grid), grid)
    closed = np.zeros(values.shape, np.uint8)
    for number in (1, 2):
        closed[_closed(labels == number, grid) & (closed == 0)] = number
    closed.flags.writeable = False  # it is handed out again
    return Lungs(closed, grid)


def lung_mask(volume: Volume) -> Mask:
    """Return the lungs on the volume's own grid, shape (z, y, x)."""
    lungs = find_lungs(volume)
    scale = np.array(volume.spacing) / np.array(lungs.grid.spacing)
    index = [
        np.clip(np.round((np.arange(n) + 0.5) * s - 0.5).astype(int), 0, m - 1)
        for n, s, m in zip(volume.values.shape, scale, lungs.labels.shape, strict=True)
    ]
    return np.asarray((lungs.labels > 0)[np.ix_(*index)])


def _block_means(values: NDArray[np.generic], step: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the means of blocks of `step` voxels; what is left over at the ends is dropped."""
    counts = np.maximum(1, np.array(values.shape) // step)
    step = np.minimum(step, values.shape)
    kept = values[tuple(slice(0, int(c * s)) for c, s in zip(counts, step, strict=True))]
    shape = [int(n) for pair in zip(counts, step, strict=True) for n in pair]
    return np.asarray(kept.reshape(shape).mean((1, 3, 5), dtype=np.float32))


def _aerated(grid: Volume) -> Mask:
    """Return dark voxels inside the body, without the trachea and what lies apart beside it."""
    dark = np.stack([_body(flat) for flat in grid.values]) & (
        np.asarray(grid.values, dtype=float) < DARK_HU
    )
    middle = _middle(grid)
    _, dy, dx = grid.spacing
    for z, flat in enumerate(dark):
        labels, _ = ndimage.label(flat)
        for number, box in enumerate(ndimage.find_objects(labels), start=1):
            part = labels[box] == number
            y, x = np.argwhere(part).mean(0) + np.array([box[0].start, box[1].start])
            away = abs(float(grid.to_point(np.array([z, y, x]))[0]) - middle)
            if part.sum() * dy * dx < AIRWAY_MM2 and away < AIRWAY_MM:
                flat[box][part] = False
    return np.asarray(dark)


def _body(flat: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the filled outline of the largest dense part of a slice; the table is cut off."""
    labels, count = ndimage.label(ndimage.binary_opening(flat > BODY_HU))
    if not count:
        return np.zeros(flat.shape, dtype=bool)
    largest = labels == 1 + np.bincount(labels.ravel())[1:].argmax()
    return np.asarray(ndimage.binary_fill_holes(ndimage.binary_closing(largest, iterations=2)))


def _two_lungs(dark: Mask, grid: Volume) -> NDArray[np.uint8]:
    """Return the aerated lungs, 1 right and 2 left (patient's sides)."""
    found = np.zeros(dark.shape, np.uint8)
    labels, count = ndimage.label(ndimage.binary_opening(dark))
    if not count:
        return found
    ml = np.bincount(labels.ravel())[1:] * grid.voxel_mm3 / 1000
    largest = [1 + int(k) for k in np.argsort(-ml)[:2] if ml[k] >= LEAST_ML]
    if len(largest) == 2 and ml[largest[1] - 1] < SECOND_SHARE * ml[largest[0] - 1]:
        largest = largest[:1]
    if not largest:
        return found
    lungs = np.isin(labels, largest)
    x = grid.to_point(np.argwhere(lungs).astype(float))[:, 0]
    if len(largest) == 2:
        middles = [x[labels[lungs] == k].mean() for k in largest]
        sides = dict(zip(largest, np.where(middles == np.min(middles), 1, 2), strict=True))
        for number, side in sides.items():
            found[labels == number] = side
        return found
    found[lungs] = np.where(x < _middle(grid), 1, 2)
    return found


def _middle(grid: Volume) -> float:
    """Return the x of the body's middle in mm (LPS: the patient's left is positive)."""
    body = np.argwhere(np.asarray(grid.values, dtype=float) > BODY_HU)
    if not len(body):
        return 0.0
    return float(grid.to_point(body.mean(0))[0])


def _closed(lung: Mask, grid: Volume) -> Mask:
    """Return a lung closed with a ball of `CLOSED_MM`, holes filled slice by slice."""
    if not lung.any():
        return lung
    low, high = box_of(lung)  # closing adds nothing outside it
    box = tuple(slice(int(a), int(b) + 1) for a, b in zip(low, high, strict=True))
    reach = [int(np.ceil(CLOSED_MM / s)) + 1 for s in grid.spacing]
    wide = np.pad(lung[box], [(r, r) for r in reach])
    grown = ndimage.distance_transform_edt(~wide, grid.spacing) <= CLOSED_MM
    shrunk = ndimage.distance_transform_edt(grown, grid.spacing) > CLOSED_MM
    closed = (shrunk | wide)[tuple(slice(r, n - r) for r, n in zip(reach, wide.shape, strict=True))]
    found = np.zeros_like(lung)
    found[box] = np.stack([ndimage.binary_fill_holes(flat) for flat in closed])
    return found
