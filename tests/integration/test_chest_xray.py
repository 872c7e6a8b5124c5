"""A child's chest X-ray in a folder becomes a finding, or an abstention that says why."""

from __future__ import annotations

import pytest
from tests.unit.imaging.radiographs import dx

from suwen.app.diagnose import diagnose_folder
from suwen.app.services import operator
from suwen.cli import DiagnoseRequest
from suwen.core.codes import PNEUMONIA
from suwen.core.nouns import Band
from suwen.core.settings import Settings
from suwen.imaging.chest import task as chest
from suwen.records import Store, report_of


@pytest.fixture
def diagnosed(tmp_path):
    def of(language: str, **fields: object):
        folder, out = tmp_path / "patient", tmp_path / "out"
        folder.mkdir()
        (folder / "picture.dcm").write_bytes(dx(**fields))
        home = Settings(home=tmp_path / "home")
        outcome = diagnose_folder(DiagnoseRequest(folder, out, language), home)
        with Store.open(home) as store:
            access = store.session(operator(store), "treatment")
            report = report_of(access.read(f"Report/{outcome.report}", outcome.patient))
        page = next(out.rglob("report.html")).read_text(encoding="utf-8")
        return [f for f in report.findings if f.task == chest.CHEST_XRAY], page

    return of


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_adult_gets_no_answer_and_reads_why(diagnosed, language):
    (finding,), page = diagnosed(language, PatientAge="045Y")
    assert (finding.band, finding.code) == (Band.ABSTAIN, PNEUMONIA)
    assert chest.ADULT.of(language) in page


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_drawing_is_answered_or_the_guard_says_what_is_unlike_a_chest(diagnosed, language):
    (finding,), page = diagnosed(language)
    assert finding.reason is not None
    assert finding.evidence[0].record.startswith("ImagingStudy/")
    if finding.band is Band.ABSTAIN:
        assert finding.reason.of(language)[:20] in page
    else:
        assert finding.probability.low <= finding.probability.value <= finding.probability.high
