"""SCORE2, SCORE2-OP and SCORE2-Diabetes: a first cardiovascular event within 10 years in Europe.

References: Eur Heart J 42:2439-2454, 2021, doi 10.1093/eurheartj/ehab309; 42:2455-2467, 2021, doi
10.1093/eurheartj/ehab312; 44:2544-2556, 2023, doi 10.1093/eurheartj/ehad260.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from suwen.health.facts.published import Inputs, Table, Value

MODELS: Final = {
    "SCORE2": "score2",
    "SCORE2-OP": "score2_op",
    "SCORE2-Diabetes": "score2_diabetes",
}
CENTRED: Final = {
    "age": "age",
    "sbp": "systolic_bp",
    "total": "total_cholesterol",
    "hdl": "hdl_cholesterol",
    "onset": "age_at_diabetes_diagnosis",
    "hba1c": "hba1c",
}
"""Input behind each centred term."""


def answer(table: Table, key: str, inputs: Inputs) -> dict[str, Value]:
    """Return the 10-year risk in percent, calibrated to the risk region.

    Parameters
    ----------
    table
        `knowledge/risk_score2.toml`.
    key
        One of `MODELS`.
    inputs
        sex, age (years), systolic_bp (mmHg), total_cholesterol and hdl_cholesterol (mmol/L),
        current_smoker, risk_region; SCORE2-OP also diabetes; SCORE2-Diabetes also
        age_at_diabetes_diagnosis (years), hba1c (mmol/mol) and egfr (mL/min/1.73 m2).
    """
    model = MODELS[key]
    sex = str(inputs["sex"])
    row: Mapping[str, float] = table[model][sex]
    terms = _terms(table[model]["centre"], inputs)
    terms["diabetes"] = 1.0 if model == "score2_diabetes" else float(inputs.get("diabetes", 0.0))
    terms |= {f"age_{name}": terms["age"] * value for name, value in terms.items()}
    score = sum(row[name] * value for name, value in terms.items() if name in row)
    uncalibrated = 1 - row["survival"] ** math.exp(score - row.get("mean", 0.0))
    scales = table["scales"][f"{sex}_op" if model == "score2_op" else sex]
    first, second = scales[inputs["risk_region"]]
    risk = 1 - math.exp(-math.exp(first + second * math.log(-math.log(1 - uncalibrated))))
    return {"cvd_10y_percent": 100 * risk}


def _terms(centre: Mapping[str, tuple[float, float]], inputs: Inputs) -> dict[str, float]:
    found = {"smoking": float(inputs["current_smoker"])}
    for name, (middle, step) in centre.items():
        if name == "ln_egfr":
            found[name] = (math.log(float(inputs["egfr"])) - middle) / step
            found["ln_egfr_squared"] = found[name] ** 2
        else:
            found[name] = (float(inputs[CENTRED[name]]) - middle) / step
    return found
