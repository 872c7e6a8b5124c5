"""Places a person gives in the images, recorded before they are answered about."""

from __future__ import annotations

from collections.abc import Sequence

from suwen.core.errors import Conflict
from suwen.core.nouns import ImageRegion, Point, Report
from suwen.diagnosis.problems import shown
from suwen.imaging.case.points import point_records
from suwen.server.asking import Asking
from suwen.server.case import reports


def add_points(asking: Asking, patient: str, points: Sequence[Point]) -> None:
    """Record places, each on the first series whose images hold it.

    Raises
    ------
    BadInput
        A point lies outside every series of the case.
    """
    case = asking.access.case(patient)
    asking.access.put(point_records(case, points), patient)


def point_out(asking: Asking, patient: str, point: Point) -> None:
    """Record the place a person clicked, unless a second click would make a second nodule of one.

    Raises
    ------
    BadInput
        The point lies outside every series of the case.
    Conflict
        A nodule that nobody rejected is measured there already.
    """
    newest = reports.latest(asking.access, patient)
    if newest and _measured(newest.report, point):
        raise Conflict(
            "a nodule is measured here already",
            "a place outside the nodules of the list",
            "look at it in the list of findings; reject it there first to measure again",
        )
    add_points(asking, patient, [point])


def _measured(report: Report, point: Point) -> bool:
    """Say whether the box of a measured lesion holds the point."""
    boxes = [
        zip(evidence.low, point, evidence.high, strict=True)
        for finding in shown(report)
        if finding.measures
        for evidence in finding.evidence
        if isinstance(evidence, ImageRegion)
    ]
    return any(all(low <= at <= high for low, at, high in box) for box in boxes)
