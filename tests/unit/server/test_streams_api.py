"""Devices send over HTTPS with their own token; people read, plot, bind and revoke."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from desk import api

from suwen.core.errors import Busy, StorageUnavailable
from suwen.server.streams import Turnstile

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def people(clinic):
    """A clinician, and one who is not of the care team, at the same server."""
    return api(clinic, "dr.lin"), api(clinic, "dr.other")


@pytest.fixture(scope="module")
def watch(clinic, people):
    """The token of a watch that is bound to the patient."""
    doctor, _ = people
    answer = doctor.post(f"/api/cases/{clinic.patient}/devices", json={"device": "watch-1"})
    assert answer.status_code == 201
    return answer.json()["token"]


def send(program, token, *readings, device="watch-1"):
    headers = {"Authorization": f"Bearer {token}"}
    body = {"readings": list(readings)}
    return program.post(f"/api/devices/{device}/readings", json=body, headers=headers)


def pulse(value, ago=0, **more):
    at = (NOW - timedelta(seconds=ago)).isoformat()
    return {"code": "8867-4", "unit": "/min", "at": at, "value": value} | more


def test_a_batch_is_stored_once_and_what_is_wrong_in_it_is_counted(people, watch):
    doctor, _ = people
    batch = (pulse(70, 50), pulse(71, 40), pulse(None, 30), pulse(99, -86_400))
    first, again = send(doctor, watch, *batch), send(doctor, watch, *batch)
    refused = {"not-a-number": 1, "future": 1}
    assert first.json() == {"stored": 2, "absorbed": 0, "refused": refused}
    assert again.json() == {"stored": 0, "absorbed": 2, "refused": refused}


def test_the_newest_reading_and_the_outline_are_told_to_the_care_team_alone(clinic, people, watch):
    doctor, stranger = people
    send(doctor, watch, *[pulse(60 + n, 20 - n, code="59408-5", unit="%") for n in range(20)])
    newest = doctor.get(f"/api/cases/{clinic.patient}/streams").json()
    assert {each["channel"]["code"]: each["value"] for each in newest}["59408-5"] == 79
    address = f"/api/cases/{clinic.patient}/streams/59408-5"
    (plot,) = doctor.get(address, params={"points": 4}).json()
    assert plot["channel"] == {"code": "59408-5", "unit": "%", "device": "watch-1"}
    assert (min(plot["values"]), max(plot["values"])) == (60, 79)
    assert plot["ms"][-1] == 1000 * (NOW - timedelta(seconds=1)).timestamp()
    backwards = {"start": NOW.isoformat(), "end": "2020-01-01"}
    assert doctor.get(address, params=backwards).status_code == 422
    for closed in (address, f"/api/cases/{clinic.patient}/streams"):
        assert stranger.get(closed).status_code == 403
    opened = [e for e in clinic.store.log.entries() if e.act == "streams-opened"]
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("device", "token", "status"),
    [("watch-1", "wrong", 401), ("nobodys", "wrong", 401), ("watch-1", "", 401)],
)
def test_who_is_not_the_device_stores_nothing(people, watch, device, token, status):
    answer = send(people[0], token, pulse(250), device=device)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == "unauthenticated"
    assert watch not in answer.text


def test_a_body_in_which_nothing_is_a_reading_is_said_so(people, watch):
    headers = {"Authorization": f"Bearer {watch}"}
    for body in (b"", b"\xff", b"[]", b'{"readings": [7]}'):
        answer = people[0].post("/api/devices/watch-1/readings", content=body, headers=headers)
        assert answer.status_code == 422, body
        assert answer.json()["error"]["code"] == "bad-input"


def test_a_token_in_the_body_is_no_token(people, watch):
    body = {"token": watch} | pulse(72)
    answer = people[0].post(
        "/api/devices/watch-1/readings", json=body, headers={"Authorization": "Bearer x"}
    )
    assert answer.status_code == 401


def test_a_stolen_token_is_worth_nothing_from_the_moment_it_is_revoked(clinic, people):
    doctor, stranger = people
    token = doctor.post(f"/api/cases/{clinic.patient}/devices", json={"device": "cuff-2"}).json()[
        "token"
    ]
    assert send(doctor, token, pulse(1), device="cuff-2").status_code == 200
    revoke = "/api/devices/cuff-2/revoke"
    assert stranger.post(revoke, json={"reason": "not mine"}).status_code == 403
    assert doctor.post(revoke, json={"reason": "stolen"}).status_code == 204
    assert send(doctor, token, pulse(2), device="cuff-2").status_code == 401
    assert doctor.post("/api/devices/cuff-2/token").status_code == 404
    listed = {each["device"]: each for each in doctor.get("/api/devices").json()}
    assert listed["cuff-2"]["revoked"]
    assert listed["cuff-2"]["refused"] == {"revoked": 1}
    again = doctor.post(f"/api/cases/{clinic.patient}/devices", json={"device": "cuff-2"})
    assert again.status_code == 409


def test_too_much_at_once_is_refused_before_it_is_read_and_told_when_to_come_again(people, watch):
    doctor, _ = people
    turnstile = doctor.app.state.bench.turnstile
    with turnstile.entered("watch-1"), turnstile.entered("watch-1"):
        answer = send(doctor, watch, pulse(80, 5))
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "1"
    assert send(doctor, watch, pulse(80, 5)).json()["stored"] == 1


def test_a_full_house_lets_nobody_else_in_until_somebody_leaves():
    turnstile = Turnstile(most=1)
    with turnstile.entered("a"), pytest.raises(Busy) as full, turnstile.entered("b"):
        pass
    assert full.value.http_status == 503
    with turnstile.entered("b"):
        pass


def test_what_could_not_be_written_is_not_acknowledged(people, watch, monkeypatch):
    doctor, _ = people

    def full(*_):
        raise StorageUnavailable("the disk is full", "room", "free space")

    with monkeypatch.context() as patch:
        patch.setattr(doctor.app.state.bench.door, "receive", full)
        assert send(doctor, watch, pulse(81, 4)).status_code == 507
    assert send(doctor, watch, pulse(81, 4)).json()["stored"] == 1
