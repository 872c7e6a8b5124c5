"""Cavities painted into solid nodules while the detector is trained.

A cavity is a gas-filled space within a nodule or mass (Hansell et al., Fleischner Society glossary,
Radiology 246:697, 2008). Few nodules of the development slices have one, so a detector that learns
what is there takes a ring around air for a bronchus.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from suwen.imaging.volumes.patches import Floats

SHARE: Final = 0.15
"""Share of the draws in which a nodule that is large enough gets a cavity."""
SMALLEST_MM: Final = 7.0
"""A nodule below this diameter has no room for a wall and a space that a slice would show."""
SPACE: Final = (0.25, 0.65)
"""Radius of the space as a share of the nodule's."""
OFF: Final = 0.25
"""The space lies off the middle by up to this share of the nodule's radius."""
GAS_HU: Final = (-980.0, -850.0)
EDGE_MM: Final = 0.5
"""Width over which the wall fades into the space: partial volume and the reconstruction kernel."""


def hollowed(
    hu: Floats, pixel_mm: float, places: NDArray[np.float64], rng: np.random.Generator
) -> Floats:
    """Return a slice in which large nodules got a cavity by chance; the slice itself is kept.

    Parameters
    ----------
    hu
        The slice, (y, x) in HU.
    pixel_mm
        Edge of its square pixels.
    places
        Its nodules, (k, 4): x, y, diameter in mm, 1 where it counts.
    rng
        Decides.
    """
    found = hu
    for x, y, wide, counts in places:
        if not counts or wide < SMALLEST_MM or rng.random() >= SHARE:
            continue
        radius = wide / 2 * rng.uniform(*SPACE)
        middle = np.array([x, y]) + rng.uniform(-OFF, OFF, 2) * wide / 2
        stretch = float(np.exp(rng.uniform(-0.25, 0.25)))
        rows, columns = np.ogrid[: hu.shape[0], : hu.shape[1]]
        away = np.hypot(
            (columns * pixel_mm - middle[0]) * stretch, (rows * pixel_mm - middle[1]) / stretch
        )
        gas = special.expit((radius - away) / (EDGE_MM / 2))
        mixed = found + gas * (np.minimum(found, rng.uniform(*GAS_HU)) - found)
        found = np.asarray(mixed, dtype=np.float32)
    return found
