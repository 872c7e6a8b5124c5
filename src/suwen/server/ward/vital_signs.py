"""A vital sign as a FHIR R4 Observation: what a monitor sent, what somebody charted."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from suwen.core.codes import LOINC, UCUM

CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"


def vital_sign(patient: str, code: str, at: datetime, **more: Any) -> dict[str, Any]:
    """Return an Observation of a LOINC code without its value; `more` are further elements."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": "vital-signs"}]}],
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": at.isoformat(),
        **more,
    }


def quantity(value: float, unit: str) -> dict[str, Any]:
    """Return a Quantity in a UCUM unit."""
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}
