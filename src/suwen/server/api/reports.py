"""The API of reports and findings: read, review, sign, withdraw."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from suwen.core.errors import NotFound
from suwen.core.nouns import Act, Band, Finding, Report
from suwen.server.api.tasks import Strict
from suwen.server.asking import Asking, Signed
from suwen.server.case import reports
from suwen.server.case.patients import PATIENT_PATTERN
from suwen.server.case.reports import Stored, Wish
from suwen.server.problem import ERRORS

router = APIRouter(prefix="/api", responses=ERRORS)

PatientQuery = Annotated[str, Query(pattern=PATIENT_PATTERN, description="Whose.")]
ReportId = Annotated[str, Path(pattern=r"^[A-Za-z0-9\-.]{1,64}$")]


class ReportEntry(BaseModel):
    """A report with its versioned reference, which acts on it name."""

    version: str
    report: Report


class FindingEntry(BaseModel):
    """A finding with its id and the report it stands in."""

    id: str
    report: str
    finding: Finding


class ReviewInput(Strict):
    """What to do with one finding of the report version you looked at."""

    version: str = Field(max_length=200)
    finding: str = Field(max_length=64)
    act: Literal["accepted", "edited", "rejected"]
    reason: str = Field("", max_length=500)
    text: str = Field("", max_length=2000)


class SignatureInput(Strict):
    """The report version you looked at."""

    version: str = Field(max_length=200)


class WithdrawalInput(SignatureInput):
    """The report version you looked at, and why it is withdrawn."""

    reason: str = Field(min_length=1, max_length=500)


@router.get("/reports", operation_id="list_reports", tags=["reports"])
def list_reports(asking: Signed, patient: PatientQuery) -> list[ReportEntry]:
    """Return a patient's reports, the newest first."""
    return [_entry(stored) for stored in reports.all_of(asking.access, patient)]


@router.get("/reports/{report}", operation_id="get_report", tags=["reports"])
def get_report(asking: Signed, report: ReportId, patient: PatientQuery) -> ReportEntry:
    """Return one report in its newest version."""
    return _entry(_find(asking, patient, report))


@router.post("/reports/{report}/reviews", operation_id="review_finding", tags=["reports"])
def review(
    asking: Signed, report: ReportId, patient: PatientQuery, body: ReviewInput
) -> ReportEntry:
    """Accept, edit or reject a finding; the act stands in the decision log."""
    wish = Wish(Act(body.act), body.version, body.finding, body.reason, body.text)
    return _act(asking, patient, report, wish)


@router.post("/reports/{report}/signature", operation_id="sign_report", tags=["reports"])
def sign(
    asking: Signed, report: ReportId, patient: PatientQuery, body: SignatureInput
) -> ReportEntry:
    """Sign a report; what was not rejected is accepted."""
    return _act(asking, patient, report, Wish(Act.SIGNED, body.version))


@router.post("/reports/{report}/withdrawal", operation_id="withdraw_report", tags=["reports"])
def withdraw(
    asking: Signed, report: ReportId, patient: PatientQuery, body: WithdrawalInput
) -> ReportEntry:
    """Withdraw a report, draft or signed."""
    return _act(asking, patient, report, Wish(Act.WITHDRAWN, body.version, reason=body.reason))


@router.get("/findings", operation_id="list_findings", tags=["findings"])
def list_findings(
    asking: Signed, patient: PatientQuery, task: str = "", band: Band | None = None
) -> list[FindingEntry]:
    """Return the findings of a patient's newest report."""
    stored = reports.latest(asking.access, patient)
    if stored is None:
        return []
    return [
        FindingEntry(id=finding.id, report=stored.report.id, finding=finding)
        for finding in stored.report.findings
        if task in {"", finding.task} and band in {None, finding.band}
    ]


@router.get("/findings/{finding}", operation_id="get_finding", tags=["findings"])
def get_finding(
    asking: Signed, finding: Annotated[str, Path(max_length=64)], patient: PatientQuery
) -> FindingEntry:
    """Return one finding by its id, from whichever report holds it."""
    for stored in reports.all_of(asking.access, patient):
        for one in stored.report.findings:
            if one.id == finding:
                return FindingEntry(id=one.id, report=stored.report.id, finding=one)
    raise NotFound("no such finding of this patient", "the id of one", "list the findings")


def _find(asking: Asking, patient: str, report: str) -> Stored:
    for stored in reports.all_of(asking.access, patient):
        if stored.report.id == report:
            return stored
    raise NotFound("no such report of this patient", "the id of one", "list the reports")


def _act(asking: Asking, patient: str, report: str, wish: Wish) -> ReportEntry:
    _find(asking, patient, report)
    changed = reports.perform(asking.access, patient, asking.person.id, wish)
    asking.bench.metrics.count_act(changed.report, wish.finding, wish.act)
    return _entry(changed)


def _entry(stored: Stored) -> ReportEntry:
    return ReportEntry(version=stored.reference, report=stored.report)
