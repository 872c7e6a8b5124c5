"""The page of a ward's escalation ladder: steps are put in order, saved, and tried with a test."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import scene
from desk import Desk

from suwen.core.errors import Busy
from suwen.records.alerts.wards import EVERYBODY, Rung, Ward, Wards
from suwen.server.app import create_app

AMY, LIN = scene.NURSE.id, scene.CLINICIAN.id


class Pages:
    """Somebody who pages: the nurse has an address, nobody else does."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []

    def services(self, person: str) -> list[str]:
        return ["ntfys"] if person == AMY else []

    def test(self, person: str, asker: str, ward: str) -> str:
        if self.sent:
            raise Busy(30, whole=False)
        self.sent.append((person, asker, ward))
        return "sent"


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[scene.Clinic]:
    made = scene.open_clinic(tmp_path_factory.mktemp("house") / "home")
    yield made
    made.store.close()


@pytest.fixture
def pages() -> Pages:
    return Pages()


@pytest.fixture
def icu(clinic: scene.Clinic) -> Wards:
    wards = Wards(clinic.store, scene.CLINICIAN, "treatment")
    ladder = (Rung(0, (AMY,)), Rung(100, (LIN,)))
    wards.define(Ward("icu", "Intensive care", ladder, 2.5, {"8867-4": 90.0}, ("1", "2")))
    return wards


@pytest.fixture
def doctor(clinic: scene.Clinic, icu: Wards, pages: Pages, monkeypatch) -> Iterator[Desk]:
    def made(*given, **more):
        return create_app(*given, **more, contacts=pages)

    monkeypatch.setattr("desk.create_app", made)
    desk = Desk(clinic, LIN)
    yield desk
    desk.http.close()


def opened(desk: Desk) -> dict[str, list[str] | str]:
    """Return the form of the page as a browser would send it."""
    return _form(desk.get("/wards/icu/ladder").text)


def _form(page: str) -> dict[str, list[str] | str]:
    fields = dict(re.findall(r'name="(was|after-\d)" value="([^"]*)"', page))
    for name in re.findall(r'name="after-(\d)"', page):
        fields[f"to-{name}"] = re.findall(rf'name="to-{name}" value="([^"]+)" checked', page)  # type: ignore[assignment]
    return fields


def ladder_of(wards: Wards) -> tuple[Rung, ...]:
    return next(one.ladder for one in wards.list() if one.id == "icu")


def test_a_step_is_added_with_a_time_and_everybody_and_the_rest_of_the_ward_stays(
    doctor: Desk, icu: Wards
) -> None:
    form = _form(doctor.post("/wards/icu/ladder", htmx=False, do="add", **opened(doctor)).text)
    assert form["after-2"] == "6.66667", "five minutes after the last"
    assert len(ladder_of(icu)) == 2, "not saved yet"
    form |= {"after-2": "7,5", "to-2": EVERYBODY}
    assert doctor.post("/wards/icu/ladder", htmx=False, do="save", **form).status_code == 303
    assert ladder_of(icu) == (Rung(0, (AMY,)), Rung(100, (LIN,)), Rung(450, (EVERYBODY,)))
    one = icu.list()[0]
    assert (one.budget, one.silence, one.beds) == (2.5, {"8867-4": 90.0}, ("1", "2"))


def test_persons_change_places_and_the_times_stay(doctor: Desk, icu: Wards) -> None:
    form = _form(doctor.post("/wards/icu/ladder", htmx=False, do="up-1", **opened(doctor)).text)
    doctor.post("/wards/icu/ladder", htmx=False, do="save", **form)
    assert ladder_of(icu) == (Rung(0, (LIN,)), Rung(100, (AMY,)))
    form = _form(doctor.post("/wards/icu/ladder", htmx=False, do="drop-0", **form).text)
    assert form["to-0"] == [AMY]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"to-1": ""}, "A step that tells nobody."),
        ({"after-0": "9"}, "Waiting times that are not in order."),
        ({"after-1": "soon"}, "A waiting time that cannot be used."),
        ({"to-1": "nobody.here"}, "Nobody here is called"),
        ({"was": "0" * 64}, "Somebody else changed this ladder meanwhile."),
    ],
)
def test_a_ladder_that_cannot_be_is_refused_and_what_was_typed_stays(
    doctor: Desk, icu: Wards, wrong: dict[str, str], said: str
) -> None:
    before = ladder_of(icu)
    page = doctor.post("/wards/icu/ladder", htmx=False, do="save", **opened(doctor) | wrong)
    assert page.status_code in (404, 409, 422)
    assert said in page.text
    assert "Not saved yet." not in page.text
    assert f'value="{opened(doctor)["after-1"]}"' in page.text or "after-1" in wrong
    assert ladder_of(icu) == before


def test_a_test_goes_to_who_has_an_address_and_stands_in_the_log(
    doctor: Desk, clinic: scene.Clinic, pages: Pages
) -> None:
    page = doctor.get("/wards/icu/ladder").text
    amy, lin = (
        page.partition(f'data-person="{one}"')[2].partition("</li>")[0] for one in (AMY, LIN)
    )
    assert "Send a test" in amy
    assert "no address" in lin
    assert "Send a test" not in lin
    assert "sent" in doctor.post("/wards/icu/ladder/test", person=AMY).text
    assert pages.sent == [(AMY, scene.CLINICIAN.name, "Intensive care")]
    logged = [entry for entry in clinic.store.log.entries() if entry.act == "page-tested"]
    assert (logged[-1].person, dict(logged[-1].detail)) == (LIN, {"to": AMY})
    assert doctor.post("/wards/icu/ladder/test", person=AMY).status_code == 429
    assert doctor.post("/wards/icu/ladder/test", person=scene.OTHER.id).status_code == 404


def test_who_may_not_define_the_ward_looks_and_changes_nothing(
    doctor: Desk, clinic: scene.Clinic, icu: Wards, pages: Pages
) -> None:
    form, before = opened(doctor), ladder_of(icu)
    nurse = Desk(clinic, AMY)
    seen = nurse.get("/wards/icu/ladder").text
    assert "A clinician changes it." in seen
    assert 'value="save"' not in seen
    form["after-1"] = "3"
    assert nurse.post("/wards/icu/ladder", htmx=False, do="save", **form).status_code == 403
    assert nurse.post("/wards/icu/ladder/test", person=AMY).status_code == 403
    nurse.http.close()
    forged = doctor.http.post("/wards/icu/ladder", data={**form, "do": "save", "csrf": "x"})
    assert forged.status_code == 403
    assert ladder_of(icu) == before
    assert pages.sent == []
    admin = Desk(clinic, scene.ADMINISTRATOR.id)
    assert admin.get("/wards/icu/ladder").status_code == 403
    assert doctor.get("/wards/nowhere/ladder").status_code == 404
    admin.http.close()
