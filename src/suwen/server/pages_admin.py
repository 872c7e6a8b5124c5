"""Audit: emergency accesses to review, the decision log and its verification."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from suwen.core.nouns import Decision
from suwen.records import Administration
from suwen.server.asking import Asking, Signed
from suwen.server.language import moment
from suwen.server.render import page

router = APIRouter(include_in_schema=False, prefix="/admin")
PAGE = 100


def _administration(asking: Asking) -> Administration:
    return asking.bench.store.administer(asking.person, "audit")


@router.get("")
def audit_page(
    request: Request, asking: Signed, before: Annotated[int, Query(ge=1, le=2**53)] = 2**53
) -> HTMLResponse:
    """Show the review queue and the decision log, the newest entry first."""
    administration = _administration(asking)
    queue = [
        {
            "id": glass.id,
            "when": moment(glass.at),
            "person": asking.bench.name_of(glass.person),
            "patient": glass.patient,
            "reason": glass.reason,
            "own": glass.person == asking.person.id,
        }
        for glass in administration.reviews()
    ]
    last = min(before - 1, asking.bench.store.counts()["decisions"])
    first = max(0, last - PAGE)
    entries = [e for e in administration.log(after=first) if e.sequence <= last]
    return page(
        asking,
        request,
        "admin.html",
        here="admin",
        queue=queue,
        entries=[_shown(asking, entry) for entry in reversed(entries)],
        older=first + 1 if first else 0,
    )


def _shown(asking: Asking, entry: Decision) -> dict[str, object]:
    return {
        "sequence": entry.sequence,
        "when": moment(entry.at),
        "person": entry.person,
        "act": entry.act,
        "patient": entry.patient,
        "subject": entry.subject,
        "purpose": entry.purpose,
    }


@router.post("/verify")
def verify(request: Request, asking: Signed) -> HTMLResponse:
    """Check every entry of the log against its chain, its head and its anchor."""
    _administration(asking).log(after=asking.bench.store.counts()["decisions"])
    return page(asking, request, "verdict.html", found=asking.bench.store.log.verify())


@router.post("/break-glass/{glass}")
def resolve(
    asking: Signed, glass: str, justified: Annotated[str, Form(pattern="^(yes|no)$")]
) -> Response:
    """Close a review of an emergency access."""
    _administration(asking).resolve(glass, "justified" if justified == "yes" else "misuse")
    return RedirectResponse("/admin", 303)
