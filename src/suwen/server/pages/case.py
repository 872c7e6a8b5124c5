"""The case page: images, findings, context, and what a person can do with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from suwen.core.errors import BadInput, NotFound
from suwen.core.nouns import Act, Case
from suwen.imaging.display import windows
from suwen.server.asking import Asking, Signed
from suwen.server.case import reports
from suwen.server.case.context import context_of
from suwen.server.case.diagnoses import ask_diagnosis
from suwen.server.case.head import in_emergency
from suwen.server.case.patients import PatientId, about
from suwen.server.case.points import point_out
from suwen.server.case.reports import Stored, Wish
from suwen.server.case.view import group_views, report_view
from suwen.server.ecg.gallery import checked
from suwen.server.held.images import SeriesEntry, named
from suwen.server.held.overlays import Layers
from suwen.server.notes.visits import standing
from suwen.server.pages.around import job_view
from suwen.server.render import page

router = APIRouter(include_in_schema=False, prefix="/cases/{patient}")
Reason = Annotated[str, Form(max_length=500)]
Seen = Annotated[str, Form(max_length=200)]


@dataclass(frozen=True)
class Opened:
    """A case as the reader may see it, with its reports, the newest first."""

    asking: Asking
    case: Case
    reports: list[Stored]

    @cached_property
    def entries(self) -> list[SeriesEntry]:
        """Return what can be shown of the case."""
        return self.asking.bench.shelf.entries(self.case)

    @property
    def layers(self) -> Layers:
        """Return how the pages of this case name images and what lies over them."""
        blobs = f"/cases/{self.case.patient}/blobs"
        return Layers(
            url=lambda digest: f"{blobs}/{digest}.nii.gz",
            series=lambda series, instance: named(self.entries, series, instance),
            blob=self.case.blob,
        )

    def head(self) -> dict[str, Any]:
        """Return what the head of the page shows, and the series the viewer offers."""
        people, patient = self.case.of("Patient"), self.case.patient
        return {
            "about": about(self.asking.language, patient, people[-1].content if people else None),
            "series": self.entries,
            "windows": windows(),
        }

    def values(self) -> dict[str, Any]:
        """Return what the findings panel shows."""
        asking, patient = self.asking, self.case.patient
        newest = self.reports[0] if self.reports else None
        names: Callable[[str], str] = asking.bench.name_of
        emergency = in_emergency(asking, patient)
        values: dict[str, Any] = {
            "patient": patient,
            "report": None,
            "groups": [],
            "checked": {},
            "emergency": emergency,
            "may": asking.may | {"sign": asking.may["sign"] and not emergency},
        }
        if newest is None:
            return values
        language = asking.language
        newer = reports.newer_records(asking.access, self.case, newest)
        values["report"] = report_view(language, newest, newer, names)
        values["groups"] = group_views(language, newest.report, self.layers, names)
        values["checked"] = checked(language, self.case, newest.report.findings)
        values["downloads"] = [
            (name, output.label.of(language)) for name, output in asking.bench.outputs.items()
        ]
        return values


def opened(asking: Asking, patient: str) -> Opened:
    """Open a case; the store checks and logs it."""
    access = asking.access
    return Opened(asking, access.case(patient), reports.all_of(access, patient))


@router.get("")
def case_page(request: Request, asking: Signed, patient: PatientId) -> HTMLResponse:
    """Show a case."""
    found = opened(asking, patient)
    context = context_of(found.case, asking.language)
    return page(
        asking,
        request,
        "case.html",
        **found.values(),
        **found.head(),
        full=False,
        notes=context.notes,
        visits=standing(asking, found.case),
        labs=context.labs,
        vitals=context.vitals,
        conditions=context.conditions,
        recorded=context.recorded,
    )


@router.get("/images")
def images_page(request: Request, asking: Signed, patient: PatientId) -> HTMLResponse:
    """Show the images alone, with the findings beside them."""
    found = opened(asking, patient)
    return page(asking, request, "images.html", **found.values(), **found.head(), full=True)


@router.get("/panel")
def panel(request: Request, asking: Signed, patient: PatientId) -> HTMLResponse:
    """Show the report and the findings, inside the case page."""
    return page(asking, request, "panel.html", **opened(asking, patient).values())


@router.post("/findings/{finding}/review")
def review(
    request: Request,
    asking: Signed,
    patient: PatientId,
    finding: str,
    act: Annotated[str, Form(pattern="^(accepted|edited|rejected)$")],
    version: Seen,
    reason: Reason = "",
    text: Annotated[str, Form(max_length=2000)] = "",
) -> HTMLResponse:
    """Accept, edit or reject a finding."""
    wish = Wish(Act(act), version, finding, reason, text)
    return _act(request, asking, patient, wish)


@router.post("/sign")
def sign(
    request: Request,
    asking: Signed,
    patient: PatientId,
    version: Seen,
    confirmed: Annotated[str, Form(max_length=10)] = "",
) -> HTMLResponse:
    """Sign the report."""
    if confirmed != "yes":
        raise BadInput(
            "the confirmation is not ticked",
            "a look at the images and the findings",
            "look at them, tick the box, then sign",
        )
    return _act(request, asking, patient, Wish(Act.SIGNED, version))


@router.post("/withdraw")
def withdraw(
    request: Request, asking: Signed, patient: PatientId, version: Seen, reason: Reason = ""
) -> HTMLResponse:
    """Withdraw the report."""
    return _act(request, asking, patient, Wish(Act.WITHDRAWN, version, reason=reason))


def _act(request: Request, asking: Asking, patient: str, wish: Wish) -> HTMLResponse:
    stored = reports.perform(asking.access, patient, asking.person.id, wish)
    asking.bench.metrics.count_act(stored.report, wish.finding, wish.act)
    return panel(request, asking, patient)


@router.post("/diagnose")
def diagnose(request: Request, asking: Signed, patient: PatientId) -> HTMLResponse:
    """Run every applicable task again, as a job."""
    return job_view(request, asking, ask_diagnosis(asking, patient))


@router.post("/points")
def point(
    request: Request,
    asking: Signed,
    patient: PatientId,
    x: Annotated[float, Form(allow_inf_nan=False)],
    y: Annotated[float, Form(allow_inf_nan=False)],
    z: Annotated[float, Form(allow_inf_nan=False)],
) -> HTMLResponse:
    """Record the place of a nodule, then measure and score it."""
    point_out(asking, patient, (x, y, z))
    return job_view(request, asking, ask_diagnosis(asking, patient))


@router.get("/outputs/{name}")
def output(asking: Signed, patient: PatientId, name: str) -> Response:
    """Send one output of the newest report as a file."""
    made = asking.bench.outputs.get(name)
    found = opened(asking, patient)
    if made is None or not found.reports:
        raise NotFound("no such output of this case", "one the case page lists", "reload the page")
    report = found.reports[0].report
    data = made.make(found.case, report, asking.language)
    file = f"suwen-{report.id[:12]}{made.suffix}"
    return Response(
        data,
        media_type=made.media_type,
        headers={"Content-Disposition": f'attachment; filename="{file}"'},
    )


@router.post("/break-glass")
def break_glass(asking: Signed, patient: PatientId, reason: Reason) -> Response:
    """Open a case in an emergency; the reason lands in the review queue."""
    asking.access.break_glass(patient, reason)
    return RedirectResponse(f"/cases/{patient}", 303)
