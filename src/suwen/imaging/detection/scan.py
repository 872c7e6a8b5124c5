"""What the search for nodules reads: one labelled slice, or a whole chest CT of a Case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.core.nouns import ImageRegion, Point, Tracking
from suwen.imaging.case.series import CaseSeries
from suwen.imaging.nodules.locate import position_of, region, slice_uids
from suwen.imaging.nodules.lung_slices import LungSlice
from suwen.imaging.volumes.nodule import Position, is_axial
from suwen.imaging.volumes.volume import Volume

LEAST_WIDTH_MM: Final = 160.0
"""A series narrower than this in-plane does not show the whole chest."""
LEAST_HEIGHT_MM: Final = 60.0
"""Nor does a lower one."""
LARGEST_PIXEL_MM: Final = 1.6
"""The detector learned from slices of 1 mm and finer, zoomed by a sixth at most."""
TOO_COARSE: Final = Text(
    en=f"The pixels of this CT are wider than {LARGEST_PIXEL_MM} mm, coarser than the search was "
    "validated on, so it was not searched.",
    zh=f"该 CT 的像素间距大于 {LARGEST_PIXEL_MM} mm，超出搜索的验证范围，故未进行搜索。",
)
NOT_AXIAL: Final = Text(
    en="The slices do not lie across the body, so the CT was not searched.",
    zh="该序列不是横断位，故未进行搜索。",
)


def _nowhere(point: Point) -> Position:
    """Return the position of a point of a single slice: the lungs."""
    return Position()


@dataclass(frozen=True)
class ScanInput:
    """Axial slices in HU: one labelled slice, or a whole chest CT.

    `refusal` says why it is not searched, `slice_uids` names the instance of each slice, `given`
    are the points (LPS, mm) a person gave in it, with the identity of the nodule at each,
    `position` says where in the lungs a point lies. `focus` is the place (LPS, mm) of the mark that
    is explained; nothing else reads it.
    """

    volume: Volume
    refusal: Text | None = None
    slice_uids: tuple[str, ...] = field(default=(), repr=False)
    given: tuple[tuple[Point, Tracking], ...] = ()
    focus: Point | None = None
    position: Callable[[Point], Position] = field(default=_nowhere, repr=False, compare=False)

    def with_values(self, values: NDArray[np.generic]) -> ScanInput:
        """Return the same input with other voxel values (same shape)."""
        return replace(self, volume=Volume(np.asarray(values), self.volume.affine))


def scan_of(series: CaseSeries) -> ScanInput | None:
    """Return a CT series to be searched; None when it does not show a whole chest."""
    try:
        volume = series.volume
    except BadInput:
        return None  # the tasks that answer about a point say so
    depth, height, width = np.array(volume.values.shape) * volume.spacing
    if not is_axial(volume):
        wide = min(np.sort([depth, height, width])[1:]) >= LEAST_WIDTH_MM
        return ScanInput(volume, NOT_AXIAL) if wide else None
    if min(height, width) < LEAST_WIDTH_MM or depth < LEAST_HEIGHT_MM:
        return None
    refusal = TOO_COARSE if max(volume.spacing[1:]) > LARGEST_PIXEL_MM else None
    return ScanInput(
        volume,
        refusal,
        slice_uids(series, volume),
        position=lambda point: position_of(series, point),
    )


def whole_region(series: CaseSeries, data: ScanInput) -> ImageRegion:
    """Return the whole series as evidence."""
    shape = np.array(data.volume.values.shape, dtype=float)
    ends = data.volume.to_point(np.array([[-0.5] * 3, shape - 0.5]))
    low, high = (
        (float(x), float(y), float(z)) for x, y, z in np.round([ends.min(0), ends.max(0)], 2)
    )
    return region(series, low, high)


def slice_volume(one: LungSlice) -> Volume:
    """Return a labelled slice as a volume of one slice with 1 mm pixels."""
    affine = np.array([[0, 0, 1.0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
    return Volume(one.hu[None], affine)


def labelled(one: LungSlice) -> ScanInput:
    """Return a labelled slice, with the largest nodule that counts in its focus."""
    counted = one.places[one.places[:, 3] > 0]
    focus = None
    if len(counted):
        x, y, *_ = counted[counted[:, 2].argmax()]
        focus = (float(x), float(y), 0.0)
    return ScanInput(slice_volume(one), focus=focus)


def places_of(one: LungSlice) -> NDArray[np.float64]:
    """Return the true places of a slice, shape (k, 5): x, y, z, diameter in mm, counts."""
    places = one.places
    return np.column_stack([places[:, :2], np.zeros(len(places)), places[:, 2:]])
