"""Facts from FHIR records: codes, units, validity, what is derived, what is passed over."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.unit.health.cases import (
    AT,
    SNOMED,
    case,
    condition,
    drug,
    observation,
    patient,
    record,
    smoking,
)

from suwen.health.risk.equation import Quantity, library
from suwen.health.risk.facts import facts_of
from suwen.health.risk.records import moment

LIBRARY = library()


def told(*records):
    return facts_of(case(*records), LIBRARY).told


def states(*records):
    return facts_of(case(*records), LIBRARY).states


def test_age_is_in_completed_years_at_the_moment_of_the_case():
    assert told(patient("1970-11-27"))["age"] == Quantity(56.0, "a")
    assert told(patient("1970-11-28"))["age"] == Quantity(55.0, "a")
    assert "age" not in told(patient("1970"))
    assert "age" not in told(record("Patient", "p", gender="other"))
    assert "sex" not in told(record("Patient", "p", gender="other"))


def test_the_newest_value_counts_wherever_it_stands():
    records = [
        observation("new", "2093-3", 210, "mg/dL", "2026-10-01"),
        observation("old", "2093-3", 180, "mg/dL", "2025-10-01"),
    ]
    for order in (records, records[::-1]):
        known = facts_of(case(*order), LIBRARY)
        assert known.told["total_cholesterol"] == Quantity(210.0, "mg/dL")
        (source,) = known.sources["total_cholesterol"]
        assert source.record == "Observation/new/_history/1"
        assert source.note.en == "Total cholesterol 210 mg/dL, 2026-10-01"


@pytest.mark.parametrize(("code", "name", "days"), [
    ("8480-6", "systolic_bp", 365), ("2093-3", "total_cholesterol", 1826),
    ("2160-0", "creatinine", 365), ("6301-6", "inr", 90)])  # fmt: skip
def test_a_value_holds_as_long_as_its_validity(code, name, days):
    for age, known in ((days, True), (days + 1, False)):
        when = (AT - timedelta(days=age)).isoformat()
        assert (name in told(observation("1", code, 100, "mg/dL", when))) is known


def test_retracted_future_undated_and_inexact_values_are_passed_over():
    assert not told(
        observation("1", "2093-3", 200, "mg/dL", status="entered-in-error"),
        observation("2", "2093-3", 200, "mg/dL", "2026-12-01"),
        observation("3", "2093-3", 200, "mg/dL", None),
        observation("4", "98979-8", 90, "mL/min", valueQuantity={"value": 90, "comparator": ">"}),
    )


def test_blood_pressure_is_read_from_the_component_of_its_panel():
    code = {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}
    part = {"code": code, "valueQuantity": {"value": 131, "code": "mm[Hg]"}}
    panel = record(
        "Observation",
        "panel",
        status="final",
        code={"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        effectivePeriod={"start": "2026-10-01", "end": "2026-10-02"},
        component=[{"code": {"text": "?"}}, part],
    )
    known = facts_of(case(panel), LIBRARY)
    assert known.told["systolic_bp"] == Quantity(131.0, "mm[Hg]")
    assert known.sources["systolic_bp"][0].path == "Observation.component[1]"


@pytest.mark.parametrize(("written", "unit"), [
    ("mmol/L", "mmol/L"), ("MMOL/L", "mmol/L"), ("mg/dl", "mg/dL"), ("stone", "stone"),
])  # fmt: skip
def test_units_are_read_as_people_write_them(written, unit):
    assert told(observation("1", "2093-3", 5, written))["total_cholesterol"].unit == unit


def test_an_annotation_says_nothing_about_the_size_of_a_unit():
    assert told(observation("1", "9318-7", 3, "mg/mmol{creat}"))["uacr"].unit == "mg/mmol"
    known = told(observation("1", "98979-8", 80, "mL/min/{1.73_m2}"))
    assert known["egfr"] == Quantity(80.0, "mL/min/{1.73_m2}")


@pytest.mark.parametrize(("code", "smoker", "category"), [
    ("449868002", True, None), ("8517006", False, 2.0), ("266919005", False, 1.0)])  # fmt: skip
def test_smoking_status(code, smoker, category):
    known = told(smoking(code))
    assert known["current_smoker"] is smoker
    assert known.get("smoking_category") == (None if category is None else Quantity(category, "1"))
    assert "current_smoker" not in told(smoking("266927001"))


@pytest.mark.parametrize(("record_", "flags"), [
    (condition("1", "E11.9"), {"diabetes", "diabetes_type_2"}),
    (condition("1", "44054006", SNOMED), {"diabetes", "diabetes_type_2"}),
    (condition("1", words="2型糖尿病"), {"diabetes", "diabetes_type_2"}),
    (condition("1", "E10.1"), {"diabetes", "diabetes_type_1"}),
    (condition("1", words="Family history of diabetes mellitus"), set()),
    (condition("1", words="Prediabetes"), set()),
    (condition("1", "E11.9", verificationStatus={"coding": [{"code": "refuted"}]}), set()),
    (condition("1", "E11.9", onsetDateTime="2027-01-01"), set()),
    (condition("1", "I48.0"), {"atrial_fibrillation"}),
    (condition("1", "N18.30"), {"chronic_kidney_disease"}),
    (condition("1", "N18.2"), set()),
    (drug("1", "Amlodipine 5 mg"), {"bp_treated"}),
    (drug("1", "氨氯地平 5mg", kind="MedicationRequest"), {"bp_treated"}),
    (drug("1", code="C10AA05"), {"statin"}),
    (drug("1", "Nystatin suspension"), set()),
    (drug("1", "Atorvastatin 20 mg", status="stopped"), set()),
])  # fmt: skip
def test_conditions_and_drugs(record_, flags):
    assert {name for name, value in told(record_).items() if value is True} == flags


def test_a_drug_named_by_reference_is_looked_up():
    own = record("Medication", "m", code={"text": "Simvastatin"})
    given = record("MedicationRequest", "r", status="active",
                   medicationReference={"reference": "Medication/m"})  # fmt: skip
    assert told(own, given)["statin"] is True


def test_the_age_at_which_diabetes_began():
    known = told(patient("1970-05-01"), condition("1", "E11.9", onsetDateTime="2015-06"))
    assert known["age_at_diabetes_diagnosis"] == Quantity(45.0, "a")
    known = told(patient(), condition("1", "E11.9", onsetAge={"value": 50, "unit": "a"}))
    assert known["age_at_diabetes_diagnosis"] == Quantity(50.0, "a")


def test_bmi_ratio_spread_and_egfr_are_derived_and_name_their_records():
    records = [
        patient(),
        observation("w", "29463-7", 176.37, "lb"),
        observation("h", "8302-2", 1.65, "m"),
        observation("c", "2093-3", 200, "mg/dL"),
        observation("l", "2085-9", 50, "mg/dL"),
        observation("s1", "8480-6", 140, "mmHg", "2026-10-01"),
        observation("s2", "8480-6", 150, "mmHg", "2026-11-01"),
        observation("cr", "2160-0", 1.0, "mg/dL"),
    ]
    known = facts_of(case(*records), LIBRARY)
    assert known.told["bmi"].value == pytest.approx(29.385, abs=1e-3)
    assert known.told["cholesterol_hdl_ratio"] == Quantity(4.0, "1")
    assert known.told["systolic_bp_sd"].value == pytest.approx(7.0711, abs=1e-4)
    assert known.told["egfr"].value == pytest.approx(66.12, abs=0.01)
    behind = {one.record.split("/")[1] for one in known.sources["egfr"]}
    assert behind == {"p", "cr"}


def test_nothing_is_derived_from_what_cannot_be_true():
    known = told(
        patient(), observation("w", "29463-7", 80, "kg"), observation("h", "8302-2", 16, "cm")
    )
    assert "bmi" not in known
    known = told(observation("c", "2093-3", 5, "mg/dL"), observation("l", "2085-9", 50, "mg/dL"))
    assert "cholesterol_hdl_ratio" not in known


def test_the_baseline_creatinine_is_the_lowest_of_the_week_before():
    days = {"2026-11-10": 0.7, "2026-11-20": 1.0, "2026-11-22": 0.9, "2026-11-25": 1.1,
            "2026-11-26": 2.0}  # fmt: skip
    records = [observation(day, "2160-0", value, "mg/dL", day) for day, value in days.items()]
    known = told(*records)
    assert known["baseline_creatinine"] == Quantity(0.9, "mg/dL")
    assert known["creatinine_48h_before"] == Quantity(1.1, "mg/dL")
    assert "baseline_creatinine" not in told(records[0])


@pytest.mark.parametrize(("country", "region", "british"), [
    ("DE", "moderate", False), ("GB", "low", True), ("United Kingdom", "low", True),
    ("ROU", "very_high", False), ("US", None, False), ("", None, False)])  # fmt: skip
def test_the_country_tells_the_region(country, region, british):
    known = facts_of(case(patient(country=country)), LIBRARY)
    assert known.told.get("risk_region") == region
    assert ("british" in known.states) is british


@pytest.mark.parametrize(("code", "race"), [
    ("2054-5", "black"), ("2106-3", "white"), ("2028-9", None), ("extension", None)])  # fmt: skip
def test_race_only_as_recorded(code, race):
    assert told(patient(race=code)).get("race") == race
    assert ("race_recorded" in states(patient(race=code))) is (race is not None)


def test_an_input_may_be_told_by_its_own_name():
    own = "https://suwen.health/fhir/risk-input"
    known = told(
        observation("1", "sdi-decile", 4, "1", system=own),
        observation("2", "family-history-diabetes", 0, "", system=own, valueQuantity=None,
                    valueString="first_degree"),
        observation("3", "high-blood-glucose-ever", 0, "", system=own, valueQuantity=None,
                    valueBoolean=True),
    )  # fmt: skip
    assert known["sdi_decile"] == Quantity(4.0, "1")
    assert known["family_history_diabetes"] == "first_degree"
    assert known["high_blood_glucose_ever"] is True


@pytest.mark.parametrize("text", [None, "", "soon", "2026-13-01", 5])
def test_what_is_no_date_is_none(text):
    assert moment(text) is None
