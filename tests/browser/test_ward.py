"""The ward board in real Chromium: nothing looks current once it is not, whoever stopped."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bay_scene
import pytest
import scene
from window import MARKS, Desk, served

from suwen.core.nouns import Band
from suwen.server.app import create_app

pytestmark = MARKS
SHOTS = Path(__file__).parents[2] / "docs" / "screenshots"
WORDS = {
    "en": ("expired", "No connection to the server", "acted on it"),
    "zh": ("已过期", "与服务器的连接已中断", "已处理"),
}
STRUCK = """where => {
  const score = document.querySelector(where);
  return score && getComputedStyle(score).textDecorationLine === "line-through";
}"""
"""The rows may be replaced at any moment, so that the score is looked up anew each time."""


@pytest.mark.parametrize(("language", "size"), [("en", "desktop"), ("zh", "phone")])
def test_a_board_strikes_what_expires_and_goes_grey_without_its_server(
    tmp_path: Path, browser: Any, language: str, size: str
) -> None:
    clinic = scene.open_clinic(tmp_path / "home")
    bay = bay_scene.furnish(clinic)
    expired, lost, acted = WORDS[language]
    app = create_app(clinic.store, clinic.settings, clinic.jobs, clinic.run)
    with served(app) as base:
        desk = Desk(browser, base, language, size)
        page = desk.page
        page.set_default_timeout(60_000)
        desk.sign_in()
        page.goto(f"{base}/alerts")
        card = page.locator(f"#a-{bay.alerts['red']}")
        card.locator("select[name=reason]").select_option("acted")
        card.locator("button.primary").click()
        page.wait_for_selector(f"#a-{bay.alerts['red']}:has-text('{acted}')")
        assert desk.scrolls_sideways() == 0
        soon = datetime.now(UTC) + timedelta(seconds=4)
        bay_scene.scored(clinic, bay.patients["Sm"], 6, Band.RULE_IN, soon)
        bay.book.beat("alerts")
        page.goto(f"{base}/ward?ward=icu")
        score = page.locator(f"tr[data-patient='{bay.patients['Sm']}'] .score")
        page.wait_for_selector(f"tr[data-patient='{bay.patients['Sm']}'] .score.expired")
        assert expired in score.inner_text()
        page.wait_for_function(STRUCK, arg=f"tr[data-patient='{bay.patients['Sm']}'] .score b")
        row = page.locator(f"tr[data-patient='{bay.patients['Sm']}']")
        assert row.get_attribute("class").strip() in ("", "none"), "nor does it colour the row"
        current = page.locator(f"tr[data-patient='{bay.patients['Li']}'] .score.current b")
        assert current.inner_text() == "9"
        assert page.locator("#lost").is_hidden()
        assert page.locator("#dead").is_hidden()
        assert desk.scrolls_sideways() == 0
        if os.environ.get("SUWEN_SCREENSHOTS") == "1":
            page.screenshot(path=SHOTS / f"ward-{language}-{size}.png", full_page=True)
        complaints = list(desk.complaints)
        page.clock.install()
        page.evaluate("window.stop()")
    page.clock.fast_forward(30_000)
    page.wait_for_selector("body.not-current")
    assert lost in page.locator("#lost").inner_text()
    assert page.locator("#dead").is_visible(), "and the heartbeat is out of date by its own clock"
    assert complaints == []
    desk.close()
    clinic.store.close()
