"""Trying a rule on what the store holds: a patient's or a ward's own history, and its verdicts.

What people said of earlier alerts when they acknowledged them is what a dry run is judged by.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from suwen.core.errors import BadInput, NotFound
from suwen.core.nouns import Interval
from suwen.core.streams import Channel, ticks
from suwen.health.alerts.dry_run import DryRun, History, dry_run, judged_by
from suwen.health.alerts.rules import Change, Rule, changes
from suwen.health.readings.gate import taken
from suwen.health.readings.movement import movements
from suwen.metrics.coverage import wilson
from suwen.records.alerts.rows import Alert
from suwen.records.alerts.rulebook import AlertRules, Scope
from suwen.records.alerts.seen import REASONS, Alerts
from suwen.records.alerts.wards import Wards
from suwen.records.streams.seen import Streams

if TYPE_CHECKING:
    from suwen.records import Person, Store

DAYS: Final = (0.05, 90.0)
"""Shortest and longest history that a dry run looks at."""


@dataclass(frozen=True)
class Tried:
    """A dry run that is kept, by its id."""

    trial: str
    found: DryRun


@dataclass(frozen=True)
class Desk:
    """What one person works with for one purpose: rules, alerts, samples and wards."""

    rules: AlertRules
    alerts: Alerts
    streams: Streams
    wards: Wards

    @classmethod
    def of(cls, store: Store, person: Person, purpose: str) -> Desk:
        """Return the desk of a person; every act is checked and logged."""
        return cls(
            AlertRules(store, person, purpose),
            Alerts(store, person, purpose),
            Streams(store, person, purpose),
            Wards(store, person, purpose),
        )


def tried(desk: Desk, rule: Rule, scope: Scope, days: float, now: datetime) -> Tried:
    """Try a rule on the last days of a patient's, a ward's or everybody's readings, and keep it.

    A ward's history is that of the patients who lie there now and whom this person may read.

    Raises
    ------
    BadInput
        More or fewer days than `DAYS`.
    Denied
        The person may not decide about this patient, or for the house.
    """
    if not DAYS[0] <= days <= DAYS[1]:
        raise BadInput(f"a dry run of {days:g} days", f"{DAYS[0]:g} to {DAYS[1]:g} days", "")
    since = now - timedelta(days=days)
    patients = list(desk.alerts.patients(scope.ward or None))
    if scope.patient:
        patients = [scope.patient]
    judge = judged_by(_verdicts(desk.alerts.open(patients, since), rule.key, now))
    found = dry_run(rule, _histories(desk.streams, patients, rule, since, now), judge)
    content = found.model_dump(mode="json") | {"days_asked": days}
    trial = desk.rules.keep_trial(scope, rule.model_dump(mode="json"), rule.fingerprint, content)
    return Tried(trial, found)


def replayed(desk: Desk, alert: Alert) -> Change | None:
    """Return what the alert's own rule says of the stored readings that raised it, by now.

    None where the rule, looked at from the first reading of the run on, raises nothing: readings
    came late, were thinned, or never stood in the store.

    Raises
    ------
    NotFound
        Its rule is not known any more, or it is the watchdog's.
    """
    content = desk.rules.ever(alert.fingerprint) if alert.fingerprint else None
    if content is None:
        raise NotFound("no rule to replay this alert by", "an alert of a rule", "choose another")
    rule, channel = Rule.model_validate(content), Channel(*alert.content["channel"])
    since = datetime.fromisoformat(alert.content["since"])
    end = alert.at + timedelta(seconds=1)
    parts = desk.streams.read(alert.patient, channel.code, since, end)
    parts = taken([one for one in parts if one.channel == channel])
    return next(changes(rule, parts), None)


def _histories(
    streams: Streams, patients: Sequence[str], rule: Rule, since: datetime, now: datetime
) -> Iterator[History]:
    for patient in patients:
        codes = dict.fromkeys((*rule.codes, *(code for code, _ in movements())))
        parts = [one for code in codes for one in streams.read(patient, code, since, now)]
        yield History(patient, parts)


def _verdicts(
    alerts: Sequence[Alert], key: str, now: datetime
) -> dict[str, list[tuple[int, int, bool]]]:
    found: dict[str, list[tuple[int, int, bool]]] = defaultdict(list)
    for one in alerts:
        right = REASONS.get(one.reason)
        if one.rule == key and right is not None:
            found[one.patient].append((ticks(one.at), ticks(one.cleared or now), right))
    return found


@dataclass(frozen=True)
class Record:
    """What became of the alerts of one rule.

    Parameters
    ----------
    judged, ppv
        Alerts that somebody judged, and the share of them that was right (Wilson's interval).
    seconds
        Median time until somebody acknowledged, None where nobody did.
    escalated, waiting
        Alerts that went beyond the first rung; alerts nobody has acknowledged.
    reasons
        How they were settled.
    """

    rule: str
    alerts: int
    judged: int
    ppv: Interval | None
    seconds: float | None
    escalated: int
    waiting: int
    reasons: Counter[str]


def records(alerts: Sequence[Alert]) -> list[Record]:
    """Return what became of alerts, a line a rule, those with most alerts first."""
    by_rule: dict[str, list[Alert]] = defaultdict(list)
    for one in alerts:
        by_rule[one.rule].append(one)
    found = [_record(rule, mine) for rule, mine in by_rule.items()]
    return sorted(found, key=lambda one: (-one.alerts, one.rule))


def _record(rule: str, alerts: Sequence[Alert]) -> Record:
    said = [REASONS.get(one.reason) for one in alerts if one.acknowledged is not None]
    right, judged = said.count(True), len(said) - said.count(None)
    waits = [
        (one.acknowledged - one.raised).total_seconds()
        for one in alerts
        if one.acknowledged is not None
    ]
    ppv = None
    if judged:
        low, high = wilson(np.array(right / judged), np.array(float(judged)))
        ppv = Interval(value=right / judged, low=float(low), high=float(high))
    return Record(
        rule=rule,
        alerts=len(alerts),
        judged=judged,
        ppv=ppv,
        seconds=float(np.median(waits)) if waits else None,
        escalated=sum(one.step > 1 for one in alerts),
        waiting=sum(one.acknowledged is None for one in alerts),
        reasons=Counter(one.reason for one in alerts if one.reason),
    )
