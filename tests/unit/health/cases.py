"""A person as FHIR records, for the tests of `health.risk`."""

from __future__ import annotations

from datetime import UTC, datetime

from suwen.core.nouns import Case, Record
from suwen.health.facts.published import KNOWLEDGE
from suwen.health.risk.task import HealthRisk

AT = datetime(2026, 11, 27, tzinfo=UTC)
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
ICD, ATC = "http://hl7.org/fhir/sid/icd-10", "http://www.whocc.no/atc"
RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"


class RoomsRules:
    """The rules of the room in the place of a pack."""

    identity = "health.risk@test+0"

    def path(self, name, member):
        return KNOWLEDGE / name


def record(kind, number, **content):
    reference = f"{kind}/{number}/_history/1"
    return Record(reference=reference, content={"resourceType": kind, **content})


def patient(born="1970-05-01", sex="female", country="", race=""):
    code = {"valueCoding": {"code": race}, "url": "ombCategory"}
    return record(
        "Patient",
        "p",
        birthDate=born,
        gender=sex,
        address=[{"country": country}],
        extension=[{"url": RACE, "extension": [code]}] if race else [],
    )


def observation(number, code, value, unit, when="2026-11-01", system=LOINC, **more):
    content = {
        "status": "final",
        "code": {"coding": [{"system": system, "code": code}]},
        "effectiveDateTime": when,
        "valueQuantity": {"value": value, "unit": unit},
    }
    return record("Observation", number, **(content | more))


def condition(number, code="", system=ICD, words="", **more):
    coding = [{"system": system, "code": code}] if code else []
    return record("Condition", number, code={"coding": coding, "text": words}, **more)


def drug(number, words="", code="", status="active", kind="MedicationStatement"):
    coding = [{"system": ATC, "code": code}] if code else []
    concept = {"coding": coding, "text": words}
    return record(kind, number, status=status, medicationCodeableConcept=concept)


def smoking(code="266919005", when="2026-01-01"):
    return record(
        "Observation",
        "smoking",
        status="final",
        code={"coding": [{"system": LOINC, "code": "72166-2"}]},
        effectiveDateTime=when,
        valueCodeableConcept={"coding": [{"system": SNOMED, "code": code}]},
    )


def complete():
    """Everything PREVENT asks for."""
    return [
        patient(),
        smoking(),
        observation("chol", "2093-3", 5.2, "mmol/L"),
        observation("hdl", "2085-9", 50, "mg/dL"),
        observation("bp", "8480-6", 140, "mm[Hg]"),
        observation("bmi", "39156-5", 28, "kg/m2"),
        observation("creatinine", "2160-0", 80, "umol/L"),
    ]


def case(*records, at=AT):
    def blob(digest):
        raise AssertionError("no blob is asked for")

    return Case("p", at, tuple(records), blob)


def said(*records, at=AT):
    """The findings of a Case by the code of their equation."""
    task, pack = HealthRisk(), RoomsRules()
    return {
        finding.code.code: finding
        for sample in task.samples(case(*records, at=at), [])
        for finding in task.findings(pack, sample, task.predict(pack, sample))
    }
