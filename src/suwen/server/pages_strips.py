"""The page of a case's ECG recordings: a strip on its paper, the evidence marked."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from suwen.server.asking import Asking, Signed
from suwen.server.pages_case import Opened, in_emergency, opened
from suwen.server.patients import PatientId, about
from suwen.server.render import page
from suwen.server.strips import Strip, leads_of, strip_of

router = APIRouter(include_in_schema=False, prefix="/cases/{patient}/strips")
Second = Annotated[float, Query(ge=0, allow_inf_nan=False)]


@router.get("")
def strips_page(request: Request, asking: Signed, patient: PatientId) -> HTMLResponse:
    """Show the ECG recordings of a case, the newest of them drawn."""
    found = opened(asking, patient)
    keys = list(leads_of(found.case))
    return _shown(request, asking, found, keys, _strip(found, keys[-1], 0.0) if keys else None)


@router.get("/{key}")
def strip_page(
    request: Request, asking: Signed, patient: PatientId, key: str, at: Second = 0.0
) -> HTMLResponse:
    """Show one recording from a second on."""
    found = opened(asking, patient)
    return _shown(request, asking, found, list(leads_of(found.case)), _strip(found, key, at))


def _strip(found: Opened, key: str, at: float) -> Strip:
    newest = found.reports[0].report.findings if found.reports else ()
    return strip_of(found.case, newest, key, at, found.asking.language)


def _shown(
    request: Request, asking: Asking, found: Opened, keys: list[str], strip: Strip | None
) -> HTMLResponse:
    patient, people = found.case.patient, found.case.of("Patient")
    return page(
        asking,
        request,
        "strips.html",
        patient=patient,
        about=about(asking.language, patient, people[-1].content if people else None),
        emergency=in_emergency(asking, patient),
        keys=keys,
        strip=strip,
        why=strip.why.of(asking.language) if strip is not None and strip.why else "",
    )
