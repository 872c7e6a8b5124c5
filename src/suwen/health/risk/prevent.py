"""AHA PREVENT: total cardiovascular disease, ASCVD, heart failure, CHD and stroke, 10 and 30 years.

Reference: Khan et al., Circulation 149:430-449, 2024, doi 10.1161/CIRCULATIONAHA.123.067626,
supplemental Table S12 (the logistic equations for use).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from suwen.health.facts.published import Inputs, Table, Value

OUTCOMES: Final = ("total_cvd", "ascvd", "heart_failure", "chd", "stroke")
MMOL_PER_MG: Final = 0.02586
"""Cholesterol, mmol/L in one mg/dL, as the paper converts it."""
KNOT_SBP, KNOT_BMI, KNOT_EGFR = 110.0, 30.0, 60.0


def answer(table: Table, key: str, inputs: Inputs) -> dict[str, Value]:
    """Return the risks in percent of one model and horizon (`PREVENT_2023_<model>_<horizon>`)."""
    model, horizon = key.rsplit("_", 2)[-2:]
    terms = terms_of(inputs)
    names = [*table["terms"][f"start_{horizon}"]]
    for part in table["sets"][model]:
        names += table["terms"][part]
    coefficients = table[f"{model}_{horizon}"][inputs["sex"]]
    return {
        f"{outcome}_{horizon}_percent": 100 * _logistic(coefficients[outcome], names, terms)
        for outcome in OUTCOMES
    }


def terms_of(inputs: Inputs) -> dict[str, float]:
    """Return the terms of the linear predictor, centred and scaled as the paper does.

    Parameters
    ----------
    inputs
        age (years), total_cholesterol and hdl_cholesterol (mg/dL), systolic_bp (mmHg), bmi
        (kg/m2), egfr (mL/min/1.73 m2), diabetes, current_smoker, bp_treated, statin; where known
        uacr (mg/g), hba1c (%) and sdi_decile (1 to 10), whose absence has terms of its own.
    """
    age = (float(inputs["age"]) - 55) / 10
    total, hdl = (float(inputs[name]) for name in ("total_cholesterol", "hdl_cholesterol"))
    non_hdl = MMOL_PER_MG * (total - hdl) - 3.5
    hdl = (MMOL_PER_MG * hdl - 1.3) / 0.3
    sbp, bmi, egfr = (float(inputs[name]) for name in ("systolic_bp", "bmi", "egfr"))
    sbp_high = (max(sbp, KNOT_SBP) - 130) / 20
    bmi_high = (max(bmi, KNOT_BMI) - 30) / 5
    egfr_low = (60 - min(egfr, KNOT_EGFR)) / 15
    diabetes, smoking, treated, statin = (
        float(inputs[name]) for name in ("diabetes", "current_smoker", "bp_treated", "statin")
    )
    return {
        "age": age,
        "age_squared": age**2,
        "non_hdl": non_hdl,
        "hdl": hdl,
        "sbp_below_110": (min(sbp, KNOT_SBP) - 110) / 20,
        "sbp_from_110": sbp_high,
        "diabetes": diabetes,
        "smoking": smoking,
        "bmi_below_30": (min(bmi, KNOT_BMI) - 25) / 5,
        "bmi_from_30": bmi_high,
        "egfr_below_60": egfr_low,
        "egfr_from_60": (90 - max(egfr, KNOT_EGFR)) / 15,
        "bp_treated": treated,
        "statin": statin,
        "treated_sbp_from_110": treated * sbp_high,
        "treated_non_hdl": statin * non_hdl,
        "age_non_hdl": age * non_hdl,
        "age_hdl": age * hdl,
        "age_sbp_from_110": age * sbp_high,
        "age_diabetes": age * diabetes,
        "age_smoking": age * smoking,
        "age_bmi_from_30": age * bmi_high,
        "age_egfr_below_60": age * egfr_low,
        "constant": 1.0,
        **_added(inputs, diabetes),
    }


def _added(inputs: Inputs, diabetes: float) -> Mapping[str, float]:
    """Return the terms of the added predictors; of an unknown one only that it is missing."""
    decile, uacr, hba1c = (inputs.get(name) for name in ("sdi_decile", "uacr", "hba1c"))
    above = 0.0 if hba1c is None else float(hba1c) - 5.3
    return {
        "sdi_4_to_6": float(decile is not None and 4 <= float(decile) <= 6),
        "sdi_7_to_10": float(decile is not None and float(decile) >= 7),
        "sdi_missing": float(decile is None),
        "ln_uacr": 0.0 if uacr is None else math.log(float(uacr)),
        "uacr_missing": float(uacr is None),
        "hba1c_in_diabetes": above * diabetes,
        "hba1c_without_diabetes": above * (1 - diabetes),
        "hba1c_missing": float(hba1c is None),
    }


def _logistic(row: list[float], names: list[str], terms: Mapping[str, float]) -> float:
    score = sum(value * terms[name] for value, name in zip(row, names, strict=True))
    return 1 / (1 + math.exp(-score))
