"""The page of a case's recordings: a lead on ECG paper, with what findings rest on marked."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from suwen.core.nouns import Reference
from suwen.health.signals.recording import Recording
from suwen.server.asking import Asking, Signed
from suwen.server.case.head import case_head
from suwen.server.case.patients import PatientId
from suwen.server.case.recording import Link, choices, marks_of, opened_of, same
from suwen.server.ecg.strips import (
    HEIGHT_MM,
    OVERVIEW_MM,
    WIDTH_MM,
    WINDOW_S,
    Mark,
    strip,
)
from suwen.server.held.recordings import Opened
from suwen.server.language import say
from suwen.server.render import page

router = APIRouter(include_in_schema=False, prefix="/cases/{patient}/strips")
Second = Annotated[float, Query(ge=0, allow_inf_nan=False)]


@router.get("")
def strips_page(
    request: Request,
    asking: Signed,
    patient: PatientId,
    record: Annotated[str, Query(max_length=200)] = "",
    lead: Annotated[int, Query(ge=0)] = 0,
    at: Second = 0.0,
) -> HTMLResponse:
    """Show a page of one lead of one recording; the newest recording where none is named."""
    case = asking.access.case(patient)
    known = choices(asking, patient, case)
    chosen = opened_of(asking, patient, known, record)
    values = {
        **case_head(asking, patient, case.of("Patient")),
        "recordings": [],
        "strip": None,
        "viewer": "",
    }
    if chosen is not None:
        recording = chosen.recording
        values["recordings"] = [
            Link(one.words, _address(one.reference, 0, 0.0), same(one.reference, recording.record))
            for one in known
        ]
        values |= _shown(asking, patient, chosen, lead if lead < len(recording.leads) else 0, at)
    return page(asking, request, "strips.html", **values)


def _shown(
    asking: Asking, patient: str, opened: Opened, number: int, at: float
) -> dict[str, object]:
    language, recording = asking.language, opened.recording
    lead = recording.leads[number]
    marked = marks_of(asking, patient, opened)
    made = strip(lead, marked, at)
    later, earlier = made.start + WINDOW_S, made.start - WINDOW_S
    return {
        "strip": made,
        "viewer": urlencode(
            {"record": recording.record, "lead": number, "start": made.start, "end": made.end}
        ),
        "lead": lead,
        "leads": [
            Link(one.name, _address(recording.record, k, made.start), k == number)
            for k, one in enumerate(recording.leads)
        ],
        "marks": [
            Link(
                f"{_clock(one, recording)} {one.words}",
                _address(recording.record, number, one.start),
                made.start <= one.start < made.end,
            )
            for one in marked
        ],
        "earlier": _address(recording.record, number, max(0.0, earlier)) if made.start > 0 else "",
        "later": _address(recording.record, number, later) if later < made.seconds else "",
        "width": WIDTH_MM,
        "height": HEIGHT_MM,
        "overview_height": OVERVIEW_MM,
        "window": say(
            language,
            "%(start)s to %(end)s of %(seconds)s",
            start=_time(made.start),
            end=_time(made.end),
            seconds=_time(made.seconds),
        ),
    }


def _clock(mark: Mark, recording: Recording) -> str:
    if recording.start is None:
        return _time(mark.start)
    return f"{(recording.start + timedelta(seconds=mark.start)).astimezone():%H:%M:%S}"


def _time(seconds: float) -> str:
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def _address(record: Reference, lead: int, at: float) -> str:
    return "?" + urlencode({"record": record, "lead": lead, "at": f"{at:g}"})
