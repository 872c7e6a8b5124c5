"""The page of a case's risks: published equations as cards, learned models, and the what-if.

A patient sees the equations of the own record, computed when the page is opened; learned models are
for the care team, for whom every answer is stored and logged before it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from suwen.core import registry
from suwen.core.codes import Language
from suwen.core.errors import BadInput, NotFound
from suwen.core.nouns import Case, Finding
from suwen.diagnosis.wording import concept, probability
from suwen.health.icu.task import DETERIORATION
from suwen.health.risk.task import RISK
from suwen.health.tables.diabetes import DIABETES
from suwen.health.tables.heart_disease import HEART_DISEASE
from suwen.health.tables.survival import SURVIVAL
from suwen.server.asking import Asking, Signed
from suwen.server.case.head import case_head
from suwen.server.case.patients import PatientId
from suwen.server.case.view import band_chip, out_of_date
from suwen.server.language import moment
from suwen.server.render import heading, page
from suwen.server.risk.cards import Risks, risks_of
from suwen.server.risk.changes import Trial
from suwen.server.risk.form import LONGEST, Typed
from suwen.server.risk.told import Shown

router = APIRouter(include_in_schema=False, prefix="/cases/{patient}/risk")
LEARNED: Final = (HEART_DISEASE, DIABETES, SURVIVAL, DETERIORATION)
"""Questions about a risk that are answered by a learned model."""
Key = Annotated[str, Query(max_length=60)]


@dataclass(frozen=True)
class LearnedView:
    """What a learned model says: its probability with the interval, or why it says none."""

    title: str
    value: str
    band: str
    band_name: str
    reason: str
    until: str
    stale: bool
    pack: str


async def _sent(request: Request) -> dict[str, str]:
    """Return the form as it was sent."""
    form = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


Sent = Annotated[dict[str, str], Depends(_sent)]


@router.get("")
def risk_page(
    request: Request,
    asking: Signed,
    patient: PatientId,
    equation: Key = "",
    learned: Annotated[str, Query(max_length=5)] = "",
) -> HTMLResponse:
    """Show every risk that the record allows, and what can be tried.

    Learned models are asked only with `learned`, since an explained answer takes seconds; a script
    asks for that part alone.
    """
    found = _learned(asking, patient) if learned and asking.may["act"] else []
    if learned and "hx-request" in request.headers:
        return page(asking, request, "risk_learned.html", patient=patient, learned=found)
    return _whole(request, asking, patient, equation, {}, found)


@router.post("")
def what_if(request: Request, asking: Signed, patient: PatientId, sent: Sent) -> HTMLResponse:
    """Show what an equation says of values that were typed; nothing of them is kept.

    A script asks for the answer alone; without one the whole page comes again.
    """
    typed = {name: value[:LONGEST] for name, value in sent.items()}
    if "hx-request" not in request.headers:
        return _whole(request, asking, patient, sent.get("equation", ""), typed)
    risks = risks_of(asking.access.case(patient), asking.language)
    trial = _trial(risks, sent.get("equation", ""), typed)
    found = trial.shown(typed.get("factor", ""))
    own = not asking.may["act"]
    return page(asking, request, "risk_change.html", change=found, error=None, own=own)


def _whole(
    request: Request,
    asking: Asking,
    patient: str,
    equation: str,
    typed: Typed,
    learned: Sequence[LearnedView] = (),
) -> HTMLResponse:
    if asking.may["act"]:
        asking.bench.run(asking.access, patient, RISK)
    case = asking.access.case(patient)
    risks = risks_of(case, asking.language)
    trial = _trial(risks, equation, typed)
    change: Shown | None = None
    error: BadInput | None = None
    try:
        change = trial.shown(typed.get("factor", ""))
    except BadInput as found:
        error = found
    people, own = case.of("Patient"), not asking.may["act"]
    # One number is enough to start from for somebody who reads the own record.
    cards, more = ([risks.first], risks.others) if own and risks.first else (risks.cards, [])
    values: dict[str, Any] = {
        **case_head(asking, patient, people),
        "own": own,
        "at": moment(case.at),
        "cards": cards,
        "more": more,
        "gaps": risks.gaps(),
        "learned": learned,
        "asked": [] if own else _applying(case, asking.language),
        "offered": risks.offered(),
        "trial": trial,
        "change": change,
        "error": error,
        "heading": heading(asking.language, error) if error else "",
    }
    return page(asking, request, "risk.html", error.http_status if error else 200, **values)


def _trial(risks: Risks, equation: str, typed: Typed) -> Trial:
    """Return the what-if of an equation; of the first one offered where none is named."""
    offered = [key for key, _ in risks.offered()]
    first = risks.first.key if risks.first else ""
    key = equation or (first if first in offered else offered[0])
    if key not in offered:
        raise NotFound("no such equation", "one that the page offers", "open the page again")
    return Trial(risks, key, typed)


def _learned(asking: Asking, patient: str) -> list[LearnedView]:
    """Ask the learned models; each answer is stored and logged."""
    found: list[Finding] = []
    for task in LEARNED:
        try:
            found += asking.bench.run(asking.access, patient, task)
        except NotFound:  # No pack is installed.
            continue
    return _views(asking, found)


def _applying(case: Case, language: Language) -> list[str]:
    """Return the titles of the learned models that have something to say of a case."""
    tasks = [registry.find(name) for name in LEARNED]
    return [task.title.of(language) for task in tasks if task.samples(case, [])]


def _views(asking: Asking, found: Sequence[Finding]) -> list[LearnedView]:
    now, language = datetime.now(UTC), asking.language
    views = []
    for one in found:
        band, name = band_chip(language, one)
        views.append(
            LearnedView(
                concept(one.code).of(language),
                probability(one.probability).of(language) if one.probability else "",
                band,
                name,
                one.reason.of(language) if one.reason else "",
                moment(one.valid_until) if one.valid_until else "",
                out_of_date(one, now),
                one.pack,
            )
        )
    return views
