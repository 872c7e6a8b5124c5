"""QRISK3-2017: heart attack or stroke within 10 years in England.

Reference: Hippisley-Cox et al., BMJ 357:j2099, 2017, doi 10.1136/bmj.j2099. The disclaimer of
ClinRisk Ltd. (`disclaimer` of the table) goes with every score that is shown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from suwen.health.facts.published import Inputs, Table, Value

CONTINUOUS: Final = {"ratio": "cholesterol_hdl_ratio", "sbp": "systolic_bp",
                     "sbp_sd": "systolic_bp_sd", "townsend": "townsend_score"}  # fmt: skip
"""Input behind each term that is only centred."""


def answer(table: Table, key: str, inputs: Inputs) -> dict[str, Value]:
    """Return the 10-year risk in percent.

    Parameters
    ----------
    table
        `knowledge/risk_qrisk3.toml`.
    key
        Not read: there is one equation.
    inputs
        sex, age (years), bmi (kg/m2), ethnicity (1 to 9), smoking_category (1 to 5),
        cholesterol_hdl_ratio, systolic_bp and its standard deviation systolic_bp_sd (mmHg),
        townsend_score, and the conditions by name (true or false, false where left out).
    """
    row = table[str(inputs["sex"])]
    terms = _terms(row, inputs)
    smoking = int(inputs["smoking_category"]) - 1
    score = row["ethnicity"][int(inputs["ethnicity"]) - 1] + row["smoking"][smoking]
    score += sum(value * terms[name] for name, value in row["main"].items())
    for age in ("age_1", "age_2"):
        by_age: Mapping[str, Any] = row[age]
        score += terms[age] * by_age["smoking"][smoking]
        score += terms[age] * sum(
            value * terms[name] for name, value in by_age.items() if name != "smoking"
        )
    return {"cvd_10y_percent": 100 * float(1 - row["survival"] ** math.exp(score))}


def _terms(row: Mapping[str, Any], inputs: Inputs) -> dict[str, float]:
    """Return every term by name: polynomials and continuous ones centred, flags 0 or 1."""
    age, bmi = float(inputs["age"]) / 10, float(inputs["bmi"]) / 10
    first, second = row["age_powers"]
    raw = {
        "age_1": age**first,
        "age_2": age**second,
        "bmi_1": bmi**-2,
        "bmi_2": bmi**-2 * math.log(bmi),
        **{name: float(inputs[told]) for name, told in CONTINUOUS.items()},
    }
    centred = {name: value - row["centre"][name] for name, value in raw.items()}
    flags = {name: float(inputs.get(name, 0.0)) for name in row["main"] if name not in centred}
    return centred | flags
