"""The API of an ECG recording: all of it in outline, a window of a lead, the next event."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

import numpy as np
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from suwen.core.errors import BadInput, NotFound
from suwen.health.beats.events import DOUBTFUL, FASTEST, SLOWEST, Read, Trend, beside, drawn
from suwen.health.beats.reviews import corrected
from suwen.health.signals.qrs import LOWEST_RATE
from suwen.health.signals.quality import SHORTEST, ecg_quality, overall
from suwen.health.signals.recording import ECG, Lead
from suwen.health.signals.tables import LETTERS
from suwen.server.asking import Asking, Signed
from suwen.server.case.patients import PatientId
from suwen.server.case.recording import ecg_of, run_of
from suwen.server.ecg.told import LANES, event_words, window_words
from suwen.server.held.recordings import Opened, Told, reviews_of
from suwen.server.problem import ERRORS

router = APIRouter(prefix="/api/cases/{patient}/ecg", responses=ERRORS)
PARTS, LEAST_PART_S = 600, 3.0
"""Most parts of the heart rate and of the lanes, and seconds in which a beat is expected."""
MOST_BEATS: Final = 400
"""Most beats told in a window; of more only their number."""
JUDGED_S: Final = 60.0
"""Longest window in seconds whose signal quality is judged."""
Record = Annotated[
    str, Query(min_length=3, max_length=200, description="Versioned reference of the recording.")
]
Second = Annotated[float, Query(ge=0, le=1e8, allow_inf_nan=False)]
Kind = Literal[
    "v", "s", "f", "n", "run", "af", "pause", "motion", "noise", "gap", "fastest", "slowest"
]


class LeadInfo(BaseModel):
    """A signal of a recording."""

    name: str
    kind: str = Field(description="ecg, ppg or other.")
    unit: str
    rate: float = Field(description="Samples a second.")


class RateInfo(BaseModel):
    """Heart rate per minute in equal parts; null where no beat was read."""

    at: list[float] = Field(description="Middle of each part, seconds from the first sample.")
    low: list[float | None]
    middle: list[float | None]
    high: list[float | None]


class OverviewInfo(BaseModel):
    """All of a recording in outline."""

    seconds: float
    start: datetime | None
    leads: list[LeadInfo]
    beats: bool = Field(description="Whether beats are known.")
    classes: bool = Field(description="Whether they have classes: a finding told them.")
    counts: dict[str, int] = Field(description="Events of each kind.")
    rate: RateInfo
    lanes: dict[str, list[tuple[float, float]]] = Field(
        description="Where each kind is, as start and end in seconds; near ones as one."
    )


class BeatInfo(BaseModel):
    """A beat: second, AAMI class (Q: unreadable; empty: not told), probability."""

    at: float
    kind: str
    probability: float


class WindowInfo(BaseModel):
    """A window of a lead: the lowest and highest sample of each column, or all samples."""

    start: float
    end: float
    at: list[float] = Field(description="Seconds from the first sample, margins too.")
    values: list[float | None] = Field(description="Null where nothing was recorded.")
    exact: bool = Field(description="Whether every sample is there.")
    beats: list[BeatInfo] = Field(description="With the margins where they are few enough.")
    beats_inside: int = Field(description="How many beats the window holds, told above or not.")
    quality: float | None = Field(description="Signal quality index, of short windows of an ECG.")
    words: str = Field(description="The window in a sentence, in the reader's language.")


class EventInfo(BaseModel):
    """An event of a recording."""

    kind: str
    start: float
    end: float
    value: float
    number: int = Field(description="Which of those of its kind, from 1.")
    of: int
    words: str = Field(description="The event in a sentence, in the reader's language.")


@router.get("", operation_id="ecg_overview", tags=["ecg"])
def ecg_overview(asking: Signed, patient: PatientId, record: Record) -> OverviewInfo:
    """Return heart rate, beats, fibrillation, noise and gaps of all of a recording."""
    opened, said, read = _read(asking, patient, record)
    events = {kind: read.events(kind) for kind in LANES}
    counts = {kind: len(found) for kind, found in events.items()}
    counts |= {kind: len(read.events(kind)) for kind in ("run", DOUBTFUL, FASTEST, SLOWEST)}
    recording = opened.recording
    return OverviewInfo(
        seconds=read.seconds,
        start=recording.start,
        leads=[
            LeadInfo(name=one.name, kind=one.kind, unit=one.unit, rate=one.rate)
            for one in recording.leads
        ],
        beats=bool(len(read.beats)),
        classes=bool(said.beats),
        counts=counts,
        rate=_rate(read.trend(max(1, min(PARTS, int(read.seconds / LEAST_PART_S))))),
        lanes={kind: drawn(found, read.seconds, PARTS) for kind, found in events.items()},
    )


@router.get("/window", operation_id="ecg_window", tags=["ecg"])
def ecg_window(
    asking: Signed,
    patient: PatientId,
    record: Record,
    lead: Annotated[int, Query(ge=0, le=255)] = 0,
    start: Second = 0.0,
    end: Second = 10.0,
    columns: Annotated[int, Query(ge=10, le=5000)] = 1000,
    margin: Annotated[float, Query(ge=0, le=2, allow_inf_nan=False)] = 0.0,
) -> WindowInfo:
    """Return a window of a lead for a plot: two samples a column at most, extremes kept.

    With `margin` samples of that many windows' lengths on both sides too, so that a reader can move
    at once.
    """
    opened, _, read = _read(asking, patient, record)
    recording = opened.recording
    own = recording.leads[lead] if lead < len(recording.leads) else None
    if own is None or min(end, own.seconds) <= start:
        raise BadInput("no such window", "a lead of the recording, start before end", "")
    end = min(end, own.seconds)
    more = margin * max(0.0, end - start)
    first, last = (round(at * own.rate) for at in (max(0.0, start - more), end + more))
    places = opened.outlines[lead].places(first, last, columns)
    values = own.values[places].astype(float)
    low, high = np.searchsorted(read.beats.at, (start, end))
    return WindowInfo(
        start=start,
        end=end,
        at=np.round(places / own.rate, 4).tolist(),
        values=[None if np.isnan(one) else round(one, 4) for one in values.tolist()],
        exact=len(places) == max(0, min(last, len(own.values)) - first),
        beats=_beats(read, (start - more, end + more)) or _beats(read, (start, end)),
        beats_inside=int(high - low),
        quality=_quality(own, round(start * own.rate), round(end * own.rate)),
        words=window_words(asking.language, recording.start, read, start, end),
    )


@router.get("/event", operation_id="ecg_event", tags=["ecg"])
def ecg_event(
    asking: Signed,
    patient: PatientId,
    record: Record,
    kind: Kind,
    at: Second = 0.0,
    back: bool = False,
) -> EventInfo:
    """Return the next event of a kind after a second, or the last before it.

    Behind the last one the first comes again. Fastest and slowest are one each.
    """
    opened, _, read = _read(asking, patient, record)
    events = read.events(kind)
    if not events:
        raise NotFound("nothing of this kind in the recording", "another kind", "")
    found = beside(events, at, back) or ((len(events), events[-1]) if back else (1, events[0]))
    number, event = found
    words = event_words(asking.language, opened.recording.start, event, number, len(events))
    return EventInfo(
        kind=kind,
        start=event.start,
        end=event.end,
        value=event.value,
        number=number,
        of=len(events),
        words=words,
    )


def _read(asking: Asking, patient: str, record: str) -> tuple[Opened, Told, Read]:
    """Return a recording, what the newest report says of it, and that with people's word in it.

    That it is read is checked and logged.
    """
    opened, said, read = ecg_of(asking, patient, record)
    if run_of(record):
        return opened, said, read  # people judge what was kept of it
    reviews = reviews_of(asking.access, patient, opened.recording.record)
    return opened, said, corrected(read, reviews)


def _rate(trend: Trend) -> RateInfo:
    def plain(values: np.ndarray) -> list[float | None]:
        return [None if np.isnan(one) else round(one, 1) for one in values.tolist()]

    return RateInfo(
        at=np.round(trend.at, 3).tolist(),
        low=plain(trend.low),
        middle=plain(trend.middle),
        high=plain(trend.high),
    )


def _beats(read: Read, span: tuple[float, float]) -> list[BeatInfo]:
    """Return the beats of a span; none where they are too many."""
    low, high = np.searchsorted(read.beats.at, span)
    if high - low > MOST_BEATS:
        return []
    named = bool(read.beats.probability.any())
    return [
        BeatInfo(
            at=round(float(read.beats.at[k]), 3),
            kind=LETTERS[int(read.beats.kind[k])] if named else "",
            probability=round(float(read.beats.probability[k]), 2),
        )
        for k in range(low, high)
    ]


def _quality(lead: Lead, first: int, last: int) -> float | None:
    count = last - first
    if lead.kind != ECG or lead.rate < LOWEST_RATE:
        return None
    if not SHORTEST * lead.rate <= count <= JUDGED_S * lead.rate:
        return None
    values = np.asarray(lead.values[first:last], dtype=np.float64)
    return round(overall(ecg_quality(values, lead.rate)).index, 2)
