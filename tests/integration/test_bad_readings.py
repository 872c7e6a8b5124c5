"""Bad readings through the live door: what the board, the score and the alarms make of each.

Nothing of it is lost: it is stored and marked, or set aside and counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from suwen.app.alarm import Alarm
from suwen.app.diagnose import answer
from suwen.core.nouns import Band, Finding
from suwen.core.settings import Settings
from suwen.gateway.notifier import Notifier
from suwen.health.alerts.rules import changed, shipped
from suwen.health.alerts.trial import Desk
from suwen.records import Person, Store
from suwen.records.alerts.rows import Alert
from suwen.records.alerts.rulebook import Scope
from suwen.records.alerts.wards import Ward
from suwen.records.streams.devices import Devices
from suwen.records.streams.door import Door, Message, Outcome
from suwen.server.ward import scores as ward_scores
from suwen.server.ward.board import Cell, Row, Watching

DOCTOR = Person("dr-li", "Li Na", "clinician")
VITALS = {"8867-4": (72, "/min"), "59408-5": (97, "%"), "9279-1": (14, "/min"),
          "8480-6": (124, "mm[Hg]")}  # fmt: skip


class Bay:
    """One patient with one monitor, an engine that the door tells, and a clinician who looks."""

    def __init__(self, home: Path) -> None:
        self.store = Store.open(Settings(home=home))
        self.store.add_person(DOCTOR, "x")
        self.access = self.store.session(DOCTOR, "treatment")
        self.patient = self.access.new_patient([("urn:mrn", "1")])
        self.access.put(
            [{"resourceType": "Patient", "id": self.patient, "birthDate": "1961-05-04"}],
            self.patient,
        )
        self.token = Devices(self.store, DOCTOR, "treatment").add("m-1", self.patient)
        self.desk = Desk.of(self.store, DOCTOR, "treatment")
        self.desk.wards.define(Ward("icu"))
        self.desk.wards.place(self.patient, "icu", "1")
        for key in ("temperature-low", "spo2-low", "heart-rate-high"):
            rule = changed(shipped()[key], {"sustained_s": 0, "calm_s": 0})
            content = rule.model_dump(mode="json")
            self.desk.rules.keep_trial(Scope(), content, rule.fingerprint, {})
            self.desk.rules.enable(Scope(), content, rule.fingerprint)
        self.alarm = Alarm(self.store, Notifier())
        self.alarm.reload()
        self.alarm.resume()
        self.door = Door(self.store)
        self.door.listen(self.alarm.take)
        self.now = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=30)

    def send(self, code: str, unit: str, value: object, after: float = 0.0) -> Outcome:
        """Send one reading as the device does, and let the engine look."""
        at = (self.now + timedelta(seconds=after)).isoformat()
        reading = {"token": self.token, "code": code, "unit": unit, "at": at, "value": value}
        found = self.door.receive([Message("m-1", json.dumps(reading).encode())])
        self.alarm.round()
        return found

    def well(self) -> None:
        """Send an ordinary set without a temperature."""
        for code, (value, unit) in VITALS.items():
            self.send(code, unit, value)

    def alerts(self) -> list[Alert]:
        return self.desk.alerts.open([self.patient])

    def row(self) -> Row:
        (found,) = Watching(self.desk, "en", "icu").board().rows
        return found

    def cell(self, key: str) -> Cell:
        return next(one for one in self.row().cells if one.key == key)

    def score(self) -> Finding:
        """Score as the board's button does."""
        (found,) = ward_scores.scored(self.access, self.desk.streams, self.patient, answer)
        return found


@pytest.fixture
def bay(tmp_path: Path) -> Iterator[Bay]:
    made = Bay(tmp_path / "home")
    yield made
    made.store.close()


def test_98_6_claimed_as_celsius_is_kept_named_everywhere_and_counts_nowhere(bay: Bay) -> None:
    bay.well()
    assert bay.send("8310-5", "Cel", 98.6).kept.stored == 1, "nothing is lost"
    cell = bay.cell("temperature")
    assert cell.text == ""
    assert cell.odd is not None
    assert cell.odd.en == "98.6 °C looks like °F, not °C as claimed; nothing was converted"
    finding = bay.score()
    assert "Not counted: Temperature 98.6 °C looks like °F" in finding.reason.en
    assert {one.code.code for one in finding.measures} >= {"news2-least", "news2-most"}
    assert [(one.rule, one.priority) for one in bay.alerts()] == [("check-8310-5-m-1", "low")]
    assert [chip.name for chip in bay.row().alerts] == ["Body temperature: check the unit"]


def test_nothing_but_impossible_values_gives_no_score_and_says_why(bay: Bay) -> None:
    bay.send("8310-5", "Cel", 98.6)
    bay.send("8867-4", "/min", 900)
    finding = bay.score()
    assert finding.band is Band.ABSTAIN
    assert finding.reason.zh.startswith("7 项生命体征中仅 0 项可计入；至少需要 3 项。")
    assert len(finding.evidence) == 2


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_number_is_set_aside_and_the_last_value_stays(bay: Bay, value: object) -> None:
    bay.well()
    assert bay.send("59408-5", "%", value, 5).refused == {"not-a-number": 1}
    assert bay.cell("spo2").text == "97"
    assert bay.alerts() == []


def test_a_clock_that_jumps_ahead_is_set_aside_and_its_silence_is_noticed(bay: Bay) -> None:
    for second in range(0, 30, 5):
        bay.send("59408-5", "%", 97, second)
    jumped = bay.send("59408-5", "%", 80, 7200)
    assert jumped.refused == {"future": 1}
    assert bay.cell("spo2").text == "97"
    bay.alarm._now = lambda: datetime.now(UTC) + timedelta(seconds=90)
    bay.alarm.round()
    assert [one.rule for one in bay.alerts()] == ["no-data-m-1"]


def test_a_clock_a_little_ahead_sounds_no_rule_and_is_counted(bay: Bay) -> None:
    bay.alarm._now = lambda: datetime.now(UTC) - timedelta(seconds=400)
    bay.send("59408-5", "%", 80, 60)
    assert bay.alerts() == []
    bay.alarm._now = lambda: datetime.now(UTC)
    bay.alarm._beaten = -float("inf")
    bay.alarm.round()
    assert bay.desk.alerts.passed("icu", datetime.now(UTC)) == {"ahead": 1}


def test_a_clock_that_was_reset_is_set_aside(bay: Bay) -> None:
    bay.well()
    assert bay.send("59408-5", "%", 80, -20 * 365 * 86_400).refused == {"past": 1}
    assert bay.alerts() == []


def test_what_comes_late_is_put_in_its_place_and_sounds_nothing(bay: Bay) -> None:
    bay.send("59408-5", "%", 97, 20)
    assert bay.send("59408-5", "%", 85, 10).kept.stored == 1
    assert bay.cell("spo2").text == "97"
    assert bay.alerts() == []


def test_a_share_claimed_as_percent_is_not_a_saturation_of_one(bay: Bay) -> None:
    bay.well()
    bay.send("59408-5", "%", 0.97, 5)
    odd = bay.cell("spo2").odd
    assert odd is not None
    assert odd.en.startswith("0.97% looks like 1 (a share), not % as claimed")
    assert [one.rule for one in bay.alerts()] == ["check-59408-5-m-1"]
    assert "Oxygen saturation 0.97% looks like 1 (a share)" in bay.score().reason.en


def test_a_pulse_while_walking_is_doubted_on_the_board_in_the_score_and_for_the_rule(
    bay: Bay,
) -> None:
    bay.well()
    bay.send("55423-8", "{steps}", 90, 1)
    bay.send("8867-4", "/min", 150, 10)
    cell = bay.cell("pulse")
    assert (cell.text, cell.doubted) == ("150", True)
    assert [(one.rule, one.priority) for one in bay.alerts()] == [("check-8867-4-m-1", "low")]
    assert "Heart rate 150 /min was taken in movement" in bay.score().reason.en
