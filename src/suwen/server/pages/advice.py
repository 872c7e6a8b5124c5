"""The page of a case's advice: what is urgent, what is advised and why, what is withheld."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from suwen.core.errors import Denied
from suwen.server.asking import Signed
from suwen.server.case.head import case_head
from suwen.server.case.patients import PatientId
from suwen.server.person import plans
from suwen.server.person.advice import advice_of
from suwen.server.render import page

router = APIRouter(include_in_schema=False, prefix="/cases/{patient}/advice")


@router.get("")
def advice_page(request: Request, asking: Signed, patient: PatientId) -> HTMLResponse:
    """Show what guidelines advise this person, the urgent first."""
    if not asking.may["act"]:
        raise Denied("proposals are for the care team", "a clinician or nurse", "see the home page")
    shown = advice_of(asking, patient)
    standing = plans.confirmed(shown.case, asking.language)
    people = shown.case.of("Patient")
    return page(
        asking,
        request,
        "advice.html",
        **case_head(asking, patient, people),
        words=shown.words(),
        urgent=shown.lines(now=True),
        lines=shown.lines(now=False),
        withheld=shown.withheld(),
        gaps=shown.gaps(),
        plan=standing,
        chosen={one.id for one in standing.advice} if standing else None,
    )


@router.post("/plan")
def confirm(
    asking: Signed, patient: PatientId, rule: Annotated[list[str] | None, Form()] = None
) -> Response:
    """Confirm the chosen advice as the plan that the patient reads."""
    if not asking.may["sign"]:
        raise Denied("a plan is confirmed by a clinician", "a clinician of the care team", "")
    case = asking.access.case(patient)
    plans.confirm(asking.access, case, set(rule or ()), asking.person.name)
    return RedirectResponse(f"/cases/{patient}/home", 303)


@router.get("/plan")
def draft(asking: Signed, patient: PatientId) -> JSONResponse:
    """Return the draft CarePlan with its Goals, to be confirmed by a clinician."""
    shown = advice_of(asking, patient)
    headers = {"Content-Disposition": 'attachment; filename="care-plan.json"'}
    return JSONResponse(
        shown.plan(shown.case.at), headers=headers, media_type="application/fhir+json"
    )
