"""Places a person gives in the images, recorded before they are answered about."""

from __future__ import annotations

from collections.abc import Sequence

from suwen.core.nouns import Point
from suwen.imaging.points import point_records
from suwen.server.asking import Asking


def add_points(asking: Asking, patient: str, points: Sequence[Point]) -> None:
    """Record places, each on the first series whose images hold it.

    Raises
    ------
    BadInput
        A point lies outside every series of the case.
    """
    case = asking.access.case(patient)
    asking.access.put(point_records(case, points), patient)
