"""The radiologist's point of a demo nodule, as the record that a click in the viewer makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suwen.core.nouns import Point
from suwen.imaging.case.points import point_record
from suwen.imaging.case.series import CaseSeries
from suwen.imaging.reading.assembly import assemble
from suwen.imaging.reading.instance import read_instance


def point_at(files: Sequence[bytes], point: Point, patient: str, name: str) -> dict[str, Any]:
    """Return the BodyStructure `name` of `patient` at a point (LPS, mm) of a DICOM series."""
    (series,) = assemble([read_instance(files[0])])
    place = CaseSeries(
        study_uid=series.study_uid,
        series_uid=series.series_uid,
        frame_of_reference_uid=series.frame_of_reference_uid,
        reference="",
        modality=series.modality,
        instance_uids=series.instance_uids,
        tags=series.tags,
        blobs=(),
        build=series.volume,
    )
    return {**point_record(patient, place, point), "id": name}
