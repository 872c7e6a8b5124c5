"""MELD, MELD-Na and MELD 3.0: mortality of end-stage liver disease within 90 days, as points.

References stand beside the numbers in `knowledge/risk_points.toml`: Kamath 2001, Kim 2008, Kim
2021.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from suwen.health.facts.published import Inputs, Table, Value


def answer(table: Table, key: str, inputs: Inputs) -> dict[str, Value]:
    """Return the points of the score named in `key`; `table`: `risk_points.toml`."""
    if key == "MELD_3.0":
        found = meld_3(table["meld_3"], inputs)
        return {"meld3_unrounded": found, "meld3_score": float(math.floor(found + 0.5))}
    plain = meld(table["meld"], inputs)
    if key == "MELD":
        return {"meld_unrounded": plain}
    return {"meld_na_unrounded": meld_na(table["meld_na_2008"], plain, float(inputs["sodium"]))}


def meld(row: Mapping[str, float], inputs: Inputs) -> float:
    """Return MELD, not rounded.

    `inputs`: bilirubin and creatinine (mg/dL), inr, dialysis_twice_in_week. Values below 1 count
    as 1, creatinine above 4 and that of dialysis as 4.
    """
    bilirubin, inr, creatinine = _bounded(row, inputs)
    found = row["bilirubin"] * math.log(bilirubin) + row["inr"] * math.log(inr)
    return found + row["creatinine"] * math.log(creatinine) + row["constant"]


def meld_na(row: Mapping[str, Any], plain: float, sodium: float) -> float:
    """Return MELD-Na of 2008 from MELD and serum sodium (mmol/L), not rounded."""
    low, high = row["sodium"]
    sodium = min(max(sodium, low), high)
    return float(plain - sodium - row["slope"] * plain * (high - sodium) + high)


def meld_3(row: Mapping[str, Any], inputs: Inputs) -> float:
    """Return MELD 3.0, not rounded.

    `inputs` as for `meld`, with sex, sodium (mmol/L) and albumin (g/dL); creatinine above 3 and
    that of dialysis counts as 3, sodium within 125 and 137, albumin within 1.5 and 3.5.
    """
    bilirubin, inr, creatinine = map(math.log, _bounded(row, inputs))
    sodium_gap = row["sodium"][1] - _within(float(inputs["sodium"]), row["sodium"])
    albumin_gap = row["albumin"][1] - _within(float(inputs["albumin"]), row["albumin"])
    found = row["constant"] + (row["female"] if inputs["sex"] == "female" else 0.0)
    found += row["bilirubin"] * bilirubin + row["inr"] * inr + row["creatinine"] * creatinine
    found += sodium_gap * (row["sodium_gap"] + row["sodium_gap_bilirubin"] * bilirubin)
    found += albumin_gap * (row["albumin_gap"] + row["albumin_gap_creatinine"] * creatinine)
    return float(found)


def _bounded(row: Mapping[str, Any], inputs: Inputs) -> tuple[float, float, float]:
    """Return bilirubin, INR and creatinine within the bounds of the score."""
    least, most = row["least"], row["creatinine_most"]
    bilirubin, inr, creatinine = (
        max(float(inputs[name]), least) for name in ("bilirubin", "inr", "creatinine")
    )
    if inputs.get("dialysis_twice_in_week"):
        creatinine = most
    return bilirubin, inr, min(creatinine, most)


def _within(value: float, bounds: tuple[float, float]) -> float:
    return min(max(value, bounds[0]), bounds[1])
