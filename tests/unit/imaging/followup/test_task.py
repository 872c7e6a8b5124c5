"""Two studies in one Case: the same nodule keeps its UID, and each is placed by the guideline."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from tests.unit.imaging.two_studies import BEFORE, GREW, MOVED, NOW, laid_over, studies

from suwen.core.codes import (
    DOUBLING_TIME,
    NEW_NODULE,
    PULMONARY_NODULE,
    RESOLVED_NODULE,
    VOLUME,
    VOLUME_CHANGE,
)
from suwen.core.nouns import (
    Attachment,
    Band,
    Case,
    Finding,
    Interval,
    Measure,
    Record,
    RecordValue,
    Tracking,
    digest_of,
)
from suwen.core.registry import find
from suwen.diagnosis import lesions
from suwen.diagnosis.compose import compose
from suwen.diagnosis.fhir import fhir_bundle
from suwen.diagnosis.problems import problems
from suwen.imaging.case.series import case_volumes, imaging_study
from suwen.imaging.followup import task as followup
from suwen.imaging.management import task as management
from suwen.imaging.nodules import locate
from suwen.imaging.nodules.findings import NIFTI
from suwen.imaging.reading.assembly import assemble
from suwen.imaging.reading.instance import read_instance
from suwen.imaging.reading.nifti import write_nifti
from suwen.imaging.reading.uids import uid_from
from suwen.imaging.reading.wrap import Label, wrap_ct
from suwen.imaging.tasks import SEGMENTATION
from suwen.imaging.volumes.nodule import cut_around
from suwen.imaging.volumes.volume import Volume
from suwen.lifecycle import packs
from suwen.lifecycle.run import answer

DAYS = (("20250910", "a"), ("20260310", "b"))
ORDER = {
    "resourceType": "ServiceRequest",
    "status": "active",
    "code": {"text": "Low-dose CT, lung cancer screening"},
    "authoredOn": "2026-03-01",
}
REPORT = {
    "resourceType": "DiagnosticReport",
    "status": "final",
    "effectiveDateTime": "2025-09-10",
    "conclusion": "Three nodules.",
}


def record(content, name):
    return Record(reference=f"{content['resourceType']}/{name}/_history/1", content=content)


def case_of(volumes, *others):
    blobs, records = {}, []
    for volume, (day, seed) in zip(volumes, DAYS, strict=False):
        files = wrap_ct(volume, Label("FU", "Follow^Up", f"follow {seed}", date=day))
        instances = [read_instance(data, lambda data=data: data) for data in files]
        digests = {}
        for instance, data in zip(instances, files, strict=True):
            digests[instance.text("SOPInstanceUID")] = digest_of(data)
            blobs[digest_of(data)] = data
        records.append(record(imaging_study(assemble(instances), digests, "p"), seed))
    records += [record(content, f"r{i}") for i, content in enumerate(others)]
    moment = datetime(2026, 3, 11, tzinfo=UTC)
    return Case("p", moment, tuple(records), lambda digest: blobs[digest])


def segmented(series, number, nodule, rigid=None):
    """The finding of a nodule, as the segmentation would give it, with the phantom's own ball."""
    point = nodule.centre if rigid is None else tuple(rigid(np.array(nodule.centre)))
    near = cut_around(series.volume, point)
    index = np.indices(near.values.shape).reshape(3, -1).T.astype(float)
    away = np.linalg.norm(near.to_point(index) - point, axis=1).reshape(near.values.shape)
    mask = away <= nodule.diameter_mm / 2
    mm3 = np.pi / 6 * nodule.diameter_mm**3
    low, high = (tuple(float(v) for v in np.array(point) + s * 6) for s in (-1, 1))
    written = write_nifti(Volume(mask.astype(np.uint8), near.affine))
    return Finding(
        task=SEGMENTATION,
        pack="s@1+0",
        code=PULMONARY_NODULE,
        band=Band.RULE_IN,
        measures=(
            Measure(code=VOLUME, interval=Interval(value=mm3, low=mm3, high=mm3), unit="mm3"),
        ),
        evidence=(locate.region(series, low, high),),
        attachments=(Attachment.of("mask", NIFTI, written),),
        tracking=Tracking(uid=uid_from(f"{series.series_uid} {number}"), label=f"Nodule {number}"),
    )


@pytest.fixture(scope="module")
def followed():
    """The Case, the segmentations of both studies, and what the follow-up says."""
    patch = pytest.MonkeyPatch()
    patch.setattr(followup, "lay_over", lambda *_: laid_over())
    case = case_of(studies(), ORDER, REPORT)
    first, second = sorted(case_volumes(case), key=lambda one: one.tags["StudyDate"])
    before = [segmented(first, i + 1, one) for i, one in enumerate(BEFORE)]
    now = [segmented(second, i + 1, one, MOVED) for i, one in enumerate(NOW)]
    task, pack = find(followup.FOLLOWUP), packs.current(followup.FOLLOWUP)
    samples = task.samples(case, [*before, *now])
    said = [one for sample in samples for one in answer(task, pack, sample)]
    patch.undo()
    return case, before, now, said


def managed(case, *earlier):
    task, pack = find(management.MANAGEMENT), packs.current(management.MANAGEMENT)
    samples = task.samples(case, list(earlier))
    return [one for sample in samples for one in answer(task, pack, sample)]


def test_each_nodule_is_said_to_have_grown_stayed_come_or_gone(followed):
    _, _, _, said = followed
    assert [one.code for one in said] == [VOLUME_CHANGE, VOLUME_CHANGE, NEW_NODULE, RESOLVED_NODULE]
    assert re.search(r"524 mm³ on 2025-09-10, now 1,047 mm³ on 2026-03-10", said[0].reason.en)
    assert "no growth is said" in said[1].reason.en
    assert "不能判定增大" in said[1].reason.zh


def test_the_doubling_time_of_a_doubled_nodule_is_the_time_between_the_studies(followed):
    _, _, _, (grown, stayed, *_) = followed
    (days,) = [m.interval for m in grown.measures if m.code == DOUBLING_TIME]
    assert GREW[1].diameter_mm ** 3 / GREW[0].diameter_mm ** 3 == pytest.approx(2, abs=0.01)
    assert days.value == pytest.approx(181, abs=2)
    assert days.low < 181 < days.high
    assert not [m for m in stayed.measures if m.code == DOUBLING_TIME]


def test_the_same_nodule_keeps_the_uid_of_the_earliest_study(followed):
    _, before, now, said = followed
    assert [one.tracking for one in said[:2]] == [one.tracking for one in before[:2]]
    assert said[2].tracking == Tracking(uid=now[2].tracking.uid, label="Nodule 4")
    assert said[3].tracking == before[2].tracking
    written = lesions.identified([*before, *now, *said])
    assert [one.tracking for one in written[3:5]] == [one.tracking for one in before[:2]]


def test_the_evidence_names_both_places_both_findings_and_the_earlier_report(followed):
    _, before, now, (grown, *_) = followed
    here, there, *rest = grown.evidence
    assert here == now[0].evidence[0]
    assert there == before[0].evidence[0]
    assert [one.record for one in rest] == [
        f"Finding/{now[0].id}",
        f"Finding/{before[0].id}",
        "DiagnosticReport/r1/_history/1",
    ]
    assert rest[2] == RecordValue(record=rest[2].record, path="DiagnosticReport.conclusion")


def test_each_nodule_gets_its_lung_rads_category_with_rule_and_inputs(followed):
    case, before, now, said = followed
    found = managed(case, *before, *now, *said)
    assert [one.code.code for one in found] == ["lung-rads-4B", "lung-rads-3", "lung-rads-4B"]
    assert {one.band for one in found} == {Band.RULE_IN}
    assert "solid-new-or-growing-8" in found[0].reason.en
    assert "change since the earlier CT growing" in found[0].reason.en
    assert "airway nodule" in found[0].reason.en
    assert "category at the earlier CT 4A" in found[1].reason.en
    assert "与既往 CT 比较的变化 新发" in found[2].reason.zh


def test_without_an_order_both_guidelines_speak_with_their_condition(followed):
    case, before, now, said = followed
    bare = replace(case, records=tuple(r for r in case.records if r.type == "ImagingStudy"))
    found = managed(bare, *before, *now, *said)[:2]
    assert [one.reason.en.partition(":")[0] for one in found] == [
        "Only if this was a screening examination",
        "Only if the nodule was found incidentally",
    ]
    assert {one.band for one in found} == {Band.GREY}
    assert "Not known: purpose of the examination" in found[0].reason.en
    assert "age in years" in found[1].reason.en


def test_the_only_study_is_a_baseline():
    case = case_of(studies()[:1], ORDER | {"authoredOn": "2025-09-01"})
    (series,) = case_volumes(case)
    (found,) = managed(case, segmented(series, 1, BEFORE[1]))
    assert found.code.code == "lung-rads-4A"
    assert find(followup.FOLLOWUP).samples(case, [segmented(series, 1, BEFORE[1])]) == []


def test_the_report_tells_of_the_present_and_compares_with_the_past(followed):
    case, before, now, said = followed
    found = [*before, *now, *said]
    found += managed(case, *found)
    ordered = problems(found)
    assert {one.label.en for one in ordered} == {f"Nodule {i}" for i in (1, 2, 3, 4)}
    first = next(one for one in ordered if one.label.en == "Nodule 1")
    assert before[0] in first.earlier
    assert now[0] in first.findings
    report = compose(case, found, [], datetime(2026, 3, 11, tzinfo=UTC))
    lines = [one.text.en for one in report.statements if one.section == "impression"]
    grown = next(line for line in lines if line.startswith("Nodule 1"))
    assert "volume-doubling time 181 d" in grown
    assert "Lung-RADS v2022: 4B, very suspicious" in grown
    gone = next(line for line in lines if line.startswith("Nodule 3"))
    assert "Nodule no longer seen" in gone


def test_fhir_links_the_observations_and_gives_one_lesion_one_uid(followed):
    case, before, now, said = followed
    report = compose(case, [*before, *now, *said], [], datetime(2026, 3, 11, tzinfo=UTC))
    bundle = fhir_bundle(report, "en")
    resources = [entry["resource"] for entry in bundle["entry"]]
    own = {one["identifier"][0]["value"]: one for one in resources if "method" in one}
    uids = [
        part["valueString"]
        for one in (before[0], now[0], said[0])
        for extension in own[one.id]["extension"]
        for part in extension.get("extension", ())
        if part["url"] == "uid"
    ]
    assert uids == [before[0].tracking.uid] * 3
    derived = [one["reference"] for one in own[said[0].id]["derivedFrom"]]
    assert {f"Observation/{own[one.id]['id']}" for one in (before[0], now[0])} <= set(derived)
    assert "Finding/" not in str(bundle)
