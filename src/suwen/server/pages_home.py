"""A person's home: today, what changed, what to do, and the trends; made for a phone first."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from suwen.server.asking import Signed
from suwen.server.language import moment, say
from suwen.server.patients import PatientId, about
from suwen.server.render import page
from suwen.server.trends import HEIGHT, PERIODS, WIDTH, trends

router = APIRouter(include_in_schema=False, prefix="/cases/{patient}/home")


@router.get("")
def home_page(
    request: Request, asking: Signed, patient: PatientId, period: str = "month"
) -> HTMLResponse:
    """Show a person's home; the store decides who may see it."""
    chosen = period if period in PERIODS else "month"
    case = asking.access.case(patient)
    people, language = case.of("Patient"), asking.language
    found = trends(case, language, PERIODS[chosen][0])
    return page(
        asking,
        request,
        "home.html",
        here="worklist" if asking.person.role == "patient" else "",
        patient=patient,
        about=about(language, patient, people[-1].content if people else None),
        own=asking.person.role == "patient",
        now=moment(case.at),
        urgent=[],
        changed=[],
        goals=[],
        advice=[],
        today=[one for one in found if one.fresh],
        vitals=[one for one in found if one.vital],
        labs=[one for one in found if not one.vital],
        period=chosen,
        periods=[(key, say(language, words)) for key, (_, words) in PERIODS.items()],
        width=WIDTH,
        height=HEIGHT,
    )
