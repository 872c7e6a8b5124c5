"""What cannot be true, in real Chromium: hollow and named on the board, at home, in the console."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import scene
from window import MARKS, Desk, served

from suwen.app.alarm import Alarm
from suwen.app.diagnose import answer
from suwen.core.streams import MICROSECONDS, Channel, Stretch, ticks
from suwen.gateway.notifier import Notifier
from suwen.health.alerts.rules import shipped, stretch
from suwen.records.alerts.rulebook import AlertRules, Scope
from suwen.records.alerts.wards import Ward, Wards
from suwen.records.streams.seen import Streams
from suwen.server.app import create_app

pytestmark = MARKS
SHOTS = os.environ.get("SUWEN_SCREENSHOTS_TO", "")
"""Where pictures are left to be looked at; none without."""
WARM = Channel("8310-5", "Cel", "patch-7")
PULSE = Channel("8867-4", "/min", "watch-7")
STEPS = Channel("55423-8", "{steps}", "watch-7")
SATURATION = Channel("59408-5", "%", "clip-7")
WORDS = {
    "en": ("looks like °F, not °C as claimed", "was taken in movement", "check the unit"),
    "zh": ("疑为 °F，而非所标注的 °C", "在运动中测得", "请核对单位"),
}


def readings(now: datetime) -> list[Stretch]:
    """A day of temperatures with a wrong unit now and then, a walk, an ordinary saturation."""

    def ago(minutes: float) -> int:
        return ticks(now) - round(60 * minutes * MICROSECONDS)

    day = range(1430, 0, -40)
    warm = [(ago(k), 98.6 if k in (510, 310) else 36.6 + (k % 7) / 10) for k in day]
    return [
        stretch(WARM, [*warm, (ago(0.4), 98.6)]),
        stretch(STEPS, [(ago(0.9), 84.0)]),
        stretch(PULSE, [(ago(k), 76.0 + k % 5) for k in range(30, 1, -1)] + [(ago(0.3), 148.0)]),
        stretch(SATURATION, [(ago(k), 97.0 + k % 2) for k in range(30, 0, -1)]),
    ]


def furnish(clinic: scene.Clinic) -> str:
    """Admit somebody whose devices say what cannot be, with the engine watching; return the id."""
    now = datetime.now(UTC)
    patient = scene.admit(clinic, "Zhou, Ming", "1949-05-04", "D-1")
    wards = Wards(clinic.store, scene.CLINICIAN, "treatment")
    wards.define(Ward("icu", "Ward 7"))
    wards.place(patient, "icu", "12")
    rules = AlertRules(clinic.store, scene.CLINICIAN, "treatment")
    for key in ("heart-rate-high", "temperature-low"):
        content, scope = shipped()[key].model_dump(mode="json"), Scope(ward="icu")
        rules.keep_trial(scope, content, shipped()[key].fingerprint, {})
        rules.enable(scope, content, shipped()[key].fingerprint)
    alarm = Alarm(clinic.store, Notifier())
    alarm.reload()
    alarm.resume()
    found = readings(now)
    Streams(clinic.store, scene.CLINICIAN, "treatment").put(patient, found)
    for one in sorted(found, key=lambda each: each.channel != STEPS):
        alarm.take(patient, [one])
    alarm._beaten = -float("inf")
    alarm.round()
    return patient


@pytest.mark.parametrize(("language", "size"), [("en", "desktop"), ("zh", "phone")])
def test_what_cannot_be_true_is_seen_as_such_on_every_page(
    tmp_path: Path, browser: Any, language: str, size: str
) -> None:
    clinic = scene.open_clinic(tmp_path / "home")
    patient = furnish(clinic)
    unit, motion, notice = WORDS[language]
    app = create_app(clinic.store, clinic.settings, clinic.jobs, answer)
    with served(app) as base:
        desk = Desk(browser, base, language, size)
        page = desk.page
        page.set_default_timeout(60_000)
        desk.sign_in()

        def looked(name: str) -> None:
            assert desk.scrolls_sideways() == 0
            if SHOTS:
                page.screenshot(path=f"{SHOTS}/{name}-{language}-{size}.png", full_page=True)

        page.goto(f"{base}/ward?ward=icu")
        row = page.locator(f"tr[data-patient='{patient}']")
        assert unit in row.locator(".c-temperature .odd").inner_text()
        assert motion in row.locator(".c-pulse.doubted .odd").inner_text()
        row.locator("button.again").click()
        page.wait_for_selector(f"tr[data-patient='{patient}'] .score:is(.current, .expired)")
        assert unit in page.locator(f"tr[data-patient='{patient}'] .score b").get_attribute("title")
        looked("doubted-board")
        page.goto(f"{base}/alerts?ward=icu")
        assert notice in page.locator(".alert-list").inner_text()
        assert unit in page.locator(".alert-list").inner_text()
        # A unit, movement, and the day before, which is history to every rule.
        assert page.locator(".passed tbody tr").count() == 3
        looked("doubted-console")
        page.goto(f"{base}/cases/{patient}/home")
        assert page.locator("circle.hollow").count() == 3
        assert unit in page.locator(".today .doubted").first.inner_text()
        assert unit in page.locator("circle.hollow title").first.inner_html()
        looked("doubted-home")
        page.goto(f"{base}/alerts/rules?ward=icu&rule=heart-rate-high")
        page.select_option("select[name=rule]", "heart-rate-high")
        page.fill("input[name=sustained_s]", "0")
        page.click("form[hx-post='/alerts/rules/try'] button.primary")
        page.wait_for_selector(".two-figures .figure:nth-child(3)")
        assert page.locator(".two-figures .figure").nth(1).locator("dd").first.inner_text() == "1"
        looked("doubted-trial")
        assert desk.complaints == []
        desk.close()
    clinic.store.close()
