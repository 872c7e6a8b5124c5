"""Diabetes of Pima women: the fixed test part, who is asked, what it says."""

from __future__ import annotations

import pytest
from tests.unit.health.cases import condition, observation, patient
from tests.unit.health.table_cases import after_glucose, of_its_inputs, said

from suwen.core import registry
from suwen.core.errors import BadInput
from suwen.core.nouns import Band
from suwen.core.settings import settings
from suwen.health.tables import diabetes_data as data
from suwen.health.tables.diabetes import DIABETES
from suwen.lifecycle.data import DataFolders

MASS = "npreg,glu,bp,skin,bmi,ped,age,type\n"
MLBENCH = "pregnant,glucose,pressure,triceps,insulin,mass,pedigree,age,diabetes\n"


@pytest.fixture
def folders(tmp_path):
    folder = tmp_path / data.FOLDER
    folder.mkdir(parents=True)
    (folder / "Pima.te.csv").write_text(MASS + "6,148,72,35,33.6,0.627,50,Yes\n")
    (folder / "Pima.tr.csv").write_text(MASS + "1,85,66,29,26.6,0.351,31,No\n")
    (folder / data.WHOLE).write_text(
        MLBENCH
        + "6,148,72,35,NA,33.6,0.627,50,pos\n"
        + "1,85,66,29,NA,26.6,0.351,31,neg\n"
        + "8,183,64,NA,NA,23.3,0.672,32,pos\n"
    )
    return tmp_path


def test_a_high_glucose_and_a_high_bmi_are_named_as_what_raised_it():
    finding = said(DIABETES, after_glucose())
    assert finding.band is Band.RULE_IN
    first = finding.evidence[0].note
    assert first.en.startswith("Glucose 2 hours after 75 g 169 mg/dL raised")
    assert "血糖" in first.zh
    assert "Pima heritage" in finding.reason.en


def test_a_low_glucose_has_a_low_probability():
    low = after_glucose(
        patient=patient(born="2002-01-01"),
        glucose=observation("g", "1518-0", 85, "mg/dL"),
        bmi=observation("bmi", "39156-5", 22, "kg/m2"),
    )
    assert said(DIABETES, low).probability.value < 0.1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"patient": patient(sex="male")}, "Only women"),
        ({"patient": patient(born="2010-01-01")}, "Only women"),
        ({"known": condition("d", "E11", words="Type 2 diabetes")}, "known already"),
    ],
)
def test_men_girls_and_known_diabetics_get_no_number(changed, words):
    finding = said(DIABETES, after_glucose(**changed))
    assert finding.band is Band.ABSTAIN
    assert words in finding.reason.en


def test_a_known_diabetes_is_an_input_so_that_a_replay_abstains_too():
    known = after_glucose(known=condition("d", "E11", words="Type 2 diabetes"))
    again = of_its_inputs(DIABETES, known)
    assert said(DIABETES, again).id == said(DIABETES, known).id


def test_without_a_glucose_at_2_hours_nothing_is_asked():
    assert registry.find(DIABETES).samples(after_glucose(glucose=None), []) == []


def test_the_fixed_test_part_is_never_learnt_from(folders):
    here = DataFolders((folders,))
    own, test = (data.examples(here, name) for name in (data.DEVELOPMENT, data.TEST))
    assert len(own) == 2
    assert not set(own.keys) & set(test.keys)
    assert len(data.examples(here, data.EVERYBODY)) == 3
    assert data.examples(here, data.RIPLEY).labels.tolist() == [0]


def test_one_woman_has_one_name_in_both_packages(folders):
    here = DataFolders((folders,))
    everybody = data.examples(here, data.EVERYBODY)
    assert set(data.examples(here, data.TEST).groups) < set(everybody.groups)


def test_a_test_folder_with_one_table_is_answered_whole(folders):
    (folders / data.FOLDER / data.WHOLE).unlink()
    (folders / data.FOLDER / "Pima.tr.csv").unlink()
    assert len(data.examples(DataFolders((), folders), data.DEVELOPMENT)) == 1


def test_findrisc_counts_its_points_for_age_and_bmi(folders):
    found = data.examples(DataFolders((folders,)), data.EVERYBODY)
    points = found.floors["FINDRISC, its points for age and BMI"]
    assert points.tolist() == [2 + 3, 0 + 1, 0]


def test_words_where_numbers_stand_are_refused(folders):
    (folders / data.FOLDER / "Pima.te.csv").write_text(MASS + "6,high,72,35,33.6,0.627,50,Yes\n")
    with pytest.raises(BadInput, match="no number"):
        data.examples(DataFolders((folders,)), data.TEST)
    with pytest.raises(BadInput, match="no data set"):
        registry.find(DIABETES).examples(DataFolders((folders,)), "nhanes")


@pytest.mark.real_data
def test_436_women_are_left_when_ripleys_332_are_set_aside():
    folders = DataFolders(settings().data)
    if not folders.have(data.FOLDER):
        pytest.skip(f"no {data.FOLDER}")
    assert len(data.examples(folders, data.DEVELOPMENT)) == 436
    assert len(data.examples(folders, data.TEST)) == 332
