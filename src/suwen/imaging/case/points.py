"""Points a person gives ("the nodule is here"), recorded as FHIR BodyStructure.

The extension `https://suwen.health/fhir/point` holds the series, its frame of reference and x, y, z
in mm in the DICOM patient frame (LPS), so that a point is versioned, encrypted and replayable like
any other record. Reference: FHIR R4 (4.0.1) BodyStructure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from suwen.core.codes import LUNG, PULMONARY_NODULE, SUWEN
from suwen.core.errors import BadInput
from suwen.core.nouns import Case, Point, Reference
from suwen.imaging.case.series import CaseSeries, case_volumes

POINT_EXTENSION: Final = f"{SUWEN}/point"
POINT_PATH: Final = f"BodyStructure.extension('{POINT_EXTENSION}')"
POINT_IDENTIFIER: Final = f"{SUWEN}/point-identifier"
DECIMALS: Final = 3
"""Points are kept to a micrometre: equal clicks are equal records."""


@dataclass(frozen=True)
class GivenPoint:
    """A point and the record it stands in."""

    reference: Reference
    series_uid: str
    frame_of_reference_uid: str
    point: Point


def point_record(patient: str, series: CaseSeries, point: Point) -> dict[str, Any]:
    """Return the BodyStructure of a nodule said to lie at `point` of a series.

    Parameters
    ----------
    patient
        Logical id of the Patient.
    series
        The series the point was given in.
    point
        x, y, z in mm, LPS.

    Raises
    ------
    BadInput
        A coordinate is not a finite number.
    """
    if not all(math.isfinite(value) for value in point):
        raise BadInput(
            "a point with a coordinate that is no finite number",
            "x, y, z in mm in the DICOM patient frame",
            "click in the image again, or check what was typed",
        )
    x, y, z = (round(float(value), DECIMALS) + 0.0 for value in point)
    return {
        "resourceType": "BodyStructure",
        "extension": [
            {
                "url": POINT_EXTENSION,
                "extension": [
                    {"url": "seriesUid", "valueString": series.series_uid},
                    {"url": "frameOfReferenceUid", "valueString": series.frame_of_reference_uid},
                    {"url": "x", "valueDecimal": x},
                    {"url": "y", "valueDecimal": y},
                    {"url": "z", "valueDecimal": z},
                ],
            }
        ],
        "identifier": [{"system": POINT_IDENTIFIER, "value": f"{series.series_uid}/{x}/{y}/{z}"}],
        "active": True,
        "morphology": {"coding": [PULMONARY_NODULE.coding()]},
        "location": {"coding": [LUNG.coding()]},
        "patient": {"reference": f"Patient/{patient}"},
    }


def point_records(case: Case, points: Sequence[Point]) -> list[dict[str, Any]]:
    """Return the records of places a person gave, each on the first series that holds it.

    Raises
    ------
    BadInput
        A point lies outside every series of the Case.
    """
    series = case_volumes(case)
    records = []
    for point in points:
        held = next((one for one in series if one.volume.holds(point)), None)
        if held is None:
            raise BadInput(
                "a point outside every image series",
                "x, y, z in mm in the DICOM patient frame, within the images",
                "click in the image, or check the sign of each number",
            )
        records.append(point_record(case.patient, held, point))
    return records


def points_of(case: Case) -> list[GivenPoint]:
    """Return the points recorded in a Case that are still active, in the order of recording.

    Raises
    ------
    BadInput
        A point record is incomplete.
    """
    found = []
    for record in case.of("BodyStructure"):
        if record.content.get("active") is False:
            continue
        for extension in record.content.get("extension", ()):
            if extension.get("url") == POINT_EXTENSION:
                found.append(_read(record.reference, extension))
    return found


def _read(reference: Reference, extension: Mapping[str, Any]) -> GivenPoint:
    parts = {part.get("url"): part for part in extension.get("extension", ())}
    try:
        x, y, z = (float(parts[axis]["valueDecimal"]) for axis in ("x", "y", "z"))
        return GivenPoint(
            reference,
            str(parts["seriesUid"]["valueString"]),
            str(parts["frameOfReferenceUid"]["valueString"]),
            (x, y, z),
        )
    except (KeyError, TypeError, ValueError):
        raise BadInput(
            f"the point record {reference} is incomplete",
            "seriesUid, frameOfReferenceUid, x, y and z",
            "give the point again",
        ) from None


def points_in(case: Case, series: CaseSeries) -> list[GivenPoint]:
    """Return the points given in one series, or in its frame of reference and inside its grid."""
    return [
        given
        for given in points_of(case)
        if given.series_uid == series.series_uid
        or (
            not given.series_uid
            and given.frame_of_reference_uid == series.frame_of_reference_uid
            and series.volume.holds(given.point)
        )
    ]
