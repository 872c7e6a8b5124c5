"""Coronary disease before the angiogram: who is asked, what it says, what is missing."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.health.cases import case, observation, patient
from tests.unit.health.table_cases import OWN, before_angiography, kind, of_its_inputs, said

from suwen.core import registry
from suwen.core.errors import BadInput, NotFound
from suwen.core.nouns import Band
from suwen.core.settings import settings
from suwen.health.tables import heart_disease_data as data
from suwen.health.tables.heart_disease import HEART_DISEASE
from suwen.lifecycle import packs
from suwen.lifecycle.data import DataFolders

HEADER = "site,age,sex,cp,trestbps,chol,fbs,restecg,thalach,exang,oldpeak,slope,ca,thal,num\n"
ROWS = (
    "cleveland,63,1,1,145,233,1,2,150,0,2.3,3,0,6,0\n"
    "cleveland,67,1,4,160,286,0,2,108,1,1.5,2,3,3,2\n"
    "switzerland,55,1,4,0,0,,0,120,1,,,,7,3\n"
    "va,50,0,3,120,0,0,0,150,0,0,,,,0\n"
)


@pytest.fixture
def folders(tmp_path):
    path = tmp_path / data.TABLE
    path.parent.mkdir(parents=True)
    path.write_text(HEADER + ROWS)
    return tmp_path


def test_everything_speaking_for_it_is_rule_in_with_the_values_that_did():
    finding = said(HEART_DISEASE, before_angiography())
    assert finding.band is Band.RULE_IN
    assert finding.probability.value > 0.9
    notes = [one.note.en for one in finding.evidence]
    assert any("ST depression in exercise 2.4 mm" in note for note in notes)
    assert any("Thallium scan reversible defect" in note for note in notes)
    assert all("raised" in note for note in notes)


def test_what_moved_it_adds_up_to_the_way_from_a_typical_patient():
    task, pack = registry.find(HEART_DISEASE), packs.current(HEART_DISEASE)
    (sample,) = task.samples(before_angiography(), [])
    groups = task.input_of(pack, sample)
    way = task.score_of(pack, sample, groups) - task.score_of(pack, sample, 0 * groups)
    assert task.saliency(pack, sample, "contributions").sum() == pytest.approx(way)
    assert task.score_of(pack, sample, groups) == pytest.approx(
        task.predict(pack, sample).scores.mean()
    )


def test_a_well_woman_of_40_is_far_lower():
    well = before_angiography(
        patient=patient(born="1986-01-01", sex="female"),
        pain=kind("pain", "chest-pain", "non-anginal-pain"),
        rate=None,
        angina=None,
        st=observation("st", "exercise-st-depression", 0, "mm", system=OWN),
        slope=kind("slope", "exercise-st-slope", "upsloping"),
        vessels=None,
        thallium=kind("thal", "thallium-scan", "normal"),
    )
    assert said(HEART_DISEASE, well).probability.value < 0.15


def test_every_answer_names_its_people_and_claims_no_cause():
    finding = said(HEART_DISEASE, before_angiography())
    assert "Cleveland and Budapest" in finding.reason.en
    assert "not cause" in finding.reason.en
    assert "并非因果" in finding.reason.zh


def test_what_is_not_known_is_named():
    finding = said(HEART_DISEASE, before_angiography(vessels=None, cholesterol=None))
    assert "Not known: total cholesterol, calcified vessels on fluoroscopy." in finding.reason.en
    assert "未知：总胆固醇、透视钙化血管数。" in finding.reason.zh


def test_a_blood_pressure_of_5_is_named_and_not_used():
    odd = before_angiography(pressure=observation("bp", "8480-6", 5, "mmHg"))
    finding = said(HEART_DISEASE, odd)
    assert "not believed" in finding.reason.en
    assert "systolic blood pressure 5 mmHg" in finding.reason.en


@pytest.mark.parametrize(
    "changed",
    [
        {"patient": patient(born="", sex="male")},
        {"patient": patient(sex="unknown")},
        {"patient": patient(born="2015-01-01", sex="male")},
        dict.fromkeys(("ecg", "slope", "vessels", "thallium", "st", "rate", "angina", "glucose")),
    ],
)
def test_whom_it_was_not_learnt_from_gets_no_number(changed):
    finding = said(HEART_DISEASE, before_angiography(**changed))
    assert finding.band is Band.ABSTAIN
    assert finding.probability is None


def test_without_chest_pain_or_exercise_test_the_question_does_not_arise():
    known = case(patient(), observation("bp", "8480-6", 145, "mmHg"))
    assert registry.find(HEART_DISEASE).samples(known, []) == []


def test_its_inputs_alone_give_the_same_answer():
    known = before_angiography()
    assert (
        said(HEART_DISEASE, of_its_inputs(HEART_DISEASE, known)).id == said(HEART_DISEASE, known).id
    )


def test_sites_part_into_those_learnt_from_and_the_others(folders):
    here = DataFolders((folders,))
    own, others = (data.examples(here, name) for name in (data.DEVELOPMENT, data.ELSEWHERE))
    assert set(own.columns["site"]) == {"cleveland"}
    assert set(others.columns["site"]) == {"switzerland", "va"}
    assert len(data.examples(here, data.EVERYWHERE)) == 4
    assert len(data.examples(DataFolders((), folders), data.DEVELOPMENT)) == 4
    assert others.labels.tolist() == [1, 0]
    swiss = dict(zip(data.columns().keys, others.load(0).data.values, strict=True))
    assert np.isnan(swiss["total_cholesterol"])
    assert np.isnan(swiss["resting_pressure"])


def test_the_published_pretest_probability_is_a_floor(folders):
    found = data.examples(DataFolders((folders,)), data.EVERYWHERE)
    floor = found.floors["pretest probability (Diamond-Forrester 1979)"]
    assert floor == pytest.approx([0.943, 0.123, 0.097, 0.084])


def test_another_table_is_refused_with_what_is_wrong(folders):
    (folders / data.TABLE).write_text(HEADER + ROWS.replace("286", "many"))
    with pytest.raises(BadInput, match="no number"):
        data.examples(DataFolders((folders,)), data.EVERYWHERE)
    (folders / data.TABLE).write_text(HEADER + "va,50,0,3,120,0,0,0,150,0,0,,,,0\n")
    with pytest.raises(NotFound, match="no patient"):
        data.examples(DataFolders((folders,)), data.DEVELOPMENT)
    with pytest.raises(BadInput, match="no data set"):
        registry.find(HEART_DISEASE).examples(DataFolders((folders,)), "elsewhere")


@pytest.mark.real_data
def test_the_four_hospitals_are_whole():
    folders = DataFolders(settings().data)
    if not folders.have(data.TABLE):
        pytest.skip(f"no {data.TABLE}")
    found = data.examples(folders, data.EVERYWHERE)
    sites = {
        str(site): int((found.columns["site"] == site).sum())
        for site in np.unique(found.columns["site"])
    }
    assert sites == {"cleveland": 303, "hungarian": 294, "switzerland": 123, "va": 200}
    assert int(found.labels.sum()) == 509
