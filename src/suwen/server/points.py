"""Places a person gives in the images, recorded before they are answered about."""

from __future__ import annotations

from collections.abc import Sequence

from suwen.core.errors import BadInput
from suwen.core.nouns import Point
from suwen.imaging.series import case_volumes
from suwen.server.asking import Asking


def add_points(asking: Asking, patient: str, points: Sequence[Point]) -> None:
    """Record places, each on the first series whose images hold it.

    Raises
    ------
    BadInput
        A point lies outside every series of the case.
    """
    from suwen.imaging.points import point_record

    access = asking.access
    series = case_volumes(access.case(patient))
    records = []
    for place in points:
        held = next((one for one in series if one.volume.holds(place)), None)
        if held is None:
            raise BadInput(
                "a point outside every image series",
                "x, y, z in mm in the DICOM patient frame, within the images",
                "click in the image, or check the frame of reference",
            )
        records.append(point_record(patient, held, place))
    access.put(records, patient)
