"""The page of a case's advice: what is urgent, what is advised and why, what is withheld."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse

from suwen.server.advice import advice_of
from suwen.server.asking import Signed
from suwen.server.pages_case import in_emergency
from suwen.server.patients import PatientId, about
from suwen.server.render import page

router = APIRouter(include_in_schema=False, prefix="/cases/{patient}/advice")


@router.get("")
def advice_page(request: Request, asking: Signed, patient: PatientId) -> HTMLResponse:
    """Show what guidelines advise this person, the urgent first."""
    shown = advice_of(asking, patient)
    people = shown.case.of("Patient")
    return page(
        asking,
        request,
        "advice.html",
        patient=patient,
        about=about(asking.language, patient, people[-1].content if people else None),
        emergency=in_emergency(asking, patient),
        words=shown.words(),
        urgent=shown.lines(now=True),
        lines=shown.lines(now=False),
        withheld=shown.withheld(),
        gaps=shown.gaps(),
    )


@router.get("/plan")
def plan(asking: Signed, patient: PatientId) -> JSONResponse:
    """Return the draft CarePlan with its Goals, to be confirmed by a clinician."""
    shown = advice_of(asking, patient)
    headers = {"Content-Disposition": 'attachment; filename="care-plan.json"'}
    return JSONResponse(
        shown.plan(shown.case.at), headers=headers, media_type="application/fhir+json"
    )
