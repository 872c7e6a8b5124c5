"""Who gets in, who has to wait, and when a session ends."""

from __future__ import annotations

import pytest
import scene
from desk import Desk

from suwen.core.errors import BadInput, Denied, TooManyAttempts, Unauthenticated
from suwen.records import Person
from suwen.server.held.auth import SignIn, hash_password
from suwen.server.held.lockout import LONGEST_DELAY_S, Lockout
from suwen.server.held.sessions import LONGEST_S, Sessions
from suwen.server.metrics import Metrics
from suwen.server.pages.around import inside


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_right_password_opens_the_worklist(clinic, guest: Desk) -> None:
    answer = guest.sign_in("dr.lin")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = next(c for c in answer.headers.get_list("set-cookie") if "suwen_session" in c)
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Li, Na" in guest.get("/").text


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(guest: Desk) -> None:
    wrong = guest.sign_in("dr.other", "not the password")
    unknown = guest.sign_in("nobody.here", "not the password")
    assert wrong.status_code == unknown.status_code == 401
    strip = lambda text: text.partition('role="alert"')[2].partition("</div>")[0]  # noqa: E731
    assert strip(wrong.text) == strip(unknown.text) != ""


def test_someone_not_signed_in_is_sent_to_the_form_and_back(guest: Desk, clinic) -> None:
    address = f"/cases/{clinic.patient}"
    answer = guest.get(address)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={address}")
    assert guest.sign_in("dr.lin", next=address).headers["location"] == address


@pytest.mark.parametrize("address", ["//evil.example", "/\\evil.example", "https://evil.example"])
def test_signing_in_never_leads_to_another_site(address: str) -> None:
    assert inside(address) == "/"


def test_a_sign_in_form_from_another_page_is_refused(guest: Desk) -> None:
    guest.token()
    answer = guest.http.post("/sign-in", data={"csrf": "x", "name": "dr.lin", "password": "y"})
    assert answer.status_code == 403


def test_after_five_failures_even_the_right_password_has_to_wait(clinic) -> None:
    desk = Desk(clinic)
    for _ in range(5):
        assert desk.sign_in("nurse.amy", "guess").status_code == 401
    assert desk.sign_in("nurse.amy").status_code == 429
    assert "wait" in desk.sign_in("nurse.amy").text
    desk.http.close()


def test_each_further_failure_doubles_the_wait_up_to_a_quarter_of_an_hour() -> None:
    clock = Clock()
    lockout = Lockout(free=3, clock=clock)
    waits = []
    for _ in range(12):
        lockout.failed("x")
        try:
            lockout.check("x")
            waits.append(0)
        except TooManyAttempts as error:
            waits.append(error.seconds)
            clock.now += error.seconds
    assert waits[:6] == [0, 0, 15, 30, 60, 120]
    assert waits[-1] == LONGEST_DELAY_S
    lockout.check("x")
    lockout.check("someone else")
    lockout.succeeded("x")
    lockout.failed("x")
    lockout.check("x")


def test_failures_are_forgotten_after_a_day() -> None:
    clock = Clock()
    lockout = Lockout(free=2, clock=clock)
    lockout.failed("x")
    clock.now += 25 * 3600
    lockout.failed("x")
    lockout.check("x")


def test_an_idle_session_ends_and_a_used_one_does_not() -> None:
    clock = Clock()
    sessions = Sessions(idle_s=600, clock=clock)
    token = sessions.begin(scene.CLINICIAN)
    for _ in range(5):
        clock.now += 500
        assert sessions.find(token) is not None
    clock.now += 601
    assert sessions.find(token) is None
    assert len(sessions) == 0


def test_no_session_outlives_a_shift() -> None:
    clock = Clock()
    sessions = Sessions(idle_s=600, clock=clock)
    token = sessions.begin(scene.CLINICIAN)
    while clock.now < 1000 + LONGEST_S:
        clock.now += 300
        found = sessions.find(token)
    clock.now += 1
    assert found is not None
    assert sessions.find(token) is None


def test_closing_an_account_ends_its_sessions() -> None:
    sessions = Sessions(600)
    tokens = [sessions.begin(scene.CLINICIAN), sessions.begin(scene.CLINICIAN)]
    other = sessions.begin(scene.NURSE)
    sessions.end_all_of("dr.lin")
    assert [sessions.find(token) for token in tokens] == [None, None]
    assert sessions.find(other) is not None
    assert sessions.find(None) is None


def test_a_form_of_another_session_is_refused() -> None:
    sessions = Sessions(600)
    session = sessions.find(sessions.begin(scene.CLINICIAN))
    with pytest.raises(Denied):
        session.verify_csrf("another token")
    with pytest.raises(Denied):
        session.verify_csrf(None)
    session.verify_csrf(session.csrf)


def test_signing_out_ends_the_session(clinician: Desk) -> None:
    cookie = clinician.http.cookies.get("suwen_session")
    assert clinician.post("/sign-out", htmx=False).status_code == 303
    clinician.http.cookies.set("suwen_session", cookie)
    assert clinician.get("/").status_code == 303, "the old cookie opens nothing"


def test_a_form_without_its_token_changes_nothing(clinic, clinician: Desk) -> None:
    answer = clinician.http.post(f"/cases/{clinic.patient}/sign", data={"version": "x"})
    assert answer.status_code == 403
    assert clinic.access().search("Report", patient=clinic.patient)[0].content["status"] == "draft"


def test_a_form_of_another_site_is_refused_before_it_is_read(clinic, clinician: Desk) -> None:
    form = {"csrf": clinician.token("/"), "version": "x", "confirmed": "yes"}
    address = f"/cases/{clinic.patient}/sign"
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = clinician.http.post(address, data=form, headers=headers)
        assert answer.status_code == 403
        assert "another site" in answer.text


def test_a_closed_account_cannot_sign_in(clinic) -> None:
    clinic.store.add_person(
        Person("left", "Has Left", "nurse", active=False), hash_password(scene.PASSWORD)
    )
    with pytest.raises(Unauthenticated):
        SignIn(clinic.store, Metrics()).verify("left", scene.PASSWORD, "here")


@pytest.mark.parametrize("name", ["", "a\x00b", "x" * 500, "名字", "' OR 1=1 --"])
def test_impossible_names_are_simply_unknown(clinic, name: str) -> None:
    with pytest.raises(Unauthenticated):
        SignIn(clinic.store, Metrics()).verify(name, "whatever it is", "there")


def test_short_passwords_are_not_kept() -> None:
    with pytest.raises(BadInput):
        hash_password("short")
    assert hash_password(scene.PASSWORD).startswith("$argon2id$")


def test_sign_ins_and_refusals_stand_in_the_decision_log(clinic, guest: Desk) -> None:
    guest.sign_in("sci", "wrong wrong wrong")
    guest.sign_in("sci")
    acts = [e.act for e in clinic.store.log.entries() if e.person == "sci"]
    assert acts[-2:] == ["sign-in-refused", "sign-in"]
