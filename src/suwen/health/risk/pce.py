"""Pooled Cohort Equations: a first hard ASCVD event within 10 years.

References: Goff et al., Circulation 129(25 Suppl 2):S49-S73, 2014, doi
10.1161/01.cir.0000437741.48606.98; Yadlowsky et al., Ann Intern Med 169:20-29, 2018, doi
10.7326/M17-3011.
"""

from __future__ import annotations

import math

from suwen.health.facts.published import Inputs, Table, Value


def answer(table: Table, key: str, inputs: Inputs) -> dict[str, Value]:
    """Return the 10-year risk in percent by the equation named in `key`."""
    risk = goff(table, inputs) if "Goff" in key else yadlowsky(table, inputs)
    return {"ascvd_10y_percent": 100 * risk}


def goff(table: Table, inputs: Inputs) -> float:
    """Return the risk in [0, 1] by the proportional-hazards equations of 2013.

    Parameters
    ----------
    table
        `knowledge/risk_pce.toml`.
    inputs
        sex, race (`black`, or another one: `white`), age (years), total_cholesterol and
        hdl_cholesterol (mg/dL), systolic_bp (mmHg), bp_treated, current_smoker, diabetes.
    """
    race = "black" if inputs["race"] == "black" else "white"
    row = table["goff_2013"][f"{inputs['sex']}_{race}"]
    age = math.log(float(inputs["age"]))
    total, hdl, sbp = (
        math.log(float(inputs[name]))
        for name in ("total_cholesterol", "hdl_cholesterol", "systolic_bp")
    )
    treated = "treated" if inputs["bp_treated"] else "untreated"
    terms = {
        "ln_age": age,
        "ln_age_squared": age**2,
        "ln_total": total,
        "ln_age_ln_total": age * total,
        "ln_hdl": hdl,
        "ln_age_ln_hdl": age * hdl,
        f"ln_{treated}_sbp": sbp,
        f"ln_age_ln_{treated}_sbp": age * sbp,
        "smoking": float(inputs["current_smoker"]),
        "ln_age_smoking": age * float(inputs["current_smoker"]),
        "diabetes": float(inputs["diabetes"]),
    }
    score = sum(row.get(name, 0.0) * value for name, value in terms.items())
    return float(1 - row["survival"] ** math.exp(score - row["mean"]))


def yadlowsky(table: Table, inputs: Inputs) -> float:
    """Return the risk in [0, 1] by the logistic equations of 2018; `inputs` as for `goff`."""
    row = table["yadlowsky_2018"][inputs["sex"]]
    age, sbp = float(inputs["age"]), float(inputs["systolic_bp"])
    ratio = float(inputs["total_cholesterol"]) / float(inputs["hdl_cholesterol"])
    black = float(inputs["race"] == "black")
    treated, smoking, diabetes = (
        float(inputs[name]) for name in ("bp_treated", "current_smoker", "diabetes")
    )
    terms = {
        "intercept": 1.0,
        "age": age,
        "black": black,
        "sbp_squared": sbp**2,
        "sbp": sbp,
        "treated": treated,
        "diabetes": diabetes,
        "smoking": smoking,
        "ratio": ratio,
        "age_black": age * black,
        "sbp_treated": sbp * treated,
        "sbp_black": sbp * black,
        "treated_black": treated * black,
        "age_sbp": age * sbp,
        "diabetes_black": diabetes * black,
        "smoking_black": smoking * black,
        "ratio_black": ratio * black,
        "sbp_treated_black": sbp * treated * black,
        "age_sbp_black": age * sbp * black,
    }
    score = sum(row[name] * value for name, value in terms.items())
    return float(1 / (1 + math.exp(-score)))
