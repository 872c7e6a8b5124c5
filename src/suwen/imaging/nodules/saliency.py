"""Where the malignancy network looked, on the voxels of the series.

The class activation map has 6 x 6 cells on each of five slices; it is interpolated in-plane and
between the slices. It explains the network, not the trees beside it. References: Zhou et al., CVPR
2016; Selvaraju et al., ICCV 2017 (with a linear head on pooled features both are the same map).
"""

from __future__ import annotations

from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from suwen.imaging.nodules.malignancy import (
    HEIGHTS,
    PIXEL_MM,
    PIXELS,
    activation_map,
    mask_of,
    network_logit,
)
from suwen.imaging.volumes.nodule import AIR_HU, NoduleInput, box_of
from suwen.imaging.volumes.patches import Floats, back_to_slice
from suwen.imaging.volumes.volume import Volume
from suwen.lifecycle.pack import Pack

LUNG_HU: Final = -850.0
"""Aerated lung, where none is seen to take the value from."""

OCCLUDED_CELLS: Final = (3, 6, 6)
"""Cells along z, y and x of the seen box."""

Box = tuple[slice, slice, slice]


def seen_box(data: NoduleInput) -> Box:
    """Return the box of voxels that the network sees."""
    low, high = box_of(mask_of(data))
    spacing = np.array(data.volume.spacing)
    half = np.array([0.0, PIXELS * PIXEL_MM / 2, PIXELS * PIXEL_MM / 2]) / spacing
    middle = (low + high) / 2
    first = np.where([True, False, False], low - half, middle - half)
    last = np.where([True, False, False], high + half, middle + half)
    shape = data.volume.values.shape
    start = np.clip(np.floor(first), 0, np.array(shape) - 1).astype(int)
    stop = np.clip(np.ceil(last) + 1, start + 1, shape).astype(int)
    z, y, x = (slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    return z, y, x


def seen_values(data: NoduleInput) -> Floats:
    """Return the values the network sees, in HU."""
    return np.asarray(data.volume.values[seen_box(data)], dtype=np.float32)


def seen_volume(data: NoduleInput, values: NDArray[np.generic]) -> Volume:
    """Return values of the seen box with their place in the patient."""
    box = seen_box(data)
    affine = data.volume.affine.copy()
    affine[:3, 3] = data.volume.to_point(np.array([one.start for one in box], dtype=float))
    return Volume(values, affine)


def lung_only(data: NoduleInput) -> Floats:
    """Return the seen box filled with the lung around the nodule."""
    values = seen_values(data)
    air = values[values < AIR_HU]
    return np.full_like(values, float(np.median(air)) if air.size else LUNG_HU)


def logit_with(pack: Pack, data: NoduleInput, values: NDArray[np.generic]) -> float:
    """Return the networks' logit with the seen box replaced by `values`; the mask stays."""
    return network_logit(pack, with_seen(data, values).volume, mask_of(data))


def with_seen(data: NoduleInput, values: NDArray[np.generic]) -> NoduleInput:
    """Return the input with the seen box replaced by `values`; the mask stays."""
    changed = np.array(data.volume.values, dtype=np.float32)
    changed[seen_box(data)] = values
    return data.with_values(changed)


def class_activation(pack: Pack, data: NoduleInput) -> Floats:
    """Return the class activation map on the seen box, in logits a cell."""
    mask = mask_of(data)
    maps = activation_map(pack, data.volume, mask)
    box = seen_box(data)
    low, high = box_of(mask)
    middle, half = (low + high) / 2, (high[0] - low[0] + 1) / 2
    spacing, shape = data.volume.spacing[1:], data.volume.values.shape[1:]
    slices = []
    for cells in maps:
        zoom = PIXELS / cells.shape[0]
        smooth = ndimage.zoom(cells, zoom, order=1, mode="nearest", grid_mode=True)
        place = (float(middle[1]), float(middle[2]))
        slices.append(back_to_slice(smooth, place, spacing, PIXEL_MM, shape)[box[1:]])
    heights = (np.arange(box[0].start, box[0].stop) - middle[0]) / half
    return _between(np.array(slices), heights)


def _between(slices: NDArray[np.floating], heights: NDArray[np.float64]) -> Floats:
    """Interpolate the maps, given at `HEIGHTS`, at other heights; constant beyond the ends."""
    place = np.interp(heights, HEIGHTS, np.arange(len(HEIGHTS)))
    below = np.minimum(place.astype(int), len(HEIGHTS) - 2)
    part = (place - below)[:, None, None]
    return np.asarray((1 - part) * slices[below] + part * slices[below + 1], dtype=np.float32)


def occlusion(pack: Pack, data: NoduleInput) -> Floats:
    """Return how much the networks' logit falls when each cell of the seen box is made lung.

    Cells are about 5.5 mm wide in-plane and a third of the box high. Source: Zeiler & Fergus, ECCV
    2014.
    """
    values, empty = seen_values(data), lung_only(data)
    full = logit_with(pack, data, values)
    parts = [
        np.array_split(np.arange(size), min(count, size))
        for size, count in zip(values.shape, OCCLUDED_CELLS, strict=True)
    ]
    drop = np.zeros_like(values)
    for z, y, x in product(*parts):
        cell = np.ix_(z, y, x)
        changed = values.copy()
        changed[cell] = empty[cell]
        drop[cell] = full - logit_with(pack, data, changed)
    return drop


def on_whole(data: NoduleInput, relevance: Floats) -> Floats:
    """Return a map of the seen box on the grid of the input's whole volume, zero outside."""
    whole = np.zeros(data.volume.values.shape, np.float32)
    whole[seen_box(data)] = relevance
    return whole
