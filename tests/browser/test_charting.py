"""Charting at the bedside in real Chromium: what no monitor tells makes NEWS2 one number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bay_scene
import pytest
import scene
from window import MARKS, Desk, served

from suwen.app.diagnose import answer
from suwen.server.app import create_app

pytestmark = MARKS


@pytest.mark.parametrize(("language", "size"), [("en", "desktop"), ("zh", "phone")])
def test_a_nurse_charts_and_the_range_becomes_a_number(
    tmp_path: Path, browser: Any, language: str, size: str
) -> None:
    clinic = scene.open_clinic(tmp_path / "home")
    bay = bay_scene.furnish(clinic)
    patient = bay.patients["Sm"]
    with served(create_app(clinic.store, clinic.settings, clinic.jobs, answer)) as base:
        desk = Desk(browser, base, language, size)
        page = desk.page
        page.set_default_timeout(60_000)
        desk.sign_in()
        page.goto(f"{base}/ward?ward=icu")
        row = f"tr[data-patient='{patient}']"
        page.wait_for_selector(f"{row} .score.current b:text-is('0–5')")
        page.click(f"{row} a[href$='/chart?ward=icu']")
        page.check("input[name=consciousness][value=A]")
        page.check("input[name=oxygen][value=air]")
        page.fill("input[name=temperature]", "98.6")
        page.click("#chart button.primary")
        page.wait_for_selector("#chart .refused:has-text('20–46')")
        assert page.input_value("input[name=temperature]") == "98.6", "what was typed stays"
        assert desk.scrolls_sideways() == 0
        page.fill("input[name=temperature]", "37.0")
        page.click("#chart button.primary")
        page.wait_for_selector(f"{row} .score.current b:text-is('0')")
        assert page.url == f"{base}/ward?ward=icu"
        desk.close()
    clinic.store.close()
