"""A ward's escalation ladder in real Chromium, at a desk and on a phone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import scene
from window import MARKS, Desk, served

from suwen.app.paging import Pager
from suwen.gateway.notifier import Notifier
from suwen.records.alerts.wards import Rung, Ward, Wards
from suwen.server.app import create_app

pytestmark = MARKS
SHOTS = Path(os.environ.get("SUWEN_DEVICE_SHOTS", "/nonexistent"))
VIEWS = [("en", "desktop"), ("zh", "phone")]
if SHOTS.is_dir():
    VIEWS += [("zh", "desktop"), ("en", "phone")]
NOT_SENT = {"en": "not sent", "zh": "未发出"}
REFUSED = {"en": "A step that tells nobody.", "zh": "有步骤未指定任何人员。"}


@pytest.mark.parametrize(("language", "size"), VIEWS)
def test_a_clinician_puts_the_ladder_in_order_saves_it_and_sends_a_test(
    tmp_path: Path, browser: Any, language: str, size: str
) -> None:
    clinic = scene.open_clinic(tmp_path / "home")
    wards = Wards(clinic.store, scene.CLINICIAN, "treatment")
    wards.define(Ward("icu", "ICU 重症医学科", (Rung(0, (scene.NURSE.id,)),), beds=("1", "2")))
    closed = "json://127.0.0.1:9/in"  # nothing listens there
    pager = Pager(clinic.store, Notifier({scene.NURSE.id: [closed]}))
    app = create_app(clinic.store, clinic.settings, clinic.jobs, clinic.run, contacts=pager)
    with served(app) as base:
        desk = Desk(browser, base, language, size)
        page = desk.page
        page.set_default_timeout(30_000)
        desk.sign_in()

        def shoot(name: str) -> None:
            page.wait_for_load_state()
            assert desk.scrolls_sideways() == 0, name
            if SHOTS.is_dir():
                page.screenshot(path=SHOTS / f"{name}-{language}-{size}.png", full_page=True)

        page.goto(f"{base}/wards")
        shoot("wards")
        page.click("a[href='/wards/icu/ladder']")
        shoot("ladder")
        page.click("[value=add]")
        page.fill("#after-1", "2")
        page.click("[value=save]")
        assert REFUSED[language] in page.inner_text(".message.bad")
        page.select_option("#more-1", scene.CLINICIAN.id)
        page.click(".step:nth-of-type(2) .row [value=look]")
        page.click("[value=add]")
        page.select_option("#more-2", "*")
        page.click("[value=up-1]")
        page.wait_for_selector(".message.warn")
        shoot("ladder-unsaved")
        page.click("[value=save]")
        page.wait_for_selector(".message.good")
        assert [rung.to for rung in wards.list()[0].ladder] == [
            (scene.CLINICIAN.id,), (scene.NURSE.id,), ("*",),
        ]  # fmt: skip
        page.click(f"[data-person='{scene.NURSE.id}'] button")
        page.wait_for_selector(".tested [role=status]")
        assert NOT_SENT[language] in page.inner_text(".tested")
        shoot("ladder-tested")
        assert [one for one in desk.complaints if "422" not in one] == []
        desk.close()
    clinic.store.close()
