"""A clinician's morning in real Chromium: sign in, look, scroll, point, review, sign."""

from __future__ import annotations

import io
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from PIL import Image

from suwen.core.nouns import Act
from suwen.records import report_of
from suwen.server.app import create_app

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "server"))
import scene

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(
        not Path("/usr/bin/chromium").exists(), reason="Debian's chromium is not installed"
    ),
    # Playwright's loop and Chromium's pipes are closed by its own garbage collection.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
]
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
SHOTS = Path(__file__).parents[2] / "docs" / "screenshots"
KEEP = os.environ.get("SUWEN_SCREENSHOTS") == "1"
"""Write docs/screenshots, with a CT of clinical resolution."""
LARGEST_SHOT = 290_000
WAIT_MS = 120_000


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[scene.Clinic, str]]:
    clinic = scene.furnished(tmp_path_factory.mktemp("home"), fine=KEEP)

    def diagnose(payload: Any) -> None:
        scene.report_on(clinic, payload["patient"], clinic.findings)

    clinic.jobs.work = diagnose
    app = create_app(clinic.store, clinic.settings, clinic.jobs, clinic.run)
    bound = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield clinic, f"http://127.0.0.1:{bound.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
    bound.close()
    clinic.store.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        started = player.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield started
        started.close()


class Desk:
    """One browser window of one person; collects what the browser complains about."""

    def __init__(
        self, browser: Any, base: str, language: str = "en", size: str = "desktop"
    ) -> None:
        width, height = SIZES[size]
        self.base, self.language, self.size = base, language, size
        self.context = browser.new_context(viewport={"width": width, "height": height})
        self.context.add_cookies([{"name": "suwen_language", "value": language, "url": base}])
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._console)

    def _console(self, said: Any) -> None:
        if said.type == "error":
            self.complaints.append(said.text)

    def sign_in(self, name: str = scene.CLINICIAN.id) -> None:
        self.page.goto(f"{self.base}/sign-in")
        self.page.fill("#name", name)
        self.page.fill("#password", scene.PASSWORD)
        self.page.click("main button.primary")
        self.page.wait_for_url(f"{self.base}/")

    def open_case(self) -> None:
        self.page.click(".worklist td.patient a >> nth=0")
        self.page.wait_for_selector("[data-viewer][data-state=ready]")
        self.page.wait_for_selector("[data-viewer][data-overlays='1']")

    def pixels(self) -> np.ndarray:
        """Return what is really drawn in the image area, (rows, columns, RGB)."""
        self.page.wait_for_timeout(400)
        shot = self.page.locator(".stage canvas").screenshot()
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)

    def keep(self, name: str) -> None:
        """Keep a screenshot for the documentation when asked to."""
        if not KEEP:
            return
        SHOTS.mkdir(parents=True, exist_ok=True)
        image = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        path = SHOTS / f"{name}-{self.language}-{self.size}.png"
        image.save(path, optimize=True)
        if path.stat().st_size > LARGEST_SHOT:
            image.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)

    def close(self) -> None:
        self.context.close()


def green(pixels: np.ndarray) -> int:
    """Count pixels coloured by the mask: grey CT has equal channels."""
    return int(
        np.sum((pixels[..., 1] - pixels[..., 0] > 40) & (pixels[..., 1] > pixels[..., 2] + 20))
    )


def hot(pixels: np.ndarray) -> int:
    """Count pixels coloured by the saliency map."""
    return int(np.sum((pixels[..., 0] - pixels[..., 2] > 60) & (pixels[..., 0] > pixels[..., 1])))


def look_at_the_worklist(desk: Desk) -> None:
    first = desk.page.locator(".worklist tbody tr").first
    assert "Nodule 1" in first.inner_text()
    assert "urgent" in first.inner_text()
    desk.keep("worklist")


def see_the_mask_come_and_go(desk: Desk) -> None:
    page = desk.page
    shown = desk.pixels()
    assert green(shown) > 100, "the mask is drawn over the CT"
    assert np.std(shown[..., 1]) > 20, "the CT itself is drawn"
    desk.keep("case")
    page.click("#mask")
    page.wait_for_selector("[data-viewer][data-overlays='0']")
    assert green(desk.pixels()) < 20, "without the mask nothing is green"
    page.click("#mask")
    page.wait_for_selector("[data-viewer][data-overlays='1']")


def scroll_and_change_the_window(desk: Desk) -> None:
    page = desk.page
    page.click("[data-layout=axial]")
    before, slice_before = desk.pixels(), page.get_attribute("[data-viewer]", "data-slice")
    box = page.locator(".stage canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(5):
        page.mouse.wheel(0, 120)
        page.wait_for_timeout(60)
    after, slice_after = desk.pixels(), page.get_attribute("[data-viewer]", "data-slice")
    assert slice_before != slice_after
    assert np.mean(np.abs(before - after)) > 1.0, "scrolling shows another slice"
    page.click("[data-window=bone]")
    assert np.mean(np.abs(desk.pixels() - after)) > 2.0, "another window looks different"
    page.click("[data-window=lung]")


def compare_the_explanations(desk: Desk) -> None:
    page = desk.page
    page.click(".group >> nth=1 >> button[data-go] >> nth=0")
    page.wait_for_selector("#why-hidden:not([hidden])")
    assert "did not change" in page.inner_text("#why-hidden")
    assert page.is_disabled("#saliency"), "a saliency that failed its check cannot be shown"
    page.click(".group >> nth=0 >> button[data-go] >> nth=0")
    page.click("[data-layout=multi]")
    cold = desk.pixels()
    page.click("#saliency")
    page.wait_for_selector("[data-viewer][data-overlays='2']")
    page.click("#mask")
    page.wait_for_selector("[data-viewer][data-overlays='1']")
    assert hot(desk.pixels()) > hot(cold) + 100, "the saliency is drawn over the CT"
    page.click("[data-zoom='2']")
    desk.pixels()
    desk.keep("saliency")
    page.click("[data-zoom='1']")
    page.click("#mask")


def reject_the_smaller_nodule(desk: Desk) -> None:
    page = desk.page
    finding = page.locator(".finding", has_text="31%")
    finding.locator("summary", has_text="Reject").click()
    finding.locator("form input[name=reason]").last.fill("vessel in cross-section")
    finding.locator("button", has_text="Reject the finding").click()
    page.wait_for_selector(".review.rejected")
    assert "vessel in cross-section" in page.inner_text(".review.rejected")
    assert "31%" not in page.inner_text("#report .report-text")


def sign_the_report(desk: Desk) -> None:
    page = desk.page
    page.click("#report summary:has-text('Sign the report')")
    page.check("#report input[name=confirmed]")
    page.click("#report button:has-text('Sign'):not(:has-text('report'))")
    page.wait_for_selector("#report[data-status=final]")
    assert "Dr Lin Wei" in page.inner_text("#report")
    desk.keep("signed")


def test_a_clinician_looks_at_the_ct_reviews_and_signs(served: Any, browser: Any) -> None:
    clinic, base = served
    desk = Desk(browser, base)
    desk.sign_in()
    look_at_the_worklist(desk)
    desk.open_case()
    see_the_mask_come_and_go(desk)
    scroll_and_change_the_window(desk)
    compare_the_explanations(desk)
    reject_the_smaller_nodule(desk)
    sign_the_report(desk)

    acts = [(d.act, d.person) for d in clinic.access().decisions(clinic.patient)]
    assert (Act.REJECTED.value, "dr.lin") in acts
    assert (Act.SIGNED.value, "dr.lin") in acts
    report = report_of(clinic.access().search("Report", patient=clinic.patient)[-1])
    assert (report.status, report.signed_by) == ("final", "dr.lin")
    assert clinic.store.log.verify().intact
    assert desk.complaints == [], "no script error, nothing blocked by the content policy"
    desk.close()


def test_an_auditor_verifies_the_log(served: Any, browser: Any) -> None:
    _, base = served
    desk = Desk(browser, base)
    desk.sign_in(scene.ADMINISTRATOR.id)
    desk.page.goto(f"{base}/admin")
    desk.page.click("text=Verify the chain")
    desk.page.wait_for_selector("[data-verdict=intact]")
    desk.keep("audit")
    assert desk.complaints == []
    desk.close()


def test_a_click_in_the_image_is_measured_and_scored(served: Any, browser: Any) -> None:
    clinic, base = served
    desk = Desk(browser, base)
    page = desk.page
    desk.sign_in()
    page.goto(f"{base}/cases/{clinic.patient}")
    page.wait_for_selector("[data-viewer][data-state=ready]")
    page.click("[data-layout=axial]")
    box = page.locator(".stage canvas").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.42, box["y"] + box["height"] * 0.5)
    page.wait_for_timeout(300)
    told = page.inner_text("#where")
    page.click("#go")
    page.wait_for_selector("[data-job=done]", state="attached")
    (point,) = clinic.access().search("BodyStructure", patient=clinic.patient)
    given = {e["url"]: e.get("valueDecimal") for e in point.content["extension"][0]["extension"]}
    for axis in "xyz":
        assert f"{axis} {float(given[axis]):.1f}"[:-2] in told
    page.wait_for_selector("#report[data-status=draft]")
    assert list(clinic.jobs.payloads.values())[-1]["patient"] == clinic.patient
    assert desk.complaints == []
    desk.close()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_every_page_fits_and_speaks_the_readers_language(
    served: Any, browser: Any, language: str, size: str
) -> None:
    clinic, base = served
    desk = Desk(browser, base, language, size)
    page = desk.page
    page.goto(f"{base}/sign-in")
    desk.keep("sign-in")
    desk.sign_in()
    for address, name in (
        ("/", "worklist"),
        (f"/cases/{clinic.patient}", "case"),
        ("/cases/new", "new-case"),
        ("/jobs", "jobs"),
    ):
        page.goto(base + address)
        if name == "case":
            page.wait_for_selector("[data-viewer][data-state=ready]")
            desk.pixels()
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{name} scrolls sideways by {wide} px"
        if language == "zh":
            assert page.get_attribute("html", "lang") == "zh-Hans"
        desk.keep(name)
    assert desk.complaints == []
    desk.close()
