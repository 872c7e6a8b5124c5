"""A synthetic chest CT with nodules of stated size and place, for the demo and for tests.

It is drawn for plumbing and for looking at, not for training: a body ellipse with fat and muscle,
two lungs with vessels and noise, spine, sternum, ribs, heart and airways, and fissures where asked
for. No patient stands behind it. Everything follows from the seed.

Densities in Hounsfield units: lung -850, fat -90, muscle 45, blood 50, trabecular bone 250,
cortical bone 700 (Kalender, Computed Tomography, 3rd ed. 2011, chapter 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from suwen.core.errors import BadInput
from suwen.core.nouns import Point
from suwen.imaging.volumes.volume import Volume

Kind = Literal["solid", "part-solid", "spiculated", "ground-glass"]
Values = NDArray[np.float32]

AIR: Final = -1000.0
LUNG: Final = -850.0
FAT: Final = -90.0
MUSCLE: Final = 45.0
BLOOD: Final = 50.0
MARROW: Final = 250.0
CORTEX: Final = 700.0
GROUND_GLASS: Final = -550.0
SOLID: Final = 35.0
NOISE_HU: Final = 18.0
TEXTURE_HU: Final = 14.0
WIDEST_MM, THINNEST_MM, TAPER_MM = 4.6, 1.3, 60.0
"""Largest radius of a vessel at the hilum, at the pleura, and how fast it falls between them: a
thick vessel far out would be a nodule to any reader."""
SHEET_MM: Final = 0.2
"""Thickness of a fissure as soft tissue: 60 HU at slices of 2.5 mm, as on LIDC-IDRI-0063."""
BARE_MM: Final = 5.0
"""No vessel comes nearer to a fissure."""
BLUR: Final = (0.25, 0.55, 0.55)
"""Point spread of the imagined scanner, in voxels (z, y, x)."""


@dataclass(frozen=True)
class Nodule:
    """A nodule: centre (LPS, mm), volume-equivalent diameter in mm, and what it looks like."""

    centre: Point
    diameter_mm: float
    kind: Kind = "solid"


@dataclass(frozen=True)
class Sheet:
    """A fissure: the surface z(x, y) in mm (LPS), drawn in one lung.

    Parameters
    ----------
    side
        -1 the right lung, 1 the left one.
    height_mm, slope, tilt
        z at (72 * side, 0), and how it rises backwards and towards the left.
    wave_mm
        Height of the waves by which it is no plane.
    inner_mm
        Nearer to the middle (absolute x) it is missing: an incomplete fissure.
    above
        The fissure above which alone it runs.
    """

    side: Literal[-1, 1]
    height_mm: float
    slope: float
    tilt: float = 0.0
    wave_mm: float = 0.0
    inner_mm: float = 0.0
    above: Sheet | None = None

    def distance(self, z: Values, y: Values, x: Values) -> Values:
        """Return about how far points lie above it, in mm; negative below."""
        wave = np.sin(y / 35) + np.cos(y / 50 + x / 30)
        height = self.height_mm + self.slope * y + self.tilt * (x - 72 * self.side)
        away: Values = (z - height - self.wave_mm * wave) / np.hypot(
            1, np.hypot(self.slope, self.tilt)
        )
        return away

    def near(self, z: Values, y: Values, x: Values, reach_mm: float) -> NDArray[np.bool_]:
        """Say which points lie within `reach_mm` of where it is drawn."""
        found = (np.abs(self.distance(z, y, x)) < reach_mm) & (x * self.side > self.inner_mm)
        return found if self.above is None else found & (self.above.distance(z, y, x) > 0)


@dataclass(frozen=True)
class Phantom:
    """The volume (int16 HU) and the true mask of each nodule, on the volume's grid."""

    volume: Volume
    nodules: tuple[Nodule, ...]
    masks: tuple[NDArray[np.bool_], ...] = field(repr=False)


def chest_phantom(
    seed: int,
    nodules: tuple[Nodule, ...] = (),
    shape: tuple[int, int, int] = (110, 256, 256),
    spacing: tuple[float, float, float] = (2.0, 1.4, 1.4),
    fissures: tuple[Sheet, ...] = (),
) -> Phantom:
    """Draw a chest CT of `shape` (z, y, x) and `spacing` in mm, centred on the origin.

    Raises
    ------
    BadInput
        A nodule's centre lies outside the lungs.
    """
    random = np.random.default_rng(seed)
    affine = np.eye(4)
    for axis, row in ((0, 2), (1, 1), (2, 0)):
        affine[:3, axis] = 0
        affine[row, axis] = spacing[axis]
        affine[row, 3] = -spacing[axis] * (shape[axis] - 1) / 2
    affine[3, 3] = 1
    z, y, x = (
        np.asarray((np.arange(n) - (n - 1) / 2) * step, dtype=np.float32).reshape(
            [-1 if i == axis else 1 for i in range(3)]
        )
        for axis, (n, step) in enumerate(zip(shape, spacing, strict=True))
    )
    values = _body(z, y, x)
    lungs = _lungs(z, y, x)
    texture = ndimage.gaussian_filter(random.normal(0, 1, shape).astype(np.float32), 2.5)
    texture *= TEXTURE_HU / float(texture.std())
    values[lungs] = (LUNG + 0.25 * y + texture)[lungs]  # denser where the blood sinks
    near = np.zeros(shape, dtype=bool)
    for sheet in fissures:
        near |= sheet.near(z, y, x, BARE_MM)
    _vessels(values, lungs & ~near, affine, random)
    for sheet in fissures:
        _sheet(values, lungs, sheet, (z, y, x))
    _organs(values, z, y, x)
    grid = Volume(values, affine)
    masks = tuple(_draw(grid, lungs, nodule, random) for nodule in nodules)
    values[:] = ndimage.gaussian_filter(values, BLUR)
    values += ndimage.gaussian_filter(
        random.normal(0, NOISE_HU * 2.2, shape).astype(np.float32), (0.4, 0.7, 0.7)
    )
    clipped = np.clip(np.rint(values), -1024, 3071).astype(np.int16)
    return Phantom(Volume(clipped, affine), nodules, masks)


def _ellipse(z: Values, y: Values, x: Values, centre: Point, radii: Point) -> NDArray[np.float32]:
    """Return the squared normalised distance to an ellipsoid; below 1 is inside."""
    result: NDArray[np.float32] = (
        ((x - centre[0]) / radii[0]) ** 2
        + ((y - centre[1]) / radii[1]) ** 2
        + ((z - centre[2]) / radii[2]) ** 2
    )
    return result


_LONG = 1e5
"""Radius of an ellipsoid that is a cylinder along that axis, mm."""


def _body(z: Values, y: Values, x: Values) -> Values:
    body = _ellipse(z, y, x, (0, 5, 0), (165, 112, _LONG))
    wall = _ellipse(z, y, x, (0, 5, 0), (150, 98, _LONG))
    shape = np.broadcast_shapes(z.shape, y.shape, x.shape)
    values = np.full(shape, AIR, dtype=np.float32)
    values[np.broadcast_to(body < 1, shape)] = FAT
    values[np.broadcast_to(wall < 1, shape)] = MUSCLE
    table = (np.abs(y - 124) < 5) & (np.abs(x) < 150)
    values[np.broadcast_to(table, shape)] = -700
    return values


def _lungs(z: Values, y: Values, x: Values) -> NDArray[np.bool_]:
    right = _ellipse(z, y, x, (-72, 2, -5), (57, 82, 125))
    left = _ellipse(z, y, x, (72, 2, -5), (55, 80, 122))
    heart = _ellipse(z, y, x, (22, -22, -45), (58, 48, 62))
    dome = z < -78 - 0.006 * ((x + 72 * np.sign(-x)) ** 2 + y**2) + 22
    inside: NDArray[np.bool_] = ((right < 1) | (left < 1)) & (heart > 1) & ~dome
    return inside


def _organs(values: Values, z: Values, y: Values, x: Values) -> None:
    shape = values.shape

    def fill(inside: NDArray[np.bool_], density: float) -> None:
        values[np.broadcast_to(inside, shape)] = density

    fill(_ellipse(z, y, x, (22, -22, -45), (56, 46, 60)) < 1, BLOOD)
    fill(_ellipse(z, y, x, (-8, 52, 0), (13, 13, _LONG)) < 1, BLOOD)  # aorta
    fill((_ellipse(z, y, x, (0, 8, 60), (9, 9, _LONG)) < 1) & (z > 5), AIR)  # trachea
    disc = np.abs((z % 26) - 13) > 10.5
    spine = _ellipse(z, y, x, (0, 76, 0), (19, 17, _LONG))
    fill(spine < 1, MARROW)
    fill((spine < 1) & (spine > 0.78), CORTEX)
    fill((spine < 1) & disc, 90)
    fill((_ellipse(z, y, x, (0, 100, 0), (4, 12, _LONG)) < 1) & ~disc, MARROW)
    sternum = _ellipse(z, y, x, (0, -90, 30), (17, 5, 75))
    fill(sternum < 1, MARROW)
    # ribs: a shell between two ellipses, in bands that fall from the spine to the front
    shell = np.abs(np.sqrt(_ellipse(z, y, x, (0, 5, 0), (141, 91, _LONG))) - 1)
    band = np.abs(((z + 0.32 * y + 200) % 27) - 13.5)
    rib = (shell / 0.032) ** 2 + (band / 5.0) ** 2
    cage = (np.abs(x) > 15) & (y > -75)
    fill((rib < 1) & cage, CORTEX)
    fill((rib < 0.45) & cage, MARROW)


def _sheet(
    values: Values, lungs: NDArray[np.bool_], sheet: Sheet, places: tuple[Values, Values, Values]
) -> None:
    """Draw a fissure: each voxel takes the share of it that the sheet fills."""
    z, y, x = places
    width = float(np.mean([np.ptp(one) / (one.size - 1) for one in places]))
    share = SHEET_MM / width * np.clip(1 - np.abs(sheet.distance(z, y, x)) / width, 0, 1)
    drawn = share * lungs * sheet.near(z, y, x, width)
    values += drawn * (SOLID - values)


def _vessels(
    values: Values,
    lungs: NDArray[np.bool_],
    affine: NDArray[np.float64],
    random: np.random.Generator,
) -> None:
    """Draw branching vessels from each hilum as chains of balls that grow thinner."""
    spacing = np.array([affine[2, 0], affine[1, 1], affine[0, 2]])
    origin = np.array([affine[2, 3], affine[1, 3], affine[0, 3]])
    for side in (-1, 1):
        for _ in range(34):
            hilum = np.array([random.normal(-8, 10), random.normal(5, 8), side * 34.0])
            heading = random.normal(0, 1, 3) * np.array([1.5, 1.1, 0.6])
            heading[2] = side * abs(heading[2]) + side * 0.4
            branches = [(hilum, heading / np.linalg.norm(heading), random.uniform(2.4, 4.6))]
            while branches:
                point, direction, radius = branches.pop()
                for _step in range(int(random.integers(9, 18))):
                    away = float(np.linalg.norm(point - hilum))
                    drawn = min(radius, max(THINNEST_MM, WIDEST_MM * np.exp(-away / TAPER_MM)))
                    _ball(values, lungs, (point - origin) / spacing, drawn / spacing)
                    direction = direction + random.normal(0, 0.16, 3)
                    direction /= np.linalg.norm(direction)
                    point = point + direction * max(1.5, radius)
                    radius *= 0.98
                if radius > 0.75:
                    for _branch in range(2):
                        turned = direction + random.normal(0, 0.5, 3)
                        branches.append((point, turned / np.linalg.norm(turned), radius * 0.72))


def _ball(
    values: Values,
    lungs: NDArray[np.bool_],
    centre: NDArray[np.float64],
    radii: NDArray[np.float64],
) -> None:
    sides, squares = [], []
    for middle, radius, size in zip(centre.tolist(), radii.tolist(), values.shape, strict=True):
        low = max(math.floor(middle - radius - 1), 0)
        high = min(math.ceil(middle + radius + 2), size)
        if low >= high:
            return
        sides.append(slice(low, high))
        squares.append(((np.arange(low, high) - middle) / radius) ** 2)
    z, y, x = squares
    box = tuple(sides)
    distance = np.sqrt(z[:, None, None] + y[:, None] + x)
    share = np.clip((1.15 - distance) / 0.5, 0, 1) * lungs[box]
    drawn = np.maximum(values[box], LUNG + share * (BLOOD - LUNG))
    values[box] = np.where(share > 0, drawn, values[box])


def _draw(
    grid: Volume, lungs: NDArray[np.bool_], nodule: Nodule, random: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw one nodule into `grid` and return its mask."""
    index = np.rint(grid.to_index(nodule.centre)).astype(int)
    if not grid.holds(nodule.centre) or not lungs[tuple(index)]:
        raise BadInput("a nodule outside the phantom's lungs", "a centre in a lung", "move it")
    values = grid.values
    margin = nodule.diameter_mm * 1.2 + 6
    reach = np.ceil(margin / np.array(grid.spacing)).astype(int)
    low = np.maximum(index - reach, 0)
    high = np.minimum(index + reach + 1, values.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    places = np.stack(np.meshgrid(*(np.arange(a, b) for a, b in zip(low, high, strict=True)),
                                  indexing="ij"), axis=-1)  # fmt: skip
    offset = grid.to_point(places.astype(float)) - np.asarray(nodule.centre)
    distance = np.linalg.norm(offset, axis=-1)
    radius = nodule.diameter_mm / 2 * _bumps(offset, nodule.kind, random)
    edge = max(0.6, grid.spacing[2] * 0.7)
    share = np.clip((radius - distance) / edge + 0.5, 0, 1)
    density = np.full(distance.shape, SOLID)
    if nodule.kind in ("ground-glass", "part-solid"):
        density[:] = GROUND_GLASS
        if nodule.kind == "part-solid":
            core = np.clip((radius * 0.5 - distance) / edge + 0.5, 0, 1)
            density += core * (SOLID - GROUND_GLASS)
    if nodule.kind == "spiculated":
        share = np.maximum(share, _spicules(offset, distance, nodule.diameter_mm / 2, random))
    values[box] = values[box] * (1 - share) + density * share
    mask = np.zeros(values.shape, dtype=bool)
    mask[box] = distance <= radius
    return mask


def _bumps(
    offset: NDArray[np.float64], kind: Kind, random: np.random.Generator
) -> NDArray[np.float64]:
    """Return a factor of the radius by direction, with mean volume one."""
    unit = offset / np.maximum(np.linalg.norm(offset, axis=-1, keepdims=True), 1e-6)
    height = 0.16 if kind == "spiculated" else 0.06
    factor = np.ones(offset.shape[:-1])
    for _ in range(5):
        axis = random.normal(0, 1, 3)
        wave = np.cos(random.uniform(2, 4) * (unit @ (axis / np.linalg.norm(axis))))
        factor += height * random.uniform(-1, 1) * wave
    # keep the volume: the mean of the cubed factor over directions is scaled to one
    near = np.linalg.norm(offset, axis=-1) > 0
    scaled: NDArray[np.float64] = factor / np.cbrt(np.mean(factor[near] ** 3))
    return scaled


def _spicules(
    offset: NDArray[np.float64],
    distance: NDArray[np.float64],
    radius: float,
    random: np.random.Generator,
) -> NDArray[np.float64]:
    share = np.zeros(distance.shape)
    for _ in range(18):
        axis = random.normal(0, 1, 3)
        axis /= np.linalg.norm(axis)
        along = offset @ axis
        length = radius * random.uniform(1.5, 2.2)
        away = np.sqrt(np.maximum(distance**2 - along**2, 0))
        width = np.maximum(1.1 * (1 - along / length), 0)
        ray = np.where((along > 0) & (along < length), np.clip(width - away + 0.5, 0, 1), 0)
        share = np.maximum(share, 0.8 * ray)
    return share
