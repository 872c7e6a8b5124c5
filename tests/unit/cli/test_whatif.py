"""`suwen whatif` from the command line: both risks, in both languages, with what must be said."""

from __future__ import annotations

import json
import re

import pytest
from typer.testing import CliRunner

from suwen.app.main import Application
from suwen.cli import build
from suwen.core.errors import BadInput

PERSON = (
    "sex=female", "age=50 a", "total_cholesterol=200 mg/dL", "hdl_cholesterol=45 mg/dL",
    "systolic_bp=160 mm[Hg]", "bmi=35 kg/m2", "egfr=90 mL/min/{1.73_m2}", "current_smoker=no",
    "diabetes=yes", "bp_treated=yes",
)  # fmt: skip
BASE = "PREVENT_2023_base_10y"


def suwen(equation, change, *more, person=PERSON):
    given = [word for one in person for word in ("--input", one)]
    done = CliRunner().invoke(
        build(),
        ["whatif", equation, *given, "--change", change, *more],
        obj=Application(),
        catch_exceptions=False,
    )
    assert done.exit_code == 0, done.output
    return done.output


def test_both_risks_and_the_difference_in_both_languages():
    lines = suwen(BASE, "systolic_bp=120 mm[Hg]").splitlines()
    assert lines[0] == "PREVENT, 10 years: Systolic blood pressure"
    assert lines[1] == "  Cardiovascular disease within 10 years: 14.7% -> 8.0% (-6.7)"
    assert "association" in lines[-6]
    assert "randomised trials" in lines[-5]
    assert "inherited risk is a common cause that nobody measures" in lines[-3]
    assert lines[-1].startswith("E-value ")
    assert "10 年心血管病" in suwen(BASE, "systolic_bp=120 mm[Hg]", "--lang", "zh")


def test_published_limits_stand_beside_the_risk_and_in_the_e_value():
    lines = suwen("Framingham_general_CVD_2008_lipids", "current_smoker=yes").splitlines()
    assert re.fullmatch(
        r"  Cardiovascular event .+ -> [\d.]+% \[[\d.]+%, [\d.]+%\] \(\+[\d.]+\)", lines[1]
    )
    assert "limit of the published interval" in lines[-1]


def test_as_json():
    found = json.loads(suwen(BASE, "current_smoker=yes", "--json"))
    name = "total_cvd_10y_percent"
    assert found["difference"][name] == pytest.approx(found["after"][name] - found["before"][name])


def test_qrisk3_is_shown_with_the_words_its_owner_asks_for():
    person = (
        "sex=female", "age=50 a", "bmi=28 kg/m2", "ethnicity=1", "smoking_category=4",
        "cholesterol_hdl_ratio=4", "systolic_bp=140 mm[Hg]", "systolic_bp_sd=8 mm[Hg]",
        "townsend_score=0",
    )  # fmt: skip
    assert "ClinRisk Ltd." in suwen("QRISK3_2017", "smoking_category=1", person=person)


@pytest.mark.parametrize("change", [
    "systolic_bp", "pressure=120 mm[Hg]", "systolic_bp=low mm[Hg]", "current_smoker=perhaps",
    "systolic_bp=120", "age=40 a"])  # fmt: skip
def test_what_cannot_be_changed_so_is_refused(change):
    with pytest.raises(BadInput):
        suwen(BASE, change)
