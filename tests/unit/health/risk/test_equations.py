"""The risk equations: published examples, boundaries, what is missing, where they are valid."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suwen.core.errors import BadInput
from suwen.health.facts.published import KNOWLEDGE, NAMES
from suwen.health.risk.equation import FORMULAS, Quantity, library

LIBRARY = library()
EXAMPLES = Path(__file__).parents[1] / "prevent_examples.txt"
OUTCOMES = ("total_cvd", "ascvd", "heart_failure", "chd", "stroke")
MG_DL, MMHG, KG_M2, EGFR = "mg/dL", "mm[Hg]", "kg/m2", "mL/min/{1.73_m2}"


def person(**changed):
    told = {
        "sex": "female",
        "age": Quantity(50, "a"),
        "total_cholesterol": Quantity(200, MG_DL),
        "hdl_cholesterol": Quantity(45, MG_DL),
        "systolic_bp": Quantity(160, MMHG),
        "bp_treated": True,
        "diabetes": True,
        "current_smoker": False,
        "statin": False,
        "bmi": Quantity(35, KG_M2),
        "egfr": Quantity(90, EGFR),
    }
    return {name: value for name, value in (told | changed).items() if value is not None}


def value_of(key, told):
    answer = LIBRARY.answer(key, told)
    assert (answer.missing, answer.outside, dict(answer.refused)) == ((), (), {})
    return answer.values


def examples():
    for line in EXAMPLES.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            model, *risks = line.split()
            yield model, [float(risk) for risk in risks]


@pytest.mark.parametrize(("model", "risks"), list(examples()))
def test_prevent_gives_the_worked_example_of_its_paper_to_nine_digits(model, risks):
    added = {}
    if model.startswith(("uacr", "full")):
        added["uacr"] = Quantity(40, "mg/g")
    if model.startswith(("hba1c", "full")):
        added["hba1c"] = Quantity(7.5, "%")
    if model.startswith(("sdi", "full")):
        added["sdi_decile"] = Quantity(8, "1")
    horizon = model[-3:]
    found = [
        value_of(f"PREVENT_2023_{model}", person(sex=sex, **added))[f"{outcome}_{horizon}_percent"]
        for outcome in OUTCOMES
        for sex in ("female", "male")
    ]
    assert found == pytest.approx([100 * risk for risk in risks], abs=1e-9)


def test_the_mean_man_of_the_pooled_cohorts_has_the_printed_baseline_risk():
    told = {
        "sex": "male",
        "race": "white",
        "age": Quantity(55, "a"),
        "total_cholesterol": Quantity(213, MG_DL),
        "hdl_cholesterol": Quantity(50, MG_DL),
        "systolic_bp": Quantity(120, MMHG),
        "current_smoker": False,
    }
    assert value_of("PCE_2013_Goff", told)["ascvd_10y_percent"] == pytest.approx(5.3, abs=0.1)


def test_cholesterol_in_either_unit_gives_the_same_risk():
    other = person(
        total_cholesterol=Quantity(200 * 0.02586, "mmol/L"),
        hdl_cholesterol=Quantity(45 * 0.02586, "mmol/L"),
    )
    key = "PREVENT_2023_base_10y"
    assert value_of(key, other) == pytest.approx(value_of(key, person()), abs=1e-9)


def test_hba1c_in_mmol_mol_is_converted_by_the_ngsp_equation():
    by_ifcc = person(hba1c=Quantity(58.47, "mmol/mol"))
    by_ngsp = person(hba1c=Quantity(7.5, "%"))
    first, second = (value_of("PREVENT_2023_hba1c_10y", one) for one in (by_ifcc, by_ngsp))
    assert first == pytest.approx(second, abs=1e-3)


def test_what_is_missing_is_named_and_nothing_is_answered():
    answer = LIBRARY.answer("PREVENT_2023_base_10y", person(egfr=None, current_smoker=None))
    assert set(answer.missing) == {"egfr", "current_smoker"}
    assert answer.values == {}


@pytest.mark.parametrize(
    ("age", "valid"), [(29, False), (30, True), (79, True), (80, False)], ids=str
)
def test_prevent_is_valid_from_30_to_79_years(age, valid):
    answer = LIBRARY.answer("PREVENT_2023_base_10y", person(age=Quantity(age, "a")))
    assert bool(answer.values) == valid
    assert bool(answer.outside) != valid
    for reason in answer.outside:
        assert "30 to 79" in reason.en
        assert "30～79" in reason.zh


def test_thirty_year_risk_is_not_given_from_60_years():
    answer = LIBRARY.answer("PREVENT_2023_base_30y", person(age=Quantity(60, "a")))
    assert not answer.values


def test_cholesterol_of_five_mg_per_dl_is_refused_with_the_unit_that_would_do():
    answer = LIBRARY.answer("PREVENT_2023_base_10y", person(total_cholesterol=Quantity(5, MG_DL)))
    assert not answer.values
    assert "mmol/L" in answer.refused["total_cholesterol"].en
    assert "mmol/L" in answer.refused["total_cholesterol"].zh


def test_a_unit_that_is_none_of_the_quantity_is_refused():
    answer = LIBRARY.answer("PREVENT_2023_base_10y", person(bmi=Quantity(30, "kg")))
    assert "kg/m2" in answer.refused["bmi"].en


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_is_refused(value):
    answer = LIBRARY.answer("PREVENT_2023_base_10y", person(systolic_bp=Quantity(value, MMHG)))
    assert "systolic_bp" in answer.refused


def test_what_is_taken_as_absent_is_named():
    answer = LIBRARY.answer("PREVENT_2023_base_10y", person(diabetes=None, statin=None))
    assert set(answer.assumed) == {"diabetes", "statin"}
    assert answer.values == pytest.approx(
        LIBRARY.answer("PREVENT_2023_base_10y", person(diabetes=False, statin=False)).values
    )


def test_an_unknown_equation_is_refused_with_those_there_are():
    with pytest.raises(BadInput, match="SCORE2"):
        LIBRARY.answer("SCORE3", {})


SCORE2 = {
    "sex": "male",
    "risk_region": "low",
    "current_smoker": True,
    "systolic_bp": Quantity(140, MMHG),
    "total_cholesterol": Quantity(6.3, "mmol/L"),
    "hdl_cholesterol": Quantity(1.4, "mmol/L"),
}


def test_the_same_man_is_at_more_risk_in_a_region_of_more_risk():
    risks = [
        value_of("SCORE2", SCORE2 | {"age": Quantity(50, "a"), "risk_region": region})
        for region in ("low", "moderate", "high", "very_high")
    ]
    found = [one["cvd_10y_percent"] for one in risks]
    assert found == sorted(found)
    assert found[0] == pytest.approx(6.3, abs=0.05), "SCORE2 working group 2021, example"


def test_score2_and_its_form_for_older_people_share_no_age():
    for age in (69, 70):
        told = SCORE2 | {"age": Quantity(age, "a")}
        assert bool(LIBRARY.answer("SCORE2", told).values) == (age == 69)
        assert bool(LIBRARY.answer("SCORE2-OP", told).values) == (age == 70)


@pytest.mark.parametrize(
    ("creatinine", "before", "baseline", "stage"),
    [(1.2, 0.9, 0.9, 1), (1.29, 1.0, 1.0, 0), (1.5, 1.4, 1.0, 1), (2.0, 2.0, 1.0, 2),
     (3.0, 3.0, 1.0, 3), (4.0, 3.9, 3.0, 0), (4.0, 3.7, 3.6, 3)],
)  # fmt: skip
def test_stages_of_kidney_injury_begin_where_kdigo_says(creatinine, before, baseline, stage):
    told = {
        "creatinine": Quantity(creatinine, MG_DL),
        "creatinine_48h_before": Quantity(before, MG_DL),
        "baseline_creatinine": Quantity(baseline, MG_DL),
    }
    assert value_of("KDIGO_AKI_stage", told)["aki_stage"] == stage


@pytest.mark.parametrize(
    ("uacr", "unit", "category"),
    [(29.9, "mg/g", "A1"), (30, "mg/g", "A2"), (2.9, "mg/mmol", "A1"), (3, "mg/mmol", "A2")],
)
def test_albuminuria_has_bounds_of_its_own_in_each_unit(uacr, unit, category):
    told = {"egfr": Quantity(50, EGFR), "uacr": Quantity(uacr, unit)}
    found = value_of("KDIGO_CKD_category", told)
    assert found["albuminuria_category"] == category
    assert found["gfr_category"] == "G3a"


def test_dialysis_counts_as_the_largest_creatinine_of_meld_3():
    told = {
        "sex": "male",
        "bilirubin": Quantity(2, MG_DL),
        "inr": Quantity(1.5, "{INR}"),
        "creatinine": Quantity(1, MG_DL),
        "sodium": Quantity(135, "mmol/L"),
        "albumin": Quantity(30, "g/L"),
    }
    on_dialysis = value_of("MELD_3.0", told | {"dialysis_twice_in_week": True})
    assert on_dialysis == value_of("MELD_3.0", told | {"creatinine": Quantity(3, MG_DL)})
    assert on_dialysis != value_of("MELD_3.0", told)


def test_cockcroft_and_gault_in_a_woman_is_85_percent_of_a_man():
    told = {
        "age": Quantity(60, "a"),
        "weight": Quantity(72, "kg"),
        "creatinine": Quantity(88.4, "umol/L"),
    }
    man = value_of("Cockcroft-Gault", told | {"sex": "male"})
    woman = value_of("Cockcroft-Gault", told | {"sex": "female"})
    assert man["creatinine_clearance_ml_min"] == pytest.approx(80.0)
    assert woman["creatinine_clearance_ml_min"] == pytest.approx(68.0)


def test_every_equation_names_its_source_population_and_inputs_in_both_languages():
    for key, equation in LIBRARY.equations.items():
        assert equation.entry["family"] in FORMULAS, key
        assert equation.entry["source"][-1:] != ".", key
        assert {"en", "zh"} <= set(equation.entry["population"]), key
        for name in (*equation.names, *equation.any_of):
            assert LIBRARY.name_of(name).zh, (key, name)
        for name in equation.entry.get("range", {}):
            assert name in equation.names, (key, name)


def test_every_table_is_part_of_the_rules():
    written = {path.name for path in KNOWLEDGE.glob("risk_*.toml")} | {"news2.toml"}
    beside = {"risk_facts.toml", "risk_limits.toml", "risk_reference.toml"}
    assert written - beside == set(NAMES), "what decides an answer is signed with the pack"


RISING = (
    ("PREVENT_2023_base_10y", "systolic_bp", 110, 200, MMHG, "total_cvd_10y_percent"),
    ("PREVENT_2023_base_10y", "age", 30, 79, "a", "ascvd_10y_percent"),
    ("Framingham_general_CVD_2008_lipids", "age", 30, 74, "a", "cvd_10y_percent"),
    ("Framingham_general_CVD_2008_lipids", "total_cholesterol", 100, 405, MG_DL,
     "cvd_10y_percent"),
    ("Framingham_general_CVD_2008_BMI", "bmi", 15, 50, KG_M2, "cvd_10y_percent"),
)  # fmt: skip
"""Where the equation rises with one input over its whole range, whatever the others."""


@pytest.mark.parametrize("rising", RISING, ids=lambda one: f"{one[0]}-{one[1]}")
@settings(max_examples=60, deadline=None)
@given(first=st.floats(0, 1), second=st.floats(0, 1), sex=st.sampled_from(["female", "male"]),
       smoker=st.booleans())  # fmt: skip
def test_risk_rises_with_what_raises_it(rising, first, second, sex, smoker):
    key, name, low, high, unit, outcome = rising
    found = [
        value_of(
            key,
            person(**{name: Quantity(low + share * (high - low), unit)},
                   sex=sex, current_smoker=smoker, diabetes=False, bp_treated=False),
        )[outcome]
        for share in sorted((first, second))
    ]  # fmt: skip
    assert found[0] <= found[1] + 1e-9


@settings(max_examples=60, deadline=None)
@given(low=st.floats(0.2, 10), rise=st.floats(0, 10), age=st.integers(18, 100),
       sex=st.sampled_from(["female", "male"]), year=st.sampled_from(["2009", "2021"]))  # fmt: skip
def test_egfr_falls_with_creatinine(low, rise, age, sex, year):
    found = [
        value_of(
            f"CKD-EPI_{year}_creatinine",
            {"sex": sex, "age": Quantity(age, "a"), "creatinine": Quantity(value, MG_DL)},
        )["egfr_ml_min_1_73m2"]
        for value in (low, low + rise)
    ]
    assert found[1] <= found[0] + 1e-9


@settings(max_examples=60, deadline=None)
@given(bilirubin=st.floats(0.1, 50), inr=st.floats(0.5, 8), creatinine=st.floats(0.1, 12),
       sodium=st.floats(100, 160), albumin=st.floats(0.6, 6))  # fmt: skip
def test_meld_3_lies_within_its_bounds(bilirubin, inr, creatinine, sodium, albumin):
    told = {
        "sex": "female",
        "bilirubin": Quantity(bilirubin, MG_DL),
        "inr": Quantity(inr, "{INR}"),
        "creatinine": Quantity(creatinine, MG_DL),
        "sodium": Quantity(sodium, "mmol/L"),
        "albumin": Quantity(albumin, "g/dL"),
    }
    found = value_of("MELD_3.0", told)
    assert found["meld3_unrounded"] >= 6
    assert abs(found["meld3_score"] - found["meld3_unrounded"]) <= 0.5
