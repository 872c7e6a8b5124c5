"""Hand-made features of a nodule: in-plane size, shape, density, margin, texture, surroundings.

All of them are measured within axial slices (resampled to 0.6 mm), none along z: the crops of the
development data end where the nodule ends, so a measure along z would carry what the readers
decided. Definitions follow the IBSI reference manual (Zwanenburg et al., Radiology 295:328-338,
2020) where it has the quantity, adapted to 2D.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from suwen.imaging.volumes.nodule import Mask
from suwen.imaging.volumes.volume import Volume

Values = NDArray[np.float64]

PIXEL_MM: Final = 0.6
MARGIN_MM: Final = 12.0
"""What is kept around the mask."""
FEWEST_PIXELS: Final = 6
"""Slices with fewer pixels inside say nothing about shape."""
SECTORS: Final = 24
SHELLS_MM: Final = ((0.0, 1.2), (1.2, 2.4), (2.4, 4.0), (4.0, 6.0), (6.0, 9.0))
LUNG_HU: Final = -850.0
"""Taken for a shell that lies outside the crop."""
DENSE_HU: Final = -400.0


@dataclass(frozen=True)
class Slices:
    """The slices that hold the nodule: HU and mask, shape (z, y, x), 0.6 mm pixels."""

    values: Values
    mask: Mask

    @cached_property
    def inner_mm(self) -> Values:
        """In-plane distance of inside pixels to the outside."""
        padded = np.pad(self.mask, ((0, 0), (1, 1), (1, 1)))
        depth = [ndimage.distance_transform_edt(flat) for flat in padded]
        return np.asarray(depth)[:, 1:-1, 1:-1] * PIXEL_MM

    @cached_property
    def outer_mm(self) -> Values:
        """In-plane distance of outside pixels to the nodule."""
        return np.asarray([ndimage.distance_transform_edt(~flat) for flat in self.mask]) * PIXEL_MM

    @cached_property
    def edge(self) -> Mask:
        """Pixels within 0.9 mm of the outline, on either side."""
        near: Mask = (self.outer_mm <= 0.9) & (self.inner_mm <= 0.9)
        return near

    @cached_property
    def areas_mm2(self) -> Values:
        """Area of the nodule in each slice."""
        return np.asarray(self.mask.sum((1, 2)) * PIXEL_MM**2, dtype=float)

    @property
    def largest(self) -> int:
        """Index of the slice with the largest area."""
        return int(self.areas_mm2.argmax())


def slices_of(volume: Volume, mask: Mask) -> Slices:
    """Cut out the slices that hold the nodule, with a margin, at 0.6 mm.

    Parameters
    ----------
    volume
        HU.
    mask
        Not empty, shape of the volume.
    """
    _, step_y, step_x = volume.spacing
    heights = np.flatnonzero(mask.any((1, 2)))
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in ((0, 2), (0, 1)))
    margin = (int(np.ceil(MARGIN_MM / step_y)), int(np.ceil(MARGIN_MM / step_x)))
    box = (
        slice(heights[0], heights[-1] + 1),
        slice(max(0, rows[0] - margin[0]), rows[-1] + margin[0] + 1),
        slice(max(0, columns[0] - margin[1]), columns[-1] + margin[1] + 1),
    )
    zoom = (1.0, step_y / PIXEL_MM, step_x / PIXEL_MM)
    values = np.asarray(volume.values[box], dtype=np.float32)
    fine = ndimage.zoom(values, zoom, order=1, mode="nearest", grid_mode=True)
    inside = mask[box].astype(np.float32)
    kept = ndimage.zoom(inside, zoom, order=1, mode="nearest", grid_mode=True) >= 0.5
    if not kept.any():  # a mask of a pixel or two can vanish between the grids
        kept = ndimage.zoom(inside, zoom, order=0, mode="nearest", grid_mode=True) > 0
    if not kept.any():  # and between the grid points of a coarser grid even so
        places = np.floor((np.argwhere(inside) + 0.5) * zoom).astype(int)
        kept[tuple(np.minimum(places, np.array(kept.shape) - 1).T)] = True
    filled = kept.any((1, 2))
    return Slices(fine[filled].astype(float), kept[filled])


def features_of(volume: Volume, mask: Mask) -> dict[str, float]:
    """Return every feature by name, in a fixed order; see the module's text."""
    slices = slices_of(volume, mask)
    found: dict[str, float] = {}
    for part in (_size, _outline, _density, _core_and_rim, _gradient, _shells, _ring, _texture):
        found.update(part(slices))
    return {name: float(value) for name, value in found.items()}


def _size(slices: Slices) -> dict[str, float]:
    area = float(slices.areas_mm2.max())
    places = np.argwhere(slices.mask)[:, 1:] * PIXEL_MM
    spread = np.cov(places.T) + np.eye(2) * 0.03 if len(places) > 1 else np.eye(2) * 0.03
    minor, major = np.sqrt(np.linalg.eigvalsh(spread))
    return {
        "area_max": area,
        "area_diameter": 2 * np.sqrt(area / np.pi),
        "elongation": minor / major,
        "thickness": slices.inner_mm.max(),
    }


def _outline(slices: Slices) -> dict[str, float]:
    """Circularity and how the radius varies with the angle, weighted by area over slices."""
    rows, areas = [], []
    for flat, area in zip(slices.mask, slices.areas_mm2, strict=True):
        if flat.sum() >= FEWEST_PIXELS:
            rows.append((_circularity(flat, area), *_radii(flat)))
            areas.append(area)
    names = ("circularity", "radius_variation", "radius_roughness", "radius_peak")
    if not rows:
        return dict(zip((*names, "circularity_largest"), (1.0, 0.2, 0.1, 1.3, 1.0), strict=True))
    found = dict(zip(names, np.average(rows, axis=0, weights=areas), strict=True))
    return {**found, "circularity_largest": rows[int(np.argmax(areas))][0]}


def _circularity(flat: Mask, area_mm2: float) -> float:
    """Return 4 pi area / perimeter^2; the perimeter is the integral of a smoothed gradient."""
    smooth = ndimage.gaussian_filter(np.pad(flat, 3).astype(float), 0.8)
    along_y, along_x = np.gradient(smooth, PIXEL_MM, PIXEL_MM)
    perimeter = float(np.hypot(along_y, along_x).sum()) * PIXEL_MM**2
    return 4 * np.pi * area_mm2 / perimeter**2


def _radii(flat: Mask) -> tuple[float, float, float]:
    """Return variation, roughness and peak of the outline's radius over 24 sectors."""
    middle = np.argwhere(flat).mean(0)
    outline = (np.argwhere(flat & ~ndimage.binary_erosion(flat)) - middle) * PIXEL_MM
    radius = np.hypot(*outline.T)
    angle = np.arctan2(*outline.T)
    centres = np.linspace(-np.pi, np.pi, SECTORS, endpoint=False)
    gap = np.abs(np.angle(np.exp(1j * (angle[:, None] - centres))))
    farthest = np.where(gap < np.pi / 12, radius[:, None], 0).max(0)
    mean = max(float(farthest.mean()), 0.3)
    steps = np.abs(np.diff(np.r_[farthest, farthest[0]])).mean()
    return float(farthest.std() / mean), float(steps / mean), float(farthest.max() / mean)


def _density(slices: Slices) -> dict[str, float]:
    inside = slices.values[slices.mask]
    levels = (5, 10, 25, 50, 75, 90, 95)
    found = {
        f"hu_p{level}": value
        for level, value in zip(levels, np.percentile(inside, levels), strict=True)
    }
    mean, spread = inside.mean(), inside.std()
    scaled = (inside - mean) / max(spread, 1.0)
    counts = np.histogram(np.clip(inside, -1000, 599), np.arange(-1000, 601, 50))[0] + 1e-6
    shares = counts / counts.sum()
    return found | {
        "hu_mean": mean,
        "hu_spread": spread,
        "hu_skewness": (scaled**3).mean(),
        "hu_kurtosis": (scaled**4).mean(),
        "hu_entropy": -(shares * np.log(shares)).sum(),
        "share_calcified": (inside > 200).mean(),
        "share_bright": (inside > 120).mean(),
        "share_solid": (inside > -50).mean(),
        "share_fat": ((inside > -140) & (inside < -30)).mean(),
        "share_ground_glass": ((inside > -750) & (inside < -300)).mean(),
        "share_air": (inside < -800).mean(),
    }


def _core_and_rim(slices: Slices) -> dict[str, float]:
    depth = slices.inner_mm
    core = slices.values[slices.mask & (depth >= 0.6 * depth.max())]
    rim = slices.values[slices.mask & (depth <= 1.3)]
    rim = rim if rim.size else core
    return {
        "core_hu": core.mean(),
        "rim_hu": rim.mean(),
        "core_minus_rim": core.mean() - rim.mean(),
        "core_spread": core.std(),
        "core_p95": np.percentile(core, 95),
        "core_p5": np.percentile(core, 5),
    }


def _gradient(slices: Slices) -> dict[str, float]:
    smooth = ndimage.gaussian_filter(slices.values, (0, 1, 1))
    along_y, along_x = np.gradient(smooth, PIXEL_MM, PIXEL_MM, axis=(1, 2))
    steep = np.hypot(along_y, along_x)[slices.edge]
    low, high = np.percentile(steep, [10, 90])
    return {
        "edge_mean": steep.mean(),
        "edge_spread": steep.std(),
        "edge_p10": low,
        "edge_p90": high,
    }


def _shells(slices: Slices) -> dict[str, float]:
    """Density of what lies around the nodule, by distance."""
    found: dict[str, float] = {}
    for low, high in SHELLS_MM:
        shell = (slices.outer_mm > low) & (slices.outer_mm <= high)
        around = slices.values[shell] if shell.any() else np.array([LUNG_HU])
        name = f"shell_{high:g}"
        found |= {
            f"{name}_mean": around.mean(),
            f"{name}_spread": around.std(),
            f"{name}_dense": (around > DENSE_HU).mean(),
            f"{name}_p90": np.percentile(around, 90),
        }
    lung = (slices.outer_mm > 2.4) & (slices.outer_mm < 9)
    background = np.percentile(slices.values[lung], 30) if lung.any() else LUNG_HU
    inside = np.median(slices.values[slices.mask])
    return found | {"lung_hu": background, "contrast": inside - background}


def _ring(slices: Slices) -> dict[str, float]:
    """Strands that leave the nodule: density over the angle, 1.2 to 4 mm outside its outline."""
    flat, values = slices.mask[slices.largest], slices.values[slices.largest]
    away = slices.outer_mm[slices.largest]
    middle = np.argwhere(flat).mean(0)
    ring = np.argwhere((away > 1.2) & (away < 4))
    centres = np.linspace(-np.pi, np.pi, SECTORS, endpoint=False)
    angle = np.arctan2(*(ring - middle).T)
    gap = np.abs(np.angle(np.exp(1j * (angle[:, None] - centres)))) < np.pi / SECTORS
    count = gap.sum(0)
    density = np.where(count > 0, values[tuple(ring.T)] @ gap / np.maximum(count, 1), LUNG_HU)
    changes = np.diff(np.r_[density, density[0]] > -600) != 0
    return {
        "ring_spread": density.std(),
        "ring_strands": changes.sum() / 2,
        "ring_dense": (density > DENSE_HU).mean(),
        "ring_hazy": ((density > -750) & (density < DENSE_HU)).mean(),
    }


def _texture(slices: Slices) -> dict[str, float]:
    """Grey-level differences at 1, 2 and 4 pixels, and blob filters at two scales."""
    values, mask = slices.values, slices.mask
    spread = max(float(values[mask].std()), 20.0)
    found: dict[str, float] = {}
    for step in (1, 2, 4):
        parts = []
        for axis in (1, 2):
            ahead = [slice(None)] * 3
            behind = [slice(None)] * 3
            ahead[axis], behind[axis] = slice(step, None), slice(None, -step)
            both = mask[tuple(ahead)] & mask[tuple(behind)]
            parts.append((values[tuple(ahead)] - values[tuple(behind)])[both])
        jumps = np.abs(np.concatenate(parts))
        mean = float(jumps.mean()) if jumps.size else 0.0
        found |= {f"difference_{step}": mean, f"difference_{step}_scaled": mean / spread}
    for size_mm in (1.0, 2.0):
        blob = ndimage.gaussian_laplace(values, (0, size_mm / PIXEL_MM, size_mm / PIXEL_MM))
        found |= {
            f"blob_{size_mm:g}_mean": blob[mask].mean(),
            f"blob_{size_mm:g}_spread": blob[mask].std(),
            f"blob_{size_mm:g}_edge": blob[slices.edge].std(),
        }
    return found
