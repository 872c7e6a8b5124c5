"""From what guidelines propose to what a patient reads and does, and back into the next advice."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import scene
from desk import Desk

from suwen.health.advice.task import ADVICE
from suwen.records import Person
from suwen.server.person import plans

UNIT = "http://unitsofmeasure.org"


def measured(code: str, value: float, unit: str, days: float) -> dict[str, object]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "effectiveDateTime": (datetime.now(UTC) - timedelta(days=days)).isoformat(),
        "valueQuantity": {"value": value, "unit": unit, "system": UNIT, "code": unit},
    }


@pytest.fixture
def clinic(tmp_path):
    made = scene.open_clinic(tmp_path / "home")
    patient = scene.admit(made, born="1952-03-02")
    af = {
        "resourceType": "Condition",
        "subject": {"reference": f"Patient/{patient}"},
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "I48.0"}]},
    }
    made.access().put([af, measured("39156-5", 31, "kg/m2", 20)], patient)
    person = Person("at.home", "At home", "patient", patient=patient)
    made.store.add_person(person, scene.QUICK.hash(scene.PASSWORD))
    yield made, patient
    made.store.close()


def opened(made: scene.Clinic, name: str, language: str = "en") -> Desk:
    return Desk(made, name, language)


def test_a_patient_reads_only_what_was_confirmed_in_the_own_language(clinic):
    made, patient = clinic
    home = f"/cases/{patient}/home"
    doctor, person = opened(made, "dr.lin"), opened(made, "at.home", "zh")
    assert "您的医生尚未确认任何建议" in person.get(home).text
    advice = f"/cases/{patient}/advice"
    assert person.get(advice).status_code == 403
    rules = re.findall(r'name="rule" value="([^"]+)"[^>]* checked', doctor.get(advice).text)
    assert "weight-obesity" in rules
    assert any(one.startswith("af-") for one in rules)
    answer = doctor.post(f"/cases/{patient}/advice/plan", rule=["weight-obesity"], htmx=False)
    assert answer.status_code == 303, answer.text

    text = person.get(home).text
    assert "由 Dr Lin Wei 确认" in text
    assert "体重" in text
    assert "来源：" in text
    assert "心房颤动" not in text
    shown = plans.confirmed(made.access().case(patient), "en")
    assert shown is not None
    assert [one.id for one in shown.advice] == ["weight-obesity"]
    assert "Source:" in shown.advice[0].sources[0]
    doctor.http.close()
    person.http.close()


def test_what_the_patient_did_ranks_the_next_advice(clinic):
    made, patient = clinic
    home = f"/cases/{patient}/home"
    doctor, person = opened(made, "dr.lin"), opened(made, "at.home")
    doctor.post(f"/cases/{patient}/advice/plan", rule=["weight-obesity"], htmx=False)
    (goal,) = plans.confirmed(made.access().case(patient), "en").goals
    assert (goal.state, goal.due[:2]) == ("", "20")
    answer = person.post(f"{home}/goals/{goal.id}", state="not-achieved", htmx=False)
    assert answer.status_code == 303, answer.text
    assert 'value="not-achieved" aria-pressed="true"' in person.get(home).text
    assert (
        "Given before and not carried out: ask why." in doctor.get(f"/cases/{patient}/advice").text
    )
    assert person.post(f"{home}/goals/{goal.id}", state="cured").status_code == 422
    assert person.post(f"{home}/goals/other", state="achieved").status_code == 404
    doctor.http.close()
    person.http.close()


def test_a_red_flag_waits_for_no_confirmation(clinic):
    made, patient = clinic
    now = measured("8480-6", 196, "mm[Hg]", 0.01), measured("8462-4", 118, "mm[Hg]", 0.01)
    pain = {
        "resourceType": "Condition",
        "subject": {"reference": f"Patient/{patient}"},
        "clinicalStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
                        "code": "active"}]
        },
        "recordedDate": datetime.now(UTC).isoformat(),
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "29857009",
                             "display": "Chest pain"}]},
    }  # fmt: skip
    made.access().put([*now, pain], patient)
    person = opened(made, "at.home", "zh")
    text = person.get(f"/cases/{patient}/home").text
    assert 'role="alert"' in text
    assert text.index("请立即就医") < text.index("<h2>今日")
    person.http.close()


def test_what_does_not_apply_is_not_confirmed(clinic):
    made, patient = clinic
    doctor, nurse = opened(made, "dr.lin"), opened(made, scene.NURSE.id)
    address = f"/cases/{patient}/advice/plan"
    assert doctor.post(address, rule=["kidney-never"]).status_code == 422
    assert doctor.post(address).status_code == 422
    assert nurse.post(address, rule=["weight-obesity"]).status_code == 403
    assert plans.confirmed(made.access().case(patient), "en") is None
    assert not made.access().search("Finding", patient=patient, code=ADVICE)
    doctor.http.close()
    nurse.http.close()
