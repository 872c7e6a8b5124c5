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
from suwen.records.alerts.wards import Rung, Ward, Wards
from suwen.server.ward import plan as ward_plan


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[scene.Clinic]:
    made = scene.open_clinic(tmp_path_factory.mktemp("house") / "home")
    yield made
    made.store.close()


@pytest.fixture
def house(clinic: scene.Clinic, request: pytest.FixtureRequest) -> scene.Clinic:
    """The clinic with a patient of the test's own, and a nurse on the team."""
    clinic.patient = scene.admit(clinic, number=request.node.name)
    administrator = clinic.store.administer(scene.ADMINISTRATOR)
    administrator.share(clinic.patient, scene.NURSE.id)
    return clinic


@pytest.fixture
def doctor(house: scene.Clinic) -> Iterator[Desk]:
    desk = Desk(house, scene.CLINICIAN.id)
    yield desk
    desk.http.close()


@pytest.fixture
def device(house: scene.Clinic) -> str:
    """An id of the test's own: none is ever used twice."""
    return f"monitor-{house.patient[-8:]}"


@pytest.fixture
def ward(house: scene.Clinic) -> str:
    return f"icu-{house.patient[-8:]}"


def enrol(desk: Desk, patient: str, device: str) -> str:
    page = desk.post("/devices", htmx=False, device=device, patient=patient)
    assert page.status_code == 200, page.text
    return token_of(page.text)


def token_of(page: str) -> str:
    return html.unescape(re.findall(r'id="token">([^<]+)<', page)[0])


def say(desk: Desk, device: str, token: str, value: float, ahead_s: float = 0):
    at = (datetime.now(UTC) + timedelta(seconds=ahead_s)).isoformat()
    body = {"code": "8867-4", "unit": "/min", "at": at, "value": value}
    head = {"Authorization": f"Bearer {token}"}
    return desk.http.post(f"/api/devices/{device}/readings", json=body, headers=head)


def row_of(page: str, device: str) -> str:
    return page.partition(f'data-device="{device}"')[2].partition("</tr>")[0]


def test_a_device_is_enrolled_with_a_token_that_is_shown_once(
    doctor: Desk, house: scene.Clinic, device: str
):
    token = enrol(doctor, house.patient, device)
    assert say(doctor, device, token, 72).json()["stored"] == 1
    listed = doctor.get("/devices").text
    assert '<span class="chip routine">sending</span>' in row_of(listed, device)
    assert token not in listed
    again = doctor.post("/devices", htmx=False, device=device, patient=house.patient)
    assert again.status_code == 409


def test_a_revoked_devices_next_message_is_refused(doctor: Desk, house: scene.Clinic, device: str):
    token = enrol(doctor, house.patient, device)
    assert say(doctor, device, token, 72).status_code == 200
    done = doctor.post(f"/devices/{device}/revoke", htmx=False, reason="stolen from the ward")
    assert done.status_code == 303
    assert say(doctor, device, token, 73).status_code == 401
    assert ">revoked</span>" in row_of(doctor.get("/devices").text, device)


def test_a_new_token_ends_the_old_one(doctor: Desk, house: scene.Clinic, device: str):
    old = enrol(doctor, house.patient, device)
    new = token_of(doctor.post(f"/devices/{device}/token", htmx=False).text)
    assert say(doctor, device, old, 72).status_code == 401
    assert say(doctor, device, new, 72).status_code == 200


def test_an_administrator_sees_no_name_opens_what_was_set_aside_and_revokes(
    doctor: Desk, house: scene.Clinic, device: str
):
    token = enrol(doctor, house.patient, device)
    say(doctor, device, token, 72, ahead_s=9_000)
    say(doctor, "who-is-this", token, 72)
    desk = Desk(house, scene.ADMINISTRATOR.id)
    listed = desk.get("/devices").text
    assert device in listed
    assert "Li, Na" not in listed
    aside = desk.get("/devices/set-aside").text
    assert f'id="d-{device}" data-state="future"' in aside
    assert 'data-state="unknown-device"' in aside
    opened = desk.get(f"/devices/set-aside/messages?state=future&device={device}").text
    assert "8867-4" in opened
    unknown = desk.get("/devices/set-aside/messages?state=unknown-device").text
    assert "8867-4" in unknown
    assert token not in unknown
    assert desk.post(f"/devices/{device}/revoke", htmx=False, reason="stolen").status_code == 303
    assert say(doctor, device, token, 72).status_code == 401
    refused = desk.post("/devices", htmx=False, device="monitor-9", patient=house.patient)
    assert refused.status_code == 403
    desk.http.close()


def test_a_nurse_sees_how_much_was_set_aside_by_bed(
    doctor: Desk, house: scene.Clinic, device: str, ward: str
):
    doctor.post("/wards", htmx=False, ward=ward, name="Intensive care", beds="1, 2")
    doctor.post("/wards/place", htmx=False, patient=house.patient, ward=ward, bed="2")
    token = enrol(doctor, house.patient, device)
    for ahead in (9_000, 9_001):
        say(doctor, device, token, 72, ahead_s=ahead)
    nurse = Desk(house, scene.NURSE.id)
    page = re.sub(r"\s+", " ", nurse.get("/devices/set-aside").text)
    line = page.partition(f"<td>{ward} · 2</td>")[2].partition("</tr>")[0]
    assert ">2</td>" in line
    assert "2 set aside" in nurse.get("/wards").text
    assert nurse.post("/wards", htmx=False, ward="new", beds="1").status_code == 403
    nurse.http.close()


def test_a_patient_is_put_to_bed_moved_and_discharged(
    doctor: Desk, house: scene.Clinic, device: str, ward: str
):
    doctor.post("/wards", htmx=False, ward=ward, name="Intensive care", beds="1，2、3")
    enrol(doctor, house.patient, device)
    wards = Wards(house.store, scene.CLINICIAN, "treatment")
    doctor.post("/wards/place", htmx=False, patient=house.patient, ward=ward, bed="3")
    assert wards.occupied()[ward, "3"] == house.patient
    other = scene.admit(house, "王, 小明", "1955-11-20", f"other-{ward}")
    taken = doctor.post("/wards/place", htmx=False, patient=other, ward=ward, bed="3")
    assert taken.status_code == 409
    assert "Somebody else lies in that bed." in taken.text
    ended = doctor.post("/wards/place", htmx=False, patient=house.patient)
    told = re.sub(r"\s+", " ", doctor.get(ended.headers["location"]).text)
    assert f"These devices still send for this patient: {device}" in told
    assert (ward, "3") not in wards.occupied()


def test_changing_a_wards_beds_keeps_its_ladder(doctor: Desk, house: scene.Clinic, ward: str):
    wards = Wards(house.store, scene.CLINICIAN, "treatment")
    wards.define(Ward(ward, "Old name", (Rung(0, (scene.NURSE.id,)),), 3.0))
    doctor.post("/wards", htmx=False, ward=ward, name="New name", beds="1", budget="2.5")
    one = next(each for each in wards.list() if each.id == ward)
    assert (one.name, one.beds, one.budget) == ("New name", ("1",), 2.5)
    assert one.ladder == (Rung(0, (scene.NURSE.id,)),)
    refused = doctor.post("/wards", htmx=False, ward=ward, beds="1", budget="many")
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
    assert wards.place_of(house.patient).location["text"] == "Third floor"
    form = {"csrf": token, "text": "Third floor", "end": "true"}
    desk.http.post(where, data=form, follow_redirects=False)
    assert "You share nothing now." in desk.get(home).text
    assert desk.get("/devices").status_code == 403
    assert desk.get("/wards").status_code == 403
    desk.http.close()


def test_of_many_patients_in_no_ward_a_name_finds_the_one(
    doctor: Desk, house: scene.Clinic, ward: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ward_plan, "MOST_LISTED", 1)
    scene.admit(house, "Quill, Ada", "1980-01-01", f"quill-{ward}")
    assert "more: search by name." in doctor.get("/wards").text
    found = doctor.get("/wards?q=quill").text
    assert "Quill, Ada" in found
    assert "more: search by name." not in found
    assert "Nobody of that name." in doctor.get("/wards?q=zzz").text
