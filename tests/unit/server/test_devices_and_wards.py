"""Pages of devices and wards: a token shown once, revoked at once; beds; what was set aside."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import scene
from desk import Desk

from suwen.records import Person
from suwen.records.wards import Wards


@pytest.fixture
def house(tmp_path) -> Iterator[scene.Clinic]:
    """A clinic with one patient, a nurse on the team, and a ward of two beds."""
    clinic = scene.open_clinic(tmp_path / "home")
    clinic.patient = scene.admit(clinic)
    administrator = clinic.store.administer(scene.ADMINISTRATOR)
    administrator.share(clinic.patient, scene.NURSE.id)
    yield clinic
    clinic.store.close()


@pytest.fixture
def doctor(house: scene.Clinic) -> Iterator[Desk]:
    desk = Desk(house, scene.CLINICIAN.id)
    yield desk
    desk.http.close()


def enrol(desk: Desk, patient: str, device: str = "monitor-1") -> str:
    page = desk.post("/devices", htmx=False, device=device, patient=patient)
    assert page.status_code == 200, page.text
    return html.unescape(re.findall(r'id="token">([^<]+)<', page.text)[0])


def say(desk: Desk, token: str, value: float, ahead_s: float = 0, device: str = "monitor-1"):
    at = (datetime.now(UTC) + timedelta(seconds=ahead_s)).isoformat()
    body = {"code": "8867-4", "unit": "/min", "at": at, "value": value}
    head = {"Authorization": f"Bearer {token}"}
    return desk.http.post(f"/api/devices/{device}/readings", json=body, headers=head)


def test_a_device_is_enrolled_with_a_token_that_is_shown_once(doctor: Desk, house: scene.Clinic):
    token = enrol(doctor, house.patient)
    assert say(doctor, token, 72).json()["stored"] == 1
    listed = doctor.get("/devices").text
    assert "monitor-1" in listed
    assert token not in listed
    assert '<span class="chip routine">sending</span>' in listed
    again = doctor.post("/devices", htmx=False, device="monitor-1", patient=house.patient)
    assert again.status_code == 409


def test_a_revoked_devices_next_message_is_refused(doctor: Desk, house: scene.Clinic):
    token = enrol(doctor, house.patient)
    assert say(doctor, token, 72).status_code == 200
    done = doctor.post("/devices/monitor-1/revoke", htmx=False, reason="stolen from the ward")
    assert done.status_code == 303
    assert say(doctor, token, 73).status_code == 401
    assert ">revoked</span>" in doctor.get("/devices").text
    assert say(doctor, enrol(doctor, house.patient, "monitor-2"), 74, device="monitor-2").json()


def test_a_new_token_ends_the_old_one(doctor: Desk, house: scene.Clinic):
    old = enrol(doctor, house.patient)
    page = doctor.post("/devices/monitor-1/token", htmx=False).text
    new = html.unescape(re.findall(r'id="token">([^<]+)<', page)[0])
    assert say(doctor, old, 72).status_code == 401
    assert say(doctor, new, 72).status_code == 200


def test_an_administrator_sees_no_name_opens_what_was_set_aside_and_revokes(
    doctor: Desk, house: scene.Clinic
):
    token = enrol(doctor, house.patient)
    say(doctor, token, 72, ahead_s=9_000)
    say(doctor, token, 72, device="who-is-this")
    desk = Desk(house, scene.ADMINISTRATOR.id)
    listed = desk.get("/devices").text
    assert "monitor-1" in listed
    assert "Li, Na" not in listed
    aside = desk.get("/devices/set-aside").text
    assert 'data-state="future"' in aside
    assert 'data-state="unknown-device"' in aside
    opened = desk.get("/devices/set-aside/messages?state=future&device=monitor-1").text
    assert "8867-4" in opened
    assert token not in desk.get("/devices/set-aside/messages?state=unknown-device").text
    assert desk.post("/devices/monitor-1/revoke", htmx=False, reason="stolen").status_code == 303
    assert say(doctor, token, 72).status_code == 401
    refused = desk.post("/devices", htmx=False, device="monitor-9", patient=house.patient)
    assert refused.status_code == 403
    desk.http.close()


def test_a_nurse_sees_how_much_was_set_aside_by_bed(doctor: Desk, house: scene.Clinic):
    doctor.post("/wards", htmx=False, ward="icu", name="Intensive care", beds="1, 2")
    doctor.post("/wards/place", htmx=False, patient=house.patient, ward="icu", bed="2")
    token = enrol(doctor, house.patient)
    for ahead in (9_000, 9_001):
        say(doctor, token, 72, ahead_s=ahead)
    nurse = Desk(house, scene.NURSE.id)
    page = re.sub(r"\s+", " ", nurse.get("/devices/set-aside").text)
    assert '<td>icu · 2</td><td>Li, Na</td><td class="number">2</td>' in page
    assert "2 set aside" in nurse.get("/wards").text
    assert nurse.post("/wards", htmx=False, ward="new", beds="1").status_code == 403
    nurse.http.close()


def test_a_patient_is_put_to_bed_moved_and_discharged(doctor: Desk, house: scene.Clinic):
    doctor.post("/wards", htmx=False, ward="icu", name="Intensive care", beds="1，2、3")
    enrol(doctor, house.patient)
    wards = Wards(house.store, scene.CLINICIAN, "treatment")
    doctor.post("/wards/place", htmx=False, patient=house.patient, ward="icu", bed="3")
    assert wards.occupied() == {("icu", "3"): house.patient}
    assert "2 free" in doctor.get("/wards").text
    other = scene.admit(house, "王, 小明", "1955-11-20", "T-2")
    taken = doctor.post("/wards/place", htmx=False, patient=other, ward="icu", bed="3")
    assert taken.status_code == 409
    assert "Somebody else lies in that bed." in taken.text
    assert 'href="/wards"' in doctor.get("/ward?ward=icu").text
    ended = doctor.post("/wards/place", htmx=False, patient=house.patient)
    told = doctor.get(ended.headers["location"]).text
    assert "These devices still send for this patient: monitor-1" in re.sub(r"\s+", " ", told)
    assert wards.occupied() == {}


def test_changing_a_wards_beds_keeps_its_ladder(doctor: Desk, house: scene.Clinic):
    from suwen.records.wards import Rung, Ward

    wards = Wards(house.store, scene.CLINICIAN, "treatment")
    wards.define(Ward("icu", "Old name", (Rung(0, (scene.NURSE.id,)),), 3.0))
    doctor.post("/wards", htmx=False, ward="icu", name="New name", beds="1", budget="2.5")
    (one,) = wards.list()
    assert (one.name, one.beds, one.budget) == ("New name", ("1",), 2.5)
    assert one.ladder == (Rung(0, (scene.NURSE.id,)),)
    refused = doctor.post("/wards", htmx=False, ward="icu", beds="1", budget="many")
    assert refused.status_code == 422


def test_a_patient_shares_the_own_location_and_takes_it_back(house: scene.Clinic):
    own = Person("at.home", "Li Na", "patient", patient=house.patient)
    house.store.add_person(own, scene.QUICK.hash(scene.PASSWORD))
    desk = Desk(house, "at.home")
    home = f"/cases/{house.patient}/home"
    assert "You share nothing now." in desk.get(home).text
    token = re.findall(r'name="csrf" content="([^"]+)"', desk.get(home).text)[0]
    where = f"/cases/{house.patient}/location"
    desk.http.post(where, data={"csrf": token, "text": "Third floor"}, follow_redirects=False)
    assert 'value="Third floor"' in desk.get(home).text
    wards = Wards(house.store, scene.CLINICIAN, "treatment")
    assert wards.place_of(house.patient).location["text"] == "Third floor"  # type: ignore
    form = {"csrf": token, "text": "Third floor", "end": "true"}
    desk.http.post(where, data=form, follow_redirects=False)
    assert "You share nothing now." in desk.get(home).text
    assert desk.get("/devices").status_code == 403
    assert desk.get("/wards").status_code == 403
    desk.http.close()
