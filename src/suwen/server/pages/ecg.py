"""The page on which a reader moves through an ECG: from days down to single beats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from suwen.core.errors import NotFound
from suwen.diagnosis.language import message
from suwen.health.beats.streamed import Run
from suwen.health.signals.recording import ECG
from suwen.health.signals.tables import clock
from suwen.server.asking import Asking, Signed
from suwen.server.case import streamed as ecg_streamed
from suwen.server.case.head import case_head
from suwen.server.case.patients import PatientId
from suwen.server.case.recording import (
    Choice,
    Link,
    at_moment,
    choices,
    marks_of,
    opened_of,
    run_of,
    same,
)
from suwen.server.ecg.told import KINDS, LANES, LONG_S, place_of, time_of
from suwen.server.held.recordings import Opened
from suwen.server.language import moment, say
from suwen.server.render import page

router = APIRouter(include_in_schema=False, prefix="/cases/{patient}/ecg")
Second = Annotated[float | None, Query(ge=0, le=1e8, allow_inf_nan=False)]
NARROWEST, FIRST_SHOWN = 1.0, 10.0
"""Seconds shown at least, and where nothing is asked for."""
BEFORE, AFTER = 8.0, 2.0
"""Seconds shown around a moment: an alarm tells what was before it."""
NEWEST: Final = 8
"""Recordings of each kind shown at once; the others stand behind a word."""
SHORT: Final[dict[str, str]] = {
    "af": message("AF"),
    "v": "V",
    "s": "S",
    "f": "F",
    "pause": message("pause"),
    "motion": message("motion"),
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


@router.get("")
def ecg_page(
    request: Request,
    asking: Signed,
    patient: PatientId,
    record: Annotated[str, Query(max_length=200)] = "",
    lead: Annotated[int | None, Query(ge=0, le=255)] = None,
    start: Second = None,
    end: Second = None,
    at: Annotated[datetime | None, Query(description="A moment of a device's recording.")] = None,
) -> HTMLResponse:
    """Show a window of a recording; where none is named of the newest in the record."""
    case = asking.access.case(patient)
    known = choices(asking, patient, case)
    if at is not None and at.tzinfo and (found := at_moment(known, at)):
        record, second = found
        start, end = max(0.0, second - BEFORE), second + AFTER
    opened = opened_of(asking, patient, known, record)
    values: dict[str, Any] = {
        **case_head(asking, patient, case.of("Patient")),
        "ecg": None,
        "recordings": [],
        "older": [],
        "streamed": [],
        "earlier": [],
    }
    if opened is not None:
        values |= _links(known, opened.recording.record)
        values |= _values(asking, patient, opened, lead, (start, end))
    return page(asking, request, "ecg.html", **values)


@router.post("/keep")
def keep_part(
    asking: Signed,
    patient: PatientId,
    record: Annotated[str, Form(min_length=3, max_length=200)],
    start: Annotated[float, Form(ge=0, le=1e8, allow_inf_nan=False)],
    end: Annotated[float, Form(ge=0, le=1e8, allow_inf_nan=False)],
) -> RedirectResponse:
    """Put a part of what a device streamed into the record, and open it there."""
    run = run_of(record)
    if run is None:
        raise NotFound("a recording that stands in the record already", "one of a device", "")
    made = ecg_streamed.keep(asking, patient, run, start, end)
    query = urlencode({"record": made.reference})
    return RedirectResponse(f"/cases/{patient}/ecg?{query}", status_code=303)


def _links(known: Sequence[Choice], here: str) -> dict[str, list[Link]]:
    """Return the recordings to go to, of the record and of devices: the newest, and the others."""

    def links(found: Iterable[Choice]) -> list[Link]:
        return [
            Link(one.words, f"?{urlencode({'record': one.reference})}", same(one.reference, here))
            for one in found
        ]

    devices = [one for one in reversed(known) if run_of(one.reference)]
    records = [one for one in known if not run_of(one.reference)]
    return {
        "recordings": links(records[-NEWEST:]),
        "older": links(records[:-NEWEST]),
        "streamed": links(devices[:NEWEST]),
        "earlier": links(devices[NEWEST:]),
    }


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
    marked = marks_of(asking, patient, opened)
    run = run_of(recording.record)
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
        "live": run is not None,
        "kept": _kept(asking, patient, run) if run else [],
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


def _kept(asking: Asking, patient: str, run: Run) -> list[tuple[str, str]]:
    """Return the parts of a device's recording that stand in the record: when, and where to."""
    return [
        (
            f"{moment(part.start)} · {clock(part.seconds)}",
            f"?{urlencode({'record': record.reference})}",
        )
        for record, part in ecg_streamed.kept(asking, patient, run)
    ]
