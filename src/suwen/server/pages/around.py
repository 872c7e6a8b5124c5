"""Pages around the cases: sign-in, language, worklist, jobs."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from suwen.core import registry
from suwen.core.codes import Language
from suwen.core.errors import SuwenError
from suwen.diagnosis.language import message
from suwen.server.asking import (
    GUEST_COOKIE,
    SESSION_COOKIE,
    Asking,
    Signed,
    bench_of,
    form_token,
    language_of,
    set_cookie,
    verify_guest,
)
from suwen.server.case import worklist
from suwen.server.case.diagnoses import ask_intake, own_job
from suwen.server.held.jobs import JobStatus
from suwen.server.language import COOKIE, moment, say
from suwen.server.render import guest_page, heading, page
from suwen.server.sent.uploads import MOST_FILES

router = APIRouter(include_in_schema=False)

JOB_KINDS = {
    "diagnose": message("Diagnosis"),
    "intake": message("New files"),
    "import": message("Device data"),
}
JOB_STATES = {
    "queued": message("Waiting to start"),
    "running": message("Working"),
    "done": message("Done"),
    "failed": message("Did not finish"),
}
JOB_STEPS = {
    "intake": message("Reading the files"),
    "import": message("Reading the files"),
    "points": message("Recording the places"),
    "open": message("Opening the case"),
    "report": message("Composing the report"),
    "outputs": message("Writing the documents"),
}
Short = Annotated[str, Form(max_length=200)]


def inside(address: str) -> str:
    """Return an address of this workbench; anything else becomes the worklist."""
    plain = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if plain and address.isprintable() else "/"


@router.get("/sign-in")
def sign_in_page(request: Request, next: str = "/") -> HTMLResponse:
    """Show the sign-in form."""
    return guest_page(request, "sign_in.html", next=inside(next), error=None)


@router.post("/sign-in", dependencies=[Depends(verify_guest)])
def sign_in(
    request: Request,
    name: Short = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    """Start a session and go where the reader wanted to go."""
    bench = bench_of(request)
    address = request.client.host if request.client else ""
    try:
        person = bench.sign_in.verify(name.strip(), password, address)
    except SuwenError as error:
        return guest_page(
            request,
            "sign_in.html",
            error.http_status,
            next=inside(next),
            error=error,
            heading=heading(language_of(request), error),
        )
    response = RedirectResponse(inside(next), 303)
    bench.sessions.end(request.cookies.get(SESSION_COOKIE))
    set_cookie(request, response, SESSION_COOKIE, bench.sessions.begin(person))
    response.delete_cookie(GUEST_COOKIE)
    if COOKIE not in request.cookies:
        set_cookie(request, response, COOKIE, person.language)
    return response


@router.post("/sign-out")
def sign_out(asking: Signed) -> Response:
    """End the session."""
    asking.bench.sessions.end(asking.token)
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(SESSION_COOKIE)
    return response


@router.post("/language")
async def change_language(
    request: Request,
    language: Annotated[str, Form(pattern="^(en|zh)$")],
    back: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    """Remember the reader's language."""
    session = bench_of(request).sessions.find(request.cookies.get(SESSION_COOKIE))
    if session is None:
        await verify_guest(request)
    else:
        session.verify_csrf(await form_token(request))
    response = RedirectResponse(inside(back), 303)
    set_cookie(request, response, COOKIE, language)
    return response


@router.get("/")
def worklist_page(
    request: Request, asking: Signed, q: str = "", level: str = "", status: str = ""
) -> Response:
    """Show the patients of the reader's care teams, the most urgent first.

    Auditors go to the log, and patients to their own home.
    """
    if asking.may["review"]:
        return RedirectResponse("/admin", 303)
    if asking.person.role == "patient" and asking.person.patient:
        return RedirectResponse(f"/cases/{asking.person.patient}/home", 303)
    filters = worklist.Filters(q[:100], level, status)
    language = asking.language
    rows = worklist.rows(asking.access, language, filters) if asking.may["work"] else []
    return page(
        asking,
        request,
        "worklist.html",
        here="worklist",
        rows=rows,
        filters=filters,
        level_names={key: say(language, name) for key, name in worklist.LEVELS.items()},
        status_names={key: say(language, name) for key, name in worklist.STATUSES.items()},
    )


@router.get("/jobs")
def jobs_page(request: Request, asking: Signed) -> HTMLResponse:
    """Show the jobs the reader asked for."""
    language = asking.language
    mine = [job for job in asking.bench.jobs.list() if job.person == asking.person.id]
    shown = [
        {
            "job": job,
            "when": moment(job.created),
            "kind": say(language, JOB_KINDS[job.kind]) if job.kind in JOB_KINDS else job.kind,
            "state": say(language, JOB_STATES[job.state]),
            "step": step_name(language, job.step) if job.state == "running" else "",
        }
        for job in mine[:200]
    ]
    return page(asking, request, "jobs.html", here="jobs", jobs=shown)


def step_name(language: Language, step: str) -> str:
    """Return what a job is doing now, in words: a step of its own or a task's title."""
    if (known := step.partition(":")[0]) in JOB_STEPS:
        return say(language, JOB_STEPS[known])
    return next((t.title.of(language) for t in registry.tasks() if t.name == step), step)


@router.get("/jobs/{job}")
def job_part(request: Request, asking: Signed, job: str) -> HTMLResponse:
    """Show where a job stands, inside a page."""
    return job_view(request, asking, own_job(asking, job))


def job_view(request: Request, asking: Asking, job: JobStatus) -> HTMLResponse:
    """Return the part of a page that follows a job; on a case page it refreshes the findings."""
    current = urlsplit(request.headers.get("hx-current-url", "")).path.rstrip("/")
    own = {f"/cases/{job.patient}", f"/cases/{job.patient}/images"}
    return page(
        asking,
        request,
        "job.html",
        job=job,
        state_name=say(asking.language, JOB_STATES[job.state]),
        step_name=step_name(asking.language, job.step),
        on_case=bool(job.patient) and current in own,
    )


@router.get("/cases/new")
def new_case_page(request: Request, asking: Signed) -> HTMLResponse:
    """Show the form for the files of a new case."""
    limits = say(
        asking.language,
        "At most %(files)s files of %(mb)s MiB each. They are sealed as they come, read into the "
        "encrypted store and then removed.",
        files=MOST_FILES,
        mb=asking.bench.settings.max_upload_mb,
    )
    return page(asking, request, "new_case.html", here="new", limits=limits)


@router.post("/cases")
async def new_case(request: Request, asking: Signed) -> HTMLResponse:
    """Take the files in, sealed as they come, and start a job that reads and diagnoses them."""
    status = await ask_intake(request, asking)
    return await run_in_threadpool(job_view, request, asking, status)
