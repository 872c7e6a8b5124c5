"""DICOM Structured Report of a Report's nodules: TID 1500, one Measurement Group a nodule.

A draft is UNVERIFIED and PRELIMINARY; a signed report is VERIFIED by the person who signed it.
The findings of several tasks on one nodule (same tracking UID) share its group.

Reference: DICOM PS3.16 2024e TID 1500, 1411, 1501, 300, 4019; PS3.3 section A.35.13.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any, Final

import highdicom as hd
import numpy as np
from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from suwen.core.codes import CATEGORIES, GUIDELINE_CATEGORY, LUNG, PULMONARY_NODULE
from suwen.core.errors import BadInput
from suwen.core.nouns import Band, Finding, ImageRegion, Interval, Report
from suwen.imaging.objects.coding import (
    MANUFACTURER,
    MODEL,
    PRIVATE_SCHEME,
    algorithm,
    concept,
    private,
    unit,
)
from suwen.imaging.objects.seg import DEVICE, encoded, origin, stamp, tracking_uid
from suwen.imaging.reading.assembly import Series
from suwen.imaging.reading.geometry import Slice
from suwen.imaging.reading.instance import Instance, headers_for
from suwen.imaging.reading.uids import uid_from

SERIES_NUMBER: Final = 9002
DEVICE_UID: Final = uid_from("suwen device observer")
_BANDS: Final = {
    Band.RULE_IN: "Rule in",
    Band.GREY: "Grey zone",
    Band.RULE_OUT: "Rule out",
    Band.ABSTAIN: "Abstains",
}


@dataclass(frozen=True)
class Signer:
    """The person who verified: DICOM person name, organization, when."""

    name: str
    organization: str
    at: datetime

    @classmethod
    def of(cls, report: Report, name: str, organization: str) -> Signer | None:
        """Return who signed a report; None while no one has."""
        if report.status != "final" or not report.signed_by or not report.signed_at:
            return None
        said = name or report.signed_by
        # a name without components would be the retired form (PS3.5 section 6.2)
        return cls(said if "^" in said else f"{said}^", organization, report.signed_at)


def structured_report(
    series: Series,
    findings: Sequence[Finding],
    report: Report,
    segmentation: bytes | None = None,
    organization: str = "Unknown",
    observer: str = "",
) -> bytes:
    """Return a Comprehensive 3D SR (TID 1500) of the findings on one series.

    Parameters
    ----------
    series
        The source series (`CaseSeries.source`).
    findings
        Findings of the report that lie on this series.
    report
        The report they belong to: its status says verified or not.
    segmentation
        The SEG of the same findings, to be referred to by segment.
    organization
        Where the verifying person works.
    observer
        Name of the person who signed; their id in the report when not given.

    Raises
    ------
    BadInput
        No finding lies on the series, the report was withdrawn, or the source headers lack what
        an SR must copy.
    """
    if report.status == "withdrawn":
        raise BadInput("a withdrawn report", "a draft or a signed report", "do not send it")
    signer = Signer.of(report, observer, organization)
    groups = _groups(series, findings)
    if not groups:
        raise BadInput(
            "no finding on this series",
            "findings with evidence in it",
            "choose the series they are on",
        )
    with headers_for("a structured report", "patient, study and image modules"):
        return _encode(series, groups, report, segmentation, signer)


def _groups(series: Series, findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """Return the findings on the series by lesion."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        if _region(series, finding) is not None:
            groups.setdefault(tracking_uid(finding), []).append(finding)
    return groups


def _region(series: Series, finding: Finding) -> ImageRegion | None:
    for evidence in finding.evidence:
        if isinstance(evidence, ImageRegion) and evidence.series_uid == series.series_uid:
            return evidence
    return None


def _encode(
    series: Series,
    groups: dict[str, list[Finding]],
    report: Report,
    segmentation: bytes | None,
    signer: Signer | None,
) -> bytes:
    seg = hd.seg.segread(BytesIO(segmentation)) if segmentation else None
    evidence: dict[str, Dataset] = {}
    measured = [_group(series, group, seg, evidence) for group in groups.values()]
    person, device = context(signer)
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(
            observer_person_context=person, observer_device_context=device
        ),
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion
        if series.modality == "CT"
        else private("imaging", "Imaging procedure"),
        imaging_measurements=measured,
        title=codes.DCM.ImagingMeasurementReport,
        # highdicom describes single-frame images only
        referenced_images=[data for data in evidence.values() if "PixelSpacing" in data] or None,
    )
    final = signer is not None
    seed = f"sr {series.series_uid} {report.id} {report.status}"
    document = sr.Comprehensive3DSR(
        evidence=list(evidence.values()),
        content=content,
        **origin(seed, SERIES_NUMBER),
        **DEVICE,
        is_complete=True,
        is_final=final,
        is_verified=final,
        verifying_observer_name=signer.name if signer else None,
        verifying_organization=signer.organization if signer else None,
        series_description="Nodule measurements "
        + ("(verified)" if final else "(software, unverified)"),
    )
    moment = signer.at if signer else report.created
    stamp(document, moment, seed)
    document.CodingSchemeIdentificationSequence = [_local_scheme()]
    if final:
        verified = moment.strftime("%Y%m%d%H%M%S")
        document.VerifyingObserverSequence[0].VerificationDateTime = verified
    return encoded(document)


def _local_scheme() -> Dataset:
    scheme = Dataset()
    scheme.CodingSchemeDesignator = PRIVATE_SCHEME
    scheme.CodingSchemeName = "Suwen local codes"
    scheme.CodingSchemeResponsibleOrganization = MANUFACTURER
    return scheme


def context(signer: Signer | None) -> tuple[sr.ObserverContext | None, sr.ObserverContext]:
    """Return who observed: the person who signed, if any, and this device."""
    person = None
    if signer is not None:
        person = sr.ObserverContext(
            observer_type=codes.DCM.Person,
            observer_identifying_attributes=sr.PersonObserverIdentifyingAttributes(
                name=signer.name
            ),
        )
    device = sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=DEVICE_UID, name="Suwen", manufacturer_name=MANUFACTURER, model_name=MODEL
        ),
    )
    return person, device


def _group(
    series: Series,
    findings: Sequence[Finding],
    seg: hd.seg.Segmentation | None,
    evidence: dict[str, Dataset],
) -> Any:
    """Return one Measurement Group, and add what it refers to to `evidence`."""
    first = findings[0]
    uid = tracking_uid(first)
    site = next((finding.site for finding in findings if finding.site), LUNG)
    kind = next((one.code for one in findings if one.code == PULMONARY_NODULE), first.code)
    label = first.tracking.label if first.tracking else first.code.name.en
    shared: dict[str, Any] = {
        "tracking_identifier": sr.TrackingIdentifier(uid=uid, identifier=label),
        "finding_type": concept(kind),
        "finding_sites": [sr.FindingSite(anatomic_location=concept(site))],
        "measurements": [one for finding in findings for one in _measurements(finding)] or None,
        "qualitative_evaluations": _evaluations(findings),
    }
    number = _segment(seg, uid)
    if seg is not None and number is not None:
        evidence[seg.SOPInstanceUID] = seg
        reference = _segment_reference(series, seg, number, evidence)
        return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            referenced_segment=reference, **shared
        )
    region = _region(series, first)
    wanted = region.instance_uid if region else series.instance_uids[0]
    image = _add(series, wanted, evidence) or _add(series, series.instance_uids[0], evidence)
    if image is None:
        raise ValueError("the evidence's instance is not in the series")
    source = sr.SourceImageForMeasurementGroup(
        image.text("SOPClassUID"),
        image.text("SOPInstanceUID"),
        _frame_numbers(series, image, region),
    )
    return sr.MeasurementsAndQualitativeEvaluations(source_images=[source], **shared)


def _segment(seg: hd.seg.Segmentation | None, uid: str) -> int | None:
    if seg is None:
        return None
    numbers = seg.get_segment_numbers(tracking_uid=uid)
    return int(numbers[0]) if len(numbers) else None


def _segment_reference(
    series: Series, seg: hd.seg.Segmentation, number: int, evidence: dict[str, Dataset]
) -> sr.ReferencedSegment:
    """Refer to a segment and to the source images it was drawn on.

    highdicom writes what all frames share once, and its own reader of references misses it there.
    """
    shared = seg.SharedFunctionalGroupsSequence[0]
    images: dict[str, Dataset] = {}
    frames: dict[str, set[int]] = {}
    for group in seg.PerFrameFunctionalGroupsSequence:
        identified = group.get("SegmentIdentificationSequence") or shared.get(
            "SegmentIdentificationSequence"
        )
        derived = group.get("DerivationImageSequence") or shared.get("DerivationImageSequence")
        if identified[0].ReferencedSegmentNumber != number or not derived:
            continue
        for source in derived[0].SourceImageSequence:
            uid = source.ReferencedSOPInstanceUID
            if _add(series, uid, evidence) is not None:
                images[uid] = source
                numbers = source.get("ReferencedFrameNumber", [])
                frames.setdefault(uid, set()).update(
                    [numbers] if isinstance(numbers, int) else numbers
                )
    sources = [
        sr.SourceImageForSegmentation(
            source.ReferencedSOPClassUID, uid, sorted(frames[uid]) or None
        )
        for uid, source in images.items()
    ]
    return sr.ReferencedSegment(seg.SOPClassUID, seg.SOPInstanceUID, number, source_images=sources)


def _frame_numbers(series: Series, image: Instance, region: ImageRegion | None) -> list[int] | None:
    """Return the frame (from 1) of a multi-frame image that lies nearest to the region."""
    if image.frames == 1 or region is None:
        return None

    def away(one: Slice) -> float:
        return abs(float((np.asarray(region.centre) - one.position) @ one.normal))

    return [min(series.slices, key=away).frame + 1]


def _add(series: Series, uid: str, evidence: dict[str, Dataset]) -> Instance | None:
    for instance in series.instances:
        if instance.text("SOPInstanceUID") == uid:
            evidence[uid] = instance.referable
            return instance
    return None


def _measurements(finding: Finding) -> list[sr.Measurement]:
    name, release = algorithm(finding.pack)
    identified = sr.AlgorithmIdentification(
        name=name,
        version=release,
        family=codes.DCM.ArtificialIntelligence,
        manufacturer=MANUFACTURER,
        parameters=[finding.pack],
    )
    measures = [(concept(one.code), one.interval, unit(one.unit)) for one in finding.measures]
    if finding.probability is not None:
        measures.append((concept(finding.code), finding.probability, unit("1")))
    return [
        sr.Measurement(
            name=code,
            value=interval.value,
            unit=units,
            algorithm_id=identified,
            properties=_interval(interval, units),
        )
        for code, interval, units in measures
    ]


def _interval(interval: Interval, units: sr.CodedConcept) -> sr.MeasurementProperties | None:
    if interval.low == interval.high:
        return None
    properties = sr.MeasurementProperties(
        upper_measurement_uncertainty=interval.high - interval.value,
        lower_measurement_uncertainty=interval.value - interval.low,
    )
    for item in properties:  # highdicom writes them without unit; they have the value's
        item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence = [units]
    return properties


def _evaluations(findings: Sequence[Finding]) -> list[sr.QualitativeEvaluation]:
    bands = [
        sr.QualitativeEvaluation(
            name=private(finding.task, f"Decision band of {finding.task}"[:64]),
            value=private(finding.band.value, _BANDS[finding.band]),
        )
        for finding in findings
    ]
    categories = [
        sr.QualitativeEvaluation(name=concept(GUIDELINE_CATEGORY), value=concept(finding.code))
        for finding in findings
        if finding.code.system == CATEGORIES
    ]
    return bands + categories
