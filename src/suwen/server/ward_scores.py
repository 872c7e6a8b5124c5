"""Scoring a patient of the board: the newest samples become Records, then the task answers on them.

A task never reads samples. What it answers about is stored first, so the score can be replayed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from suwen.core.codes import LOINC, UCUM
from suwen.core.errors import NotFound
from suwen.core.nouns import Finding
from suwen.core.streams import ticks
from suwen.health import vital_set
from suwen.health.early_warning import EARLY_WARNING
from suwen.records.streams import Latest, Streams
from suwen.server.asking import Asking

CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"


def score(asking: Asking, streams: Streams, patient: str) -> list[Finding]:
    """Store the newest vital signs of a patient's devices and answer NEWS2 on the record.

    Raises
    ------
    NotFound
        No device sent a vital sign of the last half hour, and the record holds none either.
    """
    since = datetime.now(UTC) - timedelta(minutes=vital_set.rules()["together_minutes"])
    known = {code for one in vital_set.variables().values() for code in one.codes}
    fresh = [
        one
        for one in streams.latest(patient)
        if one.channel.code in known and since <= one.at <= datetime.now(UTC)
    ]
    if fresh:
        asking.access.put([_observation(patient, one) for one in fresh], patient)
    found = asking.bench.run(asking.access, patient, EARLY_WARNING)
    if not found:
        raise NotFound(
            "no vital signs of the last half hour", "values with their time", "measure a set"
        )
    return found


def _observation(patient: str, one: Latest) -> dict[str, Any]:
    code, unit, device = one.channel
    return {
        "resourceType": "Observation",
        "id": f"{code}.{ticks(one.at)}.{device}"[:64],
        "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": "vital-signs"}]}],
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": one.at.isoformat(),
        "device": {"display": device},
        "valueQuantity": {"value": one.value, "unit": unit, "system": UCUM, "code": unit},
    }
