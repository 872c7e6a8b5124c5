"""From networks that look at one slice to the mask of one nodule around a given point.

Slices are looked at from the point outwards for as long as something is found, each by itself: the
mask ends where the voxels say so, not where a crop ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from suwen.imaging.volumes.nodule import Mask, NoduleInput
from suwen.imaging.volumes.patches import NEIGHBOUR_MM, Floats, back_to_slice, prompt, stack, window


@dataclass(frozen=True)
class Networks:
    """Networks asked together: (n, 4, 48, 48) -> logits (n, 1, 48, 48) of each."""

    count: int
    run: Callable[[Floats], Sequence[Floats]]


WEIGHTS: Final = "net.onnx"
"""File of a member's network in the pack."""
FINE_MM: Final = 0.65
"""Pixel size for nodules up to `LARGE_MM`; the patch is 31 mm wide."""
COARSE_MM: Final = 1.3
"""Pixel size for larger ones; the patch is 62 mm wide."""
LARGE_MM: Final = 18.0
"""In-plane extent from which the coarse pixels are used."""
CHECKED_MM: Final = 12.0
"""In-plane extent from which both are looked at."""
STEP_MM: Final = 10.0
"""Slices are looked at in steps of this height, outwards from the point."""
REACH_MM: Final = 40.0
"""No slice farther than this from the point is looked at."""
THRESHOLD: Final = 0.5
"""Mean probability from which a voxel is inside."""
WALL_HU: Final = -500.0
"""Denser than this a ring around air is a wall."""
CAVITY_MM2: Final = 200.0
"""Larger enclosed regions are lung between structures, not a cavity."""
CAVITY_NEAR_MM: Final = 5.0
"""A cavity lies this close to the point in its slice."""
FARTHEST_MM: Final = 6.0
"""What is found must come this close to the point, or it is not what the reader meant."""


def inputs_of(data: NoduleInput, slices: Sequence[int], pixel_mm: float) -> Floats:
    """Return the patches of some slices, shape (n, 4, 48, 48)."""
    _, y, x = data.index
    middle = prompt()[None]
    spacing = data.volume.spacing
    return np.stack(
        [
            np.concatenate(
                [window(stack(data.volume.values, (z, y, x), spacing, pixel_mm)), middle]
            )
            for z in slices
        ]
    )


def without_cavity(data: NoduleInput) -> NoduleInput:
    """Return the input with air enclosed by a wall near the point raised to the wall's density.

    Cavitary nodules are too rare among the development data for a network to learn that a ring
    around air is one nodule; with the air filled it is one like the others.
    """
    z, y, x = data.index
    spacing = np.array(data.volume.spacing)
    values = data.volume.values
    reach = np.ceil(NEIGHBOUR_MM / spacing[0] + STEP_MM / spacing[0])
    changed = None
    for k in range(max(0, int(z - reach)), min(len(values), int(z + reach) + 1)):
        wall = values[k] > WALL_HU
        labels, count = ndimage.label(ndimage.binary_fill_holes(wall) & ~wall)
        for number in range(1, count + 1):
            hole = labels == number
            area = hole.sum() * spacing[1] * spacing[2]
            away = np.linalg.norm((np.argwhere(hole) - (y, x)) * spacing[1:], axis=1).min()
            if area > CAVITY_MM2 or away > CAVITY_NEAR_MM:
                continue
            changed = np.array(values, dtype=np.float32) if changed is None else changed
            ring = ndimage.binary_dilation(hole) & ~hole
            changed[k][hole] = float(values[k][ring].mean())
    return data if changed is None else data.with_values(changed)


def probability_maps(networks: Networks, data: NoduleInput) -> Floats:
    """Return each network's probability of being inside, shape (members, z, y, x).

    What may be larger than the fine patch shows well is looked at with the coarse one too, and that
    is kept where either finds an extent of `LARGE_MM`.
    """
    return maps_and_pixel(networks, without_cavity(data))[0]


def maps_and_pixel(networks: Networks, data: NoduleInput) -> tuple[Floats, float]:
    """Return the maps of what has no cavity, and the pixel size in mm they were found with."""
    fine = _maps_at(networks, data, FINE_MM)
    extent = _extent_mm(fine, data)
    if extent < CHECKED_MM:
        return fine, FINE_MM
    coarse = _maps_at(networks, data, COARSE_MM)
    large = max(extent, _extent_mm(coarse, data)) >= LARGE_MM
    return (coarse, COARSE_MM) if large else (fine, FINE_MM)


def _extent_mm(maps: Floats, data: NoduleInput) -> float:
    """Return the larger in-plane extent of what the mean of the maps marks."""
    inside = np.argwhere((maps.mean(0) > THRESHOLD).any(0))
    if not len(inside):
        return 0.0
    return float(((np.ptp(inside, axis=0) + 1) * data.volume.spacing[1:]).max())


def _maps_at(networks: Networks, data: NoduleInput, pixel_mm: float) -> Floats:
    shape = data.volume.values.shape
    maps = np.zeros((networks.count, *shape), np.float32)
    slice_mm = data.volume.spacing[0]
    middle = int(np.clip(round(data.index[0]), 0, shape[0] - 1))
    step = max(1, round(STEP_MM / slice_mm))
    reach = max(1, round(REACH_MM / slice_mm))

    def look(slices: range) -> None:
        inside = [z for z in slices if 0 <= z < shape[0] and abs(z - middle) <= reach]
        if inside:
            maps[:, inside] = _slices(networks, data, inside, pixel_mm)

    def filled(z: int) -> bool:
        return 0 <= z < shape[0] and bool((maps[:, z].mean(0) > THRESHOLD).any())

    low, high = middle - step, middle + step
    look(range(low, high + 1))
    while filled(low) and middle - low < reach:
        look(range(low - step, low))
        low -= step
    while filled(high) and high - middle < reach:
        look(range(high + 1, high + step + 1))
        high += step
    return maps


def _slices(
    networks: Networks, data: NoduleInput, slices: Sequence[int], pixel_mm: float
) -> Floats:
    batch = inputs_of(data, slices, pixel_mm)
    _, y, x = data.index
    spacing, shape = data.volume.spacing[1:], data.volume.values.shape[1:]
    found = []
    for logits in networks.run(batch):
        inside = 1 / (1 + np.exp(-logits[:, 0]))
        found.append([back_to_slice(one, (y, x), spacing, pixel_mm, shape) for one in inside])
    return np.array(found, dtype=np.float32)


def mask_from(probability: NDArray[np.floating], data: NoduleInput) -> Mask:
    """Return the connected region at the point, holes within a slice filled.

    An empty mask means that nothing within 6 mm of the point looks like a nodule.
    """
    inside = probability > THRESHOLD
    labels, count = ndimage.label(inside, np.ones((3, 3, 3)))
    if not count:
        return inside
    voxels = np.argwhere(inside)
    away = np.linalg.norm((voxels - np.array(data.index)) * np.array(data.volume.spacing), axis=1)
    nearest = int(away.argmin())
    if away[nearest] > FARTHEST_MM:
        return np.zeros_like(inside)
    mask = labels == labels[tuple(voxels[nearest])]
    return np.stack([ndimage.binary_fill_holes(flat) if flat.any() else flat for flat in mask])
