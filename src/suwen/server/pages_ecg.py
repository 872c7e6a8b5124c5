"""The page on which a reader moves through an ECG: from days down to single beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from suwen.core.codes import Language
from suwen.core.errors import NotFound
from suwen.core.nouns import Record
from suwen.diagnosis.language import message
from suwen.diagnosis.problems import shown
from suwen.health.ecg_tables import clock
from suwen.health.recording import ECG, is_recording
from suwen.server import reports
from suwen.server.asking import Asking, Signed
from suwen.server.case_head import case_head
from suwen.server.ecg_shelf import Opened
from suwen.server.ecg_told import KINDS, LANES, LONG_S, place_of, time_of
from suwen.server.language import moment, say
from suwen.server.patients import PatientId
from suwen.server.render import page
from suwen.server.strips import marks

router = APIRouter(include_in_schema=False, prefix="/cases/{patient}/ecg")
Second = Annotated[float | None, Query(ge=0, le=1e8, allow_inf_nan=False)]
NARROWEST, FIRST_SHOWN = 1.0, 10.0
"""Seconds shown at least, and where nothing is asked for."""
SHORT: Final[dict[str, str]] = {
    "af": message("AF"),
    "v": "V",
    "s": "S",
    "f": "F",
    "pause": message("pause"),
    "noise": message("noise"),
    "gap": message("gap"),
}
"""Names of the lanes beside them."""
WORDS: Final[dict[str, str]] = {
    "rate": message("beats/min"),
    "failed": message("The recording could not be read. Try again."),
    "none": message("Nothing of this kind in the recording."),
    "calipers": message("Click two places to measure between them."),
    "quality": message("signal quality"),
    "many": message("beats are too many to be marked: zoom in"),
    "measured": message("Measured"),
}
"""What the script says."""


@dataclass(frozen=True)
class Choice:
    """A recording the reader may go to."""

    words: str
    address: str
    here: bool


@router.get("")
def ecg_page(
    request: Request,
    asking: Signed,
    patient: PatientId,
    record: Annotated[str, Query(max_length=200)] = "",
    lead: Annotated[int | None, Query(ge=0, le=255)] = None,
    start: Second = None,
    end: Second = None,
) -> HTMLResponse:
    """Show a window of a recording; the newest recording where none is named."""
    case = asking.access.case(patient)
    people, language = case.of("Patient"), asking.language
    known = [one for one in case.records if is_recording(one)]
    opened = _opened(asking, patient, [one.reference for one in known], record)
    values: dict[str, Any] = {
        **case_head(asking, patient, people),
        "ecg": None,
        "recordings": [],
    }
    if opened is not None:
        here = opened.recording.record
        values["recordings"] = [
            Choice(_name(language, one), f"?{urlencode({'record': one.reference})}",
                   one.reference == here)
            for one in known
        ]  # fmt: skip
        values |= _values(asking, patient, opened, lead, (start, end))
    return page(asking, request, "ecg.html", **values)


def _opened(asking: Asking, patient: str, known: Sequence[str], record: str) -> Opened | None:
    """Return the recording asked for, else the newest that can be read.

    Raises
    ------
    NotFound
        The one asked for is none of the case.
    """
    if record and record not in known:
        raise NotFound("no such recording in this case", "one the page lists", "reload the page")
    for reference in (record,) if record else reversed(known):
        try:
            return asking.bench.ecgs.open(asking.access, patient, reference)
        except NotFound:
            if record:
                raise
    return None


def _values(
    asking: Asking,
    patient: str,
    opened: Opened,
    lead: int | None,
    place: tuple[float | None, float | None],
) -> dict[str, Any]:
    language, recording = asking.language, opened.recording
    asked = next(k for k, one in enumerate(recording.leads) if one is opened.asked)
    chosen = lead if lead is not None and lead < len(recording.leads) else asked
    seconds = recording.leads[chosen].seconds
    start, end = window_of(place, seconds)
    stored = reports.latest(asking.access, patient)
    findings = shown(stored.report) if stored else ()
    marked = marks(findings, recording.record, language, seconds)
    return {
        "ecg": {
            "record": recording.record,
            "lead": chosen,
            "unit": recording.leads[chosen].unit,
            "seconds": seconds,
            "start": start,
            "end": end,
            "clock": _clock(recording.start),
            "marks": [(one.start, one.end) for one in marked if one.end - one.start <= LONG_S],
        },
        "leads": recording.leads,
        "is_ecg": recording.leads[chosen].kind == ECG,
        "began": moment(recording.start) if recording.start else "",
        "length": clock(seconds),
        "marks": [
            (
                time_of(recording.start, one.start),
                one.words,
                f"?{place_of(recording.record, one.start, one.end)}",
            )
            for one in marked
        ],
        "kinds": [(key, say(language, words)) for key, words in KINDS.items()],
        "lanes": [(key, say(language, SHORT[key]), say(language, KINDS[key])) for key in LANES],
        "words": {key: say(language, text) for key, text in WORDS.items()},
    }


def window_of(place: tuple[float | None, float | None], seconds: float) -> tuple[float, float]:
    """Return the window that is asked for, moved into the recording; its beginning where none is.

    One without an end, or turned round, is as long as the first.
    """
    start, end = place
    if start is None or end is None or end <= start:
        end = (start or 0.0) + FIRST_SHOWN
    start = start or 0.0
    wide = min(seconds, max(NARROWEST, end - start))
    start = min(start, seconds - wide)
    return start, start + wide


def _clock(start: datetime | None) -> float | None:
    """Return seconds since midnight when a recording began, by the clock the reader goes by."""
    if start is None:
        return None
    local = start.astimezone() if start.tzinfo else start
    return local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1e6


def _name(language: Language, record: Record) -> str:
    """Return what a recording is called without decoding it: when it was, or which it is."""
    content = record.content
    at = content.get("effectiveDateTime") or content.get("date") or ""
    try:
        return moment(datetime.fromisoformat(str(at)))
    except ValueError:
        return say(language, "Recording %(id)s", id=record.id[-6:])
