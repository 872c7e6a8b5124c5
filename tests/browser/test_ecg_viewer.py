"""The viewer of an ECG in real Chromium: from half an hour down to beats, and back by link."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ecg_scene
import pytest
import scene
from window import MARKS, Desk, served

from suwen.server.app import create_app

pytestmark = MARKS
SHOTS = Path(__file__).parents[2] / "docs" / "screenshots"
WORDS = {"en": ("Ventricular run 1 of 1", "Measured:"), "zh": ("连续室性搏动，第 1 个", "测量:")}
DARK = """() => {
  const canvas = document.querySelector("#trace canvas");
  const seen = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let dark = 0;
  for (let k = 0; k < seen.length; k += 4) dark += seen[k + 3] > 200 && seen[k] < 60;
  return dark;
}"""
"""How many pixels of the trace are as dark as its line."""


def window(page: Any) -> tuple[float, float]:
    """Return the window as the address has it."""
    page.wait_for_timeout(150)
    page.wait_for_selector("#ecg[data-state=ready]")
    found = dict(re.findall(r"(start|end)=([\d.]+)", page.url))
    return float(found["start"]), float(found["end"])


SWIPE = """([from, to]) => {
  const over = document.querySelector("#trace .u-over"), box = over.getBoundingClientRect();
  const say = (name, finger, share) => over.dispatchEvent(new PointerEvent(name, {
    pointerId: finger, pointerType: "touch", bubbles: true,
    clientX: box.left + share * box.width, clientY: box.top + 60 }));
  from.forEach((share, finger) => say("pointerdown", finger + 1, share));
  to.forEach((share, finger) => say("pointermove", finger + 1, share));
  to.forEach((share, finger) => say("pointerup", finger + 1, share));
}"""
"""Fingers go from shares of the width to others."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: Any) -> Iterator[tuple[str, str, ecg_scene.Furnished]]:
    """The address of a clinic, and of it a patient whose ECG was recorded."""
    clinic = scene.open_clinic(tmp_path_factory.mktemp("ecg") / "home")
    patient = scene.admit(clinic)
    made = ecg_scene.furnish(clinic, patient)
    ecg_scene.stream(clinic, patient)
    with served(create_app(clinic.store, clinic.settings, clinic.jobs, clinic.run)) as base:
        yield base, f"{base}/cases/{patient}", made
    clinic.store.close()


def opened(browser: Any, base: str, language: str, size: str) -> Desk:
    desk = Desk(browser, base, language, size)
    desk.page.set_default_timeout(60_000)
    desk.sign_in()
    return desk


@pytest.mark.parametrize(("language", "size"), [("en", "desktop"), ("zh", "phone")])
def test_a_reader_goes_to_an_event_and_measures_it(
    house: Any, browser: Any, language: str, size: str
) -> None:
    base, case, made = house
    run, measured = WORDS[language]
    desk = opened(browser, base, language, size)
    page = desk.page
    page.goto(f"{case}/ecg?record={made.holter}")
    assert window(page) == (0, 10)
    assert page.evaluate(DARK) > 300, "the trace is really drawn"
    assert page.locator(".lane.af rect").count() == 1
    assert page.locator(".lane.v b").inner_text() == "5"
    page.select_option("#kind", "run")
    page.click("[data-act=next]")
    page.wait_for_selector(f"#event:has-text('{run}')")
    start, end = window(page)
    assert start < made.table.at[made.table.kind == 2][-3] < end
    assert "V 3" in page.locator("#window-words").inner_text()
    page.keyboard.press("c")
    page.locator("#trace").scroll_into_view_if_needed()
    box = page.locator("#trace .u-over").bounding_box()
    for share, height in ((0.25, 0.3), (0.5, 0.6)):
        page.mouse.click(box["x"] + share * box["width"], box["y"] + height * box["height"])
    told = page.locator("#measured").inner_text()
    assert told.startswith(measured)
    found = re.search(r"(\d+) ms", told)
    assert found
    assert abs(int(found[1]) - 2500) < 80, "a quarter of ten seconds"
    if os.environ.get("SUWEN_SCREENSHOTS") == "1":
        page.screenshot(path=SHOTS / f"ecg-{language}-{size}.png", full_page=True)
    assert desk.scrolls_sideways() == 0
    assert desk.complaints == []
    desk.close()


def test_a_link_opens_the_same_place_again_and_the_paper_there(house: Any, browser: Any) -> None:
    base, case, made = house
    desk = opened(browser, base, "zh", "desktop")
    page = desk.page
    page.goto(f"{case}/ecg?record={made.holter}&start=700&end=710")
    assert window(page) == (700, 710)
    page.locator("#trace").scroll_into_view_if_needed()
    box = page.locator("#trace .u-over").bounding_box()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 60, steps=4)
    page.mouse.up()
    near = window(page)
    assert near == pytest.approx((702, 706), abs=0.1), "dragged over two fifths"
    link = page.url
    page.keyboard.press("0")
    page.wait_for_function("location.search.includes('end=1800')")
    assert window(page) == (0, 1800)
    page.goto(link)
    assert window(page) == near
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"!location.search.includes('start={near[0]:.3f}')")
    assert window(page)[0] == pytest.approx(near[0] + (near[1] - near[0]) / 4, abs=0.01)
    page.click("#paper")
    page.wait_for_selector(".paper svg")
    assert desk.scrolls_sideways() == 0
    assert desk.complaints == []
    desk.close()


def test_fingers_move_and_stretch_the_window(house: Any, browser: Any) -> None:
    base, case, made = house
    desk = opened(browser, base, "en", "phone")
    page = desk.page
    page.goto(f"{case}/ecg?record={made.holter}&start=100&end=110")
    assert window(page) == (100, 110)
    page.evaluate(SWIPE, [[0.8], [0.3]])
    page.wait_for_function("location.search.includes('start=105')")
    assert window(page) == pytest.approx((105, 115), abs=0.1)
    page.evaluate(SWIPE, [[0.4, 0.6], [0.3, 0.7]])
    page.wait_for_function("location.search.includes('start=107')")
    assert window(page) == pytest.approx((107.5, 112.5), abs=0.1), "spread twice as far"
    page.goto(f"{case}/ecg?record={made.watch}")
    assert window(page) == (0, 10)
    assert page.locator("#unread").is_hidden(), "a short strip is read at once"
    assert desk.complaints == []
    desk.close()


@pytest.mark.parametrize(("language", "size"), [("zh", "desktop"), ("en", "phone")])
def test_events_are_confirmed_or_corrected_one_by_one(
    house: Any, browser: Any, language: str, size: str
) -> None:
    base, case, made = house
    run = {"zh": "已确认 1 个，已否定 1 个", "en": "1 confirmed, 1 rejected"}[language]
    desk = opened(browser, base, language, size)
    page = desk.page
    page.goto(f"{case}/ecg?record={made.holter}")
    window(page)
    page.click("a[href*='/ecg/events']")
    page.wait_for_selector(".event")
    assert page.locator(".event").count() == 5
    assert page.locator(".event polyline").count() >= 5
    page.locator(".event").nth(0).locator("button[value=accepted]").click()
    page.wait_for_selector(".event.accepted")
    page.locator(".event").nth(1).locator("button[value=N]").click()
    page.wait_for_selector(".event.edited")
    assert run in page.locator("#checked").inner_text()
    assert desk.scrolls_sideways() == 0
    if os.environ.get("SUWEN_SCREENSHOTS") == "1":
        page.screenshot(path=SHOTS / f"ecg-events-{language}-{size}.png", full_page=True)
    page.reload()
    assert page.locator(".event.edited").count() == 1
    page.locator(".event").nth(0).locator("a").click()
    assert window(page)[1] - window(page)[0] == pytest.approx(10, abs=0.01)
    assert desk.complaints == []
    desk.close()


@pytest.mark.parametrize(("language", "size"), [("en", "desktop"), ("zh", "phone")])
def test_the_paper_is_turned_page_by_page(
    house: Any, browser: Any, language: str, size: str
) -> None:
    base, case, made = house
    desk = opened(browser, base, language, size)
    page = desk.page
    page.goto(f"{case}/strips?record={made.holter}&at=721")
    assert page.locator(".paper svg").count() == 3
    assert page.locator(".paper .mark").count() == 1, "the run that a finding rests on"
    page.click("a[rel=next]")
    assert "12:30" in page.locator(".pager .number").inner_text()
    if os.environ.get("SUWEN_SCREENSHOTS") == "1":
        page.screenshot(path=SHOTS / f"strips-{language}-{size}.png", full_page=True)
    assert desk.scrolls_sideways() == 0
    page.click("section.card a[href*='/ecg?']")
    assert window(page) == pytest.approx((750, 780), abs=0.01)
    assert desk.complaints == []
    desk.close()


STREAM_WORDS = {"en": "Asystole: Nothing readable", "zh": "心搏停止: 可判读的信号"}


@pytest.mark.parametrize(("language", "size"), [("en", "desktop"), ("zh", "phone")])
def test_what_a_device_streams_is_looked_at_and_put_into_the_record(
    house: Any, browser: Any, language: str, size: str
) -> None:
    base, case, _ = house
    desk = opened(browser, base, language, size)
    page = desk.page
    page.goto(f"{case}/ecg")
    window(page)
    page.click("a[href*='stream%2F']")
    assert window(page) == (0, 10)
    assert page.locator(".lane.gap rect").count() == 1
    assert page.locator("#unread").is_visible(), "its beats are found, their kinds nobody told"
    page.click(f".rests a:has-text('{STREAM_WORDS[language]}')")
    start, end = window(page)
    assert start < ecg_scene.ALARM_S < end
    assert page.evaluate(DARK) > 300, "the trace is really drawn"
    page.click("[data-width='30']")
    page.wait_for_selector("[data-width='30'][aria-pressed=true]")
    window(page)
    if os.environ.get("SUWEN_SCREENSHOTS") == "1":
        page.screenshot(path=SHOTS / f"ecg-stream-{language}-{size}.png", full_page=True)
    assert desk.scrolls_sideways() == 0
    page.click("form[action$='/ecg/keep'] button")
    page.wait_for_url("**/ecg?record=DocumentReference*")
    assert window(page) == (0, 10)
    assert page.evaluate(DARK) > 300
    assert page.locator("#overview").is_visible()
    assert desk.complaints == []
    desk.close()
