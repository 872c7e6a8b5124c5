"""The page on which a set of vital signs is charted at the bedside."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from suwen.server import charting, ward_scores
from suwen.server.asking import Signed
from suwen.server.pages_case import in_emergency
from suwen.server.pages_ward import WardId, desk_of
from suwen.server.patients import PatientId, about
from suwen.server.render import page

router = APIRouter(include_in_schema=False, prefix="/cases/{patient}/chart")


@router.get("")
def chart_page(
    request: Request, asking: Signed, patient: PatientId, ward: WardId = ""
) -> HTMLResponse:
    """Show the form."""
    desk_of(asking)
    people, language = asking.access.search("Patient", patient), asking.language
    return page(
        asking,
        request,
        "charting.html",
        here="ward",
        patient=patient,
        about=about(language, patient, people[-1].content if people else None),
        emergency=in_emergency(asking, patient),
        ward=ward,
        fields=charting.fields(language),
        states=charting.states(language),
    )


@router.post("")
async def chart(request: Request, asking: Signed, patient: PatientId) -> Response:
    """Store what was entered, score it with what the monitor sends, and go back to the board."""
    typed = {key: str(value)[:40] for key, value in (await request.form()).items()}
    desk = desk_of(asking)
    made = charting.observations(typed, asking.person.name, asking.language)
    subject = {"subject": {"reference": f"Patient/{patient}"}}
    asking.access.put([one | subject for one in made], patient)
    ward_scores.score(asking, desk.streams, patient)
    return Response(status_code=204, headers={"HX-Redirect": f"/ward?ward={typed.get('ward', '')}"})
