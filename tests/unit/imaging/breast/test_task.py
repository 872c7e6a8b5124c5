"""A breast ultrasound picture of a Case: what is read, said, and refused."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from tests.unit.imaging.breast.test_ultrasound import instance, tissue

from suwen.core.codes import BENIGN, BREAST_LESION, MALIGNANT, NORMAL
from suwen.core.nouns import PROBABILITY, Band, Case, Record, digest_of
from suwen.imaging.breast import ultrasound
from suwen.imaging.breast.task import BREAST_ULTRASOUND, BreastUltrasound
from suwen.imaging.case.series import imaging_study
from suwen.imaging.planar import case as planar_case
from suwen.imaging.reading.assembly import assemble
from suwen.lifecycle import golden, packs
from suwen.lifecycle.examples import Output, Sample
from suwen.lifecycle.run import answer, digests_of

TASK = BreastUltrasound()
STUDY = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4"}


def case_of(*instances):
    """A Case whose ImagingStudy holds these instances."""
    files = {digest_of(one.load()): one.load() for one in instances}
    named = {one.text("SOPInstanceUID"): digest_of(one.load()) for one in instances}
    study = imaging_study(assemble(instances), named, "p")
    record = Record(reference="ImagingStudy/1/_history/1", content=study)
    return Case("p", datetime(2026, 1, 1, tzinfo=UTC), (record,), files.__getitem__)


@pytest.fixture(scope="module")
def pack():
    return packs.current(BREAST_ULTRASOUND)


@pytest.fixture(scope="module")
def placed(pack):
    """The golden case that most looks malignant, as if it came from a Case."""
    found = max(
        golden.cases(TASK, pack), key=lambda one: TASK.predict(pack, one[0]).scores[:, 2].mean()
    )
    case = case_of(instance(tissue(), **STUDY))
    (read,) = TASK.samples(case, [])
    return Sample(read.key, found[0].data, read.evidence, read.inputs)


def test_each_picture_of_the_breast_is_a_sample_with_its_place_in_the_study():
    breast = instance(tissue(), BodyPartExamined="BREAST", **STUDY)
    liver = instance(tissue(seed=2), BodyPartExamined="LIVER", SOPInstanceUID="1.9", **STUDY)
    case = case_of(breast, liver)
    sample, other = TASK.samples(case, [])
    uid = breast.text("SOPInstanceUID")
    assert sample.data.uid == uid
    assert sample.data.image.shape == (300, 400)
    assert sample.evidence[0].record == "ImagingStudy/1/_history/1"
    assert uid in sample.evidence[0].path
    assert digests_of(sample, case)
    assert other.data.refusal == ultrasound.NOT_BREAST


def test_a_loop_abstains_with_the_reason(pack):
    loop = instance(np.stack([tissue(seed=k) for k in range(3)]), frames=3, **STUDY)
    (sample,) = TASK.samples(case_of(loop), [])
    (finding,) = answer(TASK, pack, sample)
    assert finding.band is Band.ABSTAIN
    assert finding.reason == planar_case.CINE
    assert finding.code == BREAST_LESION


def test_noise_is_outside_the_domain(pack):
    noise = np.random.default_rng(0).integers(0, 255, (200, 200)).astype(np.uint8)
    (sample,) = TASK.samples(case_of(instance(noise, **STUDY)), [])
    (finding,) = answer(TASK, pack, sample)
    assert finding.band is Band.ABSTAIN


def test_a_finding_gives_every_class_and_the_bi_rads_range_of_cancer(pack, placed):
    (finding,) = answer(TASK, pack, placed)
    assert finding.code == MALIGNANT
    assert finding.probability.value > 0.5
    assert {one.code for one in finding.measures} == {NORMAL, BENIGN}
    assert {one.unit for one in finding.measures} == {PROBABILITY}
    assert "BI-RADS category 4C" in finding.reason.en or "BI-RADS category 5" in finding.reason.en
    assert "no radiologist's assessment" in finding.reason.en
    assert "BI-RADS" in finding.reason.zh


def test_the_pack_of_busi_answers_cases_and_that_of_breastmnist_is_measured_on_it():
    assert packs.current(BREAST_ULTRASOUND).settings["dataset"] == "busi"
    assert packs.current(BREAST_ULTRASOUND, "busi_marked").settings["dataset"] == "busi"
    assert packs.current(BREAST_ULTRASOUND, "breastmnist").settings["dataset"] == "breastmnist"


def test_the_pack_of_breastmnist_never_names_benign():
    thumbnails = packs.current(BREAST_ULTRASOUND, "breastmnist")
    for sample, _, _ in golden.cases(TASK, thumbnails):
        scores = TASK.predict(thumbnails, sample).scores
        assert thumbnails.answers.probabilities(scores)[1].high < 1e-6
    extreme = Output(np.array([[0.0, 20.0, 0.0]] * thumbnails.members), {})
    assert thumbnails.answers.probabilities(extreme.scores)[1].value < 1e-3
