"""A clinician in the large viewer: findings, slices, distances, the earlier study, a phone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import scene
from window import MARKS, Desk, served

from suwen.server.app import create_app

pytestmark = MARKS
FIRST, SECOND = scene.NODULES
(SLICES, ROWS, COLUMNS), (THICK, HIGH, WIDE) = scene.COARSE
PIXELS = 4
"""How exactly a box is drawn."""
NO_WEBGL = """
const get = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
  return kind === "webgl2" ? null : get.call(this, kind, ...more);
};
"""


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[scene.Clinic]:
    """A patient with a CT, an earlier CT and a radiograph; another to review."""
    made = scene.furnished(tmp_path_factory.mktemp("home"))
    scene.follow_up(made, made.patient)
    made.findings.append(scene.add_radiograph(made, made.patient))
    scene.report_on(made, made.patient, made.findings)
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def base(clinic: scene.Clinic) -> Iterator[str]:
    with served(create_app(clinic.store, clinic.settings, clinic.jobs, clinic.run)) as address:
        yield address


@pytest.fixture
def opened(browser: Any, base: str, clinic: scene.Clinic) -> Iterator[Callable[..., Desk]]:
    """Sign in and open the images of the case; wait until the first finding is shown.

    After the test nobody's browser has complained about anything.
    """
    desks: list[Desk] = []

    def open_images(*window: str) -> Desk:
        desks.append(desk := Desk(browser, base, *window))
        desk.sign_in()
        desk.page.goto(f"{base}/cases/{clinic.patient}/images")
        desk.page.wait_for_selector("[data-pane=now][data-overlays='1']")
        return desk

    yield open_images
    for desk in desks:
        assert desk.complaints == []
        desk.close()


def shown_slice(desk: Desk, pane: str = "now") -> int:
    desk.page.wait_for_timeout(300)
    return int(desk.page.get_attribute(f"[data-pane={pane}]", "data-slice"))


def slice_at(z: float) -> int:
    """Return the number, from 1, of the slice that shows a height in mm."""
    return int(z / THICK + (SLICES - 1) / 2 + 0.5) + 1


class Axial:
    """Where patient coordinates lie on an axial slice fitted into the canvas, in pixels."""

    def __init__(self, desk: Desk) -> None:
        self.box = desk.page.locator("[data-pane=now] canvas").bounding_box()
        across, down = self.box["width"] / (COLUMNS * WIDE), self.box["height"] / (ROWS * HIGH)
        self.scale = min(across, down)

    def at(self, x: float, y: float) -> tuple[float, float]:
        left = self.box["x"] + self.box["width"] / 2 + x * self.scale
        return left, self.box["y"] + self.box["height"] / 2 + y * self.scale


def middle(desk: Desk, selector: str) -> tuple[float, float]:
    box = desk.page.locator(selector).first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_click_on_a_finding_shows_its_slice_with_a_box_around_it(
    opened: Callable[..., Desk],
) -> None:
    desk = opened()
    desk.page.click("[data-layout=axial]")
    for name, nodule in (("Nodule 1", FIRST), ("Nodule 2", SECOND)):
        desk.page.click(f".group:has-text('{name}') > header h2")
        desk.page.wait_for_selector(f".group.chosen:has-text('{name}') .finding >> nth=0")
        assert shown_slice(desk) in (slice_at(nodule.centre[2]), slice_at(nodule.centre[2]) - 1)
        place = Axial(desk).at(*nodule.centre[:2])
        assert middle(desk, ".marks .box.chosen") == pytest.approx(place, abs=PIXELS)
        assert name in desk.page.text_content(".marks text")
    desk.page.click("#boxes")
    assert desk.page.locator(".marks .box").count() == 0


def test_windows_planes_and_keys_change_what_is_seen(opened: Callable[..., Desk]) -> None:
    desk = opened()
    page = desk.page
    page.click("[data-layout=axial]")
    page.wait_for_timeout(300)
    lung = picture(desk)
    page.click("[data-window=soft]")
    page.wait_for_timeout(500)
    assert page.get_attribute("[data-window=soft]", "aria-pressed") == "true"
    assert np.abs(picture(desk) - lung).mean() > 2, "another window looks different"
    before = shown_slice(desk)
    page.locator("[data-pane=now] canvas").press("ArrowDown")
    page.locator("[data-pane=now] canvas").press("ArrowDown")
    assert shown_slice(desk) == before + 2
    page.click("[data-layout=coronal]")
    assert page.inner_text("#slice-of").endswith(f"/ {ROWS}")
    assert page.locator(".marks .box").count() >= 1, "a box is drawn on every plane it crosses"
    page.click("[data-layout=multi]")
    page.click(".group:has-text('Nodule 1') >> header button")
    page.wait_for_timeout(400)
    assert page.locator(".marks .box.chosen").count() == 3


def picture(desk: Desk) -> np.ndarray:
    import io

    from PIL import Image

    shot = desk.page.locator("[data-pane=now]").screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("L")).astype(int)


def drag(desk: Desk, start: tuple[float, float], end: tuple[float, float]) -> None:
    mouse = desk.page.mouse
    mouse.move(*start)
    mouse.down()
    mouse.move(*np.mean([start, end], axis=0))
    mouse.move(*end)
    mouse.up()


def test_a_line_across_the_image_is_measured_in_mm(opened: Callable[..., Desk]) -> None:
    desk = opened()
    page = desk.page
    page.click("[data-layout=axial]")
    page.wait_for_timeout(300)
    here = page.inner_text("#where")
    page.click("#measure")
    axial = Axial(desk)
    drag(desk, axial.at(-60, -10), axial.at(60, 80))
    page.wait_for_function("/\\d/.test(document.querySelector('#measured').textContent)")
    told = float(re.search(r"([\d.]+) mm$", page.inner_text("#measured"))[1])
    assert told == pytest.approx(150, abs=2), "120 mm by 90 mm"
    assert page.inner_text("#where") == here, "measuring moves no cross"
    page.click("#measure")
    assert page.inner_text("#measured") == ""


def test_the_earlier_ct_shows_the_same_nodule_beside(opened: Callable[..., Desk]) -> None:
    desk = opened()
    page = desk.page
    page.click("[data-layout=axial]")
    page.select_option("#prior", index=1)
    page.wait_for_selector("[data-pane=prior][data-state=ready]")
    page.wait_for_selector("[data-pane=prior] .caption >> text=Same place by the follow-up")
    assert scene.EARLIER in page.inner_text("[data-pane=prior] .caption")
    page.click(".group:has-text('Nodule 2') > header h2")
    page.wait_for_selector("[data-pane=now][data-overlays='1']")
    assert shown_slice(desk) == slice_at(SECOND.centre[2])
    apart = shown_slice(desk) - shown_slice(desk, "prior")
    assert apart == scene.LATER, "the earlier scan began higher, and the nodule was found on both"
    page.locator("[data-pane=now] canvas").press("PageDown")
    assert shown_slice(desk) - shown_slice(desk, "prior") == apart, "both turn together"
    page.select_option("#prior", index=0)
    page.wait_for_selector("[data-pane=prior]", state="hidden")


def test_a_radiograph_is_measured_at_the_detector_and_its_map_takes_its_place(
    opened: Callable[..., Desk],
) -> None:
    desk = opened()
    page = desk.page
    page.click(".group:has-text('Pneumonia') >> header button")
    page.wait_for_function(
        "document.querySelector('#series').selectedOptions[0].dataset.kind === 'picture'"
    )
    page.wait_for_selector("[data-viewer-root].flat [data-pane=now][data-state=ready]")
    assert page.is_hidden("[data-layout=coronal]")
    page.wait_for_timeout(500)
    plain = picture(desk)
    page.click("#saliency")
    page.wait_for_timeout(1500)
    assert np.abs(picture(desk) - plain).mean() > 5
    page.click("#saliency")
    page.wait_for_timeout(1500)
    assert np.abs(picture(desk) - plain).mean() < 1, "the picture is back"
    page.click("#measure")
    box = page.locator("[data-pane=now] canvas").bounding_box()
    scale = min(box["width"] / (144 * 1.5), box["height"] / (120 * 1.5))
    centre = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    drag(desk, centre, (centre[0] + 60 * scale, centre[1]))
    page.wait_for_function("/\\d/.test(document.querySelector('#measured').textContent)")
    told = page.inner_text("#measured")
    assert told.endswith("mm at the detector, larger than in the patient")
    assert float(re.search(r"[\d.]+", told)[0]) == pytest.approx(60, abs=2)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_on_a_phone_one_image_fits_and_every_button_suits_a_finger(
    opened: Callable[..., Desk], language: str
) -> None:
    desk = opened(language, "phone")
    page = desk.page
    assert desk.scrolls_sideways() == 0
    assert page.get_attribute("[data-layout=axial]", "aria-pressed") == "true"
    assert page.is_hidden("[data-pane=prior]")
    low = page.evaluate(
        "[...document.querySelectorAll('.tools button, .group header button, .acts .button')]"
        ".filter(b => b.offsetParent && b.offsetHeight < 43).map(b => b.textContent)"
    )
    assert low == []
    assert {"en": "Boxes", "zh": "方框"}[language] in page.inner_text("#boxes")


def test_without_webgl_single_slices_are_shown_and_it_is_said(
    clinic: scene.Clinic, base: str, browser: Any
) -> None:
    desk = Desk(browser, base)
    page = desk.page
    page.add_init_script(NO_WEBGL)
    desk.sign_in()
    page.goto(f"{base}/cases/{clinic.patient}/images")
    page.wait_for_selector("[data-pane=now][data-state=ready]")
    page.wait_for_function(
        f"document.querySelector('#slice-of').textContent.endsWith('/ {SLICES}')"
    )
    assert "no WebGL2" in page.inner_text("#plain")
    assert page.evaluate("document.querySelector('.stage img').naturalWidth") == COLUMNS
    page.click(".group:has-text('Nodule 2') >> header button")
    page.wait_for_selector(f"[data-pane=now][data-slice='{slice_at(SECOND.centre[2])}']")
    assert page.is_hidden("#measure")
    assert desk.complaints == []
    desk.close()


def test_a_finding_rejected_in_the_viewer_is_withdrawn_there(
    clinic: scene.Clinic, opened: Callable[..., Desk]
) -> None:
    desk = opened()
    page = desk.page
    page.click(".group:has-text('Nodule 2') > header h2")
    for place in (0, 1):
        finding = f".group:has-text('Nodule 2') .finding >> nth={place}"
        page.click(f"{finding} >> summary:has-text('Reject')")
        page.fill(f"{finding} >> input[name=reason] >> nth=-1", "vessel in cross-section")
        page.click(f"{finding} >> button:has-text('Reject the finding')")
        page.wait_for_selector(f"{finding} >> .review.rejected")
    page.wait_for_selector(".group[data-rejected]:has-text('Nodule 2')")
    page.wait_for_selector(".marks .box.rejected", state="attached")
    acts = [d.act for d in clinic.access().decisions(clinic.patient)]
    assert acts.count("rejected") == 2
