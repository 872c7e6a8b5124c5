"""The typed HTTP API, generic over Tasks: registering a Task gives it an endpoint with a schema.

Errors have one shape, `Problem`. Authenticate with a bearer token (`POST /api/sign-in`) or with the
workbench's cookie and the header `X-CSRF-Token`.
"""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, create_model

from suwen.core import registry
from suwen.core.codes import Code, Text
from suwen.core.errors import SuwenError
from suwen.core.nouns import Finding
from suwen.lifecycle.task import Task
from suwen.server.asking import Asking, Signed, bench_of
from suwen.server.case.patients import PATIENT_PATTERN
from suwen.server.case.points import add_points
from suwen.server.problem import ERRORS

PLACED = {"ImagingStudy", "BodyStructure"}
"""Resource types of tasks that accept points in an image."""
MOST_POINTS = 100

router = APIRouter(prefix="/api", responses=ERRORS)


class Strict(BaseModel):
    """A request body: nothing unknown is accepted."""

    model_config = ConfigDict(extra="forbid")


class SignInRequest(Strict):
    """A name and its password."""

    name: str = Field(max_length=200)
    password: str = Field(max_length=1000)


class Token(BaseModel):
    """A bearer token, and the idle seconds after which it ends."""

    token: str
    idle_seconds: float


class PointInput(Strict):
    """A place in the images, in mm in the DICOM patient frame (LPS)."""

    x: float = Field(ge=-10_000, le=10_000, allow_inf_nan=False)
    y: float = Field(ge=-10_000, le=10_000, allow_inf_nan=False)
    z: float = Field(ge=-10_000, le=10_000, allow_inf_nan=False)


class TaskInput(Strict):
    """What every task needs: whose records it reads."""

    patient: str = Field(pattern=PATIENT_PATTERN, description="The store's pseudonymous id.")


class ReadsInfo(BaseModel):
    """What a task needs from a case."""

    resource_type: str
    modality: str = ""


class TaskInfo(BaseModel):
    """A registered task."""

    name: str
    title: Text
    reads: list[ReadsInfo]
    answers: str
    codes: list[Code]
    """What an answer may be."""
    asked: Code
    """What is asked about; with more than two classes none of `codes`."""
    unit: str = ""
    per: Text | None = None
    """Of places: what one sample is, in which false alarms are counted."""
    after: list[str]
    datasets: list[str]
    endpoint: str


@router.post("/sign-in", operation_id="sign_in", tags=["session"])
def sign_in(request: Request, body: SignInRequest) -> Token:
    """Start a session and return its bearer token."""
    bench = bench_of(request)
    address = request.client.host if request.client else ""
    person = bench.sign_in.verify(body.name, body.password, address)
    return Token(token=bench.sessions.begin(person), idle_seconds=bench.sessions.idle_s)


@router.delete("/sign-in", operation_id="sign_out", tags=["session"], status_code=204)
def sign_out(asking: Signed) -> None:
    """End the session of the token."""
    asking.bench.sessions.end(asking.token)


@router.get("/tasks", operation_id="list_tasks", tags=["tasks"])
def list_tasks(asking: Signed) -> list[TaskInfo]:
    """Return every registered task."""
    return [_info(task) for task in registry.tasks()]


def _info(task: Task) -> TaskInfo:
    answers = task.answers
    codes = answers.classes if answers.kind == "choice" else (answers.code,)
    codes = answers.types if answers.kind == "spans" else codes
    return TaskInfo(
        name=task.name,
        title=task.title,
        reads=[ReadsInfo(resource_type=r.resource_type, modality=r.modality) for r in task.reads],
        answers=answers.kind,
        codes=list(codes),
        asked=answers.asked,
        unit=answers.unit if answers.kind == "value" else "",
        per=answers.per if answers.kind == "places" else None,
        after=list(task.after),
        datasets=list(task.datasets),
        endpoint=f"/api/tasks/{task.name}",
    )


def task_router() -> APIRouter:
    """Return one typed endpoint for each registered task."""
    made = APIRouter(prefix="/api/tasks", responses=ERRORS, tags=["tasks"])
    for task in registry.tasks():
        made.add_api_route(
            f"/{task.name}",
            _endpoint(task),
            methods=["POST"],
            operation_id=f"run_{task.name.replace('.', '_')}",
            summary=task.title.en,
            description=f"{task.title.zh}. Answers on the patient's current records; each finding "
            "is stored and logged before it is returned.",
            response_model=list[Finding],
        )
    return made


def _endpoint(task: Task) -> Any:
    """Return the handler of one task, with the input schema its `reads` ask for."""
    fields: dict[str, Any] = {}
    if any(reads.resource_type in PLACED for reads in task.reads):
        fields["points"] = (
            Annotated[list[PointInput], Field(max_length=MOST_POINTS)],
            Field(default_factory=list, description="Places to answer about, recorded first."),
        )
    name = "".join(part.title() for part in task.name.replace(".", "_").split("_"))
    model = create_model(f"{name}Input", __base__=TaskInput, **fields)

    def run(asking: Asking, body: TaskInput) -> list[Finding]:
        points = [(p.x, p.y, p.z) for p in getattr(body, "points", [])]
        if points:
            add_points(asking, body.patient, points)
        return _timed(asking, task.name, body.patient)

    run.__annotations__ = {"asking": Signed, "body": model, "return": list[Finding]}
    return run


def _timed(asking: Asking, task: str, patient: str) -> list[Finding]:
    metrics = asking.bench.metrics
    began = time.perf_counter()
    try:
        findings = asking.bench.run(asking.access, patient, task)
    except SuwenError as error:
        metrics.task_errors.labels(task, error.code).inc()
        raise
    metrics.task_seconds.labels(task).observe(time.perf_counter() - began)
    for finding in findings:
        metrics.task_findings.labels(task, finding.band.value).inc()
    return findings
