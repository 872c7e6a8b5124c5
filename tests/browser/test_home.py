"""A patient's home and the advice behind it in real Chromium: from a proposal to what became of it.

The doctor confirms on a desk; the patient reads it on a phone in the own language and answers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import scene
from window import MARKS, Desk, served

from suwen.core.streams import Channel, Reading
from suwen.records import Person
from suwen.records.streams.seen import Streams, gathered
from suwen.server.app import create_app

pytestmark = MARKS
PATIENT = "at.home"
LOOKS = [("en", "desktop"), ("zh", "phone")]
WORDS = {
    "en": {
        "weight": "Weight",
        "by": "Confirmed by Dr Lin Wei",
        "source": "Source:",
        "af": "atrial fibrillation",
        "pulse": "Heart rate",
    },
    "zh": {
        "weight": "体重",
        "by": "由 Dr Lin Wei 确认",
        "source": "来源：",
        "af": "心房颤动",
        "pulse": "心率",
    },
}
ASK_WHY = "Given before and not carried out: ask why."


@dataclass
class House:
    """A clinic with one patient who signs in, and where it is served."""

    clinic: scene.Clinic
    patient: str
    base: str

    def desk(self, browser: Any, name: str, language: str, size: str) -> Desk:
        made = Desk(browser, self.base, language, size)
        made.page.set_default_timeout(60_000)
        made.sign_in(name)
        return made


def measured(code: str, value: float, unit: str, days: float) -> dict[str, object]:
    """Return an observation of so many days ago."""
    system = "http://unitsofmeasure.org"
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"code": "laboratory" if code == "4548-4" else "vital-signs"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "effectiveDateTime": (datetime.now(UTC) - timedelta(days=days)).isoformat(),
        "valueQuantity": {"value": value, "unit": unit, "system": system, "code": unit},
    }


@pytest.fixture(params=LOOKS, ids=["-".join(one) for one in LOOKS])
def look(request: pytest.FixtureRequest) -> tuple[str, str]:
    chosen: tuple[str, str] = request.param
    return chosen


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = scene.open_clinic(tmp_path_factory.mktemp("house") / "home")
    patient = scene.admit(made, "Zhou, Mei", born="1952-03-02")
    fibrillation = {
        "resourceType": "Condition",
        "subject": {"reference": f"Patient/{patient}"},
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "I48.0"}]},
    }
    pressures = [
        one
        for day in range(6)
        for one in (
            measured("8480-6", 138 + 3 * (day % 3), "mm[Hg]", day + 0.1),
            measured("8462-4", 84 + day % 4, "mm[Hg]", day + 0.1),
        )
    ]
    weights = [measured("29463-7", 88.5 + 0.2 * week, "kg", 7 * week + 0.3) for week in range(4)]
    rest = [measured("39156-5", 31, "kg/m2", 20), measured("4548-4", 6.1, "%", 40)]
    made.access().put([fibrillation, *pressures, *weights, *rest], patient)
    watch, now = Channel("8867-4", "/min", "watch-1"), datetime.now(UTC)
    sent = [
        Reading(watch, now - timedelta(minutes=10 * k), round(74 + 9 * math.sin(k / 9)))
        for k in range(700)
    ]
    Streams(made.store, scene.CLINICIAN, "treatment").put(patient, gathered(sent[::-1]))
    person = Person(PATIENT, "Zhou Mei", "patient", patient=patient)
    made.store.add_person(person, scene.QUICK.hash(scene.PASSWORD))
    with served(create_app(made.store, made.settings, made.jobs, made.run)) as base:
        yield House(made, patient, base)
    made.store.close()


def test_advice_is_confirmed_read_at_home_in_the_own_language_and_answered(
    house: House, browser: Any, look: tuple[str, str]
) -> None:
    language, size = look
    words = WORDS[language]
    doctor = house.desk(browser, scene.CLINICIAN.id, language, "desktop")
    doctor.page.goto(f"{house.base}/cases/{house.patient}/advice")
    doctor.picture("advice")
    boxes = doctor.page.locator("ol.advice input[name=rule]")
    for n in range(boxes.count()):
        boxes.nth(n).set_checked(boxes.nth(n).get_attribute("value") == "weight-obesity")
    doctor.page.click("form button.primary")
    doctor.page.wait_for_url("**/home")
    assert words["by"] in doctor.page.inner_text(".home")

    person = house.desk(browser, PATIENT, language, size)
    page = person.page
    text = page.inner_text(".home")
    for said in (words["by"], words["source"], words["weight"]):
        assert said in text
    assert words["af"] not in text, "what was not confirmed is not read"
    assert person.scrolls_sideways() == 0
    page.click("button[name=state][value=not-achieved]")
    page.wait_for_selector("button[value=not-achieved][aria-pressed=true]")
    person.picture("home")
    small = page.locator(".home .row .button").evaluate_all(
        "all => all.filter(one => one.getBoundingClientRect().height < 40).length"
    )
    assert small == 0 or size == "desktop", "a thumb finds every button"
    assert WORDS[language]["pulse"] in page.inner_text("dl.today")
    assert page.locator(".trend svg polyline").count() >= 2
    begins = page.locator(".trend .ends span").first.inner_text()
    page.click(".periods a[href='?period=month']")
    page.wait_for_selector(".periods a[href='?period=month'][aria-current=true]")
    assert page.locator(".trend .ends span").first.inner_text() != begins
    assert person.scrolls_sideways() == 0
    page.goto(f"{house.base}/cases/{house.patient}/advice")
    assert page.locator("ol.advice").count() == 0, "proposals are for the care team"

    if language == "en":
        doctor.page.goto(f"{house.base}/cases/{house.patient}/advice")
        assert ASK_WHY in doctor.page.text_content("main")
    for one in (doctor, person):
        assert [said for said in one.complaints if "403" not in said] == []
        one.close()
