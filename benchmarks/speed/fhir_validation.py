"""FHIR validation: Observations a second on one core, all rules, beside structure alone.

The named alternative is fhirkit-rs alone on the same resources (structure, no invariants, codes,
units or references), one thread, from dictionaries as ours. Processor time, best of some rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import fhirkit

from suwen.records.fhir import door as fhir

N = 4000
ROUNDS = 3


def observation(number: int) -> dict[str, Any]:
    """Return a laboratory Observation of ordinary size."""
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "meta": {"lastUpdated": "2026-03-01T08:00:00+08:00"},
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "laboratory",
                        "display": "Laboratory",
                    }
                ]
            }
        ],
        "code": {"coding": [{"system": "http://loinc.org", "code": "1988-5"}], "text": "CRP"},
        "subject": {"reference": "Patient/1"},
        "encounter": {"reference": "Encounter/1"},
        "effectiveDateTime": "2026-03-01T08:00:00+08:00",
        "issued": "2026-03-01T09:00:00+08:00",
        "valueQuantity": {
            "value": number / 10,
            "unit": "mg/L",
            "system": "http://unitsofmeasure.org",
            "code": "mg/L",
        },
        "referenceRange": [{"high": {"value": 5, "unit": "mg/L"}}],
    }


def rate(work: Callable[[], object]) -> float:
    """Return resources per second of processor time, the best of the rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return N / best


def main() -> None:
    """Print the table."""
    resources = [observation(number) for number in range(N)]
    if any(fhir.validate(resources)):
        raise SystemExit("the benchmark's resources are not valid")
    ours = rate(lambda: fhir.validate(resources))
    theirs = rate(lambda: [one.issues for one in fhirkit.parse_many(resources, threads=1)])
    print(f"Suwen, all rules               {ours:8,.0f} Observations/s")
    print(f"fhirkit-rs alone, structure    {theirs:8,.0f} Observations/s")
    print(f"ratio                          {ours / theirs:8.2f}")


if __name__ == "__main__":
    main()
