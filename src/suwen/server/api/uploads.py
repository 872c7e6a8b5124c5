"""The API of device data sent as files: in, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from suwen.server.api.tasks import Strict
from suwen.server.asking import Signed
from suwen.server.case.patients import PatientId
from suwen.server.held.jobs import JobState
from suwen.server.problem import ERRORS
from suwen.server.sent import exports
from suwen.server.sent.exports import Standing
from suwen.server.sent.uploads import FORM_SCHEMA

router = APIRouter(prefix="/api/cases/{patient}/device-data", responses=ERRORS, tags=["streams"])
JobId = Annotated[str, Path(pattern=exports.JOB_PATTERN, description="Id of an import.")]


class AnswerInput(Strict):
    """What the files did not say."""

    zone: str = Field("", max_length=64, description="IANA name, of local times.")
    units: dict[str, str] = Field(
        default_factory=dict, max_length=50, description="Unit of a quantity, by its key."
    )


class ImportInfo(BaseModel):
    """How an import stands, and what became of it."""

    id: str
    state: JobState
    created: datetime
    read: int = Field(description="Readings taken so far.")
    asks: bool = Field(description="Its questions wait for an answer.")
    account: dict[str, Any] = Field(
        description="What was read, known, refused and has to be asked; empty while it runs."
    )
    error: dict[str, str] | None = None


@router.post("", operation_id="send_device_data", status_code=202, openapi_extra=FORM_SCHEMA)
async def send(request: Request, asking: Signed, patient: PatientId) -> ImportInfo:
    """Take in exports of devices, sealed as they come, and have them read."""
    job = await exports.send(request, asking, patient)
    return _told(await run_in_threadpool(exports.standing, asking, patient, job))


@router.get("", operation_id="list_device_data")
def list_imports(asking: Signed, patient: PatientId) -> list[ImportInfo]:
    """Return the imports of a patient, the newest first."""
    return [_told(one) for one in exports.standings(asking, patient)]


@router.get("/{job}", operation_id="get_device_data")
def get_import(asking: Signed, patient: PatientId, job: JobId) -> ImportInfo:
    """Return how an import stands."""
    return _told(exports.standing(asking, patient, job))


@router.post("/{job}/answers", operation_id="answer_device_data", status_code=202)
def answer(asking: Signed, patient: PatientId, job: JobId, body: AnswerInput) -> ImportInfo:
    """Read the files again with what they did not say."""
    units = {f"{exports.UNIT_FIELD}{key}": unit for key, unit in body.units.items()}
    again = exports.answer(asking, patient, job, {"zone": body.zone, **units})
    return _told(exports.standing(asking, patient, again))


def _told(one: Standing) -> ImportInfo:
    return ImportInfo(
        id=one.job.id,
        state=one.job.state,
        created=one.job.created,
        read=one.read,
        asks=one.asks,
        account=dict(one.account),
        error=one.job.error,
    )
