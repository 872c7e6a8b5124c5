"""Whole lung slices of LIDC-IDRI with the nodules of the LUNA16 reference standard.

One slice a row of `images.csv`, 1 px = 1 mm, 8-bit in the lung window (-1000 to 400 HU). A nodule
counts when at least three of four radiologists marked it; smaller ones, and those that one or two
readers marked, are not boxed. Boxes with the role `ignore` may or may not be visible.

References: Setio et al., Med Image Anal 42:1-13, 2017 (LUNA16); Armato et al., Med Phys
38(2):915-931, 2011 (LIDC-IDRI).
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import BadInput
from suwen.imaging.data import ACCEPTANCE_PATIENTS, LUNG_SLICES
from suwen.imaging.patches import LUNG_WINDOW
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.task import Source

IGNORED: Final = "ignore"
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
    from PIL import Image

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
    with (root / "images.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            try:
                name, patient, split = row["image"], row["group"], row["split"]
            except KeyError as error:
                raise BadInput(
                    f"images.csv without the column {error}",
                    "the columns image, group and split",
                    "compare the header with the data set's README",
                ) from None
            held_back = data.test is None and patient in ACCEPTANCE_PATIENTS
            path = root / "images" / name
            if not held_back and path.is_file():
                boxes = np.array(places.get(name, [])).reshape(-1, 4)
                found.append(LungSlice(name, patient, split, path, boxes))
    return found


def _places(path: Path) -> Mapping[str, list[tuple[float, float, float, float]]]:
    found: dict[str, list[tuple[float, float, float, float]]] = defaultdict(list)
    with path.open(encoding="utf-8-sig", newline="") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            try:
                x0, y0, x1, y1 = (float(row[key]) for key in ("x0", "y0", "x1", "y1"))
                counts = float(row["role"] != IGNORED)
                image = row["image"]
            except (KeyError, TypeError, ValueError) as error:
                raise BadInput(
                    f"boxes.csv line {line}: {type(error).__name__}",
                    "the columns image, role, x0, y0, x1 and y1, numbers where numbers belong",
                    "compare the header with the data set's README",
                ) from None
            wide = (x1 - x0 + y1 - y0) / 2
            found[image].append(((x0 + x1) / 2, (y0 + y1) / 2, wide, counts))
    return found
