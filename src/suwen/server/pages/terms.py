"""The page of local terms: what waits for a code, what the house says it means, and who said so."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from suwen.notes.coding.synonyms import LONGEST
from suwen.server.asking import Asking, Signed
from suwen.server.language import say
from suwen.server.notes.terms import Terms, map_term, remove_term, undo
from suwen.server.render import page

router = APIRouter(include_in_schema=False, prefix="/terms")
SHOWN = 200
"""Terms and versions that are listed."""
Term = Annotated[str, Form(max_length=LONGEST)]
Kind = Annotated[str, Form(max_length=32)]


def _values(asking: Asking, term: str = "", done: str = "") -> dict[str, Any]:
    found = Terms(asking)
    waiting, changes = found.waiting(term), found.changes()
    return {
        "here": "terms",
        "term": term,
        "done": done,
        "waiting": waiting[:SHOWN],
        "more": len(waiting) - SHOWN,
        "mapped": found.mapped(),
        "changes": changes[:SHOWN],
    }


@router.get("")
def terms_page(
    request: Request, asking: Signed, term: Annotated[str, Query(max_length=LONGEST)] = ""
) -> HTMLResponse:
    """Show the queue of unmapped terms, the local terms and their changes."""
    return page(asking, request, "terms.html", **_values(asking, term))


@router.get("/one")
def term_part(
    request: Request,
    asking: Signed,
    term: Annotated[str, Query(max_length=LONGEST)],
    kind: Annotated[str, Query(max_length=32)],
) -> HTMLResponse:
    """Show where a term is said and which codes it may stand for, inside the queue."""
    found = Terms(asking)
    return page(
        asking,
        request,
        "term.html",
        term=term,
        kind=kind,
        contexts=found.contexts(found.find(term, kind)),
        candidates=found.candidates(term, kind),
    )


@router.post("/map")
def map_one(
    request: Request,
    asking: Signed,
    term: Term,
    kind: Kind,
    code: Annotated[str, Form(max_length=LONGEST)] = "",
    named: Annotated[str, Form(max_length=LONGEST)] = "",
) -> HTMLResponse:
    """Let a term stand for a code; it takes effect at once."""
    cases = map_term(asking, term, kind, code or named)
    return _told(request, asking, say(asking.language, "“%(term)s” is mapped.", term=term), cases)


@router.post("/remove")
def remove(request: Request, asking: Signed, term: Term, kind: Kind) -> HTMLResponse:
    """Let a term stand for nothing of its own again."""
    cases = remove_term(asking, term, kind)
    return _told(request, asking, say(asking.language, "“%(term)s” is removed.", term=term), cases)


@router.post("/undo")
def take_back(
    request: Request, asking: Signed, version: Annotated[int, Form(ge=1, le=2**31)]
) -> HTMLResponse:
    """Take back one change."""
    cases = undo(asking, version)
    words = say(asking.language, "The change of version %(n)s is undone.", n=version)
    return _told(request, asking, words, cases)


def _told(request: Request, asking: Asking, words: str, cases: int) -> HTMLResponse:
    more = say(asking.language, "Cases you may see that tell it so from now on: %(n)s.", n=cases)
    done = f"{words}{'' if asking.language == 'zh' else ' '}{more}"
    return page(asking, request, "terms_part.html", **_values(asking, done=done))


@router.get("/export")
def export(asking: Signed) -> Response:
    """Send the local terms as a FHIR ConceptMap."""
    content = json.dumps(Terms(asking).local.resource(), ensure_ascii=False, indent=2)
    return Response(
        content + "\n",
        media_type="application/fhir+json",
        headers={"Content-Disposition": 'attachment; filename="suwen-local-terms.json"'},
    )
