"""Framingham general cardiovascular disease within 10 years, by lipids or by BMI.

Reference: D'Agostino et al., Circulation 117:743-753, 2008, doi
10.1161/CIRCULATIONAHA.107.699579.
"""

from __future__ import annotations

import math

from suwen.health.facts.published import Inputs, Table, Value


def answer(table: Table, key: str, inputs: Inputs) -> dict[str, Value]:
    """Return the 10-year risk in percent.

    Parameters
    ----------
    table
        `knowledge/risk_framingham.toml`.
    key
        Ends in `lipids` or `BMI`.
    inputs
        sex, age (years), systolic_bp (mmHg), bp_treated, current_smoker, diabetes, and
        total_cholesterol with hdl_cholesterol (mg/dL) or bmi (kg/m2).
    """
    row = table[key.rsplit("_", 1)[-1].lower()][inputs["sex"]]
    treated = "treated" if inputs["bp_treated"] else "untreated"
    terms = {
        "ln_age": math.log(float(inputs["age"])),
        f"ln_{treated}_sbp": math.log(float(inputs["systolic_bp"])),
        "smoking": float(inputs["current_smoker"]),
        "diabetes": float(inputs["diabetes"]),
    }
    if key.endswith("lipids"):
        terms["ln_total"] = math.log(float(inputs["total_cholesterol"]))
        terms["ln_hdl"] = math.log(float(inputs["hdl_cholesterol"]))
    else:
        terms["ln_bmi"] = math.log(float(inputs["bmi"]))
    score = sum(row[name] * value for name, value in terms.items()) - row["mean"]
    return {"cvd_10y_percent": 100 * float(1 - row["survival"] ** math.exp(score))}
