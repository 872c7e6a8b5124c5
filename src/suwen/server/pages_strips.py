"""The page of a case's recordings: a lead on ECG paper, with what findings rest on marked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from suwen.core.codes import Language
from suwen.core.nouns import Finding
from suwen.diagnosis.problems import shown
from suwen.health.recording import Recording, recordings
from suwen.server import reports
from suwen.server.asking import Asking, Signed
from suwen.server.case_head import case_head
from suwen.server.language import moment, say
from suwen.server.patients import PatientId
from suwen.server.render import page
from suwen.server.strips import (
    HEIGHT_MM,
    OVERVIEW_MM,
    WIDTH_MM,
    WINDOW_S,
    Mark,
    marks,
    strip,
)

router = APIRouter(include_in_schema=False, prefix="/cases/{patient}/strips")
Second = Annotated[float, Query(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class Choice:
    """Something the reader may go to, and its address."""

    words: str
    address: str
    here: bool


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
    found = list(recordings(case))
    chosen = next((one for one in found if one.record == record), found[-1] if found else None)
    people, language = case.of("Patient"), asking.language
    values = {
        **case_head(asking, patient, people),
        "recordings": [
            Choice(_name(one, language), _address(one, 0, 0.0), one is chosen) for one in found
        ],
        "strip": None,
        "viewer": "",
    }
    if chosen is not None:
        values |= _shown(asking, patient, chosen, lead if lead < len(chosen.leads) else 0, at)
    return page(asking, request, "strips.html", **values)


def _shown(
    asking: Asking, patient: str, recording: Recording, number: int, at: float
) -> dict[str, object]:
    language = asking.language
    lead = recording.leads[number]
    marked = marks(_findings(asking, patient), recording.record, language, lead.seconds)
    made = strip(lead, marked, at)
    later, earlier = made.start + WINDOW_S, made.start - WINDOW_S
    return {
        "strip": made,
        "viewer": urlencode(
            {"record": recording.record, "lead": number, "start": made.start, "end": made.end}
        ),
        "lead": lead,
        "leads": [
            Choice(one.name, _address(recording, k, made.start), k == number)
            for k, one in enumerate(recording.leads)
        ],
        "marks": [
            Choice(
                f"{_clock(one, recording)} {one.words}",
                _address(recording, number, one.start),
                made.start <= one.start < made.end,
            )
            for one in marked
        ],
        "earlier": _address(recording, number, max(0.0, earlier)) if made.start > 0 else "",
        "later": _address(recording, number, later) if later < made.seconds else "",
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


def _findings(asking: Asking, patient: str) -> tuple[Finding, ...]:
    stored = reports.latest(asking.access, patient)
    return shown(stored.report) if stored else ()


def _name(recording: Recording, language: Language) -> str:
    leads = ", ".join(one.name for one in recording.leads[:3])
    if len(recording.leads) > 3:
        leads = say(language, "%(leads)s and %(n)s more", leads=leads, n=len(recording.leads) - 3)
    seconds = max(one.seconds for one in recording.leads)
    started = f"{moment(recording.start)} · " if recording.start else ""
    return f"{started}{leads} · {_time(seconds)}"


def _clock(mark: Mark, recording: Recording) -> str:
    if recording.start is None:
        return _time(mark.start)
    return f"{(recording.start + timedelta(seconds=mark.start)).astimezone():%H:%M:%S}"


def _time(seconds: float) -> str:
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def _address(recording: Recording, lead: int, at: float) -> str:
    return "?" + urlencode({"record": recording.record, "lead": lead, "at": f"{at:g}"})
