"""`suwen advise` from files to a draft plan: stored, logged, and the same once more."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from suwen.app.advice import advise
from suwen.cli import AdviceRequest, Written, build
from suwen.core.errors import Denied, NotFound
from suwen.core.settings import Settings
from suwen.records import Store

NOW = datetime.now(UTC)
SUBJECT = {"reference": "Patient/p"}


def observation(name, code, value, unit, when):
    return {
        "resourceType": "Observation", "id": name, "status": "final", "subject": SUBJECT,
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "effectiveDateTime": when,
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org",
                          "code": unit},
    }  # fmt: skip


def folder(tmp_path):
    person = {
        "resourceType": "Patient", "id": "p", "gender": "male",
        "birthDate": f"{NOW.year - 68}-01-01",
        "identifier": [{"system": "urn:oid:1.2.3", "value": "MRN-5521"}],
        "name": [{"family": "Ode", "given": ["Ann"]}],
    }  # fmt: skip
    af = {
        "resourceType": "Condition", "id": "af", "subject": SUBJECT,
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "I48.0"}]},
    }  # fmt: skip
    bmi = observation("b", "39156-5", 31, "kg/m2", f"{NOW - timedelta(days=30):%Y-%m-%d}")
    rows = [person, af, bmi]
    entries = [
        {"fullUrl": f"https://x.example/{one['resourceType']}/{one['id']}", "resource": one}
        for one in rows
    ]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    made = tmp_path / "files"
    made.mkdir()
    (made / "records.json").write_text(json.dumps(bundle), encoding="utf-8")
    return made


def test_files_give_a_plan_that_is_logged_once_and_can_be_asked_again(tmp_path):
    home = Settings(home=tmp_path / "home")
    plan = json.loads(advise(AdviceRequest(folder(tmp_path), "", "en", "fhir"), home).text)
    care_plan = plan["entry"][0]["resource"]
    patient = care_plan["subject"]["reference"].removeprefix("Patient/")
    said = [one["detail"]["code"]["coding"][0]["code"] for one in care_plan["activity"]]
    assert said == ["af-consider", "weight-obesity"]
    with Store.open(home) as store:
        before = sum(1 for _ in store.log.entries(patient=patient))
    again = advise(AdviceRequest(None, patient, "zh", "text"), home).text
    assert again.index("心房颤动") < again.index("体重")
    with Store.open(home) as store:
        added = [one.act for one in store.log.entries(patient=patient)][before:]
    assert "finding" not in added, "the same advice on the same day is one decision"


def test_a_patient_nobody_knows_is_named(tmp_path):
    with pytest.raises((NotFound, Denied)):
        advise(AdviceRequest(None, "nobody", "en", "text"), Settings(home=tmp_path / "home"))


def test_the_command_tells_a_path_from_a_patient():
    asked = []

    class Wired:
        def advise(self, request):
            asked.append(request)
            return Written("said\n", ("a picture",))

    for of in ("nobody/here", "abc123"):
        done = CliRunner().invoke(build(), ["advise", of, "--lang", "zh"], obj=Wired())
        assert done.exit_code == 0
        assert "said" in done.output
    assert [(one.path and str(one.path), one.patient) for one in asked] == [
        ("nobody/here", ""), (None, "abc123")]  # fmt: skip
