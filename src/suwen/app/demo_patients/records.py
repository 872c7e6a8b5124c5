"""FHIR R4 records of a demo patient, built from its `patient.toml` and `labs.toml`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from suwen.app.demo_patients.ecg import observation
from suwen.core.codes import LOINC, SNOMED, UCUM
from suwen.gateway.identity import DICOM_ID

Resource = dict[str, Any]
LABEL = "Synthetic record: written for the Suwen demonstration; no real patient."
HL7 = "http://terminology.hl7.org/CodeSystem"
TEST_DATA = {"system": f"{HL7}/v3-ActReason", "code": "HTEST", "display": "test health data"}
"""Security label of synthetic data (HL7 v3 ActReason)."""
UMOL_PER_MG = 88.42
"""Micromoles per litre of creatinine in one milligram per decilitre (molar mass 113.12 g/mol)."""


def egfr(creatinine_umol: float, age: int, female: bool) -> float:
    """Return the CKD-EPI 2021 estimate in mL/min/1.73 m2 from serum creatinine in umol/L.

    Source: Inker et al., N Engl J Med 385:1737-1749, 2021.
    """
    kappa, alpha = (0.7, -0.241) if female else (0.9, -0.302)
    ratio = creatinine_umol / UMOL_PER_MG / kappa
    estimate: float = 142 * min(ratio, 1) ** alpha * max(ratio, 1) ** -1.2 * 0.9938**age
    return estimate * (1.012 if female else 1.0)


def collection(
    patient: Mapping[str, Any], labs: Mapping[str, Any], points: Iterable[Resource]
) -> Resource:
    """Return the Bundle (type collection) of one demo patient, marked as test data."""
    resources = [
        _patient(patient),
        _request(patient),
        _smoking(patient),
        *_conditions(patient),
        *_allergies(patient),
        *_family(patient),
        *_labs(patient, labs),
        *_ecg(patient),
        *points,
    ]
    entries = [
        {
            "fullUrl": f"https://suwen.health/demo/{one['resourceType']}/{one['id']}",
            "resource": {**one, "meta": {"security": [TEST_DATA]}},
        }
        for one in resources
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _coded(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _frame(kind: str, patient: Mapping[str, Any], name: str, owner: str = "subject") -> Resource:
    return {
        "resourceType": kind,
        "id": f"{patient['id'].lower()}-{name}",
        owner: {"reference": f"Patient/{patient['id'].lower()}"},
    }


def _patient(patient: Mapping[str, Any]) -> Resource:
    return {
        "resourceType": "Patient",
        "id": patient["id"].lower(),
        "text": {
            "status": "generated",
            "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{LABEL}</div>',
        },
        "identifier": [{"use": "usual", "system": DICOM_ID, "value": patient["id"]}],
        "name": [
            {"use": "official", "family": "SYNTHETIC", "given": [patient["given"]]},
            {"use": "usual", "text": patient["given_zh"]},
        ],
        "gender": patient["sex"],
        "birthDate": patient["birth_date"],
    }


def _request(patient: Mapping[str, Any]) -> Resource:
    return {
        **_frame("ServiceRequest", patient, "ct-request"),
        "status": "completed",
        "intent": "order",
        "code": _coded(SNOMED, "169069000", "CT of chest"),
        "authoredOn": patient["study_date"],
        "note": [{"text": LABEL}],
    }


def _smoking(patient: Mapping[str, Any]) -> Resource:
    smoking = patient["smoking"]
    return {
        **_frame("Observation", patient, "smoking"),
        "status": "final",
        "category": [_coded(f"{HL7}/observation-category", "social-history", "Social History")],
        "code": _coded(LOINC, "72166-2", "Tobacco smoking status"),
        "effectiveDateTime": patient["labs"][-1]["date"],
        "valueCodeableConcept": _coded(SNOMED, smoking["code"], smoking["display"]),
    }


def _conditions(patient: Mapping[str, Any]) -> Iterator[Resource]:
    for place, entry in enumerate(patient.get("condition", ())):
        yield {
            **_frame("Condition", patient, f"condition-{place}"),
            "clinicalStatus": _coded(f"{HL7}/condition-clinical", "active", "Active"),
            "verificationStatus": _coded(f"{HL7}/condition-ver-status", "confirmed", "Confirmed"),
            "code": _coded(SNOMED, entry["code"], entry["display"]),
            "onsetDateTime": entry["onset"],
        }


def _allergies(patient: Mapping[str, Any]) -> Iterator[Resource]:
    status = f"{HL7}/allergyintolerance-clinical"
    verification = f"{HL7}/allergyintolerance-verification"
    for place, entry in enumerate(patient.get("allergy", ())):
        yield {
            **_frame("AllergyIntolerance", patient, f"allergy-{place}", "patient"),
            "clinicalStatus": _coded(status, "active", "Active"),
            "verificationStatus": _coded(verification, "confirmed", "Confirmed"),
            "code": _coded(SNOMED, entry["code"], entry["display"]),
        }


def _family(patient: Mapping[str, Any]) -> Iterator[Resource]:
    for place, entry in enumerate(patient.get("family", ())):
        age = {"value": entry["age"], "unit": "a", "system": UCUM, "code": "a"}
        yield {
            **_frame("FamilyMemberHistory", patient, f"family-{place}", "patient"),
            "status": "completed",
            "relationship": _coded(f"{HL7}/v3-RoleCode", entry["relationship"], entry["display"]),
            "condition": [
                {"code": _coded(SNOMED, entry["code"], entry["condition"]), "onsetAge": age}
            ],
        }


def _labs(patient: Mapping[str, Any], labs: Mapping[str, Any]) -> Iterator[Resource]:
    female = patient["sex"] == "female"
    for day in patient["labs"]:
        values = {name: value for name, value in day.items() if name != "date"}
        values["egfr"] = round(egfr(values["creatinine"], patient["age"], female))
        for name, value in values.items():
            yield _lab(patient, name, labs[name], value, day["date"])


def _ecg(patient: Mapping[str, Any]) -> Iterator[Resource]:
    if ecg := patient.get("ecg"):
        drawn = observation(ecg["rhythm"], patient["seed"], ecg["date"])
        yield {**_frame("Observation", patient, "ecg"), **drawn}


def _lab(
    patient: Mapping[str, Any], name: str, test: Mapping[str, Any], value: float, date: str
) -> Resource:
    low, high = _limits(patient, test)
    limits = {key: _quantity(end, test) for key, end in (("low", low), ("high", high)) if end}
    if high and value > high:
        flag = ("H", "High")
    elif low and value < low:
        flag = ("L", "Low")
    else:
        flag = ("N", "Normal")
    return {
        **_frame("Observation", patient, f"{name.replace('_', '-')}-{date[:10]}"),
        "status": "final",
        "category": [_coded(f"{HL7}/observation-category", "laboratory", "Laboratory")],
        "code": _coded(LOINC, test["code"], test["display"]),
        "effectiveDateTime": date,
        "valueQuantity": _quantity(value, test),
        "interpretation": [_coded(f"{HL7}/v3-ObservationInterpretation", *flag)],
        "referenceRange": [limits],
    }


def _limits(patient: Mapping[str, Any], test: Mapping[str, Any]) -> tuple[float, float | None]:
    older = f"older_{patient['sex']}"
    name = older if patient["age"] >= 60 and older in test else patient["sex"]
    limits = test.get(name) or test["range"]
    return limits[0], limits[1] if len(limits) > 1 else None


def _quantity(value: float, test: Mapping[str, Any]) -> Resource:
    return {"value": value, "unit": test["unit"], "system": UCUM, "code": test["unit"]}
