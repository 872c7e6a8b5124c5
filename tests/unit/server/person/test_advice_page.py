"""The page of a case's advice: asked and logged, urgent first, for the care team only."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import scene
from desk import Desk

from suwen.records.fhir.door import validate


def observation(code, value, unit, days):
    when = datetime.now(UTC) - timedelta(days=days)
    return {
        "resourceType": "Observation", "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "effectiveDateTime": when.isoformat(timespec="seconds"),
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org",
                          "code": unit},
    }  # fmt: skip


@pytest.fixture(scope="module")
def ward(tmp_path_factory):
    made = scene.open_clinic(tmp_path_factory.mktemp("advice") / "home")
    made.patient = scene.admit(made)
    subject = {"reference": f"Patient/{made.patient}"}
    rows = [
        observation("39156-5", 31.5, "kg/m2", 20),
        observation("2823-3", 6.9, "mmol/L", 0.2),
        observation("13457-7", 5.6, "mmol/L", 20),
    ]
    allergy = {"resourceType": "AllergyIntolerance", "patient": subject,
               "code": {"text": "Simvastatin"}}  # fmt: skip
    clinical = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
    allergy["clinicalStatus"] = {"coding": [{"system": clinical, "code": "active"}]}
    made.access().put([*({**row, "subject": subject} for row in rows), allergy], made.patient)
    yield made
    made.store.close()


def shown(ward, language="en", name="dr.lin", more=""):
    desk = Desk(ward, name, language)
    answer = desk.get(f"/cases/{ward.patient}/advice{more}")
    desk.http.close()
    return answer


def test_what_is_urgent_stands_above_the_advice_and_what_is_withheld_is_told(ward):
    text = shown(ward).text
    urgent = text.index("Dangerously high potassium")
    assert 'role="alert"' in text[:urgent]
    assert urgent < text.index("Weight: a programme helps more than a diet")
    assert re.search("Very high LDL cholesterol: an allergy to or intolerance of statins", text)
    assert "JAMA 320:1163-1171" in text


def test_the_page_in_chinese(ward):
    text = shown(ward, "zh").text
    assert "立即就医：血钾过高" in text
    assert "照护计划草稿" in text
    assert "有他汀过敏或不耐受记录" in text


def test_the_draft_plan_is_valid_and_a_proposal(ward):
    answer = shown(ward, more="/plan")
    made = answer.json()
    assert answer.headers["content-type"] == "application/fhir+json"
    assert validate([made]) == [[]]
    assert made["entry"][0]["resource"]["intent"] == "proposal"


def test_somebody_outside_the_care_team_sees_no_advice(ward):
    assert shown(ward, name="dr.other").status_code in (403, 404)
