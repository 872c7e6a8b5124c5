"""Pages of devices that send by themselves: enrol, revoke, and what of theirs was set aside."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from suwen.server.api.streams import DeviceId
from suwen.server.asking import Asking, Signed
from suwen.server.case.patients import PATIENT_PATTERN
from suwen.server.render import page
from suwen.server.ward import devices as device_board
from suwen.server.ward.desks import devices_of

router = APIRouter(include_in_schema=False, prefix="/devices")
PatientQuery = Annotated[str, Query(pattern=r"^[A-Za-z0-9\-.]{0,64}$")]


@router.get("")
def devices_page(request: Request, asking: Signed, patient: PatientQuery = "") -> HTMLResponse:
    """Show the devices of the reader's patients, or of one; to an administrator all."""
    people = device_board.people_of(asking)
    return page(
        asking,
        request,
        "devices.html",
        here="devices",
        lines=device_board.lines(asking, people, patient),
        choices=people.choices(),
        chosen=patient,
    )


@router.post("")
def enrol(
    request: Request,
    asking: Signed,
    device: Annotated[str, Form(max_length=48)],
    patient: Annotated[str, Form(pattern=PATIENT_PATTERN)],
) -> HTMLResponse:
    """Bind a new device to a patient, and show its token this once."""
    name = device.strip()
    return _told(request, asking, name, devices_of(asking).add(name, patient))


@router.post("/{device}/token")
def renew(request: Request, asking: Signed, device: DeviceId) -> HTMLResponse:
    """Give a device a new token, shown this once; the old one ends at once."""
    return _told(request, asking, device, devices_of(asking).renew(device))


@router.post("/{device}/revoke")
def revoke(
    asking: Signed, device: DeviceId, reason: Annotated[str, Form(max_length=500)]
) -> Response:
    """Refuse everything a device sends from now on."""
    if asking.may["review"]:
        device_board.watch_of(asking).revoke(device, reason)
    else:
        devices_of(asking).revoke(device, reason)
    return RedirectResponse("/devices", 303)


@router.get("/set-aside")
def set_aside_page(request: Request, asking: Signed) -> HTMLResponse:
    """Show what of live streams was set aside, by bed and by device and state."""
    found = device_board.aside(asking, device_board.people_of(asking))
    return page(
        asking,
        request,
        "set_aside.html",
        here="devices",
        found=found,
        beds=device_board.by_bed(found),
    )


@router.get("/set-aside/messages")
def messages_page(
    request: Request,
    asking: Signed,
    state: Annotated[str, Query(pattern=r"^[a-z\-]{1,32}$")],
    device: Annotated[str, Query(pattern=r"^[A-Za-z0-9._@\-]{0,48}$")] = "",
) -> HTMLResponse:
    """Show what a device sent that was set aside as `state`; the opening is logged."""
    found = device_board.watch_of(asking).messages(device, state)
    return page(
        asking,
        request,
        "set_aside_messages.html",
        here="devices",
        device=device,
        state=device_board.state_name(asking, state),
        messages=[device_board.said(one) for one in found],
    )


def _told(request: Request, asking: Asking, device: str, token: str) -> HTMLResponse:
    """Show a token, once, with what the device needs to know."""
    base = str(request.base_url).rstrip("/")
    https, mqtt = device_board.setup(base, asking.bench.settings.mqtt_topic, device, token)
    return page(
        asking,
        request,
        "device_token.html",
        here="devices",
        device=device,
        token=token,
        https=https,
        mqtt=mqtt,
    )
