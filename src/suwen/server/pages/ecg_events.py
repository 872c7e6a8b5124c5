"""The page of an ECG's events: each kind as small strips, confirmed or corrected one by one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse

from suwen.core.errors import NotFound
from suwen.core.nouns import Act
from suwen.health.beats import reviews as ecg_reviews
from suwen.health.beats.events import Event, Read
from suwen.health.beats.reviews import REVIEWED, Judged, Review
from suwen.server.asking import Asking, Signed
from suwen.server.case.head import case_head
from suwen.server.case.patients import PatientId
from suwen.server.case.recording import ecg_of, run_of
from suwen.server.ecg.gallery import NAMES, ORDERS, SHOWN, Card, card, ordered
from suwen.server.ecg.strips import HEIGHT_MM
from suwen.server.ecg.told import KINDS
from suwen.server.held.recordings import Opened, reviews_of
from suwen.server.language import say
from suwen.server.render import page

router = APIRouter(include_in_schema=False, prefix="/cases/{patient}/ecg/events")
Kind = Annotated[str, Query(pattern=f"^({'|'.join(REVIEWED)})$")]
Recorded = Annotated[str, Query(min_length=3, max_length=200)]
SLACK: Final = 0.002
"""Seconds by which a moment may differ from what the page said."""


@router.get("")
def events_page(
    request: Request,
    asking: Signed,
    patient: PatientId,
    record: Recorded,
    kind: Kind = "v",
    order: Annotated[str, Query(pattern="^(doubt|time)$")] = "doubt",
    part: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> HTMLResponse:
    """Show a page of the events of a kind."""
    _in_the_record(record)
    opened, _, read = ecg_of(asking, patient, record)
    reviews = reviews_of(asking.access, patient, opened.recording.record)
    people, language = asking.access.case(patient).of("Patient"), asking.language
    events = ordered(read.events(kind), order)
    parts = max(1, -(-len(events) // SHOWN))
    part = min(part, parts)
    shown = events[(part - 1) * SHOWN : part * SHOWN]

    def address(**other: object) -> str:
        asked = {"record": record, "kind": kind, "order": order, "part": 1, **other}
        return f"?{urlencode(asked)}"

    return page(
        asking,
        request,
        "ecg_events.html",
        **case_head(asking, patient, people),
        record=opened.recording.record,
        kinds=[
            (say(language, KINDS[key]), count, address(kind=key), key == kind)
            for key in REVIEWED
            if (count := len(read.events(key)))
        ],
        orders=[
            (say(language, words), address(order=key), key == order)
            for key, words in ORDERS.items()
        ],
        checked=_checked(asking, reviews, kind, len(events)),
        swapped=False,
        cards=[
            _card(asking, opened, read, reviews, (number, event, len(events)))
            for number, event in shown
        ],
        part=part,
        parts=parts,
        earlier=address(part=part - 1) if part > 1 else "",
        later=address(part=part + 1) if part < parts else "",
        height=HEIGHT_MM,
    )


@router.post("")
def review_event(
    request: Request,
    asking: Signed,
    patient: PatientId,
    record: Annotated[str, Form(min_length=3, max_length=200)],
    kind: Annotated[str, Form(pattern=f"^({'|'.join(REVIEWED)})$")],
    start: Annotated[float, Form(ge=0, le=1e8, allow_inf_nan=False)],
    act: Annotated[str, Form(pattern=f"^(accepted|rejected|[{''.join(NAMES)}])$")],
    version: Annotated[int, Form(ge=0)] = 0,
) -> HTMLResponse:
    """Keep what a person says of an event; return it as it is shown then."""
    _in_the_record(record)
    opened, told, read = ecg_of(asking, patient, record)
    events = read.events(kind)
    number, event = _found(events, start)
    verdict = Act(act) if act in ("accepted", "rejected") else Act.EDITED
    said = Review(
        record=opened.recording.record,
        kind=kind,
        start=event.start,
        end=event.end,
        verdict=verdict,
        person=asking.person.id,
        at=datetime.now(UTC),
        letter=act if verdict is Act.EDITED else "",
    )
    ecg_reviews.keep(asking.access, patient, said, version, told.finding, told.pack)
    reviews = reviews_of(asking.access, patient, opened.recording.record)
    made = _card(asking, opened, read, reviews, (number, event, len(events)))
    return page(
        asking,
        request,
        "ecg_event.html",
        one=made,
        checked=_checked(asking, reviews, kind, len(events)),
        swapped=True,
        patient=patient,
        record=opened.recording.record,
        height=HEIGHT_MM,
    )


def _in_the_record(record: str) -> None:
    """Refuse what only a device streamed: a judgement has to stand on what stays.

    Raises
    ------
    NotFound
        It is no recording of the record.
    """
    if run_of(record):
        raise NotFound(
            "no events to judge: a device streamed this, and it is not in the record",
            "a part that was put into the record",
            "put the part into the record and run the diagnosis",
        )


def _found(events: list[Event], start: float) -> tuple[int, Event]:
    for number, one in enumerate(events, 1):
        if abs(one.start - start) <= SLACK:
            return number, one
    raise NotFound("no such event in the recording", "one the page shows", "reload the page")


def _card(
    asking: Asking,
    opened: Opened,
    read: Read,
    reviews: dict[str, Judged],
    numbered: tuple[int, Event, int],
) -> Card:
    speaking: Any = asking.language, asking.bench.name_of
    return card(opened, read, reviews, numbered, speaking)


def _checked(asking: Asking, reviews: dict[str, Judged], kind: str, of: int) -> str:
    right, wrong = ecg_reviews.counts(one.review for one in reviews.values()).get(kind, (0, 0))
    return say(
        asking.language,
        "%(of)s told; %(right)s confirmed, %(wrong)s rejected",
        of=of,
        right=right,
        wrong=wrong,
    )
