"""The page of cohorts in real Chromium: files in, report and ZIP out, on a desk and on a phone."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import scene
from window import MARKS, Desk, served

from suwen.server.app import create_app

pytestmark = MARKS
SHOTS = Path(__file__).parents[2] / "docs" / "screenshots"
TABLE = "MRN,name,age,sex,illness\n" + "".join(
    f"{7000000 + i},Ann Kowal{i},{20 + i % 60},{'FM'[i % 2]},{('gout', 'asthma')[i // 2 % 2]}\n"
    for i in range(120)
)
WORDS = {"en": ("Make the cohort", "of 120 people are released"), "zh": ("生成队列", "共 120 人")}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    clinic = scene.open_clinic(tmp_path_factory.mktemp("home"))
    with served(create_app(clinic.store, clinic.settings, clinic.jobs, clinic.run)) as address:
        yield address
    clinic.store.close()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_scientist_sends_a_table_reads_the_report_and_fetches_the_cohort(
    base: str, browser: Any, tmp_path: Path, language: str, size: str
) -> None:
    table = tmp_path / "patients.csv"
    table.write_text(TABLE)
    desk = Desk(browser, base, language, size)
    page = desk.page
    desk.sign_in("sci")
    page.click("nav a[href='/cohorts']")
    make, released = WORDS[language]
    page.set_input_files("#files", table)
    page.fill("#k", "200")
    page.click(f"button:has-text('{make}')")
    page.wait_for_selector(".refused [role=alert]")
    assert page.input_value("#k") == "200", "what was typed stays"
    assert desk.scrolls_sideways() == 0
    page.fill("#k", "5")
    page.fill("#l", "2")
    page.fill("#sensitive", "illness")
    page.click(f"button:has-text('{make}')")
    page.wait_for_selector("#cohort table")
    assert released in page.inner_text("#cohort")
    assert page.locator(".refused [role=alert]").count() == 0, "the refusal is gone"
    assert page.locator("#cohort svg[role=img]").count() == 2
    assert desk.scrolls_sideways() == 0
    with page.expect_download() as fetched:
        page.click("#cohort a[download]")
    with zipfile.ZipFile(fetched.value.path()) as archive:
        assert "cohort/cohort.csv" in archive.namelist()
        (tmp_path / "report.html").write_bytes(archive.read(f"cohort/report.{language}.html"))
    if os.environ.get("SUWEN_SCREENSHOTS") == "1":
        page.screenshot(path=SHOTS / f"cohorts-{language}-{size}.png", full_page=True)
        page.goto(f"file://{tmp_path / 'report.html'}")
        page.screenshot(path=f"/tmp/own/report-{language}-{size}.png", full_page=True)
    assert [one for one in desk.complaints if "422" not in one] == []
    desk.close()
