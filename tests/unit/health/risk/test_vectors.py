"""Reference vectors: every one that is at hand has to match within its stated tolerance."""

import json

import pytest

from suwen.core.errors import BadInput, NotFound
from suwen.core.settings import settings
from suwen.health.risk.equation import Quantity, library
from suwen.health.risk.vectors import Vector, key_of, told_of, vectors
from suwen.lifecycle.data import DataFolders

LIBRARY = library()


@pytest.mark.real_data
def test_every_reference_vector_matches_within_its_tolerance():
    try:
        folder = DataFolders(settings().data).find("vitals/risk_equations")
    except NotFound as error:
        pytest.skip(error.got)
    found = vectors(folder, LIBRARY)
    wrong = [
        one.key for one in found if not one.agrees(LIBRARY.answer(one.equation, one.told).values)
    ]
    assert len(found) >= 300
    assert wrong == []


def test_a_key_tells_its_unit():
    told = told_of(
        {"hba1c_mmol_mol": 50, "age_years": 60, "sex": "male", "sdi_decile": None, "inr": 2},
        LIBRARY.content["risk_units"],
    )
    assert told == {
        "hba1c": Quantity(50.0, "mmol/mol"),
        "age": Quantity(60.0, "a"),
        "sex": "male",
        "inr": Quantity(2.0, "{INR}"),
    }


@pytest.mark.parametrize("name", ["cha2ds2 vasc", "CHA2DS2_VASc", "CHA2DS2-VASc"])
def test_an_equation_is_found_whatever_its_hyphens(name):
    assert key_of(name, LIBRARY) == "CHA2DS2-VASc"


def test_a_vector_agrees_within_its_tolerance_and_not_beyond():
    vector = Vector("a", "SCORE2", {}, {"cvd_10y_percent": 8.1}, 0.05)
    assert vector.agrees({"cvd_10y_percent": 8.15})
    assert not vector.agrees({"cvd_10y_percent": 8.16})
    assert not vector.agrees({})


def test_words_and_truth_have_to_be_equal():
    vector = Vector("a", "FINDRISC", {}, {"score": 7.0, "risk_band": "slightly_elevated"}, 0.0)
    assert vector.agrees({"score": 7.0, "risk_band": "slightly_elevated"})
    assert not vector.agrees({"score": 7.0, "risk_band": "low"})


def test_one_answer_of_another_name_is_compared_all_the_same():
    vector = Vector("a", "Cockcroft-Gault", {}, {"crcl_ml_min": 80.0}, 0.1)
    assert vector.agrees({"creatinine_clearance_ml_min": 80.05})


def test_a_folder_without_vectors_is_refused(tmp_path):
    with pytest.raises(BadInput, match="without vectors"):
        vectors(tmp_path, LIBRARY)


@pytest.mark.parametrize(
    ("content", "said"),
    [("{", "no JSON"), ("{}", "no list"), ('[{"equation": "SCORE9"}]', "SCORE9"),
     ('[{"equation": "SCORE2"}]', "vector 1")],
)  # fmt: skip
def test_a_broken_file_is_refused_with_the_place(tmp_path, content, said):
    (tmp_path / "risk_vectors.json").write_text(content, encoding="utf-8")
    with pytest.raises(BadInput, match=said):
        vectors(tmp_path, LIBRARY)


def test_the_scores_of_the_published_qrisk3_program_are_read(tmp_path):
    columns = (
        "QRISK_C_algorithm_score,age,gender,b_AF,b_atypicalantipsy,b_corticosteroids,b_impotence2,"
        "b_migraine,b_ra,b_renal,b_semi,b_sle,b_treatedhyp,b_type1,b_type2,weight,height,ethrisk,"
        "fh_cvd,rati,sbp,sbps5,smoke_cat,surv,town,bmi,ID"
    )
    row = "17.2,64,1,0,0,0,0,0,0,0,0,0,0,0,0,80,178,2,0,4,180,20,1,10,0,25.2493372,1"
    (tmp_path / "qrisk3_x_vectors.csv").write_text(f"{columns}\n{row}\n", encoding="utf-8")
    (vector,) = vectors(tmp_path, LIBRARY)
    assert vector.agrees(LIBRARY.answer(vector.equation, vector.told).values)


def test_vectors_of_news2_are_read(tmp_path):
    inputs = {
        "respiratory_rate_per_min": 8,
        "spo2_percent": 98,
        "spo2_scale": 1,
        "supplemental_oxygen": False,
        "systolic_bp_mmhg": 120,
        "pulse_per_min": 70,
        "consciousness_acvpu": "A",
        "temperature_c": 37.0,
    }
    expected = {"parameter_scores": {"respiratory_rate": 3}, "total": 3, "risk": "low-medium"}
    content = {"vectors": [{"inputs": inputs, "expected": expected}]}
    (tmp_path / "news2_reference.json").write_text(json.dumps(content), encoding="utf-8")
    (vector,) = vectors(tmp_path, LIBRARY)
    assert vector.agrees(LIBRARY.answer("NEWS2", vector.told).values)
