"""Risks and the what-if in real Chromium: with and without scripts, on a desk and on a phone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import risk_scene
import scene
from window import MARKS, SIZES, Desk, served

from suwen.server.app import create_app

pytestmark = MARKS
SHOTS = Path(__file__).parents[2] / "docs" / "screenshots"
LIPIDS = ("2093-3", "2085-9")
REFUSED = "Failed to load resource: the server responded with a status of 422"
WORDS = {
    "en": ("association", "Not recorded", "a number, 40 to 1200", "not stored"),
    "zh": ("关联", "未记录", "数值，40 至 1200", "不会保存"),
}


@pytest.fixture(scope="module")
def clinic_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[scene.Clinic, str]]:
    clinic = risk_scene.open_clinic(tmp_path_factory.mktemp("risk") / "home")
    clinic.lacking = risk_scene.admit(clinic, "Roe, Richard", LIPIDS, "R-2")  # type: ignore[attr-defined]
    risk_scene.at_home(clinic, clinic.patient)
    with served(create_app(clinic.store, clinic.settings, clinic.jobs, clinic.run)) as base:
        yield clinic, base
    clinic.store.close()


@pytest.fixture
def desk(
    browser: Any, clinic_at: tuple[scene.Clinic, str], language: str, size: str
) -> Iterator[Desk]:
    made = Desk(browser, clinic_at[1], language, size)
    made.page.set_default_timeout(30_000)
    yield made
    made.close()


def overlaps(desk: Desk, selector: str) -> bool:
    """Say whether something inside is wider than what it stands in."""
    wide: bool = desk.page.evaluate(
        """where => [...document.querySelectorAll(where)].some(e =>
             [...e.querySelectorAll('*')].some(c => !c.closest('svg') && c.offsetWidth > 0 &&
               c.getBoundingClientRect().right > e.getBoundingClientRect().right + 1))""",
        selector,
    )
    return wide


@pytest.mark.parametrize(("language", "size"), [("en", "desktop"), ("zh", "phone")])
def test_a_changed_factor_is_compared_in_place(
    desk: Desk, clinic_at: tuple[scene.Clinic, str], language: str, size: str
) -> None:
    clinic, page = clinic_at[0], desk.page
    association, *_ = WORDS[language]
    desk.sign_in()
    page.goto(f"{desk.base}/cases/{clinic.patient}")
    page.click(f".tabs a[href='/cases/{clinic.patient}/risk']")
    page.wait_for_selector(".risk-card")
    assert desk.scrolls_sideways() == 0
    assert not overlaps(desk, ".risk-card")
    page.fill("#to-systolic_bp", "125")
    page.press("#to-systolic_bp", "Tab")
    page.wait_for_selector(".change[data-after='9.3%']")
    assert page.locator(".causes rect").count() == 16
    assert association in page.locator(".change .sides").inner_text()
    assert desk.scrolls_sideways() == 0
    assert not overlaps(desk, ".change")
    box = page.locator("#answer").bounding_box()
    assert box["y"] < SIZES[size][1], "what came back is in view"
    if os.environ.get("SUWEN_SCREENSHOTS") == "1":
        page.locator("#what-if").scroll_into_view_if_needed()
        page.screenshot(path=SHOTS / f"risk-{language}-{size}.png")
    assert desk.complaints == []


@pytest.mark.parametrize(("language", "size"), [("en", "desktop")])
def test_a_factor_changed_before_the_script_arrived_is_compared_too(
    desk: Desk, clinic_at: tuple[scene.Clinic, str]
) -> None:
    page, held = desk.page, list[Any]()

    def hold(route: Any) -> None:
        held.append(route)

    desk.sign_in()
    page.route("**/risk.js*", hold)
    page.goto(f"{desk.base}/cases/{clinic_at[0].patient}/risk", wait_until="commit")
    page.wait_for_selector("#to-systolic_bp")
    page.fill("#to-systolic_bp", "125")
    page.press("#to-systolic_bp", "Tab")
    assert page.locator(".change[data-after]").count() == 0
    held[0].continue_()
    page.wait_for_selector(".change[data-after='9.3%']")
    assert desk.complaints == []


@pytest.mark.parametrize(("language", "size"), [("zh", "desktop"), ("en", "phone")])
def test_a_missing_value_is_asked_for_tried_and_refused_beside_the_form(
    desk: Desk, clinic_at: tuple[scene.Clinic, str], language: str, size: str
) -> None:
    page, lacking = desk.page, clinic_at[0].lacking  # type: ignore[attr-defined]
    _, missing, expected, kept = WORDS[language]
    desk.sign_in()
    page.goto(f"{desk.base}/cases/{lacking}/risk")
    assert missing in page.locator("#gaps").inner_text()
    page.click("#gaps a >> nth=0")
    page.wait_for_selector("#try-total_cholesterol")
    page.fill("#try-total_cholesterol", "abc")
    page.fill("#try-hdl_cholesterol", "45")
    page.click("#trial fieldset >> nth=0 >> button")
    page.wait_for_selector(".refused .message")
    assert expected in page.locator(".refused").inner_text()
    assert page.input_value("#try-hdl_cholesterol") == "45", "what was typed stays"
    page.fill("#try-total_cholesterol", "210")
    page.click("#trial fieldset >> nth=0 >> button")
    page.wait_for_selector(".change")
    assert kept in page.locator(".change").inner_text()
    assert page.locator(".refused .message").count() == 0
    assert desk.scrolls_sideways() == 0
    assert [one for one in desk.complaints if not one.startswith(REFUSED)] == []


@pytest.mark.parametrize(("language", "size"), [("en", "phone")])
def test_without_scripts_the_form_answers_with_the_whole_page(
    browser: Any, clinic_at: tuple[scene.Clinic, str], language: str, size: str
) -> None:
    clinic, base = clinic_at
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, java_script_enabled=False
    )
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto(f"{base}/sign-in")
    page.fill("#name", scene.CLINICIAN.id)
    page.fill("#password", scene.PASSWORD)
    page.click("main button.primary")
    page.goto(f"{base}/cases/{clinic.patient}/risk")
    page.fill("#to-systolic_bp", "125")
    page.click("button[value=systolic_bp]")
    page.wait_for_selector(".change[data-after='9.3%']")
    page.fill("#to-systolic_bp", "300")
    page.click("button[value=systolic_bp]")
    page.wait_for_selector("#answer .message.bad")
    assert page.input_value("#to-systolic_bp") == "300"
    context.close()


@pytest.mark.parametrize(("language", "size"), [("zh", "phone"), ("en", "desktop")])
def test_a_patient_goes_from_home_to_the_own_risk(
    desk: Desk, clinic_at: tuple[scene.Clinic, str], language: str, size: str
) -> None:
    page = desk.page
    desk.sign_in("john.doe")
    page.wait_for_selector(".risk-home .people")
    assert "13.3%" in page.locator(".risk-home").inner_text()
    assert desk.scrolls_sideways() == 0
    page.click(".risk-home a.button")
    page.wait_for_selector(".risk-card")
    assert page.locator(".risk-card:visible").count() == 1, "one number to start from"
    page.select_option("#to-current_smoker", "no")
    page.wait_for_selector(".change[data-after]")
    assert desk.scrolls_sideways() == 0
    page.emulate_media(media="print")
    assert page.locator("#trial").is_hidden()
    assert page.locator(".change").is_visible()
    assert desk.complaints == []
