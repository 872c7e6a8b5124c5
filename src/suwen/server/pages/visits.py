"""The pages of a case's visits: a talk in, its draft beside it, changed and confirmed."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from suwen.core.errors import BadInput
from suwen.notes.dialogue.talk import TALK_CAP, talks_of
from suwen.notes.visits.visit import MOST_LINES, Wanted
from suwen.server.asking import Asking, Signed
from suwen.server.case.head import case_head
from suwen.server.case.patients import PatientId
from suwen.server.language import say
from suwen.server.notes import visits
from suwen.server.notes.visits import Wish
from suwen.server.render import page

router = APIRouter(include_in_schema=False, prefix="/cases/{patient}/visits")


def _frame(asking: Asking, patient: str) -> dict[str, Any]:
    """Return what stands above every page of a visit."""
    people = asking.access.search("Patient", patient)
    head = case_head(asking, patient, people)
    return head | {
        "may": asking.may | {"sign": asking.may["sign"] and not head["emergency"]},
        "address": f"/cases/{patient}/visits",
    }


@router.get("")
def visits_page(request: Request, asking: Signed, patient: PatientId) -> HTMLResponse:
    """Show the notes of a case's visits, and the form for a talk."""
    rows = visits.rows(asking, visits.listed(asking, patient))
    return page(asking, request, "visits.html", rows=rows, **_frame(asking, patient))


@router.post("/draft")
async def draft(
    request: Request,
    asking: Signed,
    patient: PatientId,
    talk: Annotated[str, Form()] = "",
    file: Annotated[UploadFile | None, File()] = None,
) -> HTMLResponse:
    """Show the draft of a talk beside it; nothing is kept yet."""
    data = await file.read() if file and file.filename else b""
    if bool(data) == bool(talk.strip()):
        raise BadInput(
            "both a text and a file" if data else "no talk",
            "the talk of a visit, pasted or as a file",
            "paste it, or choose one file",
        )
    talks = talks_of(data or talk.encode())
    if len(talks) > 1:
        raise BadInput(
            f"a table of {len(talks)} talks", "the talk of one visit", "choose one of them"
        )
    found = visits.drafted(asking, talks[0].text)
    return page(asking, request, "visit_part.html", **found.values(), **_frame(asking, patient))


class NoteForm(BaseModel):
    """The form of a note: a line, its section and its text for each, and what to do with it."""

    model_config = ConfigDict(extra="ignore")

    line: list[str] = Field(max_length=MOST_LINES)
    section: list[str] = Field(max_length=MOST_LINES)
    text: list[str] = Field(max_length=MOST_LINES)
    talk: str = Field("", max_length=TALK_CAP)
    version: int = Field(0, ge=0, le=2**31)
    act: str = Field("save", pattern="^(save|confirm)$")
    read: str = Field("", max_length=10)

    def wanted(self) -> list[Wanted]:
        """Return the lines as the person wants them.

        Raises
        ------
        BadInput
            The fields do not belong together.
        """
        if not len(self.line) == len(self.section) == len(self.text):
            raise BadInput("lines without their section", "one of each", "reload the page")
        fields = zip(self.line, self.section, self.text, strict=True)
        return [Wanted(*one) for one in fields]


@router.post("")
def keep(asking: Signed, patient: PatientId, form: Annotated[NoteForm, Form()]) -> Response:
    """Keep a draft with its talk, and go to it."""
    note = visits.keep(asking, patient, form.talk, form.wanted())
    address = f"/cases/{patient}/visits/{note.id}"
    return Response(status_code=204, headers={"HX-Redirect": address})


@router.get("/{note}")
def visit_page(request: Request, asking: Signed, patient: PatientId, note: str) -> HTMLResponse:
    """Show a note of a visit beside its talk."""
    found = visits.opened(asking, patient, note)
    return page(
        asking, request, "visit.html", **found.values(), **_frame(asking, patient), saved=""
    )


@router.post("/{note}")
def change(
    request: Request,
    asking: Signed,
    patient: PatientId,
    note: str,
    form: Annotated[NoteForm, Form()],
) -> HTMLResponse:
    """Save what a person made of a draft, and confirm it if they ask for that."""
    confirm = form.act == "confirm"
    if confirm and form.read != "yes":
        raise BadInput(
            "the confirmation is not ticked",
            "a look at the note beside the talk",
            "read it, tick the box, then confirm",
        )
    found = visits.opened(asking, patient, note)
    visits.change(asking, patient, found, Wish(form.version, form.wanted(), confirm))
    return _again(request, asking, patient, note)


@router.post("/{note}/withdraw")
def withdraw(
    request: Request,
    asking: Signed,
    patient: PatientId,
    note: str,
    version: Annotated[int, Form(ge=0, le=2**31)],
    reason: Annotated[str, Form(max_length=500)] = "",
) -> HTMLResponse:
    """Withdraw a note, or reject a draft."""
    found = visits.opened(asking, patient, note)
    visits.withdraw(asking, patient, found, version, reason)
    return _again(request, asking, patient, note)


def _again(request: Request, asking: Asking, patient: str, note: str) -> HTMLResponse:
    found = visits.opened(asking, patient, note)
    saved = say(asking.language, "Saved.")
    values = found.values() | _frame(asking, patient) | {"saved": saved}
    return page(asking, request, "visit_part.html", **values)
