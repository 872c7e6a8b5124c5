"""What stands beside a what-if: published limits, trials, whom the makers compare with."""

from __future__ import annotations

import math

import pytest

from suwen.health.advice.task import ADVICE, book_of
from suwen.health.risk import limits as risk_limits
from suwen.health.risk import reference as risk_reference
from suwen.health.risk.causal import e_value_of_limit
from suwen.health.risk.compared import compared
from suwen.health.risk.equation import Quantity, library
from suwen.lifecycle import packs

LIPIDS = "Framingham_general_CVD_2008_lipids"
BASE = "PREVENT_2023_base_10y"
MAN = {
    "sex": "male",
    "age": Quantity(55, "a"),
    "total_cholesterol": Quantity(240, "mg/dL"),
    "hdl_cholesterol": Quantity(40, "mg/dL"),
    "systolic_bp": Quantity(150, "mm[Hg]"),
    "bmi": Quantity(29, "kg/m2"),
    "egfr": Quantity(80, "mL/min/{1.73_m2}"),
    "current_smoker": True,
    "race": "white",
}


@pytest.fixture(scope="module")
def book():
    return book_of(packs.current(ADVICE))


def asked(book, equation, **change):
    return compared(equation, MAN, change, library(), book)


@pytest.mark.parametrize("sex", ["female", "male"])
def test_the_middle_of_published_limits_is_the_coefficient_of_the_equation(sex):
    """Typed from the table of the paper: each pair of limits is held against the coefficient."""
    (entry,) = risk_limits.published()
    terms = {
        "total_cholesterol": "ln_total", "hdl_cholesterol": "ln_hdl",
        "untreated_systolic_bp": "ln_untreated_sbp", "treated_systolic_bp": "ln_treated_sbp",
        "current_smoker": "smoking",
    }  # fmt: skip
    row = library().content["risk_framingham"]["lipids"][sex]
    assert set(entry[sex]) == set(terms)
    for name, (low, high) in entry[sex].items():
        assert math.log(low * high) / 2 == pytest.approx(row[terms[name]], abs=0.012), name


def test_limits_of_smoking_are_those_of_its_hazard_ratio(book):
    found = asked(book, LIPIDS, current_smoker=False)
    before = float(found.before) / 100
    assert found.limits.low == pytest.approx(100 * (1 - (1 - before) ** (1 / 2.24)))
    assert found.limits.high == pytest.approx(100 * (1 - (1 - before) ** (1 / 1.65)))
    assert found.limits.low < float(found.after) < found.limits.high
    ratios = found.limits.low / float(found.before), found.limits.high / float(found.before)
    assert f"E-value is {e_value_of_limit(*ratios):.2f}" in found.lines()[-1].en


def test_treated_and_untreated_pressure_have_limits_of_their_own(book):
    wanted = {"systolic_bp": Quantity(120, "mm[Hg]")}
    treated = {**MAN, "bp_treated": True}
    found = compared(LIPIDS, treated, wanted, library(), book)
    before, moved = float(found.before) / 100, math.log(120 / 150)
    assert found.limits.low == pytest.approx(100 * (1 - (1 - before) ** (12.92**moved)))


def test_no_change_has_no_limits_and_most_equations_publish_none(book):
    same = asked(book, LIPIDS, systolic_bp=Quantity(150, "mm[Hg]"))
    assert same.limits is None
    assert not any("E-value" in one.en for one in same.lines()), "nothing is to be explained"
    assert asked(book, BASE, current_smoker=False).limits is None


def test_trials_tell_the_effect_of_a_lower_pressure_down_to_the_aim_of_the_guideline(book):
    found = asked(book, BASE, systolic_bp=Quantity(140, "mm[Hg]"))
    assert found.trials.risk.value == pytest.approx(float(found.before) * 0.9**2)
    assert "Lancet 397" in found.trials.source
    beyond = asked(book, BASE, systolic_bp=Quantity(110, "mm[Hg]"))
    assert beyond.trials.until == 129
    assert "not beyond" in beyond.lines()[1].en
    assert "not beyond" not in found.lines()[1].en
    assert asked(book, BASE, systolic_bp=Quantity(170, "mm[Hg]")).trials is None
    assert asked(book, BASE, current_smoker=False).trials is None
    later = asked(book, "PREVENT_2023_base_30y", systolic_bp=Quantity(140, "mm[Hg]"))
    assert later.trials is None, "trials of some years tell nothing of thirty"


def test_a_score_of_points_has_a_change_but_neither_limits_nor_a_graph(book):
    woman = {
        "sex": "female", "age": Quantity(50, "a"), "bmi": Quantity(31, "kg/m2"),
        "waist": Quantity(92, "cm"), "physical_activity_30min_daily": False,
        "vegetables_fruit_berries_daily": True, "bp_medication_ever_regular": False,
        "high_blood_glucose_ever": False, "family_history_diabetes": "none",
    }  # fmt: skip
    change = {"physical_activity_30min_daily": True}
    found = compared("FINDRISC", woman, change, library(), book)
    assert float(found.after) == float(found.before) - 2
    assert (found.limits, found.trials, found.assumptions) == (None, None, None)
    assert found.lines() == [found.change.note]


def test_the_optimal_man_of_55_has_the_risk_of_the_makers_calculator():
    """ACC/AHA estimator: 10-year risk with optimal factors, white man of 55: 3.6 %."""
    found = risk_reference.beside(library(), "PCE_2013_Goff", MAN)
    assert found.answer.values["ascvd_10y_percent"] == pytest.approx(3.6, abs=0.05)
    assert risk_reference.beside(library(), BASE, MAN) is None


def test_nobody_stands_beside_somebody_whose_age_is_not_known():
    assert risk_reference.beside(library(), "PCE_2013_Goff", {"sex": "male"}) is None
