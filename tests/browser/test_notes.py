"""The page of a note in real Chromium: marks, cards, corrections, on a desk and on a phone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import notes_scene
import pytest
import scene
from window import MARKS, Desk, served

from suwen.notes.entities.corrections import in_case
from suwen.server.app import create_app

pytestmark = MARKS
SHOTS = Path(__file__).parents[2] / "docs" / "screenshots"
CORRECT = {"en": "Correct", "zh": "更正"}
WIDE = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def clinic_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[scene.Clinic, str, str]]:
    clinic = scene.open_clinic(tmp_path_factory.mktemp("home"))
    clinic.patient = scene.admit(clinic)
    read = notes_scene.add_notes(clinic, clinic.patient)
    note = read[0].note.record.split("/")[1]
    with served(create_app(clinic.store, clinic.settings, clinic.jobs, clinic.run)) as base:
        yield clinic, base, f"{base}/cases/{clinic.patient}/notes?note={note}"
    clinic.store.close()


def opened(browser: Any, base: str, address: str, language: str = "en", size: str = "desktop"):
    desk = Desk(browser, base, language, size)
    if size == "desktop":
        desk.page.set_viewport_size(WIDE)
    desk.sign_in()
    desk.page.goto(address)
    desk.page.wait_for_selector("#next ol, #next p.quiet:last-child")
    return desk


def keep(desk: Desk, name: str) -> None:
    if os.environ.get("SUWEN_SCREENSHOTS") == "1":
        desk.page.wait_for_timeout(300)
        desk.page.screenshot(path=SHOTS / f"{name}-{desk.language}-{desk.size}.png")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_note_fits_the_window_and_a_touched_stretch_tells_what_it_says(
    clinic_at: Any, browser: Any, language: str, size: str
) -> None:
    _, base, address = clinic_at
    desk = opened(browser, base, address, language, size)
    page = desk.page
    keep(desk, "notes")
    assert desk.scrolls_sideways() == 0
    page.click("#read a.said:has-text('fever')")
    page.wait_for_selector("#told:not([hidden])")
    card = page.inner_text("#told")
    for words in {"en": ("Denied or not found", "HP:0001945", "contradicted"),
                  "zh": ("否认或未见", "HP:0001945", "说法矛盾")}[language]:  # fmt: skip
        assert words in card, words
    keep(desk, "notes-card")
    assert desk.scrolls_sideways() == 0
    box = page.locator("#told").bounding_box()
    seen = page.viewport_size
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= seen["width"]
    assert 0 <= box["y"] < seen["height"], "the card is in sight"
    page.click(f"#told .acts summary:has-text('{CORRECT[language]}')")
    page.wait_for_selector("#told .form select[name=presence]")
    page.locator("#told .form button").scroll_into_view_if_needed()
    keep(desk, "notes-correct")
    assert desk.scrolls_sideways() == 0
    page.keyboard.press("Escape")
    page.wait_for_selector("#told", state="hidden")
    assert desk.complaints == [], "no script error, nothing of the note ran"
    desk.close()


def test_the_keyboard_alone_reads_and_rejects(clinic_at: Any, browser: Any) -> None:
    clinic, base, address = clinic_at
    desk = opened(browser, base, address)
    page = desk.page
    page.locator("#read a.said:has-text('funny turn')").focus()
    page.wait_for_selector("#told:not([hidden])")
    assert "unmapped: no code fits" in page.inner_text("#told")
    page.keyboard.press("Enter")
    page.locator("#told .acts summary:has-text('Reject')").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("a figure of speech")
    page.keyboard.press("Enter")
    page.wait_for_selector("#read a.said.rejected:has-text('funny turn')")
    assert "a figure of speech" in page.inner_text("#told")
    assert page.evaluate("document.activeElement.textContent") == "funny turn"
    assert page.locator(".g-rejected .fact").count() == 1
    assert page.locator(".g-unmapped").count() == 0
    (judged,) = in_case(clinic.access().case(clinic.patient)).values()
    assert (judged.correction.verdict, judged.correction.person) == ("rejected", "dr.lin")
    keep(desk, "notes-rejected")
    assert desk.complaints == []
    desk.close()


def test_a_refused_rejection_is_told_in_its_form_and_what_was_typed_stays(
    clinic_at: Any, browser: Any
) -> None:
    _, base, address = clinic_at
    desk = opened(browser, base, address, "zh")
    page = desk.page
    page.click("#read a.said:has-text('pneumonia')")
    page.click("#told .acts summary:has-text('驳回')")
    box = page.locator("#told input[name=reason]")
    box.evaluate("field => field.removeAttribute('maxlength')")
    box.fill("x" * 501)
    page.click("#told .acts form button.danger")
    page.wait_for_selector("#told .refused [role=alert]")
    assert page.locator("#told .refused [role=alert]").count() == 1
    assert box.input_value() == "x" * 501
    assert page.locator("#read a.said:has-text('pneumonia')").count() == 1, "the note is there"
    page.locator("#told .acts form button.danger").scroll_into_view_if_needed()
    keep(desk, "notes-refused")
    assert desk.scrolls_sideways() == 0
    desk.close()


def test_a_corrected_status_shows_at_once(clinic_at: Any, browser: Any) -> None:
    _, base, address = clinic_at
    desk = opened(browser, base, address)
    page = desk.page
    page.click("#read a.said:has-text('pneumonia')")
    page.click("#told .acts summary:has-text('Correct')")
    page.select_option("#told select[name=presence]", "absent")
    page.click("#told button:has-text('Save the correction')")
    page.wait_for_selector("#read a.said.denied:has-text('pneumonia')")
    assert page.locator(".g-denied .fact-head:has-text('Pneumonia')").count() == 1
    assert "Corrected" in page.inner_text("#told")
    assert desk.complaints == []
    desk.close()
