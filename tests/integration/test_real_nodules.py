"""The main job's core on a real whole CT: at a point a radiologist gives, a nodule is measured.

LIDC-IDRI-0063 is in no training fold. Its two LUNA16 nodules: one of 7.1 mm, solid,
and one of 8.8 mm, cavitary, whose centre is air.
"""

from __future__ import annotations

import csv
import tarfile
from dataclasses import replace

import numpy as np
import pytest
from tests.integration.conftest_nodules import case_of, data_folders, data_set

from suwen.core import registry
from suwen.core.codes import EQUIVALENT_DIAMETER, LONGEST_DIAMETER, VOLUME
from suwen.core.nouns import Band, Case, ImageRegion
from suwen.imaging.anatomy import situs
from suwen.imaging.case.points import point_record
from suwen.imaging.case.series import case_volumes
from suwen.imaging.nodules.data import ACCEPTANCE_PATIENTS, read_nodules
from suwen.imaging.reading.nifti import read_nifti
from suwen.imaging.volumes.volume import Volume
from suwen.lifecycle import packs
from suwen.lifecycle.run import answer

pytestmark = pytest.mark.real_data
registry_loaded = pytest.importorskip("suwen.imaging.tasks")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole-ct")
    with tarfile.open(data_set("imaging/lidc0063_ct") / "LIDC-IDRI-0063_dicom.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]


@pytest.fixture(scope="module")
def truth():
    with (data_set("imaging/lidc0063_ct") / "nodules.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def whole(files):
    return case_of(files)


@pytest.fixture(scope="module")
def pointed(whole, truth) -> Case:
    (series,) = case_volumes(whole)
    points = [tuple(float(row[f"{axis}_mm"]) for axis in "xyz") for row in truth]
    return case_of(None, whole, [point_record("p1", series, point) for point in points])


def findings_of(case: Case) -> tuple[list, list]:
    segmentation = registry.find("imaging.nodule_segmentation")
    malignancy = registry.find("imaging.nodule_malignancy")
    borders, scores = [], []
    for sample in segmentation.samples(case, []):
        borders += answer(segmentation, packs.current(segmentation.name), sample)
    for sample in malignancy.samples(case, borders):
        scores += answer(malignancy, packs.current(malignancy.name), sample)
    return borders, scores


@pytest.fixture(scope="module")
def answered(pointed):
    return findings_of(pointed)


def test_both_nodules_are_segmented_near_the_size_the_reference_gives(answered, truth):
    borders, _ = answered
    assert len(borders) == 2
    for finding, row in zip(borders, truth, strict=True):
        size = {m.code.code: m.interval for m in finding.measures}
        reference = float(row["diameter_mm"])
        assert size[EQUIVALENT_DIAMETER.code].value == pytest.approx(reference, rel=0.3)
        assert size[LONGEST_DIAMETER.code].low <= size[LONGEST_DIAMETER.code].value
        assert size[VOLUME.code].value > 50


def test_the_mask_lies_around_the_point_in_the_patient(answered, truth):
    borders, _ = answered
    for finding, row in zip(borders, truth, strict=True):
        point = np.array([float(row[f"{axis}_mm"]) for axis in "xyz"])
        mask = read_nifti(next(a.data for a in finding.attachments if a.role == "mask"))
        centre = mask.to_point(np.argwhere(mask.values > 0).mean(0))
        assert np.linalg.norm(centre - point) < 4
        region = next(one for one in finding.evidence if isinstance(one, ImageRegion))
        assert np.all(np.array(region.low) < point)
        assert np.all(point < np.array(region.high))
        assert region.instance_uid


def test_both_are_scored_with_an_interval_and_share_the_lesions_identity(answered):
    borders, scores = answered
    for border, score in zip(borders, scores, strict=True):
        assert score.band is not Band.ABSTAIN
        assert score.probability.low < score.probability.value < score.probability.high
        assert score.tracking == border.tracking
        assert score.explanations[0].method == "cam"
        shown = any(a.role == "saliency" for a in score.attachments)
        assert shown == (score.explanations[0].hidden_because is None)


def test_the_same_case_gives_the_same_findings(answered, pointed):
    assert [f.id for part in findings_of(pointed) for f in part] == [
        f.id for part in answered for f in part
    ]


def test_without_a_point_a_whole_ct_gets_a_reason_and_no_number(whole):
    borders, scores = findings_of(whole)
    assert [f.band for f in (*borders, *scores)] == [Band.ABSTAIN, Band.ABSTAIN]
    assert "point" in borders[0].reason.en


def test_at_a_point_in_plain_lung_nothing_is_measured(whole, truth):
    (series,) = case_volumes(whole)
    x, y, z = (float(truth[1][f"{axis}_mm"]) for axis in "xyz")
    case = case_of(None, whole, [point_record("p1", series, (x + 20, y + 30, z))])
    borders, scores = findings_of(case)
    assert borders[0].band is Band.ABSTAIN
    assert scores[0].band is Band.ABSTAIN


@pytest.fixture(scope="module")
def nodules():
    data_set("imaging/lidc_voi")
    return read_nodules(data_folders())


def test_the_acceptance_patient_is_in_no_training_set(nodules):
    patients = {nodule.patient for nodule in nodules}
    assert not patients & ACCEPTANCE_PATIENTS


def test_the_label_is_the_opinion_of_two_readers(nodules):
    assert len(nodules) == 787
    known = [one for one in nodules if one.ratings]
    assert len(known) == len(nodules)
    assert all(one.malignant == (sum(r >= 4 for r in one.ratings) >= 2) for one in known)


def test_a_crop_without_a_point_is_answered_at_its_middle_and_says_so(nodules):
    from suwen.imaging.nodules.data import read_crop
    from suwen.imaging.reading.wrap import Label, wrap_ct

    nodule = next(one for one in nodules if one.diameter_mm > 12)
    crop = read_crop(nodule)
    borders, scores = findings_of(case_of(wrap_ct(crop.volume, Label("T", "T^T", "crop"))))
    note = borders[0].evidence[0].note
    assert "middle" in note.en
    assert scores[0].probability is not None


def test_outside_the_validated_domain_the_score_is_withheld(pointed):
    malignancy = registry.find("imaging.nodule_malignancy")
    segmentation = registry.find("imaging.nodule_segmentation")
    sample = segmentation.samples(pointed, [])[0]
    data = sample.data.with_values(np.full_like(sample.data.volume.values, 60))
    changed = replace(sample, data=replace(data, mask=np.ones(data.volume.values.shape, bool)))
    (finding,) = answer(malignancy, packs.current(malignancy.name), changed)
    assert finding.band is Band.ABSTAIN
    assert finding.probability is None


def test_a_real_ct_is_the_right_way_round_and_its_mirror_image_is_noticed(whole):
    (series,) = case_volumes(whole)
    grid = series.lungs.grid
    upright = situs.score(grid)
    assert not series.mirrored
    assert upright > situs.LIMIT
    flipped = Volume(grid.values[:, :, ::-1], grid.affine)
    assert situs.score(flipped) == pytest.approx(-upright, abs=0.01)
    assert situs.mirrored(flipped)
