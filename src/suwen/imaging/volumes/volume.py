"""A volume of voxels with its place in the patient.

Axes: arrays are (z, y, x); physical points are x, y, z in millimetres in the DICOM patient frame
(LPS). `affine` takes the homogeneous index (z, y, x, 1) to the point.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from suwen.core.nouns import Point


@dataclass(frozen=True)
class Volume:
    """Voxel values (for CT in Hounsfield units), shape (z, y, x), and the index-to-LPS affine."""

    values: NDArray[np.generic]
    affine: NDArray[np.float64]

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel size in mm along (z, y, x)."""
        z, y, x = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(z), float(y), float(x)

    @property
    def voxel_mm3(self) -> float:
        """Volume of one voxel in mm3."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    def digest(self) -> str:
        """Return the SHA-256 of the voxels, their type and shape, and their place."""
        found = hashlib.sha256(repr((self.values.shape, self.values.dtype.str)).encode())
        found.update(np.ascontiguousarray(self.affine).tobytes())
        found.update(np.ascontiguousarray(self.values).data)
        return found.hexdigest()

    def to_point(self, index: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the LPS points (..., 3) in mm of the fractional indices (..., 3) in (z, y, x)."""
        points: NDArray[np.float64] = (
            np.asarray(index, dtype=float) @ self.affine[:3, :3].T + self.affine[:3, 3]
        )
        return points

    def to_index(self, point: Point | NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the fractional indices (..., 3) in (z, y, x) of the LPS points (..., 3) in mm."""
        inverse = np.linalg.inv(self.affine)
        index: NDArray[np.float64] = (
            np.asarray(point, dtype=float) @ inverse[:3, :3].T + inverse[:3, 3]
        )
        return index

    def holds(self, point: Point) -> bool:
        """Say whether the point lies within the voxel grid (half a voxel of rim included)."""
        index = self.to_index(point)
        return bool(np.all(index >= -0.5) and np.all(index <= np.array(self.values.shape) - 0.5))

    def crop(
        self, centre: Point, size: tuple[int, int, int], spacing_mm: float, fill: float = -1000.0
    ) -> Volume:
        """Resample a box of `size` (z, y, x) voxels at isotropic `spacing_mm`, centred at a point.

        Linear interpolation along this volume's own axes; `fill` outside the grid.
        """
        directions = self.affine[:3, :3] / np.array(self.spacing)
        affine = np.eye(4)
        affine[:3, :3] = directions * spacing_mm
        half = (np.array(size) - 1) / 2
        affine[:3, 3] = np.asarray(centre, dtype=float) - affine[:3, :3] @ half
        return self._sampled(affine, size, spacing_mm / np.array(self.spacing), fill)

    def resampled(self, spacing: tuple[float, float, float], fill: float = -1000.0) -> Volume:
        """Resample the whole volume to voxels of `spacing` (z, y, x) mm along its own axes.

        The first voxel keeps its centre; the last lies at or before the last centre of this grid.
        """
        scale = np.array(spacing) / np.array(self.spacing)
        counts = np.floor((np.array(self.values.shape) - 1) / scale + 1e-6).astype(int) + 1
        affine = self.affine.copy()
        affine[:3, :3] = self.affine[:3, :3] * scale
        return self._sampled(affine, (int(counts[0]), int(counts[1]), int(counts[2])), scale, fill)

    def _sampled(
        self,
        affine: NDArray[np.float64],
        size: tuple[int, int, int],
        scale: NDArray[np.float64],
        fill: float,
    ) -> Volume:
        """Interpolate linearly at `scale` voxels a step; reads only the part that is needed."""
        offset = self.to_index(affine[:3, 3])
        shape = np.array(self.values.shape)
        low = np.clip(np.floor(offset).astype(int), 0, shape)
        high = np.clip(np.ceil(offset + scale * (np.array(size) - 1)).astype(int) + 2, low, shape)
        if np.any(low >= high):
            return Volume(np.full(size, fill, dtype=np.float32), affine)
        part = self.values[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        values = ndimage.affine_transform(
            part.astype(np.float32), scale, offset - low, size, order=1, cval=fill
        )
        return Volume(values, affine)
