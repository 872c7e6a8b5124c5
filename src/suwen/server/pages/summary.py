"""The page of a case's summary: by problems, every line beside the place it rests on."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from suwen.server.asking import Signed
from suwen.server.case.head import case_head
from suwen.server.case.patients import PatientId
from suwen.server.notes.summary import host_of, rewritten, rewritten_view, summarised
from suwen.server.render import page

router = APIRouter(include_in_schema=False, prefix="/cases/{patient}/summary")


@router.get("")
def summary_page(request: Request, asking: Signed, patient: PatientId) -> HTMLResponse:
    """Show the notes of a case by problems, with the notes beside."""
    made = summarised(asking, patient)
    people = made.found.case.of("Patient")
    language = asking.language
    return page(
        asking,
        request,
        "summary.html",
        **case_head(asking, patient, people),
        parts=made.parts(),
        notes=made.notes(),
        unread=[one.reason.of(language) for one in made.overview.unread],
        readable=bool(made.overview.notes),
        host=host_of(asking.bench.settings) if asking.may["act"] else "",
    )


@router.post("/rewrite")
def rewrite(request: Request, asking: Signed, patient: PatientId) -> HTMLResponse:
    """Have the configured model rewrite the summary; what it says unsupported is dropped."""
    made, answer = rewritten(asking, patient)
    return page(asking, request, "summary_rewritten.html", shown=rewritten_view(made, answer))
