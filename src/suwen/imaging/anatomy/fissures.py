"""Where the fissures of the lungs run on a chest CT: lung -> prior -> evidence -> fit.

1. *Lung*: the box of each lung gives its own scale.
2. *Prior*: anatomy says about where each fissure runs in that box (`knowledge/fissures.toml`): a
   plane across the lung from side to side.
3. *Evidence*: the CT is resampled into a slab along that plane. Two signs speak for a fissure at
   some height in the slab: a thin bright sheet, and few vessels (also on thick slices, where the
   sheet itself is blurred away).
4. *Fit*: a surface with six coefficients is moved through the slab to where most evidence lies,
   and is drawn towards the plane where there is little.

Surfaces fitted the same way about planes where no fissure runs (the decoys) say how much evidence
chance gives in these very lungs; a fissure counts as seen only where there is more.

References: Hayashi et al., RadioGraphics 21:861-874, 2001 (fissures are lines, or zones without
vessels); Pu et al., IEEE Trans Med Imaging 28:1986-1996, 2009 and Qi et al., BioMed Eng OnLine
13:59, 2014 (surface fitting, sparseness of vessels): mean errors of 2 to 3 mm.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy import ndimage

from suwen.core.codes import Text
from suwen.imaging.anatomy.fissure_fit import STEP_MM, Floats, Slab, fit, terms_at
from suwen.imaging.anatomy.lungs import Lungs
from suwen.imaging.volumes.nodule import Mask
from suwen.imaging.volumes.volume import Volume

KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge" / "fissures.toml"
BAND_MM: Final = 27.5
"""How far from the prior plane the slab reaches."""
RIM_MM: Final = 4.0
"""Evidence nearer to the border of the lung is not used: there are few vessels at the pleura."""
UNSURE_MM: Final = 15.0
"""So far above a fissure whose place is not seen another one is looked for."""
LEAST_GAIN: Final = 1.55
"""A surface is believed with this many times the evidence of the decoys' (mean of the three): more
than any of 42 fits on 14 phantoms without fissures had (largest 1.54)."""
SEEN_PERCENTILE: Final = 95.0
"""A believed fissure is seen where there is more evidence than at this share of the decoys."""
LABELS: Final = {"right": 1, "left": 2}
"""The lungs' numbers in `Lungs.labels`."""


@dataclass(frozen=True)
class Plane:
    """A plane across a lung: `along` runs up and back, `normal` up and forward (LPS, mm)."""

    origin: Floats
    along: Floats
    normal: Floats
    half: Floats
    """Half its extent along, and from side to side, in mm."""

    def coordinates(self, points: Floats) -> Floats:
        """Return (along, towards the patient's left, across) in mm of points (..., 3)."""
        return (points - self.origin) @ self._axes.T

    def points(self, coordinates: Floats) -> Floats:
        """Return the LPS points (..., 3) of coordinates (..., 3)."""
        placed: Floats = self.origin + coordinates @ self._axes
        return placed

    @property
    def _axes(self) -> Floats:
        return np.stack([self.along, np.array([1.0, 0.0, 0.0]), self.normal])


@dataclass(frozen=True)
class Fissure:
    """A fissure as a smooth surface about its prior plane.

    Parameters
    ----------
    shape
        Six coefficients in mm (see `fissure_fit.terms_at`); all zero for the prior alone.
    seen
        Whether it is seen in the image, on the grid of the slab (along, side to side).
    fitted
        Whether the image moved it; else the prior alone stands.
    """

    name: str
    title: Text
    plane: Plane
    shape: Floats
    seen: Mask = field(repr=False)
    fitted: bool

    def distance(self, points: Floats) -> Floats:
        """Return the distance in mm of LPS points (..., 3): positive above and in front."""
        at = self.plane.coordinates(np.asarray(points, dtype=float))
        a, b = at[..., 0] / self.plane.half[0], at[..., 1] / self.plane.half[1]
        _, shift, turn, bow, twist, bend = self.shape
        rise = (shift + 2 * bow * a + twist * b) / self.plane.half[0]
        lean = (turn + twist * a + 2 * bend * b) / self.plane.half[1]
        away = at[..., 2] - terms_at(a, b) @ self.shape
        found: Floats = away / np.sqrt(1 + rise**2 + lean**2)
        return found

    def seen_at(self, point: Floats) -> bool:
        """Say whether the fissure is seen next to a point."""
        at = self.plane.coordinates(np.asarray(point, dtype=float))[:2]
        last = np.array(self.seen.shape) - 1
        row, column = np.clip(np.rint((at / self.plane.half + 1) / 2 * last), 0, last).astype(int)
        return self.fitted and bool(self.seen[row, column])


@lru_cache(maxsize=1)
def priors() -> Mapping[str, Any]:
    """Return what anatomy says of each fissure, by its name."""
    return tomllib.loads(KNOWLEDGE.read_text(encoding="utf-8"))


def find_fissures(volume: Volume, lungs: Lungs) -> dict[str, Fissure]:
    """Return the fissures of a chest CT by name; the prior plane for those that are not seen.

    Parameters
    ----------
    volume
        Axial slices in HU, shape (z, y, x).
    lungs
        Both whole lungs of the same CT.
    """
    planes = {name: _plane(_box(lungs, one), one["back"], one["front"]) for name, one in _known()}
    usual = {name: _as_prior(name, plane) for name, plane in planes.items()}
    decoys = []
    for one in priors().values():
        plane = _plane(_box(lungs, one), one["decoy_back"], one["decoy_front"])
        slab = _slab(volume, lungs, one["side"], plane, usual.get(one.get("above", "")))
        decoys.append(fit(slab))
    chance = LEAST_GAIN * float(np.mean([one.gain for one in decoys]))
    along = np.concatenate([one.along[np.isfinite(one.along)] for one in decoys])
    limit = float(np.percentile(along, SEEN_PERCENTILE)) if len(along) else np.inf
    found: dict[str, Fissure] = {}
    for name, one in _known():
        above = found.get(one.get("above", ""))
        moved = fit(_slab(volume, lungs, one["side"], planes[name], above))
        found[name] = usual[name]
        if moved.gain > chance:
            found[name] = replace(
                usual[name], shape=moved.shape, seen=moved.along > limit, fitted=True
            )
    return found


def _as_prior(name: str, plane: Plane) -> Fissure:
    title = Text(**priors()[name]["name"])
    return Fissure(name, title, plane, np.zeros(6), np.zeros((1, 1), dtype=bool), fitted=False)


def _known() -> list[tuple[str, Mapping[str, Any]]]:
    return list(priors().items())


def _box(lungs: Lungs, prior: Mapping[str, Any]) -> Floats:
    """Return the lowest and highest x, y, z of the lung of a fissure, single voxels left out."""
    inside = np.argwhere(lungs.labels == LABELS[prior["side"]]).astype(float)
    found: Floats = np.percentile(lungs.grid.to_point(inside), (0.5, 99.5), axis=0)
    return found


def _plane(ends: Floats, back: list[float], front: list[float]) -> Plane:
    """Return the plane through two lines from side to side, given in shares of a lung's box."""
    low, high = ends
    depth, height = low[1:], high[1:] - low[1:]
    first, last = depth + height * np.array(back), depth + height * np.array(front)
    length = float(np.linalg.norm(first - last))
    y, z = (first - last) / length
    middle = (first + last) / 2
    return Plane(
        origin=np.array([(low[0] + high[0]) / 2, *middle]),
        along=np.array([0.0, y, z]),
        normal=np.array([0.0, -z, y]),
        half=np.array([length / 2 + BAND_MM, (high[0] - low[0]) / 2]),
    )


def _slab(volume: Volume, lungs: Lungs, side: str, plane: Plane, above: Fissure | None) -> Slab:
    """Resample the lung of a side about a plane, without its rim and what lies below a fissure."""
    reach = np.array([*plane.half, BAND_MM])
    axes = [np.linspace(-r, r, round(2 * r / s) + 1) for r, s in zip(reach, STEP_MM, strict=True)]
    points = plane.points(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1))
    index = np.moveaxis(volume.to_index(points), -1, 0)
    hu = ndimage.map_coordinates(volume.values, index, np.float32, order=1, mode="nearest")
    coarse = np.moveaxis(lungs.grid.to_index(points), -1, 0)
    lung = ndimage.map_coordinates(
        (lungs.labels == LABELS[side]).astype(np.uint8), coarse, order=0, mode="constant"
    ).astype(bool)
    inner = ndimage.distance_transform_edt(lung, STEP_MM) > RIM_MM
    if above is not None:
        inner &= above.distance(points) > (RIM_MM if above.fitted else UNSURE_MM)
    return Slab(hu, inner)
