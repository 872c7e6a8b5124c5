"""Kidney function: estimated GFR, creatinine clearance, KDIGO categories and stages.

References stand beside the numbers in `knowledge/risk_points.toml`: CKD-EPI 2021 and 2009,
Cockcroft and Gault 1976, KDIGO CKD 2012 and 2024, KDIGO AKI 2012.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suwen.health.facts.published import Inputs, Table, Value, row_of

DIGITS = 6
"""Differences and ratios are rounded so far before a bound: 1.2 - 0.9 has to reach 0.3."""


def answer(table: Table, key: str, inputs: Inputs) -> dict[str, Value]:
    """Return what the formula or guideline named in `key` says; `table`: `risk_points.toml`."""
    if key.startswith("CKD-EPI"):
        row = table["ckd_epi_2021" if "2021" in key else "ckd_epi_2009"]
        return {"egfr_ml_min_1_73m2": ckd_epi(row, inputs)}
    if key == "Cockcroft-Gault":
        return {"creatinine_clearance_ml_min": cockcroft_gault(table["cockcroft_gault"], inputs)}
    if key == "KDIGO_CKD_category":
        return ckd_category(table["kdigo_ckd"], inputs)
    return {"aki_stage": float(aki_stage(table["kdigo_aki"], inputs))}


def ckd_epi(row: Mapping[str, Any], inputs: Inputs) -> float:
    """Return the estimated GFR in mL/min/1.73 m2.

    Parameters
    ----------
    row
        `ckd_epi_2021` or `ckd_epi_2009` of the table.
    inputs
        sex, age (years), creatinine (mg/dL); for 2009 race, where it is `black`.
    """
    own = row[str(inputs["sex"])]
    ratio = float(inputs["creatinine"]) / own["kappa"]
    found = row["factor"] * own["factor"] * row["age"] ** float(inputs["age"])
    found *= min(ratio, 1.0) ** own["alpha"] * max(ratio, 1.0) ** row["above"]
    if inputs.get("race") == "black":
        found *= row.get("black", 1.0)
    return float(found)


def cockcroft_gault(row: Mapping[str, float], inputs: Inputs) -> float:
    """Return the clearance in mL/min: sex, age (years), weight (kg), creatinine (mg/dL)."""
    clearance = (row["age"] - float(inputs["age"])) * float(inputs["weight"])
    clearance /= row["divisor"] * float(inputs["creatinine"])
    return clearance * (row["female"] if inputs["sex"] == "female" else 1.0)


def ckd_category(row: Mapping[str, Any], inputs: Inputs) -> dict[str, Value]:
    """Return the GFR and albuminuria categories and the risk where the two meet.

    `inputs`: egfr (mL/min/1.73 m2) and uacr (mg/g), or uacr_molar (mg/mmol), whose bounds the
    guideline gives apart.
    """
    gfr = row_of(row["gfr"], float(inputs["egfr"]))["category"]
    if "uacr_molar" in inputs:
        albuminuria = row_of(row["albuminuria_mg_mmol"], float(inputs["uacr_molar"]))["category"]
    else:
        albuminuria = row_of(row["albuminuria_mg_g"], float(inputs["uacr"]))["category"]
    risk = row["risk"][gfr][int(albuminuria[1:]) - 1]
    return {
        "gfr_category": gfr,
        "albuminuria_category": albuminuria,
        "risk_category": risk,
    }


def aki_stage(row: Mapping[str, Any], inputs: Inputs) -> int:
    """Return the stage of acute kidney injury, 0 where there is none: the higher of two criteria.

    Parameters
    ----------
    row
        `kdigo_aki` of the table.
    inputs
        creatinine and baseline_creatinine (mg/dL), where known creatinine_48h_before (mg/dL),
        urine_output (mL/kg/h) over urine_output_duration (h), renal_replacement_therapy.
    """
    if inputs.get("renal_replacement_therapy"):
        return 3
    return max(_by_creatinine(row, inputs), _by_urine(row, inputs))


def _by_creatinine(row: Mapping[str, Any], inputs: Inputs) -> int:
    now, baseline = float(inputs["creatinine"]), float(inputs["baseline_creatinine"])
    stage = int(row_of(row["ratios"], round(now / baseline, DIGITS))["stage"])
    if "creatinine_48h_before" in inputs:
        rise = round(now - float(inputs["creatinine_48h_before"]), DIGITS)
        stage = max(stage, int(rise >= row["rise_in_48_h"]))
    return 3 if stage and now >= row["stage_3_creatinine"] else stage


def _by_urine(row: Mapping[str, Any], inputs: Inputs) -> int:
    if "urine_output" not in inputs or "urine_output_duration" not in inputs:
        return 0
    output, hours = float(inputs["urine_output"]), float(inputs["urine_output_duration"])
    return max(
        (
            int(one["stage"])
            for one in row["urine"]
            if hours >= one["hours"]
            and (output < one["below"] if "below" in one else output <= one["upto"])
        ),
        default=0,
    )
