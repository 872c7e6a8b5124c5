"""The page on which a set of vital signs is charted at the bedside."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, Field

from suwen.core.errors import NotFound
from suwen.server.asking import Signed
from suwen.server.case.head import case_head
from suwen.server.case.patients import PatientId
from suwen.server.pages.ward import WardId
from suwen.server.render import page
from suwen.server.ward import charting
from suwen.server.ward import scores as ward_scores
from suwen.server.ward.desks import desk_of

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
        **case_head(asking, patient, people),
        ward=ward,
        fields=charting.fields(language),
        states=charting.states(language),
    )


class Charted(BaseModel):
    """The form as it was sent; empty is not entered."""

    ward: str = Field("", pattern=r"^[A-Za-z0-9._\-]{0,64}$")
    consciousness: str = Field("", max_length=10)
    oxygen: str = Field("", max_length=10)
    oxygen_flow: str = Field("", max_length=40)
    respiratory_rate: str = Field("", max_length=40)
    spo2: str = Field("", max_length=40)
    systolic_bp: str = Field("", max_length=40)
    pulse: str = Field("", max_length=40)
    temperature: str = Field("", max_length=40)


@router.post("")
def chart(asking: Signed, patient: PatientId, typed: Annotated[Charted, Form()]) -> Response:
    """Store what was entered, score it with what the monitor sends, and go back to the board."""
    desk, who = desk_of(asking), asking.person.name
    made = charting.observations(typed.model_dump(), patient, who, asking.language)
    asking.access.put(made, patient)
    with suppress(NotFound):  # too little for a score is kept all the same
        ward_scores.score(asking, desk.streams, patient)
    return Response(status_code=204, headers={"HX-Redirect": f"/ward?ward={typed.ward}"})
