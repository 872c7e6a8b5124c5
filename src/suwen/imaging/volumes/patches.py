"""Axial patches of a volume around a point, as the networks read them.

The networks look at axial slices, one at a time, with a neighbour on either side at a fixed
distance in mm, so that neither the slice spacing nor where a crop ends in z changes what they see:
beyond the grid the outermost slice is repeated, in training as in use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float32]

PIXELS: Final = 48
"""Edge of a patch in pixels."""
NEIGHBOUR_MM: Final = 2.0
"""Distance of the neighbouring slices shown beside a slice."""
LUNG_WINDOW: Final = (-1000.0, 400.0)
"""HU range kept for the networks; the same as the 8-bit lung slices carry."""
PROMPT_SIGMA: Final = 6.0
"""Spread in pixels of the channel that marks the middle of the patch."""


@dataclass(frozen=True)
class Turn:
    """An in-plane rotation by `angle` (radians) and a flip (1 or -1) of the first axis."""

    angle: float = 0.0
    flip: int = 1


STRAIGHT: Final = Turn()


def window(values: NDArray[np.floating]) -> Floats:
    """Return HU clipped to the lung window and scaled to [-1, 1]."""
    low, high = LUNG_WINDOW
    middle, half = (low + high) / 2, (high - low) / 2
    return np.asarray((np.clip(values, low, high) - middle) / half, dtype=np.float32)


def prompt(pixels: int = PIXELS) -> Floats:
    """Return the channel that marks the middle of a patch, shape (pixels, pixels)."""
    axis = np.arange(pixels) - (pixels - 1) / 2
    square = axis[:, None] ** 2 + axis[None, :] ** 2
    return np.exp(-square / (2 * PROMPT_SIGMA**2)).astype(np.float32)


def plane(
    values: NDArray[np.generic],
    index: tuple[float, float, float],
    spacing: tuple[float, float],
    pixel_mm: float,
    turn: Turn = STRAIGHT,
    pixels: int = PIXELS,
) -> Floats:
    """Return one axial patch centred at a fractional index.

    Parameters
    ----------
    values
        Shape (z, y, x).
    index
        Fractional (z, y, x) of the patch's middle; z beyond the grid means the outermost slice.
    spacing
        Voxel size in mm along (y, x).
    pixel_mm
        Pixel size of the patch in mm.
    turn
        Rotation and flip.
    pixels
        Edge of the patch.
    """
    z = float(np.clip(index[0], 0, len(values) - 1))
    below = int(z)
    part = z - below
    flat = values[below].astype(np.float32)
    if part > 1e-3:
        flat = (1 - part) * flat + part * values[min(below + 1, len(values) - 1)]
    cosine, sine = np.cos(turn.angle), np.sin(turn.angle)
    matrix = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([turn.flip, 1])
    matrix = np.diag(pixel_mm / np.asarray(spacing)) @ matrix
    offset = np.array(index[1:]) - matrix @ np.full(2, (pixels - 1) / 2)
    patch: Floats = ndimage.affine_transform(
        flat, matrix, offset, (pixels, pixels), np.float32, order=1, mode="nearest"
    )
    return patch


def stack(
    values: NDArray[np.generic],
    index: tuple[float, float, float],
    spacing: tuple[float, float, float],
    pixel_mm: float,
    turn: Turn = STRAIGHT,
) -> Floats:
    """Return the slice at `index` between its two neighbours, in HU, shape (3, pixels, pixels)."""
    step = NEIGHBOUR_MM / spacing[0]
    z, y, x = index
    return np.stack(
        [plane(values, (z + k * step, y, x), spacing[1:], pixel_mm, turn) for k in (-1.0, 0.0, 1.0)]
    )


def back_to_slice(
    patch: Floats,
    index: tuple[float, float],
    spacing: tuple[float, float],
    pixel_mm: float,
    shape: tuple[int, int],
) -> Floats:
    """Put a patch back on the grid of its slice (zero outside), shape `shape` (y, x).

    `index` is the fractional (y, x) the patch was centred at.
    """
    scale = np.asarray(spacing) / pixel_mm
    offset = np.full(2, (len(patch) - 1) / 2) - scale * np.asarray(index)
    restored: Floats = ndimage.affine_transform(
        patch, scale, offset, shape, np.float32, order=1, mode="constant", cval=0.0
    )
    return restored
