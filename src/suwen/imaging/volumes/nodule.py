"""One nodule as the tasks see it: the voxels around a point, and what a mask of it measures.

References: Gleason et al. (Fleischner Society), Radiology 296:432-440, 2020 and Bankier et al.,
Radiology 285:584-600, 2017 (how nodules are measured).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import (
    LEFT_LOWER_LOBE,
    LEFT_LUNG,
    LEFT_UPPER_LOBE,
    LUNG,
    RIGHT_LOWER_LOBE,
    RIGHT_LUNG,
    RIGHT_MIDDLE_LOBE,
    RIGHT_UPPER_LOBE,
    Code,
    Text,
)
from suwen.core.nouns import Point
from suwen.imaging.volumes.volume import Volume

Mask = NDArray[np.bool_]

REACH_MM: Final = 45.0
"""Half the edge of the box of voxels kept around a point."""
NEAR_MM: Final = 14.0
"""In-plane half edge of the box whose values describe the input to the domain guard."""
NEAR_SLICES_MM: Final = 3.0
"""The same along z: what even a crop that is tight in z holds."""
AIR_HU: Final = -600.0
"""Below this a voxel is aerated lung."""
LARGEST_TILT: Final = 0.25
"""Sine of the largest angle between the slice axis and the body's long axis."""

DOMAIN_NAMES: Final[Mapping[str, Text]] = {
    "pixel_mm": Text(en="The pixel spacing in mm", zh="像素间距（mm）"),
    "slice_mm": Text(en="The slice spacing in mm", zh="层间距（mm）"),
    "low_hu": Text(en="The darkest value near the point (HU)", zh="标注点附近最低 CT 值（HU）"),
    "median_hu": Text(en="The median value near the point (HU)", zh="标注点附近 CT 值中位数（HU）"),
    "high_hu": Text(en="The brightest value near the point (HU)", zh="标注点附近最高 CT 值（HU）"),
    "air_share": Text(en="The share of aerated lung near the point", zh="标注点附近含气肺的比例"),
    "diameter_mm": Text(en="The nodule diameter in mm", zh="结节直径（mm）"),
}
"""Names of the domain features for people."""


@dataclass(frozen=True)
class Position:
    """Where in the lungs something lies, as far as that is sure; empty texts where it is not.

    Parameters
    ----------
    side
        `left` or `right`.
    lobe
        `upper`, `middle` or `lower`.
    text
        How it was told, or why no lobe is named.
    """

    side: str = ""
    lobe: str = ""
    text: Text | None = None

    @property
    def site(self) -> Code:
        """The lobe, the lung, or the lungs."""
        return site_of(self.side, self.lobe)


@dataclass(frozen=True)
class NoduleInput:
    """The voxels around a point, on the grid of their series.

    Parameters
    ----------
    volume
        HU around the point, shape (z, y, x), first axis along the body.
    point
        Where the nodule was said to be, LPS in mm.
    mask
        The segmented nodule on the same grid, where a task needs it.
    refusal
        Why nothing can be said about this point; the tasks then abstain.
    slice_uids
        SOP Instance UID of each slice of the volume, where known.
    uid, label
        Tracking identity of the lesion.
    side, lobe, where
        Where in the lungs it lies, see `Position`.
    """

    volume: Volume
    point: Point
    mask: Mask | None = field(default=None, repr=False)
    refusal: Text | None = None
    slice_uids: tuple[str, ...] = field(default=(), repr=False)
    uid: str = ""
    label: str = ""
    side: str = ""
    lobe: str = ""
    where: Text | None = None

    @property
    def index(self) -> tuple[float, float, float]:
        """Fractional index (z, y, x) of the point."""
        z, y, x = self.volume.to_index(self.point)
        return float(z), float(y), float(x)

    def with_values(self, values: NDArray[np.generic]) -> NoduleInput:
        """Return the same input with other voxel values (same shape)."""
        return replace(self, volume=Volume(np.asarray(values), self.volume.affine))


SITES: Final[Mapping[tuple[str, str], Code]] = {
    ("", ""): LUNG,
    ("left", ""): LEFT_LUNG,
    ("left", "upper"): LEFT_UPPER_LOBE,
    ("left", "lower"): LEFT_LOWER_LOBE,
    ("right", ""): RIGHT_LUNG,
    ("right", "upper"): RIGHT_UPPER_LOBE,
    ("right", "middle"): RIGHT_MIDDLE_LOBE,
    ("right", "lower"): RIGHT_LOWER_LOBE,
}
"""The code of each side and lobe."""


def site_of(side: str, lobe: str = "") -> Code:
    """Return the code of a lobe, of a lung where it is empty, of the lungs where both are."""
    return SITES[side, lobe]


def place_in(site: Code | None) -> tuple[str, str]:
    """Return side and lobe of `site_of`; empty texts where they are not known."""
    return next((place for place, code in SITES.items() if code == site), ("", ""))


def cut_around(volume: Volume, point: Point) -> Volume:
    """Return the voxels within `REACH_MM` of a point, as a view on the same grid."""
    index = volume.to_index(point)
    reach = REACH_MM / np.array(volume.spacing)
    low = np.clip(np.floor(index - reach), 0, np.array(volume.values.shape) - 1).astype(int)
    high = np.clip(np.ceil(index + reach) + 1, low + 1, volume.values.shape).astype(int)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    affine = volume.affine.copy()
    affine[:3, 3] = volume.to_point(low.astype(float))
    return Volume(volume.values[box], affine)


def is_axial(volume: Volume) -> bool:
    """Say whether the slices lie across the body, as the networks expect."""
    slice_axis = volume.affine[:3, 0] / np.linalg.norm(volume.affine[:3, 0])
    return bool(np.hypot(slice_axis[0], slice_axis[1]) <= LARGEST_TILT)


def domain_of(data: NoduleInput) -> dict[str, float]:
    """Return what the domain guard looks at: geometry, and the values close to the point.

    Only voxels within 14 mm in-plane and 3 mm along z count, so that a crop and a whole CT give
    the same numbers.
    """
    spacing = np.array(data.volume.spacing)
    shape = np.array(data.volume.values.shape)
    index = np.clip(np.round(data.index), 0, shape - 1)
    reach = np.array([NEAR_SLICES_MM, NEAR_MM, NEAR_MM]) / spacing
    low = np.maximum(np.round(index - reach), 0).astype(int)
    high = np.minimum(np.round(index + reach) + 1, shape).astype(int)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    near = np.asarray(data.volume.values[box], dtype=float)
    return {
        "pixel_mm": float(np.sqrt(spacing[1] * spacing[2])),
        "slice_mm": float(spacing[0]),
        "low_hu": float(np.percentile(near, 2)),
        "median_hu": float(np.median(near)),
        "high_hu": float(np.percentile(near, 98)),
        "air_share": float((near < AIR_HU).mean()),
    }


def volume_mm3(mask: Mask, volume: Volume) -> float:
    """Return the volume inside a mask."""
    return float(np.count_nonzero(mask)) * volume.voxel_mm3


def equivalent_diameter_mm(mm3: float) -> float:
    """Return the diameter of the sphere of that volume."""
    return float((6 * mm3 / np.pi) ** (1 / 3))


def longest_diameter_mm(mask: Mask, volume: Volume) -> float:
    """Return the longest distance across the mask within one slice, pixel edges included.

    The radiologist's long axis: measured on the axial slice where it is longest.
    """
    return max((_span(flat, volume) for flat in mask if flat.any()), default=0.0)


def _span(flat: Mask, volume: Volume) -> float:
    """Return the longest distance across one slice; its ends are ends of rows."""
    rows = np.flatnonzero(flat.any(axis=1))
    first = flat[rows].argmax(axis=1) - 0.5
    last = flat.shape[1] - 0.5 - flat[rows, ::-1].argmax(axis=1)
    corners = [(rows + half, column) for half in (-0.5, 0.5) for column in (first, last)]
    y, x = np.concatenate(corners, axis=1) * np.array(volume.spacing[1:])[:, None]
    return float(np.sqrt((y[:, None] - y) ** 2 + (x[:, None] - x) ** 2).max())


def box_of(mask: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return first and last index (z, y, x) inside a mask that is not empty."""
    low, high = [], []
    for axis in range(3):
        inside = np.flatnonzero(mask.any(axis=tuple(k for k in range(3) if k != axis)))
        low.append(inside[0])
        high.append(inside[-1])
    return np.array(low), np.array(high)
