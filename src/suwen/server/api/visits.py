"""The API of a case's notes by problems, and of notes drafted from the talk of visits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from suwen.core.codes import Text
from suwen.notes.dialogue.draft import draft
from suwen.notes.dialogue.talk import TALK_CAP, turns_of
from suwen.notes.summary.sheet import Sheet, as_json, sheet_of_draft
from suwen.notes.visits.records import VisitNote
from suwen.notes.visits.visit import LINE_CHARACTERS, MOST_LINES, Wanted
from suwen.server.api.tasks import Strict
from suwen.server.asking import Signed
from suwen.server.case.patients import PatientId
from suwen.server.notes import visits
from suwen.server.notes.summary import rewritten, rewritten_view, summarised
from suwen.server.notes.visits import Wish
from suwen.server.problem import ERRORS

router = APIRouter(prefix="/api", responses=ERRORS)
NoteId = Annotated[str, Path(pattern=r"^[A-Za-z0-9\-.]{1,64}$")]


class SourceInfo(BaseModel):
    """A note or a talk that lines rest on; `record` is empty where it lies in no store."""

    record: str
    title: Text


class PlaceInfo(BaseModel):
    """Characters start..end of the stored original of a source, end exclusive."""

    source: int = Field(description="Its place in `sources`.")
    start: int
    end: int
    words: str
    denies: bool = Field(description="Whether it says the opposite of the line's other places.")
    turn: Text | None = None


class LineInfo(BaseModel):
    """A line, how its fact is meant or how it was made, and where it stands."""

    text: Text
    status: str
    quoted: bool
    findings: list[str]
    sources: list[PlaceInfo]


class SectionInfo(BaseModel):
    """A section of a summary or a draft."""

    key: str
    title: Text
    loinc: str
    lines: list[LineInfo]


class SheetInfo(BaseModel):
    """A summary or a draft: extractive, every line with its places."""

    title: Text
    notice: Text
    sources: list[SourceInfo]
    sections: list[SectionInfo]


class TalkInput(Strict):
    """The talk of a visit, with who speaks before each turn."""

    talk: str = Field(min_length=1, max_length=TALK_CAP)


class NoteLineInput(Strict):
    """A line as a person wants it; `id` of the line it was, empty for a new one."""

    id: str = Field("", max_length=40)
    section: str = Field(max_length=60)
    text: str = Field(max_length=LINE_CHARACTERS)


Lines = Annotated[list[NoteLineInput], Field(max_length=MOST_LINES)]


class VisitInput(TalkInput):
    """A talk to keep with its draft; `lines` as somebody changed it, null as it was made."""

    lines: Lines | None = None


class ChangeInput(Strict):
    """The lines of a draft as somebody wants them, made from a version; perhaps confirmed."""

    version: int = Field(ge=0, le=2**31)
    lines: Lines
    confirm: bool = False


class WithdrawInput(Strict):
    """Why a note is withdrawn, or a draft rejected."""

    version: int = Field(ge=0, le=2**31)
    reason: str = Field(min_length=3, max_length=500)


class NoteLineInfo(BaseModel):
    """A line of a note, where in the talk it comes from, and what people did to it."""

    id: str
    section: str
    text: str
    spans: list[tuple[int, int]]
    made: str = Field(description="What the draft said, where somebody changed it.")
    person: str = Field(description="Who changed or added it.")


class VisitInfo(BaseModel):
    """A note of a visit as it stands."""

    id: str
    version: int
    status: Literal["preliminary", "final", "entered-in-error"]
    talk: str = Field(description="Record of the talk.")
    language: Literal["en", "zh"]
    person: str
    begun: datetime
    attested_by: str
    attested_at: datetime | None
    lines: list[NoteLineInfo]


class StatementInfo(BaseModel):
    """A statement of a language model, and the lines of the summary it is supported by."""

    text: str
    lines: list[str]


class DroppedInfo(BaseModel):
    """A statement of a language model that nothing supports, and why it was dropped."""

    text: str
    reason: str


class RewrittenInfo(BaseModel):
    """What came of a rewriting; without statements the summary stands."""

    host: str = Field(description="The server the lines were sent to.")
    statements: list[StatementInfo]
    dropped: list[DroppedInfo]
    problem: str


def _sheet(sheet: Sheet) -> SheetInfo:
    return SheetInfo.model_validate(as_json(sheet))


def _visit(note: VisitNote) -> VisitInfo:
    lines = [
        NoteLineInfo(
            id=one.id,
            section=one.section,
            text=one.text,
            spans=[(span.start, span.end) for span in one.spans],
            made=one.made,
            person=one.person,
        )
        for one in note.lines
    ]
    fields = ("id", "version", "status", "talk", "language", "person", "begun", "attested_by",
              "attested_at")  # fmt: skip
    return VisitInfo(**{name: getattr(note, name) for name in fields}, lines=lines)


def _wanted(lines: list[NoteLineInput]) -> list[Wanted]:
    return [Wanted(one.id, one.section, one.text) for one in lines]


@router.get("/cases/{patient}/summary", operation_id="summarise", tags=["notes"])
def summary(asking: Signed, patient: PatientId) -> SheetInfo:
    """Return the notes of a case by problems, every line with where it stands."""
    return _sheet(summarised(asking, patient).overview.sheet)


@router.get(
    "/cases/{patient}/summary/fhir",
    operation_id="summarise_as_fhir",
    tags=["notes"],
    response_model=dict[str, Any],
)
def summary_as_fhir(asking: Signed, patient: PatientId) -> JSONResponse:
    """Return the summary as a FHIR R4 document Bundle with its notes and facts."""
    made = summarised(asking, patient).overview.fhir(datetime.now(UTC), asking.language)
    return JSONResponse(made)


@router.post("/cases/{patient}/summary/rewrite", operation_id="rewrite_summary", tags=["notes"])
def rewrite_summary(asking: Signed, patient: PatientId) -> RewrittenInfo:
    """Have the configured language model rewrite the summary; its lines are sent to that server."""
    shown = rewritten_view(*rewritten(asking, patient))
    return RewrittenInfo(
        host=shown.host,
        statements=[StatementInfo(text=one.text, lines=one.lines) for one in shown.statements],
        dropped=[DroppedInfo(text=text, reason=reason) for text, reason in shown.dropped],
        problem=shown.problem,
    )


@router.post("/talk/draft", operation_id="draft_note", tags=["visits"])
def draft_note(asking: Signed, body: TalkInput) -> SheetInfo:
    """Return the draft note of a talk; nothing is kept."""
    visits.may_work(asking)
    return _sheet(sheet_of_draft(draft(body.talk), body.talk, turns_of(body.talk)))


@router.get("/cases/{patient}/visits", operation_id="list_visits", tags=["visits"])
def list_visits(asking: Signed, patient: PatientId) -> list[VisitInfo]:
    """Return the notes of a case's visits, the newest first."""
    return [_visit(note) for note in visits.listed(asking, patient)]


@router.post("/cases/{patient}/visits", operation_id="keep_visit", tags=["visits"], status_code=201)
def keep_visit(asking: Signed, patient: PatientId, body: VisitInput) -> VisitInfo:
    """Keep a talk and the note drafted from it; a draft until a clinician confirms it."""
    lines = None if body.lines is None else _wanted(body.lines)
    return _visit(visits.keep(asking, patient, body.talk, lines))


@router.get("/cases/{patient}/visits/{note}", operation_id="get_visit", tags=["visits"])
def get_visit(asking: Signed, patient: PatientId, note: NoteId) -> VisitInfo:
    """Return a note of a visit."""
    return _visit(visits.opened(asking, patient, note).kept)


@router.put("/cases/{patient}/visits/{note}", operation_id="change_visit", tags=["visits"])
def change_visit(asking: Signed, patient: PatientId, note: NoteId, body: ChangeInput) -> VisitInfo:
    """Change a draft, and confirm it if `confirm` says so."""
    found = visits.opened(asking, patient, note)
    wish = Wish(body.version, _wanted(body.lines), body.confirm)
    return _visit(visits.change(asking, patient, found, wish))


@router.post(
    "/cases/{patient}/visits/{note}/withdraw", operation_id="withdraw_visit", tags=["visits"]
)
def withdraw_visit(
    asking: Signed, patient: PatientId, note: NoteId, body: WithdrawInput
) -> VisitInfo:
    """Withdraw a note, or reject a draft."""
    found = visits.opened(asking, patient, note)
    return _visit(visits.withdraw(asking, patient, found, body.version, body.reason))
