"""What leaves as DICOM of one nodule on two studies: one identity, one group, nothing rejected."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO

import highdicom as hd
import numpy as np
import pytest
from pydicom import dcmread

from suwen.app import outputs
from suwen.app.outputs import dicom_files
from suwen.core.codes import (
    MALIGNANCY_PROBABILITY,
    PULMONARY_NODULE,
    RIGHT_LOWER_LOBE,
    VOLUME,
    VOLUME_CHANGE,
)
from suwen.core.errors import BadInput
from suwen.core.nouns import (
    Act,
    Attachment,
    Band,
    Case,
    Explanation,
    Finding,
    ImageRegion,
    Interval,
    Measure,
    Record,
    RecordValue,
    Report,
    Tracking,
    digest_of,
)
from suwen.diagnosis.review import review
from suwen.diagnosis.view import Particulars
from suwen.imaging.case.series import imaging_study
from suwen.imaging.reading.assembly import assemble
from suwen.imaging.reading.instance import MAY_BE_EMPTY, read_instance
from suwen.imaging.reading.nifti import write_nifti
from suwen.imaging.reading.uids import uid_from
from suwen.imaging.reading.wrap import Label, wrap_ct
from suwen.imaging.volumes.volume import Volume

WHEN = datetime(2026, 1, 2, tzinfo=UTC)
AFFINE = np.array([[0, 0, 1.0, -20], [0, 1.0, 0, -20], [2.0, 0, 0, -20], [0, 0, 0, 1]])
BOX = Volume(np.ones((4, 8, 8), np.uint8), AFFINE + np.array([[0, 0, 0, 16.0]] * 3 + [[0] * 4]))


def scan(date: str):
    values = np.full((20, 40, 40), -850, np.int16)
    return wrap_ct(Volume(values, AFFINE), Label("P", "P^Q", f"scan {date}", date=date, sex="M"))


def one(number: float) -> Interval:
    return Interval(value=number, low=number * 0.9, high=number * 1.1)


def without_what_may_be_empty(data: bytes) -> bytes:
    """The same slice without the patient and study fields that may be empty but not absent."""
    header = dcmread(BytesIO(data))
    for keyword in MAY_BE_EMPTY:
        if keyword in header:
            delattr(header, keyword)
    out = BytesIO()
    header.save_as(out)
    return out.getvalue()


@pytest.fixture(scope="module")
def two_studies():
    """The Case, and the findings: prior outline, outline, score, mark and change of one nodule."""
    return studies([scan("20250101"), scan("20260101")])


def studies(scans: list[list[bytes]]):
    records, stored, found = [], {}, []
    for number, files in enumerate(scans):
        stored |= {digest_of(data): data for data in files}
        (series,) = assemble(read_instance(data) for data in files)
        blobs = {i.text("SOPInstanceUID"): digest_of(i.load()) for i in series.instances}
        reference = f"ImagingStudy/{number}/_history/1"
        records.append(Record(reference=reference, content=imaging_study([series], blobs, "p1")))
        region = ImageRegion(
            record=reference,
            study_uid=series.study_uid,
            series_uid=series.series_uid,
            frame_of_reference_uid=series.frame_of_reference_uid,
            centre=(0, 0, 0),
            low=(-4, -4, -4),
            high=(4, 4, 4),
            instance_uid=series.instance_uids[10],
        )
        common = {
            "code": PULMONARY_NODULE,
            "band": Band.RULE_IN,
            "site": RIGHT_LOWER_LOBE,
            "evidence": (region,),
            "tracking": Tracking(uid=uid_from(f"own {number}"), label=f"Nodule {number + 1}"),
        }
        mask = Attachment.of("mask", "application/x-nifti", write_nifti(BOX))
        measured = (Measure(code=VOLUME, interval=one(512), unit="mm3"),)
        pack = "p@1.0.0+" + "ab" * 32
        found.append(
            Finding(task="t.outline", pack=pack, attachments=(mask,), measures=measured, **common)
        )
    shown = Volume(np.linspace(-1, 1, 256).reshape(4, 8, 8).astype(np.float32), BOX.affine)
    found.append(
        Finding(
            task="t.score",
            pack=pack,
            probability=one(0.8),
            attachments=(Attachment.of("saliency", "application/x-nifti", write_nifti(shown)),),
            explanations=(Explanation(method="cam", faithfulness=0.9),),
            **common | {"code": MALIGNANCY_PROBABILITY},
        )
    )
    found.append(Finding(task="t.mark", pack=pack, probability=one(0.7), **common))
    before = found[0]
    change = (Measure(code=VOLUME_CHANGE, interval=one(20), unit="%"),)
    cites = tuple(RecordValue(record=f"Finding/{x.id}", path="Finding.measures") for x in found[:2])
    found.append(
        Finding(
            task="t.change",
            pack=pack,
            measures=change,
            **common
            | {
                "code": VOLUME_CHANGE,
                "tracking": before.tracking,
                "evidence": (region, before.evidence[0], *cites),
            },
        )
    )
    return Case("p1", WHEN, tuple(records), stored.__getitem__), found


def report(findings: list[Finding]) -> Report:
    return Report(id="r1", patient="p1", created=WHEN, findings=tuple(findings), statements=())


def groups(data: bytes):
    content = hd.sr.srread(BytesIO(data)).content
    return [
        *content.get_volumetric_roi_measurement_groups(),
        *content.get_image_measurement_groups(),
    ]


def test_one_nodule_keeps_one_identity_and_one_group_on_both_studies(two_studies):
    case, found = two_studies
    made = dicom_files(case, report(found), Particulars())
    prior = found[0].tracking
    dates = {}
    for number in (1, 2):
        written = made[f"series-{number}.sr.dcm"]
        (group,) = groups(written)
        assert (group.tracking_uid, group.tracking_identifier) == (prior.uid, prior.label)
        assert group.finding_type.value == PULMONARY_NODULE.code
        (segment,) = dcmread(BytesIO(made[f"series-{number}.seg.dcm"])).SegmentSequence
        assert segment.TrackingUID == prior.uid
        measured = {one.name.meaning for one in group.get_measurements()}
        dates[dcmread(BytesIO(written)).StudyDate] = measured
    assert dates["20250101"] == {"Volume"}
    assert dates["20260101"] == {
        "Volume",
        "Volume change",
        "Probability of malignancy",
        "Solitary nodule of lung",
    }


def test_key_images_and_the_shown_map_go_along(two_studies):
    case, found = two_studies
    made = dicom_files(case, report(found), Particulars())
    assert [name for name in made if "key-images" in name] == [
        "study-1.key-images.dcm",
        "study-2.key-images.dcm",
    ]
    (name,) = [name for name in made if ".map-" in name]
    shown = dcmread(BytesIO(made[name]))
    assert shown.FrameOfReferenceUID == found[1].evidence[0].frame_of_reference_uid
    assert dcmread(BytesIO(made["study-1.key-images.dcm"])).Modality == "KO"


def test_fields_that_are_absent_though_only_empty_is_allowed_keep_no_object_back(two_studies):
    whole = dicom_files(two_studies[0], report(two_studies[1]), Particulars())
    poor = [list(map(without_what_may_be_empty, scan(day))) for day in ("20250101", "20260101")]
    case, found = studies(poor)
    made = dicom_files(case, report(found), Particulars())
    assert list(made) == list(whole)
    assert dcmread(BytesIO(made["study-1.key-images.dcm"])).AccessionNumber == ""


def test_the_report_is_written_also_where_no_dicom_object_can_be_made(two_studies, monkeypatch):
    case, found = two_studies

    def impossible(*_):
        raise BadInput("headers nothing can refer to")

    monkeypatch.setattr(outputs, "dicom_files", impossible)
    monkeypatch.setattr(outputs, "particulars", lambda *_: Particulars())
    made, (left_out,) = outputs.files(None, case, report(found), "en")
    assert list(made) == ["report.html", "report.pdf", "report.fhir.json"]
    assert left_out.en == "DICOM objects were not written: headers nothing can refer to."


def test_what_a_person_rejects_is_withdrawn_from_every_object(two_studies):
    case, found = two_studies
    state = report(found)
    for finding in found[1:4]:
        state = review(state, finding.id, Act.REJECTED, "dr-wang", "a vessel", at=WHEN)
    made = dicom_files(case, state, Particulars())
    assert not [name for name in made if ".map-" in name]
    assert {dcmread(BytesIO(data)).StudyDate for data in made.values()} == {"20250101"}
    assert dicom_files(case, state.model_copy(update={"status": "withdrawn"}), Particulars()) == {}
