"""The API of alerts, their rules and wards."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from suwen.core.codes import Text
from suwen.core.nouns import Interval
from suwen.health.alerts.dry_run import DryRun
from suwen.health.alerts.rules import Rule, shipped
from suwen.health.alerts.trial import DAYS, Desk, records, tried
from suwen.health.alerts.watchdog import pulse
from suwen.records.alerts.rows import Alert
from suwen.records.alerts.rulebook import Enabled, Scope
from suwen.records.alerts.wards import Rung, Ward
from suwen.server.asking import Signed
from suwen.server.case.patients import PATIENT_PATTERN, PatientId
from suwen.server.problem import ERRORS
from suwen.server.ward import console as alert_console
from suwen.server.ward.board import HEARTBEAT
from suwen.server.ward.desks import desk_of, wards_for

router = APIRouter(prefix="/api", responses=ERRORS, tags=["alerts"])
Name = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9._\-]*$")]
AlertId = Annotated[str, Path(pattern=PATIENT_PATTERN)]
WardId = Annotated[str, Path(pattern=r"^[A-Za-z0-9._\-]{1,64}$")]
Number = Annotated[float | None, Field(allow_inf_nan=False)]


class Strict(BaseModel):
    """A request body: nothing unknown is accepted."""

    model_config = ConfigDict(extra="forbid")


class AlertInfo(BaseModel):
    """An alert with what was measured and what was done."""

    id: str
    patient: str
    ward: str
    rule: str
    priority: str
    name: Text
    state: str
    at: datetime
    raised: datetime
    paged_steps: int
    acknowledged: datetime | None
    acknowledged_by: str
    reason: str
    snoozed_until: datetime | None
    cleared: datetime | None
    measured: dict[str, Any]


class Acknowledgement(Strict):
    """How an alert is settled: a word of `alerts.seen.REASONS`, with `other` also some words."""

    reason: str = Field(max_length=32)
    comment: str = Field("", max_length=500)


class Snooze(Strict):
    """For how long nobody is paged about this rule and patient, and why."""

    minutes: int = Field(ge=1, le=1440)
    reason: str = Field(min_length=3, max_length=500)


class Until(BaseModel):
    """Until when a snooze holds."""

    until: datetime


class WishInput(Strict):
    """A shipped rule, whose history or patients, and its limits and times where they differ."""

    rule: Name
    ward: Name = ""
    patient: Name = ""
    limit: Number = None
    clear: Number = None
    sustained_s: Number = None
    calm_s: Number = None
    gap_s: Number = None

    @property
    def scope(self) -> Scope:
        """Whom it is for."""
        return Scope(self.patient, "" if self.patient else self.ward)

    def made(self) -> Rule:
        """Return the rule."""
        names = ("limit", "clear", "sustained_s", "calm_s", "gap_s")
        return alert_console.wished(self.rule, {name: getattr(self, name) for name in names})


class TrialInput(WishInput):
    """A dry run of a rule on the last days."""

    days: float = Field(7, ge=DAYS[0], le=DAYS[1])


class TrialInfo(BaseModel):
    """A dry run that is kept: only the very rule of it can be enabled."""

    trial: str
    rule: Rule
    result: DryRun


class RuleInfo(BaseModel):
    """An enabled rule."""

    id: str
    patient: str
    ward: str
    enabled: datetime
    enabled_by: str
    trial: str
    rule: Rule


class Made(BaseModel):
    """The id of what was made."""

    id: str


class RecordInfo(BaseModel):
    """What became of the alerts of one rule."""

    rule: str
    alerts: int
    judged: int
    ppv: Interval | None
    median_seconds: float | None
    escalated: int
    waiting: int
    reasons: dict[str, int]


class PulseInfo(BaseModel):
    """How the alarm engine is: the time of its last heartbeat and whether that is recent."""

    at: datetime | None
    alive: bool


class RungInput(Strict):
    """After so many seconds without an acknowledgement these persons are paged; `*`: everybody."""

    after_s: float = Field(ge=0, le=86_400)
    to: list[Name] | list[str] = Field(min_length=1, max_length=50)


class WardInput(Strict):
    """A ward: its name, ladder, budget (alerts a patient and day), times of silence by LOINC, beds.

    Where beds are listed, a patient lies in one of them.
    """

    name: str = Field("", max_length=100)
    ladder: list[RungInput] = Field(default_factory=list, max_length=10)
    budget: float | None = Field(None, gt=0, le=10_000)
    silence: dict[str, float] = Field(default_factory=dict, max_length=100)
    beds: list[str] = Field(default_factory=list, max_length=200)


class PlaceInput(Strict):
    """Where a patient lies; an empty ward: in none."""

    ward: Name = ""
    bed: str = Field("", max_length=64)


class LocationInput(Strict):
    """What the patient shares with whoever is paged; all empty: nothing any more."""

    text: str = Field("", max_length=200)
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)


@router.get("/alerts", operation_id="list_alerts")
def list_alerts(
    asking: Signed,
    ward: Annotated[str, Query(max_length=64)] = "",
    hours: Annotated[float, Query(ge=0, le=2160)] = 0,
) -> list[AlertInfo]:
    """Return the alerts that are not settled; with `hours` also those raised in that time."""
    desk, now = desk_of(asking), datetime.now(UTC)
    since = now - timedelta(hours=hours) if hours else None
    return [_info(one, now) for one in _found(desk, ward, since)]


def _found(desk: Desk, ward: str, since: datetime | None) -> list[Alert]:
    return desk.alerts.open(list(desk.alerts.patients(ward or None)), since)


def _info(one: Alert, now: datetime) -> AlertInfo:
    measured = {key: value for key, value in one.content.items() if key != "name"}
    return AlertInfo(
        id=one.id,
        patient=one.patient,
        ward=one.ward,
        rule=one.rule,
        priority=one.priority,
        name=Text(**one.content["name"]),
        state=one.state(now),
        at=one.at,
        raised=one.raised,
        paged_steps=one.step,
        acknowledged=one.acknowledged,
        acknowledged_by=one.acknowledged_by,
        reason=one.reason,
        snoozed_until=one.snoozed_until,
        cleared=one.cleared,
        measured=measured,
    )


@router.post("/alerts/{alert}/acknowledge", operation_id="acknowledge_alert", status_code=204)
def acknowledge(asking: Signed, alert: AlertId, body: Acknowledgement) -> None:
    """Settle an alert with its reason; nobody is paged about it any more."""
    desk_of(asking).alerts.acknowledge(alert, body.reason, body.comment)


@router.post("/alerts/{alert}/snooze", operation_id="snooze_alert")
def snooze(asking: Signed, alert: AlertId, body: Snooze) -> Until:
    """Page nobody about this rule and patient for a while."""
    return Until(until=desk_of(asking).alerts.snooze(alert, body.minutes, body.reason))


@router.get("/alerts/record", operation_id="alert_record")
def record(
    asking: Signed,
    ward: Annotated[str, Query(max_length=64)] = "",
    hours: Annotated[float, Query(gt=0, le=2160)] = 168,
) -> list[RecordInfo]:
    """Return what became of alerts, a line a rule: PPV, time until seen, reasons."""
    since = datetime.now(UTC) - timedelta(hours=hours)
    return [
        RecordInfo(
            rule=one.rule,
            alerts=one.alerts,
            judged=one.judged,
            ppv=one.ppv,
            median_seconds=one.seconds,
            escalated=one.escalated,
            waiting=one.waiting,
            reasons=dict(one.reasons),
        )
        for one in records(_found(desk_of(asking), ward, since))
    ]


@router.get("/alerts/pulse", operation_id="alert_pulse")
def heartbeat(asking: Signed) -> PulseInfo:
    """Say whether alarms are being watched."""
    found = pulse(desk_of(asking).alerts.heartbeat(HEARTBEAT), datetime.now(UTC))
    return PulseInfo(at=found.at, alive=found.alive)


@router.get("/alerts/rules/shipped", operation_id="list_shipped_rules")
def shipped_rules(asking: Signed) -> list[Rule]:
    """Return the rules a ward can start from."""
    return list(shipped().values())


@router.get("/alerts/rules", operation_id="list_alert_rules")
def list_rules(asking: Signed) -> list[RuleInfo]:
    """Return the rules that are enabled."""
    return [_rule(one) for one in desk_of(asking).rules.list()]


def _rule(one: Enabled) -> RuleInfo:
    return RuleInfo(
        id=one.id,
        patient=one.scope.patient,
        ward=one.scope.ward,
        enabled=one.enabled,
        enabled_by=one.enabled_by,
        trial=one.trial,
        rule=Rule.model_validate(one.content),
    )


@router.post("/alerts/rules/dry-run", operation_id="try_alert_rule")
def dry_run(asking: Signed, body: TrialInput) -> TrialInfo:
    """Say what a rule would have said of a patient's or a ward's own history, and keep it."""
    rule = body.made()
    found = tried(desk_of(asking), rule, body.scope, body.days, datetime.now(UTC))
    return TrialInfo(trial=found.trial, rule=rule, result=found.found)


@router.post("/alerts/rules", operation_id="enable_alert_rule", status_code=201)
def enable(asking: Signed, body: WishInput) -> Made:
    """Enable a rule; refused without a dry run of that very rule on that very history."""
    rule = body.made()
    content = rule.model_dump(mode="json")
    return Made(id=desk_of(asking).rules.enable(body.scope, content, rule.fingerprint))


@router.delete("/alerts/rules/{rule}", operation_id="disable_alert_rule", status_code=204)
def disable(
    asking: Signed,
    rule: AlertId,
    reason: Annotated[str, Query(min_length=3, max_length=500)],
) -> None:
    """Let a rule raise no more alerts."""
    desk_of(asking).rules.disable(rule, reason)


@router.get("/wards", operation_id="list_wards")
def list_wards(asking: Signed) -> list[Ward]:
    """Return the wards."""
    return wards_for(asking).list()


@router.put("/wards/{ward}", operation_id="define_ward", status_code=204)
def define(asking: Signed, ward: WardId, body: WardInput) -> None:
    """Make a ward, or change it."""
    ladder = tuple(Rung(one.after_s, tuple(one.to)) for one in body.ladder)
    beds = tuple(body.beds)
    wards_for(asking).define(Ward(ward, body.name, ladder, body.budget, body.silence, beds))


@router.put("/cases/{patient}/place", operation_id="place_patient", status_code=204)
def place(asking: Signed, patient: PatientId, body: PlaceInput) -> None:
    """Say where a patient lies."""
    wards_for(asking).place(patient, body.ward, body.bed)


@router.put("/cases/{patient}/location", operation_id="share_location", status_code=204)
def share_location(asking: Signed, patient: PatientId, body: LocationInput) -> None:
    """Share where the patient is with whoever is paged, or no more."""
    given = body.model_dump(exclude_none=True)
    shared = bool(body.text) or body.latitude is not None
    wards_for(asking).share_location(patient, given if shared else None)
