"""Where the lungs lie on a frontal chest X-ray: classical, without weights.

Air is dark between brighter chest wall and mediastinum, at about the same place in every frontal
picture, and the two lungs mirror each other. A consolidated lung is no longer dark, so what one
side shows is granted to the other where the place allows it. Good enough to say whether a
saliency map looks at the lungs; not a measurement of them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from suwen.imaging.pictures.picture import Floats, levelled, resized

Mask = NDArray[np.bool_]

EDGE: Final = 128
"""The field is found on a square of this edge."""
CENTRES: Final = ((0.45, 0.30), (0.45, 0.70))
"""Where the middle of each lung is expected, shares of height and width."""
REACH: Final = (0.36, 0.20)
"""Half axes of the ellipse a lung may fill, shares of height and width."""
BLACK: Final = 0.15
"""Grey below this, joined to a side of the picture, is air beside the body."""
LEAST: Final = 0.02
"""Share of the square below which a dark region is no lung."""


def lung_field(image: NDArray[np.floating]) -> Mask:
    """Return the lung field of a frontal chest X-ray (h, w), brighter is denser; may be empty."""
    square = ndimage.gaussian_filter(levelled(resized(image, (EDGE, EDGE))), 1.5)
    allowed = [_ellipse(centre) for centre in CENTRES]
    place = (allowed[0] | allowed[1]) & ~_beside_body(square)
    if not place.any():
        return np.zeros(image.shape, dtype=bool)
    dark = (square < _between(square[place])) & place
    sides = [_best(dark & one, c) for one, c in zip(allowed, CENTRES, strict=True)]
    axis = _midline(sides)
    joined = sides[0] | sides[1]
    mirrored = _mirrored(joined, axis)
    field = joined | (mirrored & place)
    field = ndimage.binary_fill_holes(ndimage.binary_closing(field, iterations=2))
    shape = (image.shape[0], image.shape[1])
    return np.asarray(resized(field.astype(np.float32), shape) > 0.5)


def share_inside(relevance: NDArray[np.floating], field: Mask) -> float:
    """Return the share of the positive relevance that lies inside the field; NaN without any."""
    strength = np.clip(relevance, 0, None)
    total = float(strength.sum())
    return float(strength[field].sum()) / total if total > 0 else float("nan")


def _reached(centre: tuple[float, float]) -> NDArray[np.float64]:
    """Return how far each place lies from where a lung is expected, 1 at the ellipse."""
    y, x = (np.mgrid[:EDGE, :EDGE] + 0.5) / EDGE
    return np.asarray(((y - centre[0]) / REACH[0]) ** 2 + ((x - centre[1]) / REACH[1]) ** 2)


def _ellipse(centre: tuple[float, float]) -> Mask:
    return np.asarray(_reached(centre) <= 1)


def _beside_body(square: Floats) -> Mask:
    """Return what is nearly black and joined to a side of the picture."""
    labels, _ = ndimage.label(square < BLACK)
    touching = np.unique(np.concatenate([labels[:, 0], labels[:, -1]]))
    found = np.isin(labels, touching[touching > 0])
    return np.asarray(ndimage.binary_dilation(found, iterations=4))


def _between(values: Floats) -> float:
    """Return the threshold between two kinds of grey values (Otsu, IEEE Trans SMC 9:62, 1979)."""
    counts, edges = np.histogram(values, 64)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = sums / below - (sums[-1] - sums) / above
    spread = np.nan_to_num(below * above * gap**2)
    return float(edges[1 + int(np.argmax(spread))])


def _best(mask: Mask, centre: tuple[float, float]) -> Mask:
    """Return the connected part that fills most of a lung's place, or nothing when too small."""
    labels, count = ndimage.label(ndimage.binary_opening(mask))
    if not count:
        return np.zeros_like(mask)
    near = np.clip(1 - _reached(centre), 0, None)
    weight = np.bincount(labels.ravel(), weights=near.ravel())[1:]
    best = labels == 1 + int(np.argmax(weight))
    return np.asarray(best if best.sum() >= LEAST * mask.size else np.zeros_like(mask))


def _midline(sides: list[Mask]) -> float:
    """Return the column between the two lungs, the middle of the picture when one is missing."""
    if not all(side.any() for side in sides):
        return (EDGE - 1) / 2
    return float(np.mean([np.argwhere(side)[:, 1].mean() for side in sides]))


def _mirrored(mask: Mask, axis: float) -> Mask:
    columns = np.round(2 * axis - np.arange(EDGE)).astype(int)
    inside = (columns >= 0) & (columns < EDGE)
    found = np.zeros_like(mask)
    found[:, inside] = mask[:, columns[inside]]
    return found
