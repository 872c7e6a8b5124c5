"""A person's home: today, what changed, what to do, and the trends; made for a phone first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from suwen.core.nouns import Case
from suwen.core.streams import Stretch
from suwen.server.asking import Asking, Signed
from suwen.server.case.head import case_head
from suwen.server.case.patients import PatientId
from suwen.server.language import moment, say
from suwen.server.person import plans
from suwen.server.person.trends import (
    HEIGHT,
    MOST_POINTS,
    PERIODS,
    WIDTH,
    Measured,
    recorded,
    streamed,
    trends,
)
from suwen.server.render import page
from suwen.server.risk.cards import risks_of
from suwen.server.sent import exports
from suwen.server.ward import plan as ward_plan

router = APIRouter(include_in_schema=False, prefix="/cases/{patient}/home")
GoalId = Annotated[str, Path(pattern=r"^[A-Za-z0-9\-.]{1,64}$")]


@router.get("")
def home_page(
    request: Request, asking: Signed, patient: PatientId, period: str = "week"
) -> HTMLResponse:
    """Show a person's home; the store decides who may see it."""
    chosen = period if period in PERIODS else "week"
    case = asking.access.case(patient)
    people, language = case.of("Patient"), asking.language
    days = PERIODS[chosen][0]
    found = trends(_measured(asking, case, days), language, days, case.at)
    return page(
        asking,
        request,
        "home.html",
        here="worklist" if asking.person.role == "patient" else "",
        **case_head(asking, patient, people),
        own=asking.person.role == "patient",
        now=moment(case.at),
        urgent=plans.urgent(case, language),
        changed=plans.changed(case, language),
        plan=plans.confirmed(case, language),
        risk=risks_of(case, language).first,
        states=[(key, say(language, words)) for key, words in plans.STATES.items()],
        today=[one for one in found if one.fresh],
        vitals=[one for one in found if one.vital],
        labs=[one for one in found if not one.vital],
        period=chosen,
        periods=[(key, say(language, words)) for key, (_, words) in PERIODS.items()],
        asked=exports.asked(asking, patient),
        shared=ward_plan.shared_by(asking, patient),
        width=WIDTH,
        height=HEIGHT,
    )


@router.post("/goals/{goal}")
def goal_state(
    asking: Signed,
    patient: PatientId,
    goal: GoalId,
    state: Annotated[str, Form(max_length=40)],
) -> Response:
    """Keep what the patient says became of a goal."""
    plans.report(asking.access, asking.access.case(patient), goal, state)
    return RedirectResponse(f"/cases/{patient}/home", 303)


def _measured(asking: Asking, case: Case, days: int) -> list[Measured]:
    """Return what the record and the devices know; of each quantity what is newer, then fuller."""
    since = case.at - timedelta(days=days) if days else datetime(1970, 1, 1, tzinfo=UTC)

    def plot(code: str) -> Sequence[Stretch]:
        return asking.streams.plot(case.patient, code, since, case.at, 2 * MOST_POINTS)

    sent = streamed(asking.streams.latest(case.patient), plot, asking.language)
    found = recorded(case, asking.language)
    for code, one in sent.items():
        if code not in found or one.supersedes(found[code]):
            found[code] = one
    return list(found.values())
