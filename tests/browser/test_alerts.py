"""Alerts in real Chromium: settled with a reason, snoozed, escalated, handed over; rules tried.

Each story is told once in English on a desk and once in Chinese on a phone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import bay_scene
import pytest
import scene
from bay_scene import Bay
from window import MARKS, Desk, served

from suwen.records.alerts.book import Ended
from suwen.records.alerts.rulebook import AlertRules
from suwen.records.alerts.seen import Alerts
from suwen.server.app import create_app

pytestmark = MARKS
LOOKS = [("en", "desktop"), ("zh", "phone")]
SEEN = {"en": "limits do not suit this patient", "zh": "限值不适合该患者"}
STATES = {
    "en": {"snoozed": "snoozed", "escalated": "escalated"},
    "zh": {"snoozed": "已暂停", "escalated": "已升级"},
}
WHY = {"en": "shivering after surgery", "zh": "术后寒战"}
BLIND = {"en": "would be blind here", "zh": "无法判断"}


@dataclass
class Ward:
    """The ward that a person looks at, and where it is served."""

    bay: Bay
    desk: Desk

    def go(self, path: str) -> Any:
        """Open a page; nothing of it may stick out sideways."""
        self.desk.page.goto(f"{self.desk.base}{path}")
        assert self.desk.scrolls_sideways() == 0
        return self.desk.page

    def card(self, name: str) -> Any:
        return self.desk.page.locator(f"#a-{self.bay.alerts[name]}")

    @property
    def words(self) -> dict[str, str]:
        return STATES[self.desk.language]


@pytest.fixture(scope="module", params=LOOKS, ids=["-".join(one) for one in LOOKS])
def ward(
    request: pytest.FixtureRequest, browser: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ward]:
    """A ward for all stories of a language: each works on alerts of its own."""
    clinic = scene.open_clinic(tmp_path_factory.mktemp("ward") / "home")
    bay = bay_scene.furnish(clinic)
    with served(create_app(clinic.store, clinic.settings, clinic.jobs, clinic.run)) as base:
        desk = Desk(browser, base, *request.param)
        desk.page.set_default_timeout(60_000)
        desk.sign_in()
        yield Ward(bay, desk)
        assert [said for said in desk.complaints if "422" not in said] == []
        desk.close()
    clinic.store.close()


def test_an_alert_is_settled_with_its_reason_and_the_next_shift_reads_why(ward: Ward) -> None:
    language, page = ward.desk.language, ward.go("/alerts?ward=icu")
    card = ward.card("red")
    card.locator("select[name=reason]").select_option("other")
    card.locator("button.primary").click()
    card.locator(".refused [role=alert]").wait_for()
    assert card.locator("select[name=reason]").input_value() == "other", "what was chosen stays"
    card.locator("select[name=reason]").select_option("limits")
    card.locator("input[name=comment]").fill(WHY[language])
    card.locator("button.primary").click()
    page.wait_for_selector(f"#a-{ward.bay.alerts['red']}.acknowledged")
    assert SEEN[language] in card.inner_text()
    assert WHY[language] in card.inner_text()
    assert card.locator("select[name=reason]").count() == 0
    ward.desk.picture("alerts")
    told = ward.go("/alerts/handover?ward=icu").inner_text(".handover")
    ward.desk.picture("handover")
    for said in (SEEN[language], WHY[language], "Dr Lin Wei", "mobilising with physiotherapy"):
        assert said in told
    line = ward.go("/ward?ward=icu").locator(f"tr[data-patient='{ward.bay.patients['Li']}']")
    assert line.locator(".alarm.acknowledged").count() == 1, "seen is not over: it stays"


def test_a_snooze_holds_over_the_next_alert_of_the_rule(ward: Ward) -> None:
    bay, language = ward.bay, ward.desk.language
    zhao = bay.patients["Zh"]
    bay.alerts["low"] = bay_scene.begun(bay, zhao, "spo2-low", 86, datetime.now(UTC))
    ward.go("/alerts?ward=icu")
    card = ward.card("low")
    card.locator("summary").click()
    offered = card.locator("select[name=minutes] option").all_inner_texts()
    assert offered == ["5", "10", "15", "30"], "a red alert is not silenced for longer"
    card.locator("select[name=minutes]").select_option("15")
    card.locator("input[name=reason]").fill(WHY[language])
    card.locator("details button").click()
    ward.desk.page.wait_for_selector(f"#a-{bay.alerts['low']}.snoozed")
    now = datetime.now(UTC)
    bay.book.note([], [Ended(zhao, "spo2-low")], now)
    bay.alerts["again"] = bay_scene.begun(bay, zhao, "spo2-low", 85, now)
    bay.book.pages.escalate(now + timedelta(seconds=5))
    ward.go("/alerts?ward=icu")
    again = ward.card("again")
    assert ward.words["snoozed"] in again.locator(".chips").inner_text()
    assert f"{WHY[language]} (Dr Lin Wei)" in again.inner_text()
    assert not Alerts(bay.clinic.store, scene.CLINICIAN, "treatment").pages([bay.alerts["again"]])


def test_what_nobody_sees_climbs_and_says_who_was_told(ward: Ward) -> None:
    bay = ward.bay
    early = datetime.now(UTC) - timedelta(minutes=4)
    bay.alerts["late"] = bay_scene.begun(bay, bay.patients["Wa"], "systolic-low", 84, early)
    bay.book.pages.escalate(datetime.now(UTC))
    ward.go("/alerts?ward=icu")
    card = ward.card("late")
    assert ward.words["escalated"] in card.locator(".chips").inner_text()
    told = card.inner_text()
    assert told.index("Amy Chan") < told.index("Dr Lin Wei"), "the first rung, then the next"
    page = ward.go("/ward?ward=icu")
    assert page.locator(".alarm.high.escalated").count() == 1
    first = page.locator(".board tbody tr").nth(0).get_attribute("class")
    assert (first or "").strip() == "urgent"


def test_a_rule_is_tried_on_the_ward_before_it_can_be_enabled(ward: Ward) -> None:
    bay, page = ward.bay, ward.go("/alerts/rules?ward=icu")
    assert page.locator("#trial form").count() == 0, "nothing to enable before a dry run"
    page.select_option("#rule", "heart-rate-high")
    page.click("#try button.primary")
    page.wait_for_selector("#trial .message.warn")
    assert BLIND[ward.desk.language] in page.inner_text("#trial")
    for field, value in {"limit": "120", "clear": "110", "gap_s": "120", "days": "1"}.items():
        page.fill(f"#{field}", value)
    page.click("#try button.primary")
    page.wait_for_selector("#trial .figure b:has-text('8.')")
    page.wait_for_selector("#trial .plot canvas")
    ward.desk.picture("rules")
    assert ward.desk.scrolls_sideways() == 0
    page.click("#trial button.primary")
    page.wait_for_selector("table.stacked tbody tr")
    ward.desk.picture("rules-enabled")
    assert "120 /min" in page.inner_text("table.stacked")
    cut = "all => all.filter(one => one.scrollWidth > one.clientWidth).length"
    assert page.locator("table.stacked td, .scroll").evaluate_all(cut) == 0, "nothing is cut off"
    assert ward.desk.scrolls_sideways() == 0
    rules = AlertRules(bay.clinic.store, scene.CLINICIAN, "treatment")
    assert [(one.scope.ward, one.content["limit"]) for one in rules.list()] == [("icu", 120)]
    page.click("table.stacked summary")
    page.fill("table.stacked input[name=reason]", WHY[ward.desk.language])
    page.click("table.stacked button.danger")
    page.wait_for_selector("table.stacked", state="detached")
    assert rules.list() == []
