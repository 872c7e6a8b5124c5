"""Whole lung slices of LIDC-IDRI with the nodules of the LUNA16 reference standard.

One slice a row of `images.csv`, 1 px = 1 mm, 8-bit in the lung window (-1000 to 400 HU). A nodule
counts when at least three of four radiologists marked it; smaller ones, and those that one or two
readers marked, are not boxed. Boxes with the role `ignore` may or may not be visible.

References: Setio et al., Med Image Anal 42:1-13, 2017 (LUNA16); Armato et al., Med Phys
38(2):915-931, 2011 (LIDC-IDRI).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from suwen.core.errors import BadInput
from suwen.imaging.nodules.data import ACCEPTANCE_PATIENTS, LUNG_SLICES
from suwen.imaging.volumes.patches import LUNG_WINDOW
from suwen.lifecycle.data import DataFolders, read_table
from suwen.lifecycle.examples import Source

IGNORED: Final = "ignore"
EDGES: Final = ("x0", "y0", "x1", "y1")
"""Columns of a box, in pixels."""
GREY_LEVELS: Final = 255.0

SLICES_SOURCE: Final = Source(
    name="LUNA16 nodule slices of LIDC-IDRI",
    url="https://luna16.grand-challenge.org/",
    licence="CC BY 3.0",
    citation="Setio et al., Med Image Anal 42:1-13, 2017; Armato et al., Med Phys 38:915-931, 2011",
    shippable=True,
    limits=(
        "Every slice holds at least one nodule: nothing is said about slices or scans without one, "
        "and sensitivity at one false positive per scan cannot be claimed.",
        "Nodules marked by one or two of four readers, and those below 3 mm, are not boxed: found, "
        "they count as false positives.",
        "Single slices, 1 mm pixels, 8 bit: the merging over slices is not measured here.",
        "Diagnostic chest CT of adults from seven US centres, acquired before 2010.",
    ),
)


@dataclass(frozen=True)
class LungSlice:
    """One slice and its nodules.

    `places` has one row a nodule, shape (k, 4): x and y of its centre and its diameter in mm (the
    section's own, on slices beside its middle), and 1 when it counts or 0 when it is ignored.
    """

    name: str
    patient: str
    split: str
    path: Path
    places: NDArray[np.float64]

    @property
    def grey(self) -> NDArray[np.uint8]:
        """Grey levels, shape (y, x)."""
        return _read(self.path)

    @property
    def hu(self) -> NDArray[np.float32]:
        """Hounsfield units within the lung window, shape (y, x)."""
        low, high = LUNG_WINDOW
        return (self.grey * np.float32((high - low) / GREY_LEVELS) + np.float32(low)).astype(
            np.float32
        )


@lru_cache(maxsize=2048)
def _read(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"), dtype=np.uint8)


def read_slices(data: DataFolders) -> list[LungSlice]:
    """Return the slices whose picture is there, in the order of `images.csv`.

    Raises
    ------
    NotFound
        The data set is in none of the folders.
    BadInput
        A table lacks a column or holds a value that is no number.
    """
    root = data.find(LUNG_SLICES)
    places = _places(root / "boxes.csv")
    found = []
    for row in read_table(root / "images.csv", "image", "group"):
        name, patient, split = row["image"], row["group"], row.get("split", "")
        held_back = data.test is None and patient in ACCEPTANCE_PATIENTS
        path = root / "images" / name
        if not held_back and path.is_file():
            boxes = np.array(places.get(name, [])).reshape(-1, 4)
            found.append(LungSlice(name, patient, split, path, boxes))
    return found


def _places(path: Path) -> Mapping[str, list[tuple[float, float, float, float]]]:
    found: dict[str, list[tuple[float, float, float, float]]] = defaultdict(list)
    for line, row in enumerate(read_table(path, "image", *EDGES), start=2):
        try:
            x0, y0, x1, y1 = (float(row[key]) for key in EDGES)
        except (TypeError, ValueError) as error:
            raise BadInput(
                f"{path.name} line {line}: {type(error).__name__}",
                f"numbers in {', '.join(EDGES)}",
                "compare the table with the data set's README",
            ) from None
        counts, wide = float(row.get("role") != IGNORED), (x1 - x0 + y1 - y0) / 2
        found[row["image"]].append(((x0 + x1) / 2, (y0 + y1) / 2, wide, counts))
    return found


LUNG_PATCH: Final = 72
"""Edge of a lung patch in pixels of 1 mm: covers a turned patch of the coarse scale's half."""


def read_lung_patches(
    data: DataFolders, wanted: Callable[[str], bool], each: int, seed: int
) -> NDArray[np.float32]:
    """Return patches of lung away from every boxed nodule, in HU, shape (n, 72, 72), 1 mm pixels.

    Half of them are centred on something dense (a vessel), half on aerated lung. An empty array
    when the data set is absent. Nodules marked by one or two readers are not boxed, so a few
    patches may hold one.

    Parameters
    ----------
    data
        Folders searched for `imaging/luna16_slices`.
    wanted
        Says of a patient whether its slices may be used.
    each
        Patches a slice.
    seed
        Seed of the choice of places.
    """
    if not data.have(LUNG_SLICES):
        return np.zeros((0, LUNG_PATCH, LUNG_PATCH), np.float32)
    rng = np.random.default_rng(seed)
    found = []
    for one in read_slices(data):
        if wanted(one.patient):
            found += _lung_patches(one, each, rng)
    return np.array(found, np.float32).reshape(-1, LUNG_PATCH, LUNG_PATCH)


def _lung_patches(one: LungSlice, each: int, rng: np.random.Generator) -> list[NDArray[np.float32]]:
    hu = one.hu
    half = LUNG_PATCH // 2
    aerated = ndimage.uniform_filter((hu < -600).astype(np.float32), 21) > 0.55
    aerated &= ndimage.uniform_filter((hu < -960).astype(np.float32), 21) < 0.3
    for x, y, wide, _ in one.places:
        rows, columns = (
            slice(max(0, int(at - wide / 2) - 8), int(at + wide / 2) + 9) for at in (y, x)
        )
        aerated[rows, columns] = False
    aerated[:half], aerated[-half:], aerated[:, :half], aerated[:, -half:] = (False,) * 4
    found = []
    for chosen, count in ((aerated & (hu > -350), each - each // 2), (aerated, each // 2)):
        places = np.argwhere(chosen)
        for index in rng.permutation(len(places))[:count]:
            y, x = places[index]
            found.append(hu[y - half : y + half, x - half : x + half])
    return found
