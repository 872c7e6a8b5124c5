"""The images of a case for the viewer: series, overlays, and single slices as pictures."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from suwen.core.nouns import Point
from suwen.server.asking import Signed
from suwen.server.case import reports
from suwen.server.case.patients import PatientId
from suwen.server.held.images import NIFTI, overlay

router = APIRouter(include_in_schema=False, prefix="/cases/{patient}")
Millimetres = Annotated[float | None, Query(allow_inf_nan=False)]


@router.get("/series/{key}.nii.gz")
def series_volume(asking: Signed, patient: PatientId, key: str, coarse: bool = False) -> Response:
    """Send one series for the viewer."""
    data = asking.bench.shelf.volume(asking.access.case(patient), key, coarse)
    return Response(data, media_type=NIFTI)


@router.get("/series/{key}/slice.png")
def series_slice(
    asking: Signed,
    patient: PatientId,
    key: str,
    window: Annotated[str, Query(max_length=40)],
    level: int = 0,
    x: Millimetres = None,
    y: Millimetres = None,
    z: Millimetres = None,
) -> Response:
    """Send one slice, `level` or the one through a point, for a browser that draws no volume."""
    place: Point | None = None
    if x is not None and y is not None and z is not None:
        place = (x, y, z)
    drawn = asking.bench.shelf.slice(asking.access.case(patient), key, window, level, place)
    where = {"X-Suwen-Slice": str(drawn.level), "X-Suwen-Slices": str(drawn.count)}
    return Response(drawn.png, media_type="image/png", headers=where)


@router.get("/blobs/{digest}.nii.gz")
def overlay_volume(asking: Signed, patient: PatientId, digest: str) -> Response:
    """Send a mask or a saliency map for the viewer."""
    access = asking.access
    case = access.case(patient)
    known = [stored.report for stored in reports.all_of(access, patient)]
    data, media_type = overlay(case, known, digest)
    return Response(data, media_type=media_type)
