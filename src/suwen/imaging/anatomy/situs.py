"""Is a chest CT the right way round? Pixels mirrored against their tags are noticed by the organs.

A mirrored export, or an orientation field that lost a sign, puts every finding into the other lung.
Heart, aorta and liver tell left from right: each slice is squeezed onto a coarse grid of the body's
box, and the difference of its two halves is weighed (`knowledge/situs.json`, fitted to LUNA16
slices and their mirror images, so that equal halves score zero). About one of 10,000 people has
mirrored organs, and a lost or collapsed lung moves the heart; so the answer is never which of these
it is, only that sides read from the images must not be trusted.

How often it is right stands in the knowledge file. Single slices are less certain than a scan;
whole scans other than one could not be measured.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from suwen.core.codes import Text
from suwen.imaging.volumes.volume import Volume

KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge" / "situs.json"
ROWS, COLUMNS = 12, 16
"""Cells of the grid over the body's box; a slice gives `ROWS` x `COLUMNS / 2` differences."""
SUBCELLS: Final = 4
BODY_HU: Final = -300.0
AERATED_HU: Final = -500.0
LOW_HU, HIGH_HU = -1000.0, 300.0
LEAST_LUNG_CM2: Final = 30.0
"""A slice with less lung says nothing."""
LEAST_MM: Final = 40.0
"""Height of the chest that has to be seen."""
LIMIT: Final = 2.0
"""Score (log odds) below minus this, the organs are on the other side."""

MIRRORED: Final = Text(
    en="The organs appear on the wrong sides: the images are mirrored, or the organs are (situs "
    "inversus), so no side is named. Compare with the patient.",
    zh="脏器左右位置相反：图像可能左右颠倒，或为内脏反位，故不标注左右侧。请与患者核对。",
)


def mirrored(volume: Volume) -> bool:
    """Say whether the organs lie clearly on the wrong sides on a chest CT in HU (axial slices)."""
    found = score(volume)
    return found is not None and found < -LIMIT


def score(volume: Volume) -> float | None:
    """Return the log odds that left is left: the mean over slices; None where too few show lung."""
    towards_left = float(np.sign(volume.affine[0, 2]))
    _, down, across = volume.spacing
    seen = (halves(np.asarray(flat, np.float32), (down, across)) for flat in volume.values)
    found = [one for one in seen if one is not None]
    if len(found) * volume.spacing[0] < LEAST_MM:
        return None
    return towards_left * float((np.array(found) @ weights()).mean())


def halves(flat: NDArray[np.float32], spacing: tuple[float, float]) -> NDArray[np.float64] | None:
    """Return the difference of the halves of one slice (y, x) in HU, in units of 1000 HU.

    The half with smaller columns, minus the mirrored other half; shape (`ROWS` * `COLUMNS / 2`,).
    None where too little lung is seen.
    """
    labels, count = ndimage.label(ndimage.binary_opening(flat > BODY_HU))
    if not count:
        return None
    largest = labels == 1 + np.bincount(labels.ravel())[1:].argmax()
    body = ndimage.binary_fill_holes(largest)
    if (body & (flat < AERATED_HU)).sum() * spacing[0] * spacing[1] / 100 < LEAST_LUNG_CM2:
        return None
    rows, columns = np.flatnonzero(body.any(1)), np.flatnonzero(body.any(0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    values = np.clip(np.where(body[box], flat[box], LOW_HU), LOW_HU, HIGH_HU)
    at = [
        (np.arange(cells * SUBCELLS) + 0.5) * size / (cells * SUBCELLS) - 0.5
        for cells, size in zip((ROWS, COLUMNS), values.shape, strict=True)
    ]
    fine = ndimage.map_coordinates(values, np.meshgrid(*at, indexing="ij"), order=1, mode="nearest")
    cells = fine.reshape(ROWS, SUBCELLS, COLUMNS, SUBCELLS).mean((1, 3), dtype=np.float64)
    return np.asarray((cells - cells[:, ::-1])[:, : COLUMNS // 2].ravel() / 1000)


@lru_cache(maxsize=1)
def weights() -> NDArray[np.float64]:
    """Return the weight of each difference, shape (`ROWS` * `COLUMNS / 2`,)."""
    return np.array(json.loads(KNOWLEDGE.read_text(encoding="utf-8"))["weights"])
