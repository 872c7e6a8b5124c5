"""The main job, end to end: a folder of patient files in, a signed-for report out, replayable."""

import io
import json
import math
import shutil
import tarfile
from pathlib import Path

import highdicom
import pydicom
import pytest

from suwen.app.diagnose import answer, diagnose_folder
from suwen.app.services import operator
from suwen.cli import DiagnoseRequest
from suwen.core.codes import RIGHT_UPPER_LOBE
from suwen.core.errors import BadInput, NotFound
from suwen.core.nouns import Band
from suwen.core.settings import Settings
from suwen.imaging.reading.wrap import Label, wrap_ct
from suwen.imaging.volumes.phantom import Nodule, chest_phantom
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.run import replay
from suwen.records import Store, report_of
from suwen.records.fhir.door import validate

SOLID = (-88.56419765, 20.21, -103.7426809)
"""The solid nodule of LIDC-IDRI-0063 in LUNA16 (7.1 mm): x, y, z in mm."""
SOLID_MM = 7.08
CAVITARY = (-45.80479316, 59.89230782, -200.9927893)
CAVITARY_MM = 8.77
"""The other nodule of that CT, with air at its centre."""


@pytest.fixture(scope="module")
def diagnosed(demo_patients, tmp_path_factory):
    """The part-solid demo patient, diagnosed in Chinese."""
    home = Settings(home=tmp_path_factory.mktemp("home"))
    out = tmp_path_factory.mktemp("out")
    outcome = diagnose_folder(DiagnoseRequest(demo_patients["cedar"], out, "zh"), home)
    return home, outcome


def report_in(home: Settings, outcome):
    with Store.open(home) as store:
        access = store.session(operator(store), "treatment")
        return report_of(access.read(f"Report/{outcome.report}", outcome.patient))


def test_each_nodule_is_measured_and_scored_with_interval_band_and_evidence(diagnosed):
    report = report_in(*diagnosed)
    assert [f.task for f in report.findings].count("imaging.nodule_segmentation") == 2
    scores = [f for f in report.findings if f.task == "imaging.nodule_malignancy"]
    assert len(scores) == 2
    for finding in scores:
        assert finding.band in Band
        assert finding.evidence
        if finding.band is not Band.ABSTAIN:
            assert finding.probability.low <= finding.probability.value <= finding.probability.high


def test_every_output_opens_again_in_its_own_format(diagnosed):
    _, outcome = diagnosed
    files = {path.name: path for path in outcome.files}
    assert files["report.pdf"].read_bytes().startswith(b"%PDF-")
    page = files["report.html"].read_text()
    assert "恶性概率" in page
    assert "科研" in page or "决策支持" in page
    bundle = json.loads(files["report.fhir.json"].read_text())
    assert not [p for p in validate([bundle])[0] if p.severity == "error"]
    kinds = {entry["resource"]["resourceType"] for entry in bundle["entry"]}
    assert {"DiagnosticReport", "Observation", "Provenance"} <= kinds
    seg = highdicom.seg.segread(files["series-1.seg.dcm"])
    assert seg.number_of_segments == 2
    document = highdicom.sr.srread(files["series-1.sr.dcm"])
    groups = document.content.get_planar_roi_measurement_groups()
    groups += document.content.get_volumetric_roi_measurement_groups()
    assert {group.tracking_uid for group in groups} <= {
        segment.TrackingUID for segment in seg.SegmentSequence
    }


def test_the_report_is_a_draft_in_both_languages_until_someone_signs(diagnosed):
    report = report_in(*diagnosed)
    assert report.status == "draft"
    assert all(s.text.en and s.text.zh for s in report.statements)
    assert all(s.findings or s.records for s in report.statements)


def test_every_finding_replays_to_the_same_digit(diagnosed):
    home, outcome = diagnosed
    assert outcome.finding_decisions
    with Store.open(home) as store:
        access = store.session(operator(store), "treatment")
        for number in outcome.finding_decisions:
            result = replay(store.log.decision(number), access)
            assert result.same, result.changes


def test_a_replay_after_the_images_are_gone_says_so(diagnosed, tmp_path):
    home, outcome = diagnosed
    copy = Settings(home=tmp_path / "copy")
    shutil.copytree(home.home, copy.home)
    for blob in (copy.home / "blobs").rglob("*"):
        if blob.is_file():
            blob.unlink()
    with Store.open(copy) as store:
        access = store.session(operator(store), "treatment")
        asked = [store.log.decision(number) for number in outcome.finding_decisions]
        of_images = next(one for one in asked if "imaging." in str(one.detail))
        result = replay(of_images, access)
    assert not result.same
    assert result.changes


def test_the_same_folder_again_stores_nothing_twice(diagnosed, demo_patients, tmp_path):
    home, outcome = diagnosed
    again = diagnose_folder(DiagnoseRequest(demo_patients["cedar"], tmp_path, "zh"), home)
    assert again.patient == outcome.patient
    assert again.finding_decisions == outcome.finding_decisions
    with Store.open(home) as store:
        access = store.session(operator(store), "treatment")
        case = access.case(outcome.patient)
        assert all(record.reference.endswith("/_history/1") for record in case.records)


def test_what_was_not_understood_is_said(demo_patients, tmp_path):
    home = Settings(home=tmp_path / "home")
    outcome = diagnose_folder(DiagnoseRequest(demo_patients["birch"], tmp_path / "out"), home)
    assert any(".xyz" in line or "not" in line for line in outcome.not_understood)
    assert any("spirometer" in line for line in outcome.not_understood)


def test_two_patients_in_one_folder_are_refused_and_nothing_is_stored(demo_patients, tmp_path):
    mixed = tmp_path / "mixed"
    shutil.copytree(demo_patients["alder"], mixed)
    shutil.copy(demo_patients["birch"] / "records.json", mixed / "other.json")
    home = Settings(home=tmp_path / "home")
    with pytest.raises(BadInput, match="patient"):
        diagnose_folder(DiagnoseRequest(mixed, tmp_path / "out"), home)
    with Store.open(home) as store:
        assert store.counts()["patients"] == 0
    assert not (tmp_path / "out").exists()


def test_a_point_outside_the_images_is_refused(demo_patients, tmp_path):
    home = Settings(home=tmp_path / "home")
    request = DiagnoseRequest(demo_patients["alder"], tmp_path / "out", points=((9e3, 0.0, 0.0),))
    with pytest.raises(BadInput, match="outside every image series"):
        diagnose_folder(request, home)


@pytest.fixture(scope="module")
def whole_ct(tmp_path_factory) -> Path:
    data = DataFolders.from_settings()
    if not data.have("imaging/lidc0063_ct"):
        pytest.skip("imaging/lidc0063_ct is in no folder of SUWEN_DATA")
    folder = tmp_path_factory.mktemp("lidc0063")
    with tarfile.open(data.find("imaging/lidc0063_ct/LIDC-IDRI-0063_dicom.tar.xz")) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.mark.real_data
def test_a_nodule_pointed_at_on_a_real_whole_ct_is_measured_scored_and_reported(whole_ct, tmp_path):
    home = Settings(home=tmp_path / "home")
    outcome = diagnose_folder(DiagnoseRequest(whole_ct, tmp_path / "out", points=(SOLID,)), home)
    report = report_in(home, outcome)
    (measured,) = [f for f in report.findings if f.task == "imaging.nodule_segmentation"]
    (region,) = [e for e in measured.evidence if e.kind == "image"]
    assert max(abs(a - b) for a, b in zip(region.centre, SOLID, strict=True)) < SOLID_MM
    sizes = {m.code.code: m.interval.value for m in measured.measures}
    assert 0.5 * SOLID_MM < sizes["equivalent-diameter"] < 1.8 * SOLID_MM
    (scored,) = [f for f in report.findings if f.task == "imaging.nodule_malignancy"]
    assert scored.probability is not None
    assert scored.site is not None
    assert scored.site == RIGHT_UPPER_LOBE, "x < 0 is the patient's right"
    assert "Right upper lobe, " in measured.reason.en
    header = pydicom.dcmread(io.BytesIO((tmp_path / "out" / "series-1.sr.dcm").read_bytes()))
    assert header.PatientID == "LIDC-IDRI-0063"


@pytest.mark.real_data
def test_a_whole_ct_without_a_point_abstains_instead_of_guessing(whole_ct, tmp_path):
    home = Settings(home=tmp_path / "home")
    outcome = diagnose_folder(DiagnoseRequest(whole_ct, tmp_path / "out"), home)
    report = report_in(home, outcome)
    assert report.findings
    assert all(finding.band is Band.ABSTAIN for finding in report.findings)
    assert any("point" in finding.reason.en for finding in report.findings)


@pytest.mark.real_data
def test_a_whole_ct_is_searched_and_both_nodules_are_marked_the_solid_one_first(whole_ct, tmp_path):
    home = Settings(home=tmp_path / "home", search=True)
    outcome = diagnose_folder(DiagnoseRequest(whole_ct, tmp_path / "out"), home)
    findings = report_in(home, outcome).findings
    said = [f for f in findings if f.task == "imaging.nodule_detection"]
    marks = [f for f in said if f.tracking]
    (searched,) = (f for f in said if not f.tracking)
    assert "133 slices" in searched.reason.en
    strong = [f for f in marks if f.band is Band.RULE_IN]
    assert searched.measures[0].interval.value == len(strong)
    first = max(marks, key=lambda f: f.probability.value)
    near = [abs(a - b) for a, b in zip(first.evidence[0].centre, SOLID, strict=True)]
    assert max(near) < SOLID_MM
    assert first.site == RIGHT_UPPER_LOBE, "x < 0 is the patient's right"
    assert 1 < len(marks) <= 15
    away = [math.dist(f.evidence[0].centre, CAVITARY) for f in marks]
    assert min(away) < CAVITARY_MM / 2
    assert 1 <= len(strong) <= 5, "few enough to be measured and read"
    measured = [f for f in findings if f.task == "imaging.nodule_segmentation"]
    scored = [f for f in findings if f.task == "imaging.nodule_malignancy"]
    assert {f.tracking.uid for f in measured} == {f.tracking.uid for f in strong}
    assert first.tracking.uid in {f.tracking.uid for f in scored if f.probability}


def test_a_searched_ct_says_so_and_its_mark_is_the_nodule_that_was_pointed_at(tmp_path):
    nodule = Nodule((-80.0, 10.0, 20.0), 14.0)
    drawn = chest_phantom(5, (nodule,), (44, 216, 216), (5.0, 1.6, 1.6))
    folder = tmp_path / "ct"
    folder.mkdir()
    label = Label("S-1", "SYNTHETIC^Searched", "searched")
    for number, data in enumerate(wrap_ct(drawn.volume, label)):
        (folder / f"slice_{number:02d}.dcm").write_bytes(data)
    home = Settings(home=tmp_path / "home", search=True)
    request = DiagnoseRequest(folder, tmp_path / "out", points=((-79.0, 9.0, 21.0),))
    findings = report_in(home, diagnose_folder(request, home)).findings
    said = [f for f in findings if f.task == "imaging.nodule_detection"]
    (searched,) = (f for f in said if f.tracking is None)
    assert "All 44 slices were searched" in searched.reason.en
    (mark,) = (f for f in said if f.tracking and f.tracking.label == "Nodule 1")
    assert math.dist(mark.evidence[0].centre, nodule.centre) < nodule.diameter_mm / 2
    assert mark.probability.value > 0.5
    labels = [f.tracking.label for f in said if f.tracking]
    assert len(set(labels)) == len(labels)


def test_one_task_can_be_asked_alone_and_runs_what_it_builds_on(diagnosed):
    home, outcome = diagnosed
    with Store.open(home) as store:
        access = store.session(operator(store), "treatment")
        found = answer(access, outcome.patient, "imaging.nodule_malignancy")
        assert {finding.task for finding in found} == {"imaging.nodule_malignancy"}
        with pytest.raises(NotFound):
            answer(access, outcome.patient, "imaging.nothing")
