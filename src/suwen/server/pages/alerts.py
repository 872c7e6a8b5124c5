"""The alert console: acknowledge, snooze, hand over; try a rule, look at it, then enable it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from suwen.core.errors import BadInput
from suwen.health.alerts.rules import shipped
from suwen.health.alerts.trial import Desk, tried
from suwen.health.alerts.watchdog import pulse
from suwen.server.api.alerts import TrialInput
from suwen.server.asking import Asking, Signed
from suwen.server.case.patients import PATIENT_PATTERN
from suwen.server.language import say
from suwen.server.pages.ward import WardId, wards_of
from suwen.server.render import page
from suwen.server.ward import console as alert_console
from suwen.server.ward import dry_run as alert_plots
from suwen.server.ward.alert import REASON_NAMES
from suwen.server.ward.board import HEARTBEAT
from suwen.server.ward.console import PRIORITY_NAMES
from suwen.server.ward.desks import desk_of
from suwen.server.ward.passed import passed_over

router = APIRouter(include_in_schema=False, prefix="/alerts")
AlertId = Annotated[str, Form(pattern=PATIENT_PATTERN)]


async def wish_of(request: Request) -> TrialInput:
    """Return the wish of a form; an empty field leaves what is shipped."""
    form = await request.form()
    given = {k: v for k, v in form.items() if isinstance(v, str) and v and k != "csrf"}
    return TrialInput.model_validate(given)


def _frame(asking: Asking, ward: str) -> dict[str, Any]:
    language = asking.language
    beat = desk_of(asking).alerts.heartbeat(HEARTBEAT)
    return {
        "here": "alerts",
        "ward": ward,
        "wards": wards_of(asking),
        "reasons": {key: say(language, name) for key, name in REASON_NAMES.items()},
        "alive": pulse(beat, datetime.now(UTC)).alive,
    }


@router.get("")
def console(request: Request, asking: Signed, ward: WardId = "") -> HTMLResponse:
    """Show the alerts that stand."""
    desk, language = desk_of(asking), asking.language
    found = alert_console.cards(desk, language, ward or None)
    passed = passed_over(desk, language, ward or None)
    frame = _frame(asking, ward)
    return page(asking, request, "alerts.html", cards=found, passed=passed, **frame)


@router.post("/acknowledge")
def acknowledge(
    request: Request,
    asking: Signed,
    alert: AlertId,
    reason: Annotated[str, Form(max_length=32)] = "",
    comment: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Settle an alert with its reason, and show it again."""
    desk = desk_of(asking)
    desk.alerts.acknowledge(alert, reason, comment.strip())
    return _again(request, asking, desk, alert)


@router.post("/snooze")
def snooze(
    request: Request,
    asking: Signed,
    alert: AlertId,
    minutes: Annotated[int, Form()] = 10,
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Page nobody about a rule and patient for a while, and show the alert again."""
    desk = desk_of(asking)
    desk.alerts.snooze(alert, minutes, reason)
    return _again(request, asking, desk, alert)


def _again(request: Request, asking: Asking, desk: Desk, alert: str) -> Response:
    card = alert_console.card_of(desk, asking.language, alert)
    return page(asking, request, "alert_card.html", card=card, **_frame(asking, ""))


@router.get("/handover")
def handover(
    request: Request,
    asking: Signed,
    ward: WardId = "",
    hours: Annotated[int, Query()] = 12,
) -> HTMLResponse:
    """Show what the next shift has to know, to read or print."""
    shift = alert_console.shift(desk_of(asking), asking.language, ward or None, hours)
    frame = _frame(asking, ward)
    return page(asking, request, "handover.html", shift=shift, hours=hours, **frame)


@router.get("/rules")
def rules(
    request: Request,
    asking: Signed,
    ward: WardId = "",
    patient: Annotated[str, Query(max_length=64)] = "",
    rule: Annotated[str, Query(max_length=64)] = "",
) -> HTMLResponse:
    """Show the rules that are enabled, and the form that tries one."""
    desk, language = desk_of(asking), asking.language
    return page(
        asking,
        request,
        "alert_rules.html",
        enabled=alert_console.enabled(language, desk),
        shipped=[
            (
                key,
                one.name.of(language),
                one.model_dump(mode="json") | {"source": one.source.of(language)},
            )
            for key, one in shipped().items()
        ],
        priorities={key: say(language, name) for key, name in PRIORITY_NAMES.items()},
        patient=patient,
        chosen=rule,
        **_frame(asking, ward),
    )


@router.post("/rules/try")
async def try_rule(request: Request, asking: Signed) -> HTMLResponse:
    """Make a dry run and show it; only then the rule can be enabled."""
    wish = await _wished(request)
    return await run_in_threadpool(_tried, request, asking, wish)


def _tried(request: Request, asking: Asking, wish: TrialInput) -> HTMLResponse:
    desk, rule, now = desk_of(asking), wish.made(), datetime.now(UTC)
    found = tried(desk, rule, wish.scope, wish.days, now).found
    plot = alert_plots.plot_of(desk, rule, wish.scope, found, now)
    shown = alert_console.result(asking.language, rule, found, plot)
    fields = wish.model_dump(exclude_none=True)
    return page(asking, request, "alert_trial.html", result=shown, fields=fields)


@router.post("/rules/enable")
async def enable(request: Request, asking: Signed) -> Response:
    """Enable a rule that was tried."""
    wish = await _wished(request)
    rule = wish.made()
    content = rule.model_dump(mode="json")
    desk_of(asking).rules.enable(wish.scope, content, rule.fingerprint)
    return Response(status_code=204, headers={"HX-Redirect": f"/alerts/rules?ward={wish.ward}"})


@router.post("/rules/disable")
def disable(
    asking: Signed,
    rule: AlertId,
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Disable a rule, with its reason."""
    desk_of(asking).rules.disable(rule, reason)
    return RedirectResponse("/alerts/rules", 303)


async def _wished(request: Request) -> TrialInput:
    try:
        return await wish_of(request)
    except ValueError:
        raise BadInput(
            "a form that cannot be read", "numbers for limits, times and days", "correct it"
        ) from None
