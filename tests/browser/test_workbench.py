"""A clinician's morning in real Chromium: sign in, look, scroll, point, review, sign."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scene
from window import MARKS, Desk, green, hot, served

from suwen.core.nouns import Act
from suwen.records import report_of
from suwen.server.app import create_app

pytestmark = MARKS


@pytest.fixture(scope="module")
def clinic_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[scene.Clinic, str]]:
    clinic = scene.furnished(tmp_path_factory.mktemp("home"))

    def diagnose(payload: Any) -> None:
        scene.report_on(clinic, payload["patient"], clinic.findings)

    clinic.jobs.work = diagnose
    with served(create_app(clinic.store, clinic.settings, clinic.jobs, clinic.run)) as base:
        yield clinic, base
    clinic.store.close()


def look_at_the_worklist(desk: Desk) -> None:
    first = desk.page.locator(".worklist tbody tr").first
    assert "Nodule 1" in first.inner_text()
    assert "urgent" in first.inner_text()


def see_the_mask_come_and_go(desk: Desk) -> None:
    page = desk.page
    shown = desk.pixels()
    assert green(shown).sum() > 100, "the mask is drawn over the CT"
    assert np.std(shown[..., 1]) > 20, "the CT itself is drawn"
    page.click("#mask")
    page.wait_for_selector("[data-viewer][data-overlays='0']")
    assert green(desk.pixels()).sum() < 20, "without the mask nothing is green"
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
    assert hot(desk.pixels()).sum() > hot(cold).sum() + 100, "the saliency is drawn over the CT"
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


def test_a_clinician_looks_at_the_ct_reviews_and_signs(clinic_at: Any, browser: Any) -> None:
    clinic, base = clinic_at
    desk = Desk(browser, base)
    desk.sign_in()
    look_at_the_worklist(desk)
    desk.open_case()
    desk.overlays(1)
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


def test_an_auditor_verifies_the_log(clinic_at: Any, browser: Any) -> None:
    _, base = clinic_at
    desk = Desk(browser, base)
    desk.sign_in(scene.ADMINISTRATOR.id)
    desk.page.goto(f"{base}/admin")
    desk.page.click("text=Verify the chain")
    desk.page.wait_for_selector("[data-verdict=intact]")
    assert desk.complaints == []
    desk.close()


def test_a_click_in_the_image_is_measured_and_scored(clinic_at: Any, browser: Any) -> None:
    clinic, base = clinic_at
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


def test_a_refused_act_is_told_above_the_findings_which_stay(clinic_at: Any, browser: Any) -> None:
    clinic, base = clinic_at
    scene.report_on(clinic, clinic.patient, clinic.findings)
    desk = Desk(browser, base)
    page = desk.page
    desk.sign_in()
    page.goto(f"{base}/cases/{clinic.patient}")
    finding = page.locator(".finding", has_text="31%")
    for _ in range(2):
        finding.locator("summary", has_text="Reject").click()
        finding.locator("form input[name=reason]").last.fill("  ")
        finding.locator("button", has_text="Reject the finding").click()
        page.wait_for_selector("#panel > [role=alert]")
        finding.locator("summary", has_text="Reject").click()
    assert "No reason." in page.inner_text("#panel > [role=alert]")
    assert page.locator("#panel > [role=alert]").count() == 1, "the last refusal only"
    assert page.locator(".group").count() == 2
    finding.locator("form button[value=accepted]").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".review.accepted")
    assert page.evaluate("document.activeElement.className") == "finding"
    desk.close()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_every_page_fits_and_speaks_the_readers_language(
    clinic_at: Any, browser: Any, language: str, size: str
) -> None:
    clinic, base = clinic_at
    desk = Desk(browser, base, language, size)
    page = desk.page
    page.goto(f"{base}/sign-in")
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
        assert desk.scrolls_sideways() == 0, name
        if language == "zh":
            assert page.get_attribute("html", "lang") == "zh-Hans"
    assert desk.complaints == []
    desk.close()
