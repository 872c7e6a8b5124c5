"""The chest CT studies of a Case in order of time, with the nodules segmented on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final

import numpy as np

from suwen.core.codes import VOLUME
from suwen.core.errors import BadInput
from suwen.core.nouns import Band, Case, Finding, ImageRegion, Record, RecordValue, Reference
from suwen.imaging.case.series import CaseSeries, answered_volumes
from suwen.imaging.followup.matching import Seen
from suwen.imaging.nodules import locate
from suwen.imaging.nodules.kind import Composition, composition
from suwen.imaging.volumes.nodule import NoduleInput, is_axial

WIDE_MM: Final = 160.0
LONG_MM: Final = 100.0
"""A series smaller than this, in the plane or along the body, is no whole chest."""


@dataclass(frozen=True)
class Marked:
    """A segmented nodule of a study."""

    finding: Finding
    data: NoduleInput

    @property
    def region(self) -> ImageRegion:
        """Where it lies."""
        return next(one for one in self.finding.evidence if isinstance(one, ImageRegion))

    @property
    def seen(self) -> Seen:
        """Place and volume."""
        return Seen(self.region.centre, self.mm3)

    @property
    def mm3(self) -> float:
        """Its volume."""
        return next(m.interval.value for m in self.finding.measures if m.code == VOLUME)

    @cached_property
    def made_of(self) -> Composition:
        """Its type and diameters."""
        if self.data.mask is None:
            raise BadInput("a nodule without a mask", "a segmented nodule", "segment it again")
        return composition(self.data.volume, self.data.mask)


@dataclass(frozen=True)
class Study:
    """One chest CT study: the series followed, its day, and its nodules."""

    series: CaseSeries
    day: date
    nodules: tuple[Marked, ...]

    @property
    def inputs(self) -> tuple[Reference, ...]:
        """References of the bytes."""
        return (self.series.reference, *self.series.blobs)


def studies_of(case: Case, segmented: Sequence[Finding]) -> list[Study]:
    """Return the whole-chest CT studies with a known day, the earliest first.

    Of a study the series with the most nodules is taken, then the one with the thinnest slices.
    """
    found: dict[str, list[Study]] = {}
    nodules = _nodules(case, segmented)
    for series in answered_volumes(case):
        day = day_of(case, series)
        if series.modality == locate.MODALITY and day is not None and _whole_chest(series):
            own = [one for one in nodules if one.region.series_uid == series.series_uid]
            found.setdefault(series.study_uid, []).append(Study(series, day, tuple(own)))
    best = [
        max(own, key=lambda s: (len(s.nodules), -s.series.volume.spacing[0], s.series.series_uid))
        for own in found.values()
    ]
    return sorted(best, key=lambda study: (study.day, study.series.study_uid))


def _nodules(case: Case, segmented: Sequence[Finding]) -> list[Marked]:
    answered = [one for one in segmented if one.band is not Band.ABSTAIN]
    samples = locate.segmented(case, answered)
    return [
        Marked(finding, sample.data)
        for finding, sample in zip(answered, samples, strict=True)
        if sample.data.refusal is None
    ]


def day_of(case: Case, series: CaseSeries) -> date | None:
    """Return the day of a series' study, from its header or its record."""
    study = record_of(case, series)
    written = series.tags.get("StudyDate", "").replace("-", "")
    written = written or str(study.content.get("started", ""))[:10].replace("-", "")
    try:
        return date(int(written[:4]), int(written[4:6]), int(written[6:8]))
    except ValueError:
        return None


def record_of(case: Case, series: CaseSeries) -> Record:
    """Return the record a series stands in."""
    return next(record for record in case.records if record.reference == series.reference)


def _whole_chest(series: CaseSeries) -> bool:
    try:
        volume = series.volume
    except BadInput:
        return False
    height, *plane = np.array(volume.values.shape) * volume.spacing
    return bool(is_axial(volume) and min(plane) >= WIDE_MM and height >= LONG_MM)


def reports_of(case: Case, study: Study) -> list[RecordValue]:
    """Return the signed reports of a study, as evidence.

    A report belongs to it when it names the study, or was made for the same day's imaging.
    """
    own = record_of(case, study.series).id
    found = []
    for record in case.of("DiagnosticReport"):
        content = record.content
        named = [one.get("reference", "") for one in content.get("imagingStudy", ())]
        day = str(content.get("effectiveDateTime") or content.get("issued", ""))[:10]
        belongs = any(one.split("/")[1:2] == [own] for one in named) or (
            not named and day == study.day.isoformat()
        )
        if belongs and content.get("status") in {"final", "amended", "corrected", "appended"}:
            path = "DiagnosticReport.conclusion" if "conclusion" in content else "DiagnosticReport"
            found.append(RecordValue(record=record.reference, path=path))
    for record in case.of("DocumentReference"):
        related = record.content.get("context", {}).get("related", ())
        if any(one.get("reference", "").split("/")[1:2] == [own] for one in related):
            found.append(RecordValue(record=record.reference, path="DocumentReference.content"))
    return found
