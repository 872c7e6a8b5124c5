"""The HTML report in real Chromium: it fits a phone, runs nothing and loads nothing."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from window import MARKS

pytestmark = MARKS


def _patient() -> Any:
    """Return the module that draws the example patient of the unit tests."""
    path = Path(__file__).parents[1] / "unit" / "diagnosis" / "conftest.py"
    spec = importlib.util.spec_from_file_location("diagnosis_patient", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


example = _patient()
findings, images, patient = example.findings, example.images, example.patient
case, report, particulars = example.case, example.report, example.particulars


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_report_fits_the_screen_shows_its_images_and_runs_nothing(
    browser: Any,
    tmp_path: Path,
    report: Any,
    images: Any,
    particulars: Any,
    language: Any,
    width: int,
) -> None:
    from suwen.diagnosis.html import html_report

    path = tmp_path / "report.html"
    path.write_text(html_report(report, language, images, particulars), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 844})
    loaded: list[str] = []
    dialogs: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    assert page.locator("img").count() == 4
    assert [url for url in loaded if not url.startswith(("file:", "data:"))] == []
    assert dialogs == []
    page.close()
