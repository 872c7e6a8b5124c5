"""Scores made of points: FINDRISC, CHA2DS2-VASc and HAS-BLED.

References stand beside the points in `knowledge/risk_points.toml`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from suwen.health.facts.published import Inputs, Table, Value, points_of, row_of

STROKE: Final = ("congestive_heart_failure", "hypertension", "diabetes",
                 "stroke_tia_thromboembolism", "vascular_disease")  # fmt: skip
BLEEDING: Final = ("abnormal_renal_function", "abnormal_liver_function", "stroke_history",
                   "bleeding_history_or_predisposition", "labile_inr", "antiplatelet_or_nsaid",
                   "alcohol_8_or_more_drinks_per_week")  # fmt: skip


def answer(table: Table, key: str, inputs: Inputs) -> dict[str, Value]:
    """Return the points of the score named in `key`; `table`: `risk_points.toml`."""
    if key == "FINDRISC":
        return findrisc(table["findrisc"], inputs)
    if key == "CHA2DS2-VASc":
        return {"score": float(cha2ds2_vasc(table["cha2ds2_vasc"], inputs))}
    return {"score": float(has_bled(table["has_bled"], inputs))}


def findrisc(row: Mapping[str, Any], inputs: Inputs) -> dict[str, Value]:
    """Return points (0 to 26) and band of the risk of type 2 diabetes within 10 years.

    `inputs`: sex, age (years), bmi (kg/m2), waist (cm), physical_activity_30min_daily,
    vegetables_fruit_berries_daily, bp_medication_ever_regular, high_blood_glucose_ever,
    family_history_diabetes (`none`, `second_degree`, `first_degree`).
    """
    score = points_of(row["age"], float(inputs["age"])) + points_of(
        row["bmi"], float(inputs["bmi"])
    )
    score += points_of(row[f"waist_{inputs['sex']}"], float(inputs["waist"]))
    score += 0 if inputs["physical_activity_30min_daily"] else row["physically_inactive"]
    score += 0 if inputs["vegetables_fruit_berries_daily"] else row["no_daily_vegetables"]
    score += row["bp_medication"] if inputs["bp_medication_ever_regular"] else 0
    score += row["high_glucose"] if inputs["high_blood_glucose_ever"] else 0
    score += row["family"][inputs["family_history_diabetes"]]
    return {"score": float(score), "risk_band": str(row_of(row["bands"], score)["band"])}


def cha2ds2_vasc(row: Mapping[str, Any], inputs: Inputs) -> int:
    """Return the points (0 to 9) for stroke in atrial fibrillation: sex, age (years), `STROKE`."""
    female = row["female"] if inputs["sex"] == "female" else 0
    return points_of(row["age"], float(inputs["age"])) + female + _named(row, STROKE, inputs)


def has_bled(row: Mapping[str, Any], inputs: Inputs) -> int:
    """Return the points (0 to 9) for bleeding: systolic_bp (mmHg), age (years), `BLEEDING`."""
    score = points_of(row["systolic_bp"], float(inputs["systolic_bp"]))
    return score + points_of(row["age"], float(inputs["age"])) + _named(row, BLEEDING, inputs)


def _named(row: Mapping[str, Any], names: Sequence[str], inputs: Inputs) -> int:
    return sum(int(row[name]) for name in names if inputs.get(name))
