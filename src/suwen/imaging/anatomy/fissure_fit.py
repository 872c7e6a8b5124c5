"""The surface along which most speaks for a fissure, in a slab of lung about its prior plane.

Two signs count: a thin bright sheet, and few vessels (also on thick slices, where the sheet itself
is blurred away). A smooth surface of six coefficients is searched for on a coarse grid, then moved
downhill from the best places found; see `fissures.py` for what is made of it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy import ndimage

from suwen.imaging.volumes.nodule import Mask

Floats = NDArray[np.float64]

STEP_MM: Final = np.array([2.5, 2.5, 1.25])
"""Spacing of the slab along the fissure, from side to side, and across the fissure."""
AERATED_HU: Final = -600.0
VESSEL_HU: Final = 70.0
FLAT_RATIO: Final = 3.0
"""A voxel this much brighter than the lung around it is vessel, unless its whole height is bright:
that is a sheet, which may be tilted."""
SHEET_HU: Final = 150.0
"""A sheet brighter than the lung counts up to this."""
CLIPPED_HU: Final = (-200.0, 150.0)
"""Values beyond these about the lung's median do not move the mean of a neighbourhood."""
AROUND_MM: Final = (12.0, 12.0, 12.0)
SHEET_BLUR_MM: Final = (5.0, 5.0, 0.8)
VESSELS_BLUR_MM: Final = (8.0, 8.0, 2.0)
"""Gaussians (along, side to side, across) over which lung, sheet and vessels are averaged."""
LEAST_VESSELS: Final = 0.02
"""With a smaller share of vessels about, few vessels say little."""
MOST_SHEET, MOST_SPARSE = 3.0, 2.0
"""Evidence beyond this, in standard deviations, counts no more: no one place decides."""
SHEET_MM: Final = 3.75
"""How far on either side of a sheet the lung is compared with it."""
VESSELS_COUNT: Final = (3.0, 0.5)
"""Weights of the lack of vessels against the sheet in two searches: on thick and on thin slices."""
BLUR_MM: Final = (3.75, 1.25)
"""Blur of the sheet across the fissure, from the search to the exact place."""
STARTS: Final = 5
"""Surfaces of the search that are followed to the exact place."""
SPREAD_MM: Final = np.array([10.0, 12.0, 10.0, 6.0, 6.0, 6.0])
"""Usual size of each coefficient at the ends of the plane: shift, two tilts, three curvatures. Our
choice: no publication gives them."""
LARGEST: Final = 2.5
"""No coefficient is larger, in units of its usual size."""
STIFFNESS: Final = 0.03
"""Evidence that a coefficient of its usual size costs."""
LEAST_PLACES: Final = 200
"""With lung at fewer places of a slab (6 mm2 each) nothing is fitted."""


@dataclass(frozen=True)
class Slab:
    """Lung about a plane, shape (along, side to side, across): HU, and what is lung."""

    hu: NDArray[np.float32]
    lung: Mask


@dataclass(frozen=True)
class Fit:
    """A surface through a slab, the evidence it gained (mean), and that along it.

    `along` has the shape (along, side to side), no evidence (minus infinity) outside the lung.
    """

    shape: Floats
    gain: float
    along: Floats


def fit(slab: Slab) -> Fit:
    """Return the surface with most evidence; the plane where hardly any lung is."""
    if slab.lung.any(2).sum() < LEAST_PLACES:
        return Fit(np.zeros(6), 0.0, np.full(slab.lung.shape[:2], -np.inf))
    sheet, sparse = _evidence(slab)
    found: list[Floats] = []
    for weight in VESSELS_COUNT:
        fields = [Field.of(sheet, weight * sparse, slab.lung, blur) for blur in BLUR_MM]
        starts = _searched(fields[0])
        for one in fields:
            starts = [one.valley(shape) for shape in starts]
        found += starts
    costs = Field.of(sheet, sparse, slab.lung, BLUR_MM[-1]).cost(np.array(found))
    shape = found[int(costs.argmin())]
    return Fit(shape, -float(costs.min()), _along(sheet + sparse, slab.lung, shape))


def _evidence(slab: Slab) -> tuple[Floats, Floats]:
    """Return how much each place looks like a thin sheet, and how few vessels are there.

    Both in units of their standard deviation over the slab, 0 where nothing can be said.
    """
    lung = slab.lung.astype(np.float32)
    aerated = slab.hu[slab.lung & (slab.hu < AERATED_HU)]
    middle = float(np.median(aerated)) if len(aerated) else AERATED_HU
    low, high = (middle + value for value in CLIPPED_HU)
    around = _mean(np.clip(slab.hu, low, high), lung, AROUND_MM)
    above = slab.hu - around
    bounded = np.clip(above, -SHEET_HU, SHEET_HU)
    flat = np.maximum(_mean(bounded, lung, SHEET_BLUR_MM), 0)
    vessels = (above > VESSEL_HU + FLAT_RATIO * flat) & slab.lung
    tissue = lung * ~vessels
    level = _mean(bounded, tissue, SHEET_BLUR_MM)
    beside = round(SHEET_MM / STEP_MM[2])
    known = np.roll(tissue, beside, 2) * np.roll(tissue, -beside, 2) * tissue > 0
    known[..., :beside], known[..., -beside:] = False, False
    sheet = level - (np.roll(level, beside, 2) + np.roll(level, -beside, 2)) / 2
    share = _mean(vessels.astype(np.float32), lung, VESSELS_BLUR_MM)
    usual = _mean(share, lung, (0.0, 0.0, AROUND_MM[2]))
    sparse = (usual - share) / np.maximum(usual, LEAST_VESSELS)
    return _scaled(sheet, known, MOST_SHEET), _scaled(sparse, slab.lung, MOST_SPARSE)


def _mean(
    values: NDArray[Any], weight: NDArray[Any], sigma_mm: tuple[float, float, float]
) -> Floats:
    """Return the weighted mean of a neighbourhood, Gaussian of `sigma_mm`."""
    sigma = np.array(sigma_mm) / STEP_MM
    total = ndimage.gaussian_filter(weight, sigma, mode="constant", truncate=2.5)
    summed = ndimage.gaussian_filter(values * weight, sigma, mode="constant", truncate=2.5)
    found: Floats = summed / np.maximum(total, 0.05)
    return found


def _scaled(values: Floats, where: Mask, most: float) -> Floats:
    spread = float(values[where].std()) if where.any() else 1.0
    found: Floats = np.where(where, np.clip(values / max(spread, 1e-6), -most, most), 0)
    return found


def terms_at(a: Floats, b: Floats) -> Floats:
    """Return the terms of a surface, shape (..., 6), at shares of the plane's half extents."""
    return np.stack([np.ones_like(a), a, b, a * a, a * b, b * b], axis=-1)


def _grid(shape: tuple[int, ...]) -> Floats:
    """Return the terms at each place of a slab, shape (along, side to side, 6)."""
    a, b = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape[:2]), indexing="ij")
    return terms_at(a, b)


@dataclass(frozen=True)
class Field:
    """What surfaces through a slab cost: the negative mean evidence, and what bending costs.

    `evidence` has the shape (places, across), `terms` (places, 6); evidence outside the lung is 0.
    """

    evidence: Floats
    terms: Floats

    @classmethod
    def of(cls, sheet: Floats, sparse: Floats, lung: Mask, blur_mm: float) -> Field:
        """Take every third place that holds lung, with the sheet blurred across the fissure."""
        places = np.zeros(lung.shape[:2], dtype=bool)
        places.flat[np.flatnonzero(lung.any(2))[::3]] = True
        blurred = ndimage.gaussian_filter1d(sheet[places], blur_mm / STEP_MM[2], axis=1)
        return cls((blurred + sparse[places]) * lung[places], _grid(lung.shape)[places])

    def cost(self, shapes: Floats, every: int = 1) -> Floats:
        """Return the costs of surfaces (n, 6), by every k-th place."""
        rows = np.arange(0, len(self.terms), every)
        below, part = self._levels(shapes @ self.terms[rows].T)
        found = self.evidence[rows, below] * (1 - part) + self.evidence[rows, below + 1] * part
        total: Floats = STIFFNESS * ((shapes / SPREAD_MM) ** 2).sum(1) - found.mean(1)
        return total

    def valley(self, shape: Floats) -> Floats:
        """Return the surface at the bottom of the valley that a surface lies in."""
        found = scipy.optimize.minimize(
            self._descent,
            shape / SPREAD_MM,
            jac=True,
            method="L-BFGS-B",
            bounds=[(-LARGEST, LARGEST)] * len(shape),
            options={"maxiter": 15},
        )
        return np.asarray(found.x * SPREAD_MM)

    def _descent(self, x: Floats) -> tuple[float, Floats]:
        """Return cost and gradient of a surface in units of the usual sizes."""
        below, part = self._levels(self.terms @ (x * SPREAD_MM))
        rows = np.arange(len(self.terms))
        first, second = self.evidence[rows, below], self.evidence[rows, below + 1]
        value = STIFFNESS * float(x @ x) - float((first + (second - first) * part).mean())
        slope = (second - first) / STEP_MM[2] / len(rows)
        return value, 2 * STIFFNESS * x - slope @ self.terms * SPREAD_MM

    def _levels(self, height_mm: Floats) -> tuple[NDArray[np.intp], Floats]:
        """Return between which levels of the slab heights lie: the lower one, and how far on."""
        last = self.evidence.shape[1] - 1
        height = np.clip(height_mm / STEP_MM[2] + last / 2, 0, last - 1e-6)
        below = height.astype(np.intp)
        return below, height - below


def _searched(field: Field) -> list[Floats]:
    """Return the best surfaces of a coarse grid, no two alike."""
    shifts, tilts, bends = np.linspace(-20, 20, 17), np.linspace(-18, 18, 7), (-6.0, 0.0, 6.0)
    tried = np.array(list(itertools.product(shifts, tilts, tilts, bends, bends, (0.0,))))
    costs = np.concatenate([field.cost(part, 5) for part in np.array_split(tried, 16)])
    found: list[Floats] = []
    for shape in tried[np.argsort(costs)]:
        if all(np.abs((shape - one) / SPREAD_MM).max() > 0.9 for one in found):
            found.append(shape)
        if len(found) == STARTS:
            break
    return found


def _along(evidence: Floats, lung: Mask, shape: Floats) -> Floats:
    """Return the evidence along a surface, a mean over about 2 cm; see `Fit`."""
    height = _grid(lung.shape) @ shape / STEP_MM[2] + (lung.shape[2] - 1) / 2
    level = np.clip(np.rint(height).astype(int), 0, lung.shape[2] - 1)[..., None]
    inside = np.take_along_axis(lung, level, 2)[..., 0]
    found = np.take_along_axis(evidence, level, 2)[..., 0]
    sigma = 8.0 / STEP_MM[:2]
    weight = ndimage.gaussian_filter(inside.astype(float), sigma, mode="constant")
    total = ndimage.gaussian_filter(found * inside, sigma, mode="constant")
    return np.where(inside, total / np.maximum(weight, 0.05), -np.inf)
