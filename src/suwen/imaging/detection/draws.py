"""What the detector learns from: crops of slices, with the maps that it should answer.

Of every slice a crop near a nodule and a crop elsewhere in the lungs, mostly where the network
raised a false alarm, and slices of the LIDC nodule crops, whose surroundings beyond the crop weigh
nothing. Some of the large nodules get a cavity; a share is changed as scanners change slices.

Reference: Zhou et al., arXiv:1904.07850, 2019 (objects as points).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from suwen.imaging.detection.cavities import hollowed
from suwen.imaging.detection.detector import CELL_MM, PIXEL_MM, STRIDE, channels
from suwen.imaging.learning.hardening_ct import corrupted_slice
from suwen.imaging.nodules.data import Crop
from suwen.imaging.nodules.fit_segmentation import disturb
from suwen.imaging.volumes.patches import Floats
from suwen.lifecycle.examples import Examples

CROP: Final = 192
"""Edge of a crop of a slice in pixels: 96 mm."""
SMALL_CROP: Final = 96
"""Edge of what is shown of a LIDC crop: 48 mm."""
LEAST_BUMP_MM: Final = 1.5
"""Smallest spread of the bump around a centre."""
BUMP_SHARE: Final = 1 / 6
"""Spread of the bump as a share of the diameter."""
MINED_SHARE: Final = 0.75
"""Share of the crops without nodule that are taken at a false alarm, once there are any."""
BESIDE_MM: Final = 3.0
"""A mark farther than this, and than the radius, from every nodule is a false alarm."""
OUTSIDE_HU: Final = -20000.0
"""Marks what lies beyond a slice or a crop until its weight is set to zero."""


@dataclass(frozen=True)
class Shown:
    """A slice ready to draw crops from.

    `hu` (y, x) with square pixels of `pixel_mm`, places (k, 4) in mm from the first pixel's centre,
    `known` False where nothing is known, `lung` indices (y, x) inside the lungs.
    """

    name: str
    hu: Floats
    pixel_mm: float
    places: NDArray[np.float64]
    lung: NDArray[np.int64]


@dataclass(frozen=True)
class View:
    """How a crop is cut: its middle (x, y) in mm, size in pixels, turn, zoom and flip."""

    middle: tuple[float, float]
    pixels: int = CROP
    angle: float = 0.0
    zoom: float = 1.0
    flip: int = 1


def lung_pixels(hu: Floats) -> NDArray[np.int64]:
    """Return the indices (y, x) of a slice's lungs with their vessels, every second pixel."""
    dark = hu < -500
    labels, count = ndimage.label(dark)
    rim = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    keep = [k for k in range(1, count + 1) if k not in rim and sizes[k] > 300]
    inside = ndimage.binary_closing(np.isin(labels, keep), iterations=4)
    found = np.argwhere(inside[::2, ::2]) * 2
    return np.asarray(found if len(found) else np.argwhere(hu[::4, ::4] > -2000) * 4)


def cut(one: Shown, view: View) -> tuple[Floats, Floats, Floats]:
    """Return a crop in HU (h, w), the maps to be learned (4, h/4, w/4), and their weight."""
    cosine, sine = np.cos(view.angle), np.sin(view.angle)
    turn = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([view.flip, 1.0])
    matrix = turn * (PIXEL_MM / view.zoom)  # from pixels of the crop to mm of the slice, (x, y)
    half = (view.pixels - 1) / 2
    inside = np.array(view.middle) / one.pixel_mm
    swapped = matrix[::-1, ::-1] / one.pixel_mm
    hu = ndimage.affine_transform(
        one.hu,
        swapped,
        inside[::-1] - swapped @ np.full(2, half),
        (view.pixels, view.pixels),
        np.float32,
        order=1,
        mode="constant",
        cval=OUTSIDE_HU,
    )
    places = one.places.copy()
    back = np.linalg.inv(matrix)
    places[:, :2] = (places[:, :2] - np.array(view.middle)) @ back.T + half  # pixels of the crop
    places[:, 2] *= view.zoom
    cells = view.pixels // STRIDE
    known = (hu > OUTSIDE_HU / 2).astype(np.float32)
    weight = known.reshape(cells, STRIDE, cells, STRIDE).min((1, 3))
    shown = np.where(hu > OUTSIDE_HU / 2, hu, -1000.0).astype(np.float32)
    return shown, *target(places, cells, weight)


def target(places: NDArray[np.float64], cells: int, known: Floats) -> tuple[Floats, Floats]:
    """Return the maps to be learned and their weight; places (k, 4) in pixels of the crop."""
    maps = np.zeros((4, cells, cells), np.float32)
    weight = known[None].copy()
    axis = np.arange(cells)
    for x, y, wide, counts in places:
        column, row = ((value + 0.5) / STRIDE - 0.5 for value in (x, y))
        away = np.hypot(axis[None] - column, axis[:, None] - row) * CELL_MM
        if not counts:
            weight[0][away < wide / 2 + BESIDE_MM] = 0
            continue
        i, j = round(row), round(column)
        if not (0 <= i < cells and 0 <= j < cells):
            weight[0][away < wide / 2] = 0
            continue
        spread = max(LEAST_BUMP_MM, BUMP_SHARE * wide)
        centred = np.hypot(axis[None] - j, axis[:, None] - i) * CELL_MM
        maps[0] = np.maximum(maps[0], np.exp(-(centred**2) / (2 * spread**2)))
        maps[0, i, j] = 1
        maps[1:, i, j] = column - j, row - i, np.log(wide)
    return maps, weight


Drawn = tuple[Floats, Floats, Floats]


def draw_near(one: Shown, rng: np.random.Generator, corrupt: float = 0.0) -> Drawn:
    """Return a crop that holds a nodule somewhere off its middle."""
    counting = one.places[one.places[:, 3] > 0]
    x, y = counting[rng.integers(len(counting)), :2] + rng.uniform(-34, 34, 2)
    return _noisy(one, (float(x), float(y)), CROP, rng, corrupt)


def draw_elsewhere(
    one: tuple[Shown, Sequence[Any]], rng: np.random.Generator, corrupt: float = 0.0
) -> Drawn:
    """Return a crop around a false alarm, or around any place in the lungs."""
    shown, alarms = one
    if len(alarms) and rng.random() < MINED_SHARE:
        x, y = np.asarray(alarms[int(rng.integers(len(alarms)))], dtype=float)
        x, y = np.array([x, y]) + rng.uniform(-25, 25, 2)
    else:
        y, x = shown.lung[rng.integers(len(shown.lung))] * shown.pixel_mm
    return _noisy(shown, (float(x), float(y)), CROP, rng, corrupt)


def draw_lidc(one: Crop, rng: np.random.Generator, corrupt: float = 0.0) -> Drawn:
    """Return one slice of a LIDC crop, mostly one through the nodule."""
    inside = np.flatnonzero(one.mask.any((1, 2)))
    z = int(rng.choice(inside) if rng.random() < 0.85 else rng.integers(len(one.mask)))
    _, dy, dx = one.volume.spacing
    flat = one.mask[z]
    places = np.zeros((0, 4))
    middle = np.argwhere(one.mask.any(0)).mean(0)
    if flat.any():
        y, x = np.argwhere(flat).mean(0) * (dy, dx)
        places = np.array([[x, y, 2 * np.sqrt(flat.sum() * dy * dx / np.pi), 1.0]])
    shown = Shown(
        "", np.asarray(one.volume.values[z], np.float32), dx, places, np.zeros((0, 2), int)
    )
    x, y = middle[::-1] * (dx, dy) + rng.uniform(-8, 8, 2)
    return _noisy(shown, (float(x), float(y)), SMALL_CROP, rng, corrupt)


def _noisy(
    one: Shown,
    middle: tuple[float, float],
    pixels: int,
    rng: np.random.Generator,
    corrupt: float,
) -> Drawn:
    """Return a crop at random; of a share `corrupt` the slice is changed first."""
    view = View(
        middle,
        pixels,
        rng.uniform(-0.4, 0.4),
        float(np.exp(rng.uniform(-0.15, 0.15))),
        int(rng.choice([-1, 1])),
    )
    changed = hollowed(one.hu, one.pixel_mm, one.places, rng)
    if corrupt and rng.random() < corrupt:
        changed = corrupted_slice(changed, one.pixel_mm, rng)
    hu, maps, weight = cut(replace(one, hu=changed), view)
    return channels(disturb(hu, rng)), maps, weight


def still(one: Shown, place: NDArray[np.float64]) -> Drawn:
    """Return the crop around a place as it is."""
    hu, maps, weight = cut(one, View((float(place[0]), float(place[1]))))
    return channels(hu), maps, weight


def shown_of(examples: Examples) -> list[Shown]:
    """Prepare the examples (single slices) for drawing."""
    found = []
    for i in range(len(examples)):
        volume = examples.load(i).data.volume
        places = examples.truth_of(i)[:, [0, 1, 3, 4]]
        hu = np.asarray(volume.values[0], np.float32)
        found.append(Shown(examples.keys[i], hu, volume.spacing[2], places, lung_pixels(hu)))
    return found
