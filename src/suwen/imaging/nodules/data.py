"""Lung-nodule crops of LIDC-IDRI with reader masks and ratings, and lung slices without nodules.

References: Armato et al., Med Phys 38(2):915-931, 2011 (LIDC-IDRI); Setio et al., Med Image Anal
42:1-13, 2017 (LUNA16). The label `Diagnosis` of `nodules.csv` says that at least two readers rated
the nodule 4 or 5 (checked against every reader's rating in `luna16_annotations_with_malignancy.csv`
for all nodules): it is the opinion of radiologists, not pathology.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import BadInput
from suwen.core.nouns import Point
from suwen.imaging.reading.nifti import read_nifti
from suwen.imaging.volumes.volume import Volume
from suwen.lifecycle.data import DataFolders, read_table
from suwen.lifecycle.examples import Source

LIDC: Final = "imaging/lidc_voi"
LUNG_SLICES: Final = "imaging/luna16_slices"
ACCEPTANCE_PATIENTS: Final = frozenset({"LIDC-IDRI-0063"})
"""Patients whose whole CT is the acceptance case: never among the development examples."""
INDETERMINATE: Final = 3
"""Rating 3 of `Malignancy_value`: the readers' most frequent answer is "indeterminate"."""
ATTRIBUTES: Final = (
    "Calcification",
    "Lobulation",
    "Margin",
    "Sphericity",
    "Spiculation",
    "Subtlety",
    "Texture",
)
"""Attributes rated by the readers; targets of auxiliary heads, never inputs."""
SAME_NODULE_MM: Final = 2.0
"""Largest distance between the centres of one nodule in two tables."""

LIDC_SOURCE: Final = Source(
    name="LIDC-IDRI nodule crops",
    url="https://www.cancerimagingarchive.net/collection/lidc-idri/",
    licence="CC BY 3.0",
    citation="Armato et al., Med Phys 38(2):915-931, 2011",
    shippable=True,
    limits=(
        "The malignancy label is the opinion of at least two radiologists, not pathology.",
        "Crops are tight in z; every crop holds one nodule, so nothing is said about detection.",
        "Diagnostic chest CT of adults from seven US centres, acquired before 2010.",
        "Choices were made on the same out-of-fold figures, so these are slightly optimistic.",
    ),
)


@dataclass(frozen=True)
class Nodule:
    """One row of `nodules.csv`. `ratings`: malignancy 1..5 by reader, empty when not known."""

    patient: str
    number: str
    image: Path
    mask: Path
    diameter_mm: float
    malignant: bool
    rating: int
    attributes: tuple[float, ...]
    ratings: tuple[int, ...]

    @property
    def key(self) -> str:
        """Unique name."""
        return f"{self.patient}_R_{self.number}"

    @property
    def mean_rating(self) -> float:
        """Mean of the readers' malignancy ratings (the most frequent one when that is all)."""
        return float(np.mean(self.ratings)) if self.ratings else float(self.rating)

    @property
    def share_suspicious(self) -> float:
        """Share of the readers who rated 4 or 5 (the label itself when ratings are not known)."""
        if not self.ratings:
            return float(self.malignant)
        return float(np.mean([rating >= 4 for rating in self.ratings]))


def read_nodules(data: DataFolders) -> list[Nodule]:
    """Return the nodules whose crop and mask are there, in the order of `nodules.csv`.

    Raises
    ------
    NotFound
        The data set is in none of the folders.
    BadInput
        `nodules.csv` lacks a column or holds a value that is no number.
    """
    root = data.find(LIDC)
    ratings = _reader_ratings(data)
    found = []
    for line, row in enumerate(read_table(root / "nodules.csv"), start=2):
        try:
            nodule = _nodule(root, row, ratings)
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(
                f"nodules.csv line {line}: {type(error).__name__}",
                "the columns of the LIDC nodule table, numbers where numbers belong",
                "compare the header with the data set's README",
            ) from None
        held_back = data.test is None and nodule.patient in ACCEPTANCE_PATIENTS
        if not held_back and nodule.image.is_file() and nodule.mask.is_file():
            found.append(nodule)
    return found


_Ratings = dict[str, list[tuple[NDArray[np.float64], tuple[int, ...]]]]


def _nodule(root: Path, row: dict[str, str], ratings: _Ratings) -> Nodule:
    patient, number = row["patient_id"], row["nodule_id"]
    name = f"{patient}_R_{number}.nii.gz"
    centre = np.array([float(row[f"coord{axis}"]) for axis in "XYZ"])
    near = (
        values
        for place, values in ratings.get(row["seriesuid"], [])
        if np.linalg.norm(place - centre) < SAME_NODULE_MM
    )
    return Nodule(
        patient=patient,
        number=number,
        image=root / "image" / name,
        mask=root / "nodule_mask" / name,
        diameter_mm=float(row["diameter_mm"]),
        malignant=int(float(row["Diagnosis_value"])) == 1,
        rating=int(float(row["Malignancy_value"])),
        attributes=tuple(float(row[f"{name}_value"]) for name in ATTRIBUTES),
        ratings=next(near, ()),
    )


def _reader_ratings(data: DataFolders) -> _Ratings:
    """Return each reader's malignancy rating by series and place, where that table is at hand."""
    table = f"{LUNG_SLICES}/luna16_annotations_with_malignancy.csv"
    found: _Ratings = {}
    if not data.have(table):
        return found
    for row in read_table(data.find(table)):
        centre = np.array([float(row[f"coord{axis}"]) for axis in "XYZ"])
        values = tuple(int(value) for value in ast.literal_eval(row["mal_details"]))
        found.setdefault(row["seriesuid"], []).append((centre, values))
    return found


@dataclass(frozen=True)
class Crop:
    """A crop in HU and the readers' mask on its grid."""

    volume: Volume
    mask: NDArray[np.bool_]

    @property
    def centre(self) -> Point:
        """LPS point at the middle of the grid."""
        return centre_of(self.volume)


def centre_of(volume: Volume) -> Point:
    """Return the LPS point in mm at the middle of a volume's grid."""
    x, y, z = volume.to_point((np.array(volume.values.shape) - 1) / 2)
    return float(x), float(y), float(z)


def read_crop(nodule: Nodule) -> Crop:
    """Read crop and mask of a nodule.

    Raises
    ------
    BadInput
        The two differ in shape, or the mask is empty.
    """
    volume, mask = read_nifti(nodule.image.read_bytes()), read_nifti(nodule.mask.read_bytes())
    if volume.values.shape != mask.values.shape:
        raise BadInput(
            f"crop {volume.values.shape} and mask {mask.values.shape} differ in shape",
            "one grid for both",
            "check the files of that nodule",
        )
    inside = np.asarray(mask.values) > 0.5
    if not inside.any():
        raise BadInput("an empty nodule mask", "at least one voxel inside", "check that file")
    return Crop(Volume(np.asarray(volume.values, dtype=np.float32), volume.affine), inside)
