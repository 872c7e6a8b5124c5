"""People whose record allows risks to be computed, and one with values missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import scene

from suwen.app.diagnose import answer
from suwen.core.codes import LOINC, SNOMED, UCUM
from suwen.records import Person

VALUES = {
    "8480-6": ("Systolic blood pressure", 152, "mm[Hg]"),
    "2093-3": ("Cholesterol", 6.2, "mmol/L"),
    "2085-9": ("HDL cholesterol", 1.1, "mmol/L"),
    "39156-5": ("Body mass index", 31.5, "kg/m2"),
    "2160-0": ("Creatinine", 1.0, "mg/dL"),
    "4548-4": ("HbA1c", 5.8, "%"),
}
"""Code, name, value and unit of what is measured."""
SMOKER = ("72166-2", "449868002", "Smokes tobacco daily")
RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"


def admit(
    clinic: scene.Clinic,
    name: str = "Doe, John",
    leaving_out: tuple[str, ...] = (),
    number: str = "R-1",
    country: str = "US",
) -> str:
    """Record a man of 58 who smokes, with some of `VALUES` left out; return his id."""
    access = clinic.access()
    patient = access.new_patient([("urn:test", number)])
    family, given = name.split(", ")
    race = {
        "url": "ombCategory",
        "valueCoding": {"system": "urn:oid:2.16.840.1.113883.6.238", "code": "2106-3"},
    }
    person = {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:test", "value": number}],
        "name": [{"family": family, "given": [given]}],
        "birthDate": f"{datetime.now(UTC).year - 58}-01-01",
        "gender": "male",
        "address": [{"country": country}],
        "extension": [{"url": RACE, "extension": [race, {"url": "text", "valueString": "White"}]}],
    }
    values = [
        measured(patient, code, *row) for code, row in VALUES.items() if code not in leaving_out
    ]
    access.put([person, *values, _smoking(patient)], patient)
    return patient


def measured(
    patient: str, code: str, name: str, value: float, unit: str, days: int = 20
) -> dict[str, Any]:
    """Return an Observation of some days ago."""
    when = datetime.now(UTC) - timedelta(days=days)
    return {
        "resourceType": "Observation",
        "status": "final",
        "subject": {"reference": f"Patient/{patient}"},
        "code": {"coding": [{"system": LOINC, "code": code, "display": name}]},
        "effectiveDateTime": when.isoformat(timespec="seconds"),
        "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit},
    }


def _smoking(patient: str) -> dict[str, Any]:
    code, said, display = SMOKER
    row = measured(patient, code, "Tobacco smoking status", 0, "1")
    del row["valueQuantity"]
    concept = {"coding": [{"system": SNOMED, "code": said, "display": display}]}
    return {**row, "valueCodeableConcept": concept}


def open_clinic(home: Any) -> scene.Clinic:
    """Open a clinic whose questions are really answered, with the patient `.patient`."""
    made = scene.open_clinic(home)
    made.run = answer  # type: ignore[method-assign]
    made.patient = admit(made)
    return made


def at_home(clinic: scene.Clinic, patient: str, name: str = "john.doe") -> str:
    """Let a patient sign in; return the name for it."""
    hashed = scene.QUICK.hash(scene.PASSWORD)
    clinic.store.add_person(Person(name, "John Doe", "patient", patient=patient), hashed)
    return name
