"""The application: pages, API, metrics and health, wired around one store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from suwen import __version__
from suwen.core import registry
from suwen.core.errors import (
    BadInput,
    Busy,
    Denied,
    NotFound,
    SuwenError,
    TooManyAttempts,
    Unauthenticated,
)
from suwen.core.settings import Settings
from suwen.health.alerts.watchdog import Pulse, pulse
from suwen.health.readings.acceleration import derived
from suwen.records import Store
from suwen.records.alerts.book import AlertBook
from suwen.records.streams import gateway_state
from suwen.records.streams.door import Door, Judgement
from suwen.records.streams.gateway_state import GatewayState
from suwen.server.api import alerts as api_alerts
from suwen.server.api import cases as api_cases
from suwen.server.api import cohorts as api_cohorts
from suwen.server.api import ecg as api_ecg
from suwen.server.api import notes as api_notes
from suwen.server.api import reports as api_reports
from suwen.server.api import streams as api_streams
from suwen.server.api import tasks as api
from suwen.server.api import uploads as api_uploads
from suwen.server.api import visits as api_visits
from suwen.server.asking import SESSION_COOKIE, Asking, Bench, Run, bench_of, language_of
from suwen.server.held.auth import SignIn
from suwen.server.held.contacts import Contacts, NoContacts
from suwen.server.held.images import Shelf
from suwen.server.held.jobs import Jobs
from suwen.server.held.outputs import Output
from suwen.server.held.sessions import Sessions
from suwen.server.metrics import Metrics
from suwen.server.middleware import MIB, Guard, Observe, too_large
from suwen.server.pages import admin as pages_admin
from suwen.server.pages import advice as pages_advice
from suwen.server.pages import alerts as pages_alerts
from suwen.server.pages import around as pages
from suwen.server.pages import case as pages_case
from suwen.server.pages import charting as pages_charting
from suwen.server.pages import cohorts as pages_cohorts
from suwen.server.pages import devices as pages_devices
from suwen.server.pages import ecg as pages_ecg
from suwen.server.pages import ecg_events as pages_ecg_events
from suwen.server.pages import home as pages_home
from suwen.server.pages import images as pages_images
from suwen.server.pages import ladder as pages_ladder
from suwen.server.pages import notes as pages_notes
from suwen.server.pages import record as pages_record
from suwen.server.pages import risk as pages_risk
from suwen.server.pages import strips as pages_strips
from suwen.server.pages import summary as pages_summary
from suwen.server.pages import terms as pages_terms
from suwen.server.pages import uploads as pages_uploads
from suwen.server.pages import visits as pages_visits
from suwen.server.pages import ward as pages_ward
from suwen.server.pages import wards as pages_wards
from suwen.server.problem import body_of
from suwen.server.render import STATIC, guest_page, heading, page, part
from suwen.server.sent.uploads import WHOLE_FACTOR
from suwen.server.ward.board import HEARTBEAT

UPLOAD_PATHS = re.compile(r"(/api)?/(cases|cohorts)|(/api)?/cases/[A-Za-z0-9\-.]{1,64}/device-data")


def create_app(
    store: Store,
    settings: Settings,
    jobs: Jobs,
    run: Run,
    outputs: Mapping[str, Output] | None = None,
    contacts: Contacts | None = None,
) -> FastAPI:
    """Return the server of one store.

    Parameters
    ----------
    store, settings
        The records served, and how.
    jobs
        Where long work is asked for and followed.
    run
        Answers one task on a patient's current records; stores and logs each finding.
    outputs
        Forms in which a report can be downloaded, by the name that stands in the address.
    contacts
        What pages persons; None: nobody has an address.
    """
    metrics = Metrics()
    app = FastAPI(
        title="Suwen",
        version=__version__,
        summary="Explained, calibrated, replayable decision support. Not a medical device.",
        docs_url=None,
        redoc_url=None,
    )
    app.state.bench = Bench(
        store=store,
        settings=settings,
        jobs=jobs,
        outputs=dict(outputs or {}),
        metrics=metrics,
        sessions=Sessions(60.0 * settings.session_minutes),
        sign_in=SignIn(store, metrics),
        shelf=Shelf(),
        run=run,
        door=Door(store, Judgement.of(settings), derived),
        contacts=contacts or NoContacts(),
    )
    for task in registry.tasks():
        metrics.add_task(task.name)
    _route(app)
    _guard(app, settings, metrics)
    return app


def _guard(app: FastAPI, settings: Settings, metrics: Metrics) -> None:
    """Refuse what is too large or hostile before it is read, and count every request."""
    app.add_middleware(
        Guard,
        answer=_answer,
        upload_limit=WHOLE_FACTOR * settings.max_upload_mb * MIB,
        upload_paths=UPLOAD_PATHS,
    )
    app.add_middleware(Observe, metrics=metrics, answer=_answer)


def _route(app: FastAPI) -> None:
    """Add every address (the API, the pages, what machines ask for) and how errors are told."""
    doors = [api_cases, api_reports, api_notes, api_visits, api_cohorts, api_streams, api_alerts]
    doors += [api_uploads, api_ecg]
    screens = [pages, pages_home, pages_case, pages_images, pages_notes, pages_terms, pages_strips]
    screens += [pages_summary, pages_visits, pages_cohorts, pages_admin, pages_ward, pages_alerts]
    screens += [pages_advice, pages_risk, pages_record, pages_uploads, pages_devices, pages_wards]
    screens += [pages_ecg, pages_ecg_events, pages_charting, pages_ladder]
    routers = [api.router, api.task_router(), *(one.router for one in doors + screens)]
    for router in routers:
        # As they are: `include_router` makes each route anew, a fifth of a second a server.
        app.router.routes += router.routes
    app.add_api_route("/metrics", _metrics, include_in_schema=False)
    app.add_api_route("/healthz", _health, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_exception_handler(SuwenError, _suwen_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)


def _metrics(request: Request) -> Response:
    """Return the Prometheus series."""
    bench = bench_of(request)
    bench.metrics.alarm_pulse.set(_pulse(bench).age_s)
    stands = gateway_state.told(bench.store)
    for state in GatewayState:
        bench.metrics.gateway.labels(state.value).set(state is stands)
    return PlainTextResponse(bench.metrics.text(), media_type="text/plain; version=0.0.4")


def _pulse(bench: Bench) -> Pulse:
    return pulse(AlertBook(bench.store).last_beat(HEARTBEAT), datetime.now(UTC))


def _health(request: Request) -> Response:
    """Say whether the store and its decision log answer, and whether alarms are watched."""
    bench = bench_of(request)
    counts = bench.store.counts()
    head = bench.store.log.head()
    healthy = head.count == counts["decisions"]
    body = {
        "status": "ok" if healthy else "broken",
        "version": __version__,
        "log": head.count,
        "alarms": "watched" if _pulse(bench).alive else "not watched",
        "gateway": gateway_state.told(bench.store).value,
    }
    return JSONResponse(body, 200 if healthy else 503)


def _for_program(request: Request) -> bool:
    return request.url.path.startswith(("/api/", "/metrics", "/healthz", "/openapi"))


def _suwen_error(request: Request, error: Exception) -> Response:
    return _answer(request, cast(SuwenError, error))


def _answer(request: Request, error: SuwenError) -> Response:
    """Answer a known error in the form its reader needs."""
    if _for_program(request):
        return _json(error)
    if "hx-request" in request.headers:
        return part(request, error)
    if isinstance(error, Unauthenticated) and request.method == "GET":
        return RedirectResponse(f"/sign-in?next={quote(request.url.path)}", 303)
    return _error_page(request, error)


def _error_page(request: Request, error: SuwenError) -> Response:
    bench = bench_of(request)
    token = request.cookies.get(SESSION_COOKIE)
    session = bench.sessions.find(token)
    language = language_of(request)
    values: dict[str, Any] = {
        "error": error,
        "heading": heading(language, error),
        "break_glass": "",
    }
    if session is None or token is None:
        return guest_page(request, "error.html", error.http_status, **values)
    asking = Asking(bench, session, language, token)
    patient = request.path_params.get("patient", "")
    if isinstance(error, Denied) and patient and request.method == "GET" and asking.may["act"]:
        values["break_glass"] = patient
    return page(asking, request, "error.html", error.http_status, **values)


def _json(error: SuwenError) -> JSONResponse:
    headers = {}
    if isinstance(error, TooManyAttempts | Busy):
        headers["Retry-After"] = str(error.seconds)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body_of(error), error.http_status, headers)


def _invalid(request: Request, error: Exception) -> Response:
    """Turn a failed validation into the one error shape; names fields, never values."""
    found = cast(RequestValidationError, error).errors()
    places = sorted({".".join(str(part) for part in e["loc"][:6]) for e in found})
    kinds = sorted({str(e["type"]) for e in found})
    return _answer(
        request,
        BadInput(
            f"the request is not valid at {', '.join(places[:10])} ({', '.join(kinds[:5])})",
            "the schema in /openapi.json",
            "correct these fields",
        ),
    )


def _http_error(request: Request, error: Exception) -> Response:
    """Turn the framework's own errors into the one error shape."""
    error = cast(HTTPException, error)
    known: SuwenError
    if error.status_code == 404:
        known = NotFound("no such address", "one this server offers", "check the address")
    elif error.status_code == 413:
        known = too_large(bench_of(request).settings.max_upload_mb * MIB)
    else:
        known = BadInput(
            f"the request was refused ({error.status_code})",
            "a method and form this address accepts",
            "see /openapi.json",
        )
        known.http_status = error.status_code
    answer = _answer(request, known)
    for name, value in (error.headers or {}).items():
        answer.headers.setdefault(name, value)
    return answer
