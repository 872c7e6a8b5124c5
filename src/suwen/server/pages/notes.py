"""The page of a case's notes: what they tell, where, and what a person says of it."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from suwen.core.errors import BadInput, Conflict
from suwen.notes.entities.corrections import REASON, WORDS, Meant
from suwen.notes.questions import FACTS
from suwen.notes.reading.case import Unread
from suwen.notes.text import Span
from suwen.server.asking import Signed
from suwen.server.case.head import case_head
from suwen.server.case.patients import PatientId
from suwen.server.notes.adding import Missed, add, places_of, read_of, whole
from suwen.server.notes.case import Noted, Said, judge, next_notes, noted
from suwen.server.notes.dates import date_views, in_order, with_dates
from suwen.server.notes.marks import MOST_CHARACTERS, segments
from suwen.server.notes.view import (
    NoteLink,
    PlaceChoice,
    choices,
    fact_views,
    grouped,
    note_id,
    place_choice,
)
from suwen.server.render import page

router = APIRouter(include_in_schema=False, prefix="/cases/{patient}/notes")
NOTE: Final = r"^[A-Za-z0-9\-.]{0,64}$"
NoteQuery = Annotated[str, Query(pattern=NOTE)]


def _values(found: Noted, note: str) -> dict[str, Any]:
    """Return what the page shows of a case, at one of its notes."""
    asking, patient = found.asking, found.case.patient
    language = asking.language
    values: dict[str, Any] = {
        "patient": patient,
        "address": f"/cases/{patient}/notes",
        "unread": [one.reason.of(language) for one in found.documents if isinstance(one, Unread)],
        "links": [],
        "segments": [],
        "dates": [],
        "groups": [],
        "n_facts": 0,
        "note": "",
        "title": "",
        "cut": False,
        "signed": found.signed,
    }
    if not found.notes and not note:
        return values
    scene = found.scene(note)
    views = fact_views(scene, found.facts)
    counts = {
        reference: sum(any(m.stands.note == reference for m in f.mentions) for f in found.facts)
        for reference in found.notes
    }
    here = found.notes[scene.here]
    dates = date_views(scene, found.entities)
    return values | {
        "links": [
            NoteLink(note_id(one), found.titles[one], counts[one], one == scene.here)
            for one in found.notes
        ],
        "segments": with_dates(segments(scene, found.facts, views), dates),
        "dates": in_order(dates),
        "groups": grouped(language, views),
        "n_facts": sum(not view.rejected for view in views),
        "note": note_id(scene.here),
        "title": found.titles[scene.here],
        "note_language": "zh-Hans" if here.note.language == "zh" else "en",
        "cut": len(here.note.text) > MOST_CHARACTERS,
    }


@router.get("")
def notes_page(
    request: Request, asking: Signed, patient: PatientId, note: NoteQuery = ""
) -> HTMLResponse:
    """Show the notes of a case, one at a time, with everything they tell beside it."""
    found = noted(asking, patient)
    people = found.case.of("Patient")
    return page(
        asking,
        request,
        "notes.html",
        **_values(found, note) | case_head(asking, patient, people),
    )


@router.get("/next")
def next_part(request: Request, asking: Signed, patient: PatientId) -> HTMLResponse:
    """Show which notes are most worth looking at, inside the page."""
    waiting = next_notes(asking) if asking.may["act"] else []
    return page(asking, request, "notes_next.html", waiting=waiting)


@router.post("/read")
def read(asking: Signed, patient: PatientId) -> Response:
    """Read the notes for facts, with everything that this builds on."""
    asking.bench.run(asking.access, patient, FACTS)
    return RedirectResponse(f"/cases/{patient}/notes", 303)


@router.get("/correct")
def correction_form(
    request: Request,
    asking: Signed,
    patient: PatientId,
    fact: Annotated[str, Query(max_length=64)],
    note: NoteQuery = "",
) -> HTMLResponse:
    """Show the form that corrects a fact, inside its card."""
    found = noted(asking, patient)
    shown = next((v for v in fact_views(found.scene(note), found.facts) if v.key == fact), None)
    if shown is None:
        raise Conflict(
            "what the notes tell changed since you opened the page",
            "the newest state",
            "reload the page, look at the change and decide again",
        )
    return page(
        asking,
        request,
        "notes_correct.html",
        fact=shown,
        note=note,
        address=f"/cases/{patient}/notes",
        choices=choices(asking.language),
    )


class Wanted(BaseModel):
    """The form of an act on a fact; of the last seven only a correction has any."""

    model_config = ConfigDict(extra="ignore")

    act: str = Field(pattern="^(accepted|edited|rejected)$")
    fact: str = Field(max_length=64)
    seen: str = Field(max_length=20_000)
    note: str = Field("", pattern=NOTE)
    where: str = Field("", max_length=64)
    reason: str = Field("", max_length=REASON)
    kind: str = Field("", max_length=32)
    presence: str = Field("", max_length=32)
    temporality: str = Field("", max_length=32)
    experiencer: str = Field("", max_length=32)
    words: str = Field("", max_length=WORDS)
    code: str | None = Field(None, max_length=WORDS)
    named: str = Field("", max_length=WORDS)

    def said(self) -> Said:
        """Return what the person says."""
        meant = None
        if self.act == "edited":
            meant = Meant(self.kind, self.presence, self.temporality, self.experiencer)
        code = self.code if self.code is None else self.code or self.named
        return Said(
            self.act, self.fact, self.seen, self.where, meant, self.words, code, self.reason
        )


@router.get("/add")
def add_form(
    request: Request,
    asking: Signed,
    patient: PatientId,
    note: NoteQuery = "",
    start: Annotated[int, Query(ge=-1, le=2**31)] = -1,
    end: Annotated[int, Query(ge=-1, le=2**31)] = -1,
) -> HTMLResponse:
    """Show the form that adds what was missed: at a stretch of the note, or asking for words."""
    found = noted(asking, patient)
    places: list[PlaceChoice] = []
    if start >= 0:
        read = read_of(found, note)
        places = [place_choice(read, whole(read, Span(start, end)))]
    return page(
        asking,
        request,
        "notes_add.html",
        note=note,
        places=places,
        address=f"/cases/{patient}/notes",
        choices=choices(asking.language),
    )


@router.get("/places")
def places_part(
    request: Request,
    asking: Signed,
    patient: PatientId,
    note: NoteQuery = "",
    words: Annotated[str, Query(max_length=WORDS)] = "",
) -> HTMLResponse:
    """Show where words stand in a note and nothing is told of them yet, inside the form."""
    found = noted(asking, patient)
    try:
        spans = places_of(found, note, words)
    except BadInput:
        spans = []
    read = read_of(found, note)
    places = [place_choice(read, span) for span in spans]
    return page(asking, request, "notes_places.html", places=places, words=words.strip())


class Adding(BaseModel):
    """The form that adds what was missed; `at` is `start-end` in the readable text."""

    model_config = ConfigDict(extra="ignore")

    note: str = Field(pattern=NOTE)
    at: str = Field("", pattern=r"^(\d{1,9}-\d{1,9})?$")
    kind: str = Field(max_length=32)
    presence: str = Field(max_length=32)
    temporality: str = Field(max_length=32)
    experiencer: str = Field(max_length=32)
    code: str = Field("", max_length=WORDS)
    named: str = Field("", max_length=WORDS)
    reason: str = Field("", max_length=REASON)

    def missed(self) -> Missed:
        """Return what the person adds.

        Raises
        ------
        BadInput
            No place is chosen, or what it is called cannot be.
        """
        if not self.at:
            raise BadInput(
                "no words of the note", f"1 to {WORDS} characters of it", "select them in the note"
            )
        start, _, end = self.at.partition("-")
        meant = Meant(self.kind, self.presence, self.temporality, self.experiencer)
        span = Span(int(start), int(end))
        return Missed(self.note, span, meant, self.code or self.named, self.reason)


@router.post("/add")
def add_mention(
    request: Request, asking: Signed, patient: PatientId, adding: Annotated[Adding, Form()]
) -> HTMLResponse:
    """Add what was missed; the page tells it at once."""
    add(asking, patient, adding.missed())
    return page(asking, request, "notes_part.html", **_values(noted(asking, patient), adding.note))


@router.post("/review")
def review(
    request: Request, asking: Signed, patient: PatientId, wanted: Annotated[Wanted, Form()]
) -> HTMLResponse:
    """Accept, correct or reject what the notes tell; the page shows it at once."""
    judge(asking, patient, wanted.said())
    return page(asking, request, "notes_part.html", **_values(noted(asking, patient), wanted.note))
