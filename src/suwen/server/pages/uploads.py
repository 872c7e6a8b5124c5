"""Pages of device data sent for a patient: by the patient from home, or by the care team."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from suwen.server.asking import Asking, Signed
from suwen.server.case.head import case_head
from suwen.server.case.patients import PatientId
from suwen.server.language import say
from suwen.server.render import page
from suwen.server.sent import exports

router = APIRouter(include_in_schema=False, prefix="/cases/{patient}/device-data")
JobId = Annotated[str, Path(pattern=exports.JOB_PATTERN)]


@router.get("")
def uploads_page(request: Request, asking: Signed, patient: PatientId) -> HTMLResponse:
    """Show the form for new files, and the imports so far."""
    found = exports.standings(asking, patient)
    return page(
        asking,
        request,
        "uploads.html",
        **_frame(asking, patient),
        imports=found,
        limits=exports.limits_told(asking),
        most=exports.limits(asking),
        taken=[(name, say(asking.language, form)) for name, form in exports.TAKEN],
    )


@router.post("")
async def send(request: Request, asking: Signed, patient: PatientId) -> Response:
    """Take files in, sealed as they come, and have them read; then show how that stands."""
    job = await exports.send(request, asking, patient)
    return Response(status_code=201, headers={"HX-Redirect": _address(patient, job)})


@router.get("/{job}")
def import_page(request: Request, asking: Signed, patient: PatientId, job: JobId) -> HTMLResponse:
    """Show how an import stands, and what became of it."""
    found = exports.standing(asking, patient, job)
    whole = "hx-request" not in request.headers
    return page(
        asking,
        request,
        "upload.html" if whole else "upload_part.html",
        **(_frame(asking, patient) if whole else {"patient": patient}),
        one=found,
        zones=exports.zones() if found.asks and "zone" in found.account["questions"] else [],
        here_zone=exports.own_zone(),
        date=lambda text: exports.date_of(asking.language, text),
    )


@router.post("/{job}/answers")
async def answers(request: Request, asking: Signed, patient: PatientId, job: JobId) -> Response:
    """Read the files again with what they did not say."""
    form = await request.form()
    given = {name: value for name, value in form.items() if isinstance(value, str)}
    again = await run_in_threadpool(exports.answer, asking, patient, job, given)
    return RedirectResponse(_address(patient, again), 303)


@router.post("/{job}/remove")
def remove(asking: Signed, patient: PatientId, job: JobId) -> Response:
    """Remove files whose questions nobody will answer."""
    exports.remove(asking, patient, job)
    return RedirectResponse(f"/cases/{patient}/device-data", 303)


def _address(patient: str, job: str) -> str:
    return f"/cases/{patient}/device-data/{job}"


def _frame(asking: Asking, patient: str) -> dict[str, object]:
    """Return who it is about, and where the reader came from."""
    people = asking.access.search("Patient", patient)
    return {
        **case_head(asking, patient, people),
        "own": asking.person.role == "patient",
        "here": "worklist" if asking.person.role == "patient" else "",
    }
