"""The API of cases: whose records there are, new files, diagnoses and jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from suwen.core.codes import Text
from suwen.diagnosis.problems import urgency
from suwen.server.api.tasks import MOST_POINTS, PointInput, Strict
from suwen.server.asking import Asking, Signed
from suwen.server.case import reports
from suwen.server.case.diagnoses import ask_diagnosis, ask_intake, own_job
from suwen.server.case.patients import PatientId
from suwen.server.case.points import add_points
from suwen.server.held.jobs import JobStatus
from suwen.server.problem import ERRORS
from suwen.server.sent.uploads import FORM_SCHEMA

router = APIRouter(prefix="/api", responses=ERRORS)


class CaseInfo(BaseModel):
    """A patient of the reader, with the newest report's standing."""

    patient: str
    rank: float = Field(description="Highest first: 3 to 4 rule-in, 2 to 3 grey, 1.5 left open.")
    reason: Text | None
    report: str | None = Field(description="Id of the newest report.")
    status: str
    created: datetime | None


class RecordInfo(BaseModel):
    """One record of a case."""

    reference: str
    type: str


class CaseDetail(CaseInfo):
    """A case with the references of its records."""

    records: list[RecordInfo]


class DiagnoseInput(Strict):
    """Places to record before the diagnosis; may be empty."""

    points: Annotated[list[PointInput], Field(max_length=MOST_POINTS)] = Field(default_factory=list)


def _info(asking: Asking, patient: str) -> CaseInfo:
    stored = reports.latest(asking.access, patient)
    if stored is None:
        return CaseInfo(
            patient=patient, rank=0, reason=None, report=None, status="none", created=None
        )
    rank, reason = urgency(stored.report)
    return CaseInfo(
        patient=patient,
        rank=rank,
        reason=reason,
        report=stored.report.id,
        status=stored.report.status,
        created=stored.report.created,
    )


@router.get("/cases", operation_id="list_cases", tags=["cases"])
def list_cases(asking: Signed, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[CaseInfo]:
    """Return the reader's cases, the most urgent first."""
    found = [_info(asking, summary.patient) for summary in asking.access.patients()]
    return sorted(found, key=lambda info: (-info.rank, info.patient))[:limit]


@router.get("/cases/{patient}", operation_id="get_case", tags=["cases"])
def get_case(asking: Signed, patient: PatientId) -> CaseDetail:
    """Return one case with the references of its records."""
    case = asking.access.case(patient)
    records = [RecordInfo(reference=r.reference, type=r.type) for r in case.records]
    return CaseDetail(**_info(asking, patient).model_dump(), records=records)


@router.post(
    "/cases",
    operation_id="new_case",
    tags=["cases"],
    status_code=202,
    openapi_extra=FORM_SCHEMA,
)
async def new_case(request: Request, asking: Signed) -> JobStatus:
    """Send the files of one patient, sealed as they come; a job reads and diagnoses them."""
    return await ask_intake(request, asking)


@router.post("/cases/{patient}/diagnose", operation_id="diagnose", tags=["cases"], status_code=202)
def diagnose(asking: Signed, patient: PatientId, body: DiagnoseInput) -> JobStatus:
    """Run every applicable task on the patient's current records, as a job."""
    if body.points:
        add_points(asking, patient, [(p.x, p.y, p.z) for p in body.points])
    return ask_diagnosis(asking, patient)


@router.get("/jobs", operation_id="list_jobs", tags=["jobs"])
def list_jobs(asking: Signed) -> list[JobStatus]:
    """Return the jobs the reader asked for, newest first."""
    return [job for job in asking.bench.jobs.list() if job.person == asking.person.id]


@router.get("/jobs/{job}", operation_id="get_job", tags=["jobs"])
def get_job(asking: Signed, job: str) -> JobStatus:
    """Return where a job of the reader stands."""
    return own_job(asking, job)
