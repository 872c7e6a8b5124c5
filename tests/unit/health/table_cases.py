"""People as FHIR records, for the tests of the models learnt from tables."""

from __future__ import annotations

from tests.unit.health.cases import case, condition, observation, patient, record

from suwen.core import registry
from suwen.core.codes import SUWEN
from suwen.core.nouns import Case
from suwen.lifecycle import packs

OWN = f"{SUWEN}/risk-input"
LAST_DAY = "2026-11-26T08:00:00+00:00"


def told(number, name, **value):
    """An Observation that names a column itself."""
    return record(
        "Observation",
        number,
        status="final",
        code={"coding": [{"system": OWN, "code": name}]},
        effectiveDateTime="2026-11-01",
        **value,
    )


def kind(number, name, code):
    return told(number, name, valueCodeableConcept={"coding": [{"system": OWN, "code": code}]})


def before_angiography(**changed):
    """A man of 65 with everything that speaks for a narrowed artery."""
    found = {
        "patient": patient(born="1961-05-01", sex="male"),
        "pain": kind("pain", "chest-pain", "asymptomatic"),
        "pressure": observation("bp", "8480-6", 145, "mmHg"),
        "cholesterol": observation("chol", "2093-3", 6.6, "mmol/L"),
        "glucose": observation("glu", "1558-6", 7.4, "mmol/L"),
        "ecg": kind("ecg", "resting-ecg", "left-ventricular-hypertrophy"),
        "rate": observation("hr", "exercise-heart-rate", 118, "/min", system=OWN),
        "angina": told("angina", "exercise-angina", valueBoolean=True),
        "st": observation("st", "exercise-st-depression", 2.4, "mm", system=OWN),
        "slope": kind("slope", "exercise-st-slope", "flat"),
        "vessels": told("vessels", "vessels-on-fluoroscopy", valueInteger=2),
        "thallium": kind("thal", "thallium-scan", "reversible-defect"),
    }
    return case(*(one for one in (found | changed).values() if one is not None))


def after_glucose(**changed):
    """A woman of 46 with 9.4 mmol/L two hours after 75 g of glucose."""
    found = {
        "patient": patient(born="1980-05-01", sex="female"),
        "glucose": observation("g", "1518-0", 9.4, "mmol/L"),
        "bmi": observation("bmi", "39156-5", 36, "kg/m2"),
        "pressure": observation("dbp", "8462-4", 82, "mmHg"),
        "pregnancies": observation("pr", "11996-6", 4, "1"),
    }
    return case(*(one for one in (found | changed).values() if one is not None))


VITAL = {
    "8478-0": (62, "mm[Hg]"),
    "8867-4": (118, "/min"),
    "9279-1": (32, "/min"),
    "8310-5": (101.5, "[degF]"),
    "2703-7": (60, "mm[Hg]"),
    "3150-0": (60, "%"),
    "6690-2": (18, "10*3/uL"),
    "1751-7": (22, "g/L"),
    "2160-0": (210, "umol/L"),
    "9269-2": (10, "{score}"),
    "2951-2": (131, "mmol/L"),
    "9192-6": (0.6, "L"),
}


def in_hospital(**changed):
    """A man of 76 with respiratory failure and metastases, a week in hospital."""
    found = {
        "patient": patient(born="1950-05-01", sex="male"),
        "failure": condition("c", "J80", words="Acute respiratory distress syndrome"),
        "spread": condition("m", "C78.0", words="Metastasis to lung"),
        "stay": stay(),
        **{
            code: observation(f"o{code}", code, value, unit, when=LAST_DAY)
            for code, (value, unit) in VITAL.items()
        },
    }
    return case(*(one for one in (found | changed).values() if one is not None))


def stay(status="in-progress", code="IMP", **period):
    whole = {"start": "2026-11-20T08:00:00+00:00"} | period
    return record("Encounter", "e", status=status, **{"class": {"code": code}}, period=whole)


def said(name, known):
    """The one finding of a task about a Case."""
    task, pack = registry.find(name), packs.current(name)
    (sample,) = task.samples(known, [])
    (finding,) = task.findings(pack, sample, task.predict(pack, sample))
    return finding


def of_its_inputs(name, known):
    """The same Case with nothing in it but what the sample says it rests on."""
    (sample,) = registry.find(name).samples(known, [])
    kept = tuple(one for one in known.records if one.reference in sample.inputs)
    return Case(known.patient, known.at, kept, known.blob)
