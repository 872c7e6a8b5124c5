"""One factor at another value: both risks, their difference, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suwen.core.errors import BadInput
from suwen.health.risk.equation import Quantity
from suwen.health.risk.what_if import MODIFIABLE, what_if

PERSON = {
    "sex": "female",
    "age": Quantity(50, "a"),
    "total_cholesterol": Quantity(200, "mg/dL"),
    "hdl_cholesterol": Quantity(45, "mg/dL"),
    "systolic_bp": Quantity(160, "mm[Hg]"),
    "bmi": Quantity(35, "kg/m2"),
    "egfr": Quantity(90, "mL/min/{1.73_m2}"),
    "current_smoker": True,
    "diabetes": True,
    "bp_treated": True,
}
BASE = "PREVENT_2023_base_10y"


def test_both_risks_and_their_difference_marked_as_an_association():
    found = what_if(BASE, PERSON, {"current_smoker": False})
    name = "total_cvd_10y_percent"
    before, after = found.before.values[name], found.after.values[name]
    assert after < before
    assert found.difference[name] == pytest.approx(after - before)
    assert "not the effect" in found.note.en
    assert "并非" in found.note.zh
    assert found.changed == "current_smoker"


def test_a_change_may_be_told_in_another_unit():
    first = what_if(BASE, PERSON, {"total_cholesterol": Quantity(5.172, "mmol/L")})
    assert first.difference["total_cvd_10y_percent"] == pytest.approx(0.0, abs=1e-6)


@given(st.floats(110, 159), st.sampled_from([BASE, "Framingham_general_CVD_2008_lipids"]))
def test_a_lower_pressure_goes_with_a_lower_risk(pressure, equation):
    found = what_if(equation, PERSON, {"systolic_bp": Quantity(pressure, "mm[Hg]")})
    headline = "total_cvd_10y_percent" if equation == BASE else "cvd_10y_percent"
    assert found.difference[headline] < 0


@pytest.mark.parametrize(("change", "words"), [
    ({}, "nothing"), ({"age": Quantity(40, "a")}, "age"), ({"statin": True}, "statin"),
    ({"bp_treated": False}, "bp_treated"), ({"waist": Quantity(80, "cm")}, "waist"),
    ({"current_smoker": False, "systolic_bp": Quantity(120, "mm[Hg]")}, "current_smoker"),
])  # fmt: skip
def test_only_one_factor_that_a_person_can_change(change, words):
    with pytest.raises(BadInput, match=words):
        what_if(BASE, PERSON, change)


@pytest.mark.parametrize(("told", "change", "words"), [
    (PERSON, {"systolic_bp": Quantity(60, "mm[Hg]")}, "outside"),
    (PERSON, {"total_cholesterol": Quantity(5, "mg/dL")}, "cannot be true"),
    ({"sex": "male"}, {"current_smoker": False}, "not known: Age"),
])  # fmt: skip
def test_without_two_answers_there_is_no_difference(told, change, words):
    with pytest.raises(BadInput, match=words):
        what_if(BASE, told, change)


def test_no_treatment_counts_as_modifiable():
    assert not {"bp_treated", "statin", "antiplatelet_or_nsaid"} & set(MODIFIABLE)
