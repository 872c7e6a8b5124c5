"""What a patient reads of the own record: what a clinician has signed, no draft."""

from __future__ import annotations

import pytest
import scene
from desk import Desk

from suwen.records import Person


@pytest.fixture
def patient(fresh):
    hashed = scene.QUICK.hash(scene.PASSWORD)
    fresh.store.add_person(Person("li.na", "Li Na", "patient", patient=fresh.patient), hashed)
    desk = Desk(fresh, "li.na")
    yield desk
    desk.http.close()


def sign(clinic: scene.Clinic) -> None:
    desk = Desk(clinic, "dr.lin")
    version = clinic.access().search("Report", patient=clinic.patient)[-1].reference
    answer = desk.post(f"/cases/{clinic.patient}/sign", version=version, confirmed="yes")
    assert answer.status_code == 200
    desk.http.close()


def test_a_patient_reads_no_draft_and_then_the_signed_report(fresh, patient) -> None:
    case = f"/cases/{fresh.patient}"
    start, page = patient.http.get("/").text, patient.get(case).text
    assert "My record" in start
    assert "Li, Na" in start
    for text in (start, page):
        assert "87%" not in text
        assert "urgent" not in text
    assert "No report has been signed yet" in page
    findings = patient.http.get("/api/findings", params={"patient": fresh.patient})
    assert findings.json() == []
    assert patient.get(f"{case}/outputs/txt").status_code == 404

    sign(fresh)
    page = patient.get(case).text
    assert "87% (95% CI 74% to 94%)" in page
    assert "Signed by Dr Lin Wei" in page
    assert "Sign the report" not in page
    assert patient.get(f"{case}/outputs/txt").status_code == 200


def test_who_broke_the_glass_is_offered_no_signature(fresh) -> None:
    desk = Desk(fresh, "dr.other")
    token = {"csrf": desk.token("/"), "reason": "unconscious in the emergency room"}
    desk.http.post(f"/cases/{fresh.patient}/break-glass", data=token)
    for address in (f"/cases/{fresh.patient}", f"/cases/{fresh.patient}/panel"):
        text = desk.get(address).text
        assert "Reject the finding" in text
        assert "Sign the report" not in text
    desk.http.close()
