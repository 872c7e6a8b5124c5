"""The API of samples: devices and their readings in, the newest and outlines out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from pydantic import BaseModel, Field

from suwen.core.errors import BadInput, KeyUnavailable, Unauthenticated
from suwen.core.streams import Channel
from suwen.health.readings.gate import impossible
from suwen.records.streams.devices import Device
from suwen.records.streams.door import Message, Outcome
from suwen.server.api.tasks import Strict
from suwen.server.asking import Signed, bench_of
from suwen.server.case.patients import PatientId
from suwen.server.problem import ERRORS
from suwen.server.ward.desks import devices_of

router = APIRouter(prefix="/api", responses=ERRORS)

DEVICE_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,47}$"
DeviceId = Annotated[str, Path(pattern=DEVICE_PATTERN, description="Id of a registered device.")]
CodePath = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
LONGEST_DAYS: Final = 36_525
_device_bearer = HTTPBearer(
    auto_error=False, scheme_name="DeviceToken", description="The device's token."
)
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "One reading, or `readings`: a list of them; see `suwen.core."
        "device_messages`. Sent again as it is after any failure: what is stored is absorbed.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"readings": {"type": "array", "items": {"type": "object"}}},
                }
            }
        },
    }
}


class OutcomeInfo(BaseModel):
    """What became of a batch; it is committed."""

    stored: int
    absorbed: int = Field(description="Stored before with the same value.")
    refused: dict[str, int] = Field(
        description="Set aside, by state: future, past, not-a-number, malformed, conflicting, late."
    )


class DeviceInput(Strict):
    """A device to bind to a patient."""

    device: str = Field(pattern=DEVICE_PATTERN, description="Must not tell a patient's name.")


class DeviceReason(Strict):
    """Why a device is revoked."""

    reason: str = Field(min_length=3, max_length=500)


class DeviceToken(BaseModel):
    """A token, told this once."""

    device: str
    token: str


class DeviceInfo(BaseModel):
    """A registered device."""

    device: str
    patient: str
    created: datetime
    seen: datetime | None
    revoked: datetime | None
    refused: dict[str, int]


class ChannelInfo(BaseModel):
    """What is measured, in which unit, by which device."""

    code: str
    unit: str
    device: str

    @classmethod
    def of(cls, channel: Channel) -> ChannelInfo:
        """Return a channel as it is told."""
        return cls(code=channel.code, unit=channel.unit, device=channel.device)


class LatestInfo(BaseModel):
    """The newest reading of a channel; `received` is when anything of it last came in."""

    channel: ChannelInfo
    at: datetime
    value: float
    received: datetime
    state: str = Field(description="What is wrong with the value, empty where it can be true.")


class OutlineInfo(BaseModel):
    """Readings of a channel, or the lowest and highest of each part of the time."""

    channel: ChannelInfo
    ms: list[float] = Field(description="Milliseconds since 1970-01-01 UTC.")
    values: list[float]
    states: list[str] = Field(
        description="What is wrong with a value, empty where it can be true: unit, wrong-unit, "
        "implausible. Nothing is left out or converted."
    )


@router.post(
    "/devices/{device}/readings",
    operation_id="send_readings",
    tags=["streams"],
    openapi_extra=_BODY,
)
async def send_readings(
    request: Request,
    device: DeviceId,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_device_bearer)] = None,
) -> OutcomeInfo:
    """Store readings of a device, with its own token; the answer comes after the commit.

    Busy (429, 503 with `Retry-After`): nothing was taken.
    """
    bench = bench_of(request)
    token = bearer.credentials if bearer else ""
    with bench.turnstile.entered(device):
        payload = await request.body()
        message = Message(device, payload, token or "-")
        outcome = await run_in_threadpool(bench.door.receive, [message])
    _raise_for(outcome)
    kept = outcome.kept
    return OutcomeInfo(stored=kept.stored, absorbed=kept.absorbed, refused=dict(outcome.refused))


def _raise_for(outcome: Outcome) -> None:
    """Raise where nothing of the message as a whole could be taken."""
    states = set(outcome.refused)
    if states & {"unknown-device", "wrong-token", "revoked"}:
        raise Unauthenticated(
            "the device is unknown or revoked, or the token is not its own",
            "the token that was shown when the device was added",
            "add the device, or give it a new token",
        )
    if "key-destroyed" in states:
        raise KeyUnavailable("the patient's key was destroyed on purpose", "nothing", "")
    if states == {"malformed"} and not (outcome.kept.stored or outcome.kept.absorbed):
        raise BadInput(
            "no reading was understood; what was sent is set aside",
            "readings with code, unit, at or ms, and value or values",
            "see /openapi.json",
        )


@router.get("/devices", operation_id="list_devices", tags=["streams"])
def list_devices(
    asking: Signed, patient: Annotated[str, Query(max_length=64)] = ""
) -> list[DeviceInfo]:
    """Return the devices of a patient, or of all patients the reader may see."""
    return [_device(each) for each in devices_of(asking).list(patient or None)]


@router.post(
    "/cases/{patient}/devices", operation_id="add_device", tags=["streams"], status_code=201
)
def add_device(asking: Signed, patient: PatientId, body: DeviceInput) -> DeviceToken:
    """Bind a new device to a patient; its token is told this once."""
    token = devices_of(asking).add(body.device, patient)
    return DeviceToken(device=body.device, token=token)


@router.post("/devices/{device}/token", operation_id="renew_device", tags=["streams"])
def renew_device(asking: Signed, device: DeviceId) -> DeviceToken:
    """Give a device a new token; the old one is worth nothing at once."""
    return DeviceToken(device=device, token=devices_of(asking).renew(device))


@router.post(
    "/devices/{device}/revoke", operation_id="revoke_device", tags=["streams"], status_code=204
)
def revoke_device(asking: Signed, device: DeviceId, body: DeviceReason) -> None:
    """Refuse everything a device sends from now on."""
    devices_of(asking).revoke(device, body.reason)


@router.get("/cases/{patient}/streams", operation_id="latest_readings", tags=["streams"])
def latest_readings(asking: Signed, patient: PatientId) -> list[LatestInfo]:
    """Return every channel of a patient with its newest reading."""
    return [
        LatestInfo(
            channel=ChannelInfo.of(each.channel),
            at=each.at,
            value=each.value,
            received=each.received,
            state=impossible(each.channel, each.value),
        )
        for each in asking.streams.latest(patient)
    ]


@router.get("/cases/{patient}/streams/{code}", operation_id="plot_readings", tags=["streams"])
def plot_readings(
    asking: Signed,
    patient: PatientId,
    code: CodePath,
    start: Annotated[datetime | None, Query(description="Default: a day before `end`.")] = None,
    end: Annotated[datetime | None, Query(description="Default: now.")] = None,
    points: Annotated[int, Query(ge=2, le=20_000)] = 1000,
) -> list[OutlineInfo]:
    """Return one quantity for a plot: at most `points` readings a channel, extremes kept."""
    last = _zoned(end or datetime.now(UTC))
    first = _zoned(start) if start else last - timedelta(days=1)
    if not timedelta(0) <= last - first <= timedelta(days=LONGEST_DAYS):
        raise BadInput("no usable span of time", "start before end, at most 100 years", "")
    return [
        OutlineInfo(
            channel=ChannelInfo.of(each.channel),
            ms=(each.at / 1000).tolist(),
            values=each.values.tolist(),
            states=[impossible(each.channel, value) for value in each.values.tolist()],
        )
        for each in asking.streams.plot(patient, code, first, last, points)
    ]


def _zoned(moment: datetime) -> datetime:
    """Return a moment; without a zone it is read as UTC.

    Raises
    ------
    BadInput
        It lies at the end of what dates can be.
    """
    if not 2 <= moment.year <= 9998:
        raise BadInput("a time beyond all dates", "years 2 to 9998", "correct it")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _device(each: Device) -> DeviceInfo:
    return DeviceInfo(
        device=each.id,
        patient=each.patient,
        created=each.created,
        seen=each.seen,
        revoked=each.revoked,
        refused=each.refused,
    )
