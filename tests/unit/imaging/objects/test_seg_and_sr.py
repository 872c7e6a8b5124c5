"""Findings leave as DICOM SEG and SR that other programs open and agree with."""

from __future__ import annotations

import copy
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from highdicom.legacy import LegacyConvertedEnhancedCTImage
from pydicom import dcmread
from tests.unit.imaging.dicom_objects import region, remarks_of

from suwen.core.codes import (
    CATEGORIES,
    LONGEST_DIAMETER,
    MALIGNANCY_PROBABILITY,
    PULMONARY_NODULE,
    RIGHT_UPPER_LOBE,
    VOLUME,
    Code,
    Text,
)
from suwen.core.errors import BadInput
from suwen.core.nouns import (
    Attachment,
    Band,
    Finding,
    Interval,
    Measure,
    Point,
    Report,
    Statement,
    Tracking,
)
from suwen.imaging.objects.seg import on_slices, segmentation
from suwen.imaging.objects.sr import structured_report
from suwen.imaging.reading.assembly import Series, assemble
from suwen.imaging.reading.instance import read_instance
from suwen.imaging.reading.nifti import write_nifti
from suwen.imaging.reading.uids import uid_from
from suwen.imaging.reading.wrap import Label, wrap_ct
from suwen.imaging.volumes.volume import Volume

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CENTRES: tuple[Point, Point] = ((5.0, -8.0, 3.0), (-15.0, 10.0, -12.0))
RADII = (7.0, 4.0)


def ball(centre: Point, radius: float) -> Volume:
    """A ball as a mask on a fine grid of its own, not aligned with any series."""
    size, step = 40, 0.6
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0, 0, step], [0, step, 0], [step, 0, 0]])
    affine[:3, 3] = np.array(centre) - affine[:3, :3] @ np.full(3, (size - 1) / 2 + 0.3)
    places = np.moveaxis(np.mgrid[:size, :size, :size], 0, -1).astype(float)
    points = Volume(np.zeros((size,) * 3), affine).to_point(places)
    return Volume((np.linalg.norm(points - centre, axis=-1) <= radius).astype(np.uint8), affine)


@pytest.fixture(scope="module")
def series() -> Series:
    affine = np.eye(4)
    affine[:3, :3] = [[0, 0, 0.9], [0, 0.9, 0], [1.5, 0, 0]]
    affine[:3, 3] = [-40, -35, -30]
    values = np.full((40, 80, 90), -850, dtype=np.int16)
    label = Label("SYNTH-9", "Synthetic^Nine", "seg", sex="F", age="061Y")
    (found,) = assemble(read_instance(data) for data in wrap_ct(Volume(values, affine), label))
    return found


def nodule(series: Series, number: int, *, tracked: bool = True) -> list[Finding]:
    centre, radius = CENTRES[number], RADII[number]
    common = {
        "code": PULMONARY_NODULE,
        "site": RIGHT_UPPER_LOBE,
        "evidence": (region(series, centre, 20),),
        "tracking": Tracking(uid=uid_from(f"n{number}"), label=f"Nodule {number + 1}")
        if tracked
        else None,
    }
    size = Interval(value=4 / 3 * np.pi * radius**3, low=50, high=3000)
    mask = Attachment.of("mask", "application/x-nifti", write_nifti(ball(centre, radius)))
    segmented = Finding(
        task="imaging.nodule_segmentation",
        pack="imaging.nodule_segmentation@0.1.0+" + "ab" * 32,
        band=Band.GREY,
        attachments=(mask,),
        measures=(
            Measure(code=VOLUME, interval=size, unit="mm3"),
            Measure(
                code=LONGEST_DIAMETER,
                interval=Interval(value=2 * radius, low=2 * radius, high=2 * radius),
                unit="mm",
            ),
        ),
        **common,
    )
    scored = Finding(
        task="imaging.nodule_malignancy",
        pack="imaging.nodule_malignancy@0.2.0+" + "cd" * 32,
        band=Band.RULE_IN,
        probability=Interval(value=0.83, low=0.7, high=0.91),
        **common | {"code": MALIGNANCY_PROBABILITY},
    )
    return [segmented, scored]


@pytest.fixture(scope="module")
def findings(series: Series) -> list[Finding]:
    return nodule(series, 0) + nodule(series, 1)


def report(findings: list[Finding], *, final: bool = False) -> Report:
    said = Statement(section="impression", text=Text(en="x", zh="x"), findings=(findings[0].id,))
    draft = Report(
        id="r1", patient="p1", created=WHEN, findings=tuple(findings), statements=(said,)
    )
    if not final:
        return draft
    return draft.model_copy(update={"status": "final", "signed_by": "Wang^Li", "signed_at": WHEN})


@pytest.fixture(scope="module")
def seg(series: Series, findings: list[Finding]) -> bytes:
    return segmentation(series, findings, created=WHEN)


@pytest.fixture(scope="module")
def draft(series: Series, findings: list[Finding], seg: bytes) -> bytes:
    return structured_report(series, findings, report(findings), seg)


def test_each_segment_covers_its_nodule_in_place_and_volume(series: Series, seg: bytes) -> None:
    opened = hd.seg.segread(BytesIO(seg))
    voxel = 0.9 * 0.9 * 1.5
    assert opened.number_of_segments == 2
    for number, (centre, radius) in enumerate(zip(CENTRES, RADII, strict=True), start=1):
        assert opened.get_segment_numbers(tracking_uid=uid_from(f"n{number - 1}")) == [number]
        volume = opened.get_volume(segment_numbers=[number], combine_segments=True)
        places = np.argwhere(volume.array > 0)
        middle = volume.map_indices_to_reference(places).mean(axis=0)
        assert np.linalg.norm(middle - centre) < 0.3
        assert len(places) * voxel == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.04)


def test_the_segmentation_names_patient_study_and_source_slices(series: Series, seg: bytes) -> None:
    opened = dcmread(BytesIO(seg))
    assert (opened.PatientID, str(opened.PatientName)) == ("SYNTH-9", "Synthetic^Nine")
    assert opened.StudyInstanceUID == series.study_uid
    assert opened.FrameOfReferenceUID == series.frame_of_reference_uid
    referenced = opened.ReferencedSeriesSequence[0]
    assert referenced.SeriesInstanceUID == series.series_uid
    named = {item.ReferencedSOPInstanceUID for item in referenced.ReferencedInstanceSequence}
    assert named < set(series.instance_uids)
    segment = opened.SegmentSequence[0]
    assert segment.SegmentAlgorithmType == "AUTOMATIC"
    assert segment.TrackingID == "Nodule 1"


def test_equal_findings_give_equal_bytes(
    series: Series, findings: list[Finding], seg: bytes, draft: bytes
) -> None:
    assert segmentation(series, findings, created=WHEN) == seg
    assert structured_report(series, findings, report(findings), seg) == draft


def test_a_stored_mask_is_fetched_by_its_digest(series: Series, findings: list[Finding]) -> None:
    kept = findings[0].attachments[0]
    stored = findings[0].model_copy(
        update={"attachments": (kept.model_copy(update={"data": None}),)}
    )
    data = segmentation(series, [stored], blob={kept.digest: kept.data}.__getitem__)
    assert hd.seg.segread(BytesIO(data)).number_of_segments == 1


def test_a_mask_thinner_than_the_slice_distance_still_marks_a_slice(series: Series) -> None:
    mask = ball((0.0, 0.0, 0.3), 0.5)
    assert on_slices(series.slices, mask).any()


def test_findings_without_a_mask_on_the_series_are_refused(
    series: Series, findings: list[Finding]
) -> None:
    with pytest.raises(BadInput, match="no mask"):
        segmentation(series, [findings[1]])


def test_the_report_has_one_measurement_group_a_nodule(draft: bytes) -> None:
    opened = hd.sr.srread(BytesIO(draft))
    groups = opened.content.get_volumetric_roi_measurement_groups()
    assert [group.tracking_identifier for group in groups] == ["Nodule 1", "Nodule 2"]
    first = groups[0]
    assert first.tracking_uid == uid_from("n0")
    values = {one.name.meaning: (one.value, one.unit.value) for one in first.get_measurements()}
    assert values["Volume"] == (pytest.approx(1436.755, rel=1e-5), "mm3")
    assert values["Diameter"] == (14.0, "mm")
    assert values["Probability of malignancy"] == (0.83, "1")
    assert first.finding_type.value == "427359005"
    assert first.finding_sites[0].value.meaning == "Right upper lobe of lung"
    assert first.reference_type.value == "121191"  # Referenced Segment


def test_every_code_is_short_enough_for_readers_that_know_only_code_value(draft: bytes) -> None:
    opened = dcmread(BytesIO(draft))
    assert [one for one in opened.iterall() if one.keyword == "LongCodeValue"] == []
    codes = [one.value for one in opened.iterall() if one.keyword == "CodeValue"]
    assert "malignancy-prob" in codes
    assert max(len(code) for code in codes) <= 16


def test_a_guideline_category_stands_in_the_group_of_its_nodule(series: Series) -> None:
    long = "Lung-RADS v2022: between 3 (probably benign) and 4A (suspicious), as it is called"
    code = Code(system=CATEGORIES, code="lung-rads-3..4A", name=Text(en=long, zh="分类"))
    found = nodule(series, 0)
    advised = found[0].model_copy(update={"code": code, "attachments": (), "task": "t.advice"})
    written = structured_report(series, [*found, advised], report([*found, advised]))
    (group,) = hd.sr.srread(BytesIO(written)).content.get_image_measurement_groups()
    told = {one.name.value: one.value for one in group.get_qualitative_evaluations()}
    assert told["guideline"].value == "lung-rads-3..4A"
    assert told["guideline"].meaning == long[:61] + "..."


def test_every_uncertainty_carries_the_unit_of_its_value(draft: bytes) -> None:
    text = str(dcmread(BytesIO(draft)))
    start = text.index("upper measurement uncertainty")
    unit = text.index("Measurement Units", start)
    assert "'mm3'" in text[unit : unit + 300]


def test_the_evidence_is_the_segmentation_and_the_slices_it_lies_on(
    series: Series, seg: bytes, draft: bytes
) -> None:
    opened = dcmread(BytesIO(draft))
    (study,) = opened.CurrentRequestedProcedureEvidenceSequence
    assert study.StudyInstanceUID == series.study_uid
    listed = {
        item.SeriesInstanceUID: {one.ReferencedSOPInstanceUID for one in item.ReferencedSOPSequence}
        for item in study.ReferencedSeriesSequence
    }
    segment = dcmread(BytesIO(seg))
    assert listed[segment.SeriesInstanceUID] == {segment.SOPInstanceUID}
    assert listed[series.series_uid] <= set(series.instance_uids)
    assert len(listed) == 2


def test_a_draft_is_unverified_and_a_signed_report_names_who_verified_it(
    series: Series, findings: list[Finding], seg: bytes, draft: bytes
) -> None:
    unsigned = dcmread(BytesIO(draft))
    assert (unsigned.VerificationFlag, unsigned.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    assert "VerifyingObserverSequence" not in unsigned
    data = structured_report(series, findings, report(findings, final=True), seg, "Test Hospital")
    signed = dcmread(BytesIO(data))
    assert (signed.VerificationFlag, signed.PreliminaryFlag) == ("VERIFIED", "FINAL")
    (observer,) = signed.VerifyingObserverSequence
    assert (str(observer.VerifyingObserverName), observer.VerifyingOrganization) == (
        "Wang^Li",
        "Test Hospital",
    )
    assert observer.VerificationDateTime == "20260102030405"
    assert signed.SOPInstanceUID != unsigned.SOPInstanceUID


def test_a_nodule_without_segmentation_refers_to_its_slice(series: Series) -> None:
    scored = nodule(series, 0, tracked=False)[1]
    data = structured_report(series, [scored], report([scored]))
    (group,) = hd.sr.srread(BytesIO(data)).content.get_image_measurement_groups()
    assert group.source_images[0].referenced_sop_instance_uid == series.instance_uids[20]


def test_one_nodule_alone_can_be_reported(series: Series) -> None:
    alone = nodule(series, 1)
    data = segmentation(series, alone, created=WHEN)
    written = structured_report(series, alone, report(alone), data)
    (group,) = hd.sr.srread(BytesIO(written)).content.get_volumetric_roi_measurement_groups()
    assert group.tracking_identifier == "Nodule 2"


def test_withdrawn_reports_and_foreign_findings_are_refused(
    series: Series, findings: list[Finding]
) -> None:
    withdrawn = report(findings).model_copy(update={"status": "withdrawn"})
    with pytest.raises(BadInput, match="withdrawn"):
        structured_report(series, findings, withdrawn)
    elsewhere = replace(series, series_uid="2.25.1")
    with pytest.raises(BadInput, match="no finding on this series"):
        structured_report(elsewhere, findings, report(findings))


def test_chinese_names_survive_whatever_the_source_is_written_in(series: Series) -> None:
    headers = [copy.deepcopy(one.header) for one in series.instances]
    for header in headers:
        header.SpecificCharacterSet = "GB18030"
        header.PatientName = "Wang^XiaoDong=王^小东"
    instances = [
        replace(one, header=header) for one, header in zip(series.instances, headers, strict=True)
    ]
    (chinese,) = assemble(instances)
    tracking = Tracking(uid=uid_from("n0"), label="结节 1")
    found = [one.model_copy(update={"tracking": tracking}) for one in nodule(chinese, 0)]
    mask = segmentation(chinese, found, created=WHEN)
    signed = report(found, final=True).model_copy(update={"signed_by": "person-7"})
    written = structured_report(chinese, found, signed, mask, "市人民医院", "王丽")
    for data in (mask, written):
        opened = dcmread(BytesIO(data))
        assert opened.SpecificCharacterSet == "ISO_IR 192"
        assert str(opened.PatientName) == "Wang^XiaoDong=王^小东"
        assert "结节 1" in str(opened)
    (observer,) = dcmread(BytesIO(written)).VerifyingObserverSequence
    assert str(observer.VerifyingObserverName) == "王丽^"
    assert observer.VerifyingOrganization == "市人民医院"


def test_a_multi_frame_source_gets_the_same_segment(series: Series, seg: bytes) -> None:
    enhanced = LegacyConvertedEnhancedCTImage(
        [dcmread(BytesIO(one.load())) for one in series.instances],
        series_instance_uid=series.series_uid,
        series_number=1,
        sop_instance_uid="2.25.4",
        instance_number=1,
    )
    stream = BytesIO()
    enhanced.save_as(stream, enforce_file_format=True)
    (multi,) = assemble([read_instance(stream.getvalue())])
    alone = nodule(series, 0)
    opened = hd.seg.segread(BytesIO(segmentation(multi, alone, created=WHEN)))
    volume = opened.get_volume(segment_numbers=[1], combine_segments=True)
    twin = hd.seg.segread(BytesIO(seg)).get_volume(segment_numbers=[1], combine_segments=True)
    assert (volume.array > 0).sum() == (twin.array > 0).sum()
    middle = volume.map_indices_to_reference(np.argwhere(volume.array > 0)).mean(axis=0)
    assert np.linalg.norm(middle - CENTRES[0]) < 0.3
    by_image = structured_report(multi, alone, report(alone))
    (group,) = hd.sr.srread(BytesIO(by_image)).content.get_image_measurement_groups()
    frame = group.source_images[0].referenced_frame_numbers[0]
    (plane,) = (one for one in multi.slices if one.frame == frame - 1)
    assert abs(plane.position[2] - CENTRES[0][2]) <= 0.75
    by_segment = structured_report(
        multi, alone, report(alone), segmentation(multi, alone, created=WHEN)
    )
    (roi,) = hd.sr.srread(BytesIO(by_segment)).content.get_volumetric_roi_measurement_groups()
    named = roi.referenced_segment[1].referenced_frame_numbers
    assert named == sorted(named)
    assert 8 <= len(named) <= 11  # a ball of 14 mm on slices 1.5 mm apart


@pytest.mark.peer
@pytest.mark.parametrize("kind", ["seg", "draft", "signed"])
def test_dciodvfy_finds_no_error(
    kind: str,
    series: Series,
    findings: list[Finding],
    seg: bytes,
    draft: bytes,
    tmp_path: Path,
) -> None:
    signed = structured_report(series, findings, report(findings, final=True), seg)
    remarks = remarks_of({"seg": seg, "draft": draft, "signed": signed}[kind], tmp_path)
    assert remarks == ["Segmentation" if kind == "seg" else "Comprehensive3DSR"]


@pytest.mark.peer
def test_dcmtk_prints_the_report_without_complaint(draft: bytes, tmp_path: Path) -> None:
    program = shutil.which("dsrdump")
    if program is None:
        pytest.skip("dsrdump (Debian: dcmtk) is not installed")
    path = tmp_path / "report.dcm"
    path.write_bytes(draft)
    done = subprocess.run([program, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "E:" not in done.stderr
    for line in ("Verification Flag   : UNVERIFIED", "Nodule 1", "Referenced Segment"):
        assert line in done.stdout
