"""Where a place in one chest CT lies in another of the same patient.

Small blocks of lung are looked for in the other study by normalised cross-correlation; a rigid
transform is fitted to where they were found, first coarsely, then finely, and what the fit leaves
over says how far lung moves otherwise (breathing). Around one place the search is repeated with a
larger block: the local rigid shift there. All of it is deterministic.

References: Padfield, IEEE Trans Image Process 21:2706-2718, 2012 (masked correlation of the whole);
Ourselin et al., Image Vis Comput 19:25-31, 2001 (block matching with a robust rigid fit); Arun,
Huang & Blostein, IEEE Trans Pattern Anal Mach Intell 9:698-700, 1987 (the least-squares fit).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy import ndimage

from suwen.core.nouns import Point
from suwen.imaging.volumes.nodule import Mask
from suwen.imaging.volumes.volume import Volume

Values = NDArray[np.float32]
Points = NDArray[np.float64]

KEPT_MM: Final = 1.3
"""Studies are worked on in voxels of at least about this size."""
WINDOW_HU: Final = (-1000.0, 100.0)
"""Values outside are clipped: bone and metal would outvote the vessels."""
GLOBAL_MM: Final = 8.0
"""Voxel size of the correlation of the whole studies."""
LEAST_OVERLAP: Final = 0.35
"""Share of the smaller study's lung that must overlap for a shift of the whole to count."""
EVERY_MM: Final = 24.0
"""Distance of the blocks."""
TEXTURE_HU: Final = 40.0
"""A block varies at least by this standard deviation, or there is nothing to find again."""
FOUND: Final = 0.6
"""Least correlation of a block that counts as found."""
LEAST_BLOCKS: Final = 12
"""Found blocks below which two studies are not registered."""
KEPT_SHARE: Final = 0.6
"""Share of the blocks, those that fit best, that a fit is repeated on."""
FAR_MM: Final = 12.0
"""A 90th percentile of what the fit leaves over beyond which two studies are not registered."""

NEAR_MM: Final = 3.0
"""A single nodule is looked for this far around its place."""


@dataclass(frozen=True)
class Level:
    """One pass: voxel size, half the edge of a block and how far it is looked for, in mm."""

    voxel_mm: float
    half_mm: float
    reach_mm: float


LEVELS: Final = (Level(4.0, 14.0, 28.0), Level(2.5, 12.0, 12.5), Level(2.0, 12.0, 8.0))
LOCAL: Final = Level(1.5, 18.0, 12.0)
"""The search around one place."""


@dataclass(frozen=True)
class Rigid:
    """A rigid transform of LPS points in mm: `rotation` (3, 3) and then `shift` (3,)."""

    rotation: Points
    shift: Points

    def __call__(self, points: Points) -> Points:
        """Return the transformed points (..., 3)."""
        moved: Points = np.asarray(points, dtype=float) @ self.rotation.T + self.shift
        return moved

    @property
    def inverse(self) -> Rigid:
        """The transform back."""
        return Rigid(self.rotation.T, -self.rotation.T @ self.shift)

    @property
    def degrees(self) -> float:
        """Angle of the rotation."""
        cosine = (np.trace(self.rotation) - 1) / 2
        return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


IDENTITY: Final = Rigid(np.eye(3), np.zeros(3))


@dataclass(frozen=True)
class Place:
    """A place found in the other study.

    Parameters
    ----------
    point
        LPS in mm in the other study.
    correlation
        Of the block around it, -1 to 1.
    moved_mm
        How far it lies from where the rigid transform of the whole lung puts it.
    covered
        Whether the place lies within the other study's images.
    """

    point: Point
    correlation: float
    moved_mm: float
    covered: bool


@dataclass(frozen=True)
class Registration:
    """Two studies laid over each other: `rigid` takes points of the first to the second.

    Parameters
    ----------
    rigid
        The transform of the whole lung.
    residual_mm
        Median and 90th percentile of what the fit leaves over at the blocks that were found.
    blocks
        Number of the blocks that were found.
    """

    rigid: Rigid
    residual_mm: tuple[float, float]
    blocks: int
    _first: Volume = field(repr=False)
    _second: Volume = field(repr=False)

    @property
    def trusted(self) -> bool:
        """Whether enough of the lung was found again, and near where the transform puts it."""
        return self.blocks >= LEAST_BLOCKS and self.residual_mm[1] <= FAR_MM

    @property
    def tolerance_mm(self) -> float:
        """How far a place may lie from where the rigid transform puts it."""
        return float(np.clip(1.5 * self.residual_mm[1], 4.0, LOCAL.reach_mm))

    def place(self, point: Point) -> Place:
        """Return where a point of the first study lies in the second."""
        return _local(self._first, self._second, self.rigid, point, self.tolerance_mm)

    def place_back(self, point: Point) -> Place:
        """Return where a point of the second study lies in the first."""
        return _local(self._second, self._first, self.rigid.inverse, point, self.tolerance_mm)


def register(first: Volume, second: Volume, lungs: Callable[[Volume], Mask]) -> Registration:
    """Lay two chest CT studies of one patient over each other.

    Parameters
    ----------
    first, second
        HU, shape (z, y, x), any spacing and orientation.
    lungs
        Returns the lungs of a volume on its grid, see `lungs.lung_mask`.
    """
    one, other = _kept(first), _kept(second)
    inside, beside = lungs(one), lungs(other)
    rigid = _whole_shift(one, other, inside, beside)
    blocks, left = 0, np.array([np.inf])
    for level in LEVELS:
        points, found, correlation = _matches(one, other, inside, rigid, level)
        good = correlation >= FOUND
        blocks = int(good.sum())
        if blocks < LEAST_BLOCKS:
            return Registration(rigid, (np.inf, np.inf), blocks, one, other)
        rigid = _fitted(points[good], found[good])
        left = np.linalg.norm(rigid(points[good]) - found[good], axis=1)
    median, far = np.percentile(left, [50, 90])
    return Registration(rigid, (float(median), float(far)), blocks, one, other)


def _kept(volume: Volume) -> Volume:
    """Return block means with voxels of at least about `KEPT_MM`, clipped to the window."""
    step = np.maximum(1, np.round(KEPT_MM / np.array(volume.spacing))).astype(int)
    counts = np.maximum(1, np.array(volume.values.shape) // step)
    step = np.minimum(step, volume.values.shape)
    cut = volume.values[tuple(slice(0, int(c * s)) for c, s in zip(counts, step, strict=True))]
    shape = [int(n) for pair in zip(counts, step, strict=True) for n in pair]
    values = np.clip(cut.reshape(shape).mean((1, 3, 5), dtype=np.float32), *WINDOW_HU)
    affine = volume.affine.copy()
    affine[:3, :3] = affine[:3, :3] * step
    affine[:3, 3] = volume.to_point((step - 1) / 2)
    return Volume(values.astype(np.float32), affine)


def _grid(low: Points, high: Points, voxel_mm: float) -> tuple[Points, tuple[int, int, int]]:
    """Return affine and shape of a grid along z, y, x of the patient that covers a box."""
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[::-1] * voxel_mm
    affine[:3, 3] = low
    z, y, x = np.maximum(1, np.ceil((high - low) / voxel_mm).astype(int) + 1)[::-1]
    return affine, (int(z), int(y), int(x))


def _onto(
    volume: Volume, values: Values, affine: Points, shape: tuple[int, int, int], rigid: Rigid
) -> Values:
    """Return `values` of a volume's grid at the transformed points of another grid."""
    back = np.linalg.inv(volume.affine)
    matrix = back[:3, :3] @ rigid.rotation @ affine[:3, :3]
    offset = back[:3, :3] @ (rigid.rotation @ affine[:3, 3] + rigid.shift) + back[:3, 3]
    sampled = ndimage.affine_transform(values, matrix, offset, shape, order=1, cval=WINDOW_HU[0])
    return np.asarray(sampled, dtype=np.float32)


def _smooth(volume: Volume, voxel_mm: float) -> Values:
    """Return the values as wide voxels see them."""
    wide = np.sqrt(np.maximum((voxel_mm / np.array(volume.spacing)) ** 2 - 1, 0)) * 0.4
    return np.asarray(ndimage.gaussian_filter(volume.values.astype(np.float32), wide))


def _box(volume: Volume, inside: Mask, margin_mm: float = 0.0) -> tuple[Points, Points]:
    """Return the corners (LPS) of the box around the voxels inside, or of the whole volume."""
    places = np.argwhere(inside) if inside.any() else np.argwhere(np.ones((2, 2, 2)))
    ends = np.stack([places.min(0), places.max(0)]) if inside.any() else np.stack(
        [np.zeros(3), np.array(volume.values.shape) - 1]
    )  # fmt: skip
    corners = np.stack(np.meshgrid(*ends.T, indexing="ij"), -1).reshape(-1, 3)
    points = volume.to_point(corners.astype(float))
    return points.min(0) - margin_mm, points.max(0) + margin_mm


def _whole_shift(one: Volume, other: Volume, inside: Mask, beside: Mask) -> Rigid:
    """Return the shift at which the lungs of two studies correlate best (masked, by FFT)."""
    parts = []
    for volume, mask in ((one, inside), (other, beside)):
        low, high = _box(volume, mask, GLOBAL_MM)
        affine, shape = _grid(low, high, GLOBAL_MM)
        values = _onto(volume, _smooth(volume, GLOBAL_MM), affine, shape, IDENTITY)
        wide = np.asarray(ndimage.binary_dilation(mask), dtype=np.float32)
        weight = (_onto(volume, wide, affine, shape, IDENTITY) > 0.3).astype(np.float64)
        parts.append((values.astype(np.float64) / 1000 + 1, weight, affine[:3, 3]))
    (a, ma, start_a), (b, mb, start_b) = parts

    def over(left: Points, right: Points) -> Points:
        return np.asarray(scipy.signal.fftconvolve(right, left[::-1, ::-1, ::-1]))

    count = np.maximum(over(ma, mb), 1e-6)
    sum_a, sum_b = over(a * ma, mb), over(ma, b * mb)
    cross = over(a * ma, b * mb) - sum_a * sum_b / count
    spread_a = over(a * a * ma, mb) - sum_a**2 / count
    spread_b = over(ma, b * b * mb) - sum_b**2 / count
    score = cross / np.sqrt(np.maximum(spread_a * spread_b, 1e-6))
    score[count < LEAST_OVERLAP * min(ma.sum(), mb.sum())] = -1
    best = np.array(np.unravel_index(int(score.argmax()), score.shape))
    steps = best - (np.array(a.shape) - 1)
    return Rigid(np.eye(3), start_b - start_a + steps[::-1] * GLOBAL_MM)


def _matches(
    one: Volume, other: Volume, inside: Mask, rigid: Rigid, level: Level
) -> tuple[Points, Points, Points]:
    """Return block middles, where each was found in the other study, and its correlation."""
    margin = level.half_mm + level.reach_mm
    low, high = _box(one, inside, margin)
    affine, shape = _grid(low, high, level.voxel_mm)
    here = _onto(one, _smooth(one, level.voxel_mm), affine, shape, IDENTITY)
    there = _onto(other, _smooth(other, level.voxel_mm), affine, shape, rigid)
    lung = _onto(one, inside.astype(np.float32), affine, shape, IDENTITY) > 0.5
    half, reach = round(level.half_mm / level.voxel_mm), round(level.reach_mm / level.voxel_mm)
    every = max(1, round(EVERY_MM / level.voxel_mm))
    places, shifts, correlations = [], [], []
    rim = half + reach
    for place in np.argwhere(lung[rim:-rim:every, rim:-rim:every, rim:-rim:every]):
        middle = place * every + rim
        shift, correlation = _searched(here, there, middle, half, reach)
        places.append(middle)
        shifts.append(shift)
        correlations.append(correlation)
    if not places:
        return np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0)
    middles = np.array(places, dtype=float)
    points = middles @ affine[:3, :3].T + affine[:3, 3]
    moved = (middles + np.array(shifts)) @ affine[:3, :3].T + affine[:3, 3]
    return points, rigid(moved), np.array(correlations)


def _searched(
    here: Values, there: Values, middle: NDArray[np.int64], half: int, reach: int
) -> tuple[Points, float]:
    """Return shift in voxels and correlation of the block of `here` around a voxel in `there`."""
    block = here[tuple(slice(int(m - half), int(m + half + 1)) for m in middle)].astype(float)
    edge = half + reach
    wide = there[tuple(slice(int(m - edge), int(m + edge + 1)) for m in middle)].astype(float)
    if block.std() < TEXTURE_HU:
        return np.zeros(3), -1.0
    size = 2 * half + 1
    pattern = block - block.mean()
    wide = wide - wide.mean()
    cross = scipy.signal.fftconvolve(wide, pattern[::-1, ::-1, ::-1], mode="valid")
    inner = tuple(slice(half, n - half) for n in wide.shape)
    mean = ndimage.uniform_filter(wide, size)[inner]
    spread = ndimage.uniform_filter(wide**2, size)[inner] - mean**2
    scale = np.sqrt(np.maximum(spread, 1.0) * float((pattern**2).mean())) * size**3
    score = cross / scale
    best = np.array(np.unravel_index(int(score.argmax()), score.shape))
    return best + _vertex(score, best) - reach, float(score[tuple(best)])


def _vertex(score: Points, best: NDArray[np.int64]) -> Points:
    """Return how far, in voxels, the vertex of the parabola through a maximum lies from it."""
    found = np.zeros(3)
    for axis in range(3):
        if 0 < best[axis] < score.shape[axis] - 1:
            step = np.eye(3, dtype=int)[axis]
            before, at, after = (float(score[tuple(best + k * step)]) for k in (-1, 0, 1))
            bend = before - 2 * at + after
            found[axis] = 0.5 * (before - after) / bend if bend < 0 else 0.0
    return np.clip(found, -0.5, 0.5)


def _fitted(points: Points, found: Points) -> Rigid:
    """Return the rigid transform that takes the points to where they were found, outliers out."""
    kept = np.ones(len(points), dtype=bool)
    rigid = IDENTITY
    for _ in range(12):
        rigid = _least_squares(points[kept], found[kept])
        left = np.linalg.norm(rigid(points) - found, axis=1)
        again = left <= np.quantile(left, KEPT_SHARE)
        if (again == kept).all():
            break
        kept = again
    return rigid


def _least_squares(points: Points, found: Points) -> Rigid:
    middle, there = points.mean(0), found.mean(0)
    u, _, vt = np.linalg.svd((points - middle).T @ (found - there))
    turned = np.diag([1, 1, np.sign(np.linalg.det(vt.T @ u.T))])
    rotation = vt.T @ turned @ u.T
    return Rigid(rotation, there - rotation @ middle)


def likeness(
    one: Volume, other: Volume, rigid: Rigid, point: Point, place: Point, half_mm: float
) -> float:
    """Return the best correlation of what lies around a point with what lies around a place.

    Parameters
    ----------
    one, other
        Two studies in HU.
    rigid
        From the first to the second; only its rotation counts.
    point, place
        In the first and in the second study, LPS in mm.
    half_mm
        Half the edge of the compared cube; it is moved by `NEAR_MM` at most.
    """
    half, reach = max(4, round(half_mm)), round(NEAR_MM)
    edge = half + reach
    turned = Rigid(rigid.rotation, np.asarray(place) - rigid.rotation @ np.asarray(point))
    affine, _ = _grid(np.asarray(point) - edge, np.asarray(point) + edge, 1.0)
    shape = (2 * edge + 1,) * 3
    here, there = (
        _onto(v, np.clip(v.values, *WINDOW_HU).astype(np.float32), affine, shape, r)
        for v, r in ((one, IDENTITY), (other, turned))
    )
    return _searched(here, there, np.full(3, edge), half, reach)[1]


def _local(one: Volume, other: Volume, rigid: Rigid, point: Point, farthest_mm: float) -> Place:
    """Return where a point lies in the other study: the rigid place, then the local shift."""
    level = LOCAL
    margin = level.half_mm + level.reach_mm
    middle = np.asarray(point, dtype=float)
    half, reach = round(level.half_mm / level.voxel_mm), round(level.reach_mm / level.voxel_mm)
    edge = half + reach
    affine, _ = _grid(middle - edge * level.voxel_mm, middle + margin, level.voxel_mm)
    shape = (2 * edge + 1,) * 3
    here = _onto(one, one.values.astype(np.float32), affine, shape, IDENTITY)
    there = _onto(other, other.values.astype(np.float32), affine, shape, rigid)
    shift, correlation = _searched(here, there, np.full(3, edge), half, reach)
    moved = shift[::-1] * level.voxel_mm
    if correlation < FOUND or np.linalg.norm(moved) > farthest_mm:
        moved = np.zeros(3)
    x, y, z = (round(float(value), 3) for value in rigid(middle + moved))
    return Place((x, y, z), correlation, float(np.linalg.norm(moved)), other.holds((x, y, z)))
