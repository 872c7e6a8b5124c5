"""Pages of wards: their beds, who lies where, and the location a patient shares."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from suwen.core.errors import Denied
from suwen.server.asking import Signed
from suwen.server.case.patients import PATIENT_PATTERN, PatientId
from suwen.server.render import page
from suwen.server.ward import devices as device_board
from suwen.server.ward import ladder
from suwen.server.ward import plan as ward_plan
from suwen.server.ward.desks import devices_of, wards_for

router = APIRouter(include_in_schema=False)
WardName = Annotated[str, Form(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$")]
WardChoice = Annotated[str, Form(pattern=r"^[A-Za-z0-9._\-]{0,64}$")]
Patient = Annotated[str, Form(pattern=PATIENT_PATTERN)]


@router.get("/wards")
def wards_page(request: Request, asking: Signed, ended: str = "", q: str = "") -> HTMLResponse:
    """Show the wards with their beds; after a discharge, the devices that go on sending.

    Of the patients in no ward those are listed whose name holds `q`.
    """
    if not asking.may["act"]:
        raise Denied("the ward is for those who care for patients", "a clinician or nurse", "")
    people = device_board.people_of(asking)
    sending = []
    if ended in people.names:
        known = devices_of(asking).list(ended)
        sending = [one.id for one in known if one.revoked is None]
    found = ward_plan.without_ward(people, q[:100])
    return page(
        asking,
        request,
        "wards.html",
        here="ward",
        plans=ward_plan.plans(asking, people),
        q=q[:100],
        without=found[: ward_plan.MOST_LISTED],
        more=max(0, len(found) - ward_plan.MOST_LISTED),
        ended=ended if ended in people.names else "",
        ended_name=people.names.get(ended, ""),
        sending=sending,
        ladders={one.id: ladder.in_words(asking, one) for one in wards_for(asking).list()},
        defines=asking.may["sign"],
    )


@router.post("/wards")
def define(
    asking: Signed,
    ward: WardName,
    name: Annotated[str, Form(max_length=100)] = "",
    beds: Annotated[str, Form(max_length=10_000)] = "",
    budget: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Make a ward, or change it."""
    ward_plan.define(asking, ward, name, beds, budget)
    return RedirectResponse(f"/wards#w-{ward}", 303)


@router.post("/wards/place")
def place(
    asking: Signed,
    patient: Patient,
    ward: WardChoice = "",
    bed: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Put a patient into a bed, move them to another, or discharge them (no ward)."""
    wards_for(asking).place(patient, ward, bed)
    return RedirectResponse(f"/wards#w-{ward}" if ward else f"/wards?ended={patient}", 303)


@router.post("/cases/{patient}/location")
def share(
    asking: Signed,
    patient: PatientId,
    text: Annotated[str, Form(max_length=200)] = "",
    end: Annotated[bool, Form()] = False,
    back: Annotated[str, Form(pattern="^(home|wards)$")] = "home",
) -> Response:
    """Share where a patient is with whoever is paged about them; empty, or `end`: no more."""
    wanted = {"text": text.strip()} if text.strip() and not end else None
    wards_for(asking).share_location(patient, wanted)
    address = "/wards" if back == "wards" else f"/cases/{patient}/home#location"
    return RedirectResponse(address, 303)
