"""The page of a ward's escalation ladder: who is paged, in which order, and does it reach them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from suwen.core.errors import BadInput, Conflict, Denied, NotFound, SuwenError
from suwen.records.people import PERSON_ID
from suwen.server.api.alerts import WardId
from suwen.server.asking import Asking, Signed
from suwen.server.render import page
from suwen.server.ward import ladder
from suwen.server.ward.desks import wards_for
from suwen.server.ward.ladder import Draft

router = APIRouter(include_in_schema=False, prefix="/wards")
PersonName = Annotated[str, Form(pattern=f"^{PERSON_ID.pattern}$")]


@router.get("/{ward}/ladder")
def ladder_page(request: Request, asking: Signed, ward: WardId, saved: bool = False) -> Response:
    """Show who is paged in which order; those who may define the ward change it here."""
    if not asking.may["act"]:
        raise Denied("the ward is for those who care for patients", "a clinician or nurse", "")
    draft = ladder.draft_of(ladder.ward_of(asking, ward))
    return _shown(request, asking, ward, draft, saved=saved)


@router.post("/{ward}/ladder")
async def change(request: Request, asking: Signed, ward: WardId) -> Response:
    """Show a changed ladder that is not saved yet, or save it."""
    form = await request.form()
    draft, saving = ladder.changed(form), form.get("do") == "save"
    return await run_in_threadpool(_changed, request, asking, ward, draft, saving)


def _changed(request: Request, asking: Asking, ward: str, draft: Draft, saving: bool) -> Response:
    if not asking.may["act"]:
        raise Denied("the ward is for those who care for patients", "a clinician or nurse", "")
    if not saving:
        return _shown(request, asking, ward, draft, unsaved=True)
    try:
        ladder.save(asking, ward, draft)
    except (BadInput, Conflict, NotFound) as error:
        return _shown(request, asking, ward, draft, unsaved=True, refused=error)
    return RedirectResponse(f"/wards/{ward}/ladder?saved=true", 303)


def _shown(
    request: Request,
    asking: Asking,
    ward: str,
    draft: Draft,
    *,
    saved: bool = False,
    unsaved: bool = False,
    refused: SuwenError | None = None,
) -> HTMLResponse:
    one = ladder.ward_of(asking, ward)
    return page(
        asking,
        request,
        "ladder.html",
        200 if refused is None else refused.http_status,
        here="ward",
        ward=one,
        draft=draft,
        known=ladder.contacts(asking, draft),
        told=ladder.told(asking, one),
        most=ladder.MOST_STEPS,
        saved=saved,
        unsaved=unsaved,
        refused=refused,
        defines=asking.may["sign"],
    )


@router.post("/{ward}/ladder/test")
def test(request: Request, asking: Signed, ward: WardId, person: PersonName) -> Response:
    """Send somebody on the ladder a page that says it is a test, and show whether it went out."""
    wards_for(asking).tested(ward, person)
    one = ladder.ward_of(asking, ward)
    state = asking.bench.contacts.test(person, asking.person.name, one.name or one.id)
    return page(asking, request, "ladder_tested.html", sent=state == "sent")
