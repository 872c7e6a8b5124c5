"""A clinician reads a CT with the shipped packs: points at a nodule, looks, rejects, signs."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scene
from window import MARKS, Desk, green, served

from suwen.app.serve import workbench
from suwen.records import Store, report_of

pytestmark = MARKS
NODULE, SECOND = scene.NODULES
CT = (56, 384, 384), (2.0, 0.9, 0.9)
"""A piece of a usual chest CT: coarser voxels lie outside what the packs were validated on."""
CLOSE_MM = 3.0
DRAWN_MM = 6.0


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> scene.Clinic:
    """A stored CT with two nodules that nobody has looked at."""
    made = scene.open_clinic(tmp_path_factory.mktemp("home"))
    made.patient = scene.admit(made)
    scene.add_ct(made, made.patient, CT)
    made.store.close()
    return made


@pytest.fixture(scope="module")
def address(clinic: scene.Clinic) -> Iterator[str]:
    """The workbench as `suwen serve` runs it: durable jobs and the shipped packs."""
    with workbench(clinic.settings) as app, served(app) as base:
        yield base


class Slice:
    """Where patient coordinates lie on the screen: an axial slice fitted into the canvas.

    Worked out from the CT's size alone (radiological convention: the patient's right is on the
    left of the screen), so that the viewer's own arithmetic is not checked against itself.
    """

    def __init__(self, desk: Desk) -> None:
        box = desk.page.locator(".stage canvas").bounding_box()
        (_, rows, columns), (_, high, wide) = CT
        self.scale = min(box["width"] / (columns * wide), box["height"] / (rows * high))
        self.middle = box["width"] / 2, box["height"] / 2
        self.corner = box["x"], box["y"]

    def inside(self, x: float, y: float) -> tuple[float, float]:
        """Return a place (mm) in pixels of the canvas."""
        return self.middle[0] + x * self.scale, self.middle[1] + y * self.scale

    def on_screen(self, x: float, y: float) -> tuple[float, float]:
        """Return a place (mm) in pixels of the window."""
        across, down = self.inside(x, y)
        return self.corner[0] + across, self.corner[1] + down


def turn_to(desk: Desk, z: float) -> None:
    """Move the slice control by its keys until the slice at z (mm) is shown."""
    (slices, _, _), (thick, _, _) = CT
    wanted = round(z / thick + (slices - 1) / 2) + 1
    shown = int(desk.page.get_attribute("[data-viewer]", "data-slice"))
    slider = desk.page.locator("#slice")
    slider.focus()
    for _ in range(abs(wanted - shown)):
        slider.press("ArrowRight" if wanted > shown else "ArrowLeft")
    assert desk.page.get_attribute("[data-viewer]", "data-slice") == str(wanted)


def point_at(desk: Desk, place: tuple[float, float, float], expected: int) -> None:
    """Click a place in the CT and have it measured and scored; wait for so many lesions."""
    turn_to(desk, place[2])
    desk.page.mouse.click(*Slice(desk).on_screen(*place[:2]))
    desk.clicks += 1
    told = [float(n) for n in re.findall(r"-?\d+\.\d", desk.page.inner_text("#where"))]
    assert told == pytest.approx(place, abs=CLOSE_MM), "the click lands where the person pointed"
    desk.click("#go")
    desk.page.wait_for_selector(f".group >> nth={expected - 1}")
    desk.overlays(1)


def see_the_finding(desk: Desk, nodule: scene.Nodule, side: str) -> None:
    """One click on a finding shows its slice with the overlay; the rest stands beside it."""
    page, group = desk.page, f".group:has-text('{side}')"
    desk.click(f"{group} >> header button[data-go]")
    desk.overlays(1)
    told = [float(n) for n in re.findall(r"-?\d+\.\d", page.inner_text("#where"))]
    assert told == pytest.approx(nodule.centre, abs=CLOSE_MM), "the viewer is on the nodule"
    rows, columns = np.nonzero(green(desk.pixels()))
    place = Slice(desk)
    drawn = (np.array([columns.mean(), rows.mean()]) - place.middle) / place.scale
    assert drawn == pytest.approx(nodule.centre[:2], abs=CLOSE_MM), "the overlay is on the nodule"
    wide = np.ptp(columns) / place.scale
    assert wide == pytest.approx(nodule.diameter_mm, abs=DRAWN_MM), "and as large as it"


def read_the_numbers(desk: Desk, side: str, diameter_mm: float) -> None:
    text = desk.page.inner_text(f".group:has-text('{side}')")
    interval = re.search(r"equivalent diameter\s+.*CI ([\d.]+) to ([\d.]+)", text)
    low, high = map(float, interval.groups())
    assert low <= diameter_mm <= high, "the true diameter lies in the interval"
    assert re.search(r"[<>]?\d+% \(95% CI [<>]?\d+% to [<>]?\d+%\)", text)
    assert re.search(r"\b(high|indeterminate|low)\b", text)


def see_why(desk: Desk, side: str) -> None:
    """The evidence is one click away; the heat map is there, or the reason why it is not."""
    group = desk.page.locator(f".group:has-text('{side}')")
    desk.click(f".group:has-text('{side}') summary:has-text('Evidence') >> nth=0")
    text = group.inner_text()
    assert "Image region at x" in text
    assert "Place marked in the images" in text
    assert "imaging.nodule_malignancy" in text
    explained = re.search(r"Explanation by (.+?)( is not shown: (.+)|: .*faithfulness)", text)
    assert explained, "how the answer was explained"
    hidden = explained[3]
    assert desk.page.is_disabled("#saliency") == bool(hidden)
    if hidden:
        assert desk.page.inner_text("#why-hidden") == f"Saliency is not shown: {hidden}"


def reject(desk: Desk, side: str, reason: str) -> None:
    """Reject a lesion's score and its outline; the categories that rest on the outline go too."""
    for place in (0, -1):
        finding = f".group:has-text('{side}') .finding >> nth={place}"
        desk.click(f"{finding} >> summary:has-text('Reject')")
        desk.page.fill(f"{finding} >> input[name=reason] >> nth=-1", reason)
        desk.click(f"{finding} >> button:has-text('Reject the finding')")
        desk.page.wait_for_selector(f"{finding} >> .review.rejected >> text={reason}")


def sign(desk: Desk) -> None:
    desk.click("#report summary:has-text('Sign the report')")
    desk.click("#report input[name=confirmed]")
    desk.click("#report button:has-text('Sign'):not(:has-text('report'))")
    desk.page.wait_for_selector("#report[data-status=final]")


def check_what_is_kept(clinic: scene.Clinic) -> None:
    """The report is signed without the rejected lesion, and each act of hers is a Decision."""
    with Store.open(clinic.settings) as store:
        access = store.session(scene.CLINICIAN, "treatment")
        report = report_of(access.search("Report", clinic.patient)[-1])
        acts = [e.act for e in store.log.entries() if e.person == scene.CLINICIAN.id]
        assert store.log.verify().intact
    assert (report.status, report.signed_by) == ("final", scene.CLINICIAN.id)
    impression = [s.text.en for s in report.statements if s.section == "impression"]
    assert "right lung" in impression[0]
    assert not any("left lung" in text for text in impression), (
        "nothing is said of what she rejected"
    )
    assert acts.count("rejected") == 2
    assert acts.count("signed") == 1
    assert acts.count("accepted") == 0, "what she did not reject is accepted by the signature"


def test_a_clinician_points_at_a_nodule_reads_the_answer_and_signs(
    clinic: scene.Clinic, address: str, browser: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(browser, address)
    desk.sign_in()
    started = time.monotonic()
    desk.open_case()
    desk.click("[data-layout=axial]")
    point_at(desk, NODULE.centre, 1)
    point_at(desk, SECOND.centre, 2)
    asked = time.monotonic(), desk.clicks

    desk.page.goto(f"{address}/")
    desk.clicks, opened = 0, time.monotonic()
    desk.open_case()
    shown = time.monotonic()
    first = desk.page.inner_text(".group >> nth=0")
    assert "Right lung" in first, "the worrying nodule comes first"
    told = [float(n) for n in re.findall(r"-?\d+\.\d", desk.page.inner_text("#where"))]
    assert told == pytest.approx(NODULE.centre, abs=CLOSE_MM), "and is shown without a click"
    desk.click("[data-layout=axial]")
    see_the_finding(desk, SECOND, "Left lung")
    see_the_finding(desk, NODULE, "Right lung")
    read_the_numbers(desk, "Right lung", NODULE.diameter_mm)
    see_why(desk, "Right lung")
    kept = desk.clicks
    reject(desk, "Left lung", "vessel in cross-section")
    rejected = desk.clicks - kept
    sign(desk)
    ended = time.monotonic()
    desk.page.wait_for_selector(".group.chosen:has-text('Right lung')")
    assert desk.complaints == []
    desk.close()

    check_what_is_kept(clinic)
    with capsys.disabled():
        print(
            f"\npointing at two places: {asked[1]} clicks, {asked[0] - started:.1f} s with both "
            f"diagnoses; opening the case to the signed report, one lesion rejected: "
            f"{desk.clicks} clicks ({rejected} to reject it), {ended - opened:.1f} s, of which "
            f"loading the images {shown - opened:.1f} s"
        )
