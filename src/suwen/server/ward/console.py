"""What the alert console shows: open alerts with what was done, the hand-over list, rules tried."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from suwen.core.codes import Language
from suwen.core.errors import BadInput, NotFound
from suwen.core.nouns import Interval
from suwen.diagnosis.language import message
from suwen.health.alerts import notices as alert_notices
from suwen.health.alerts.dry_run import DryRun, Tally
from suwen.health.alerts.notices import CHECK
from suwen.health.alerts.rules import Rule, changed, in_words, shipped
from suwen.health.alerts.trial import Desk, Record, records
from suwen.health.alerts.watchdog import NAME, NO_DATA
from suwen.records.alerts.rows import Alert
from suwen.records.alerts.seen import LONGEST
from suwen.records.alerts.wards import Place
from suwen.server.case.patients import about
from suwen.server.language import moment, say
from suwen.server.ward.alert import REASON_NAMES, Told, facts
from suwen.server.ward.board import PRIORITIES, WAITING, Chip, chip

HOURS: Final = (1, 48)
"""Shortest and longest shift of a hand-over list."""
SNOOZES: Final = (5, 10, 15, 30, 60, 120, 240, 480, 1440)


PRIORITY_NAMES = {"high": message("red"), "medium": message("amber"), "low": message("notice")}


@dataclass(frozen=True)
class Card:
    """One alert of the console."""

    chip: Chip
    patient: str
    name: str
    where: str
    priority_name: str
    rule: str
    facts: list[tuple[str, str]]
    snoozes: list[int]
    can_end: bool
    can_try: bool
    """Whether it is of a rule whose limits can be tried."""
    waves: str = ""
    """Query that opens the viewer of the ECG at its moment, where waves were asked."""

    @property
    def open(self) -> bool:
        """Whether somebody has still to look at it."""
        return self.chip.state in (*WAITING, "snoozed")


@dataclass(frozen=True)
class Shift:
    """A hand-over list."""

    patients: list[tuple[str, str, str, list[Card]]]
    """Id, name and place of each patient with their alerts, those that wait first."""
    lines: list[Line]
    since: str
    quiet: int
    """Patients without any."""


@dataclass(frozen=True)
class Line:
    """What became of the alerts of one rule, in words."""

    rule: str
    alerts: int
    ppv: str
    seconds: str
    reasons: str
    waiting: int


def cards(
    desk: Desk, language: Language, where: str | None, since: datetime | None = None
) -> list[Card]:
    """Return the alerts of the person's patients, those that wait first, the red before others."""
    placed = desk.alerts.patients(where)
    found = _cards(desk, language, placed, desk.alerts.open(list(placed), since))
    return sorted(
        found,
        key=lambda card: (
            not card.open,
            card.chip.state == "snoozed",
            -PRIORITIES.get(card.chip.priority, 0),
            -card.chip.at,
        ),
    )


def card_of(desk: Desk, language: Language, alert: str) -> Card:
    """Return one alert.

    Raises
    ------
    NotFound
        No such alert, or not of a patient this person may read.
    """
    found = desk.alerts.find(alert)
    return _cards(desk, language, desk.alerts.patients(), [found])[0]


def _cards(
    desk: Desk,
    language: Language,
    placed: Mapping[str, Place | None],
    alerts: Sequence[Alert],
) -> list[Card]:
    now = datetime.now(UTC)
    people = desk.alerts.newest("Patient", list(dict.fromkeys(one.patient for one in alerts)))
    told = Told.of(desk, alerts)
    wards = {one.id: one.name or one.id for one in desk.wards.list()}
    found = []
    for one in alerts:
        record = people.get(one.patient)
        name = about(language, one.patient, record.content if record else None).name
        found.append(
            _card(language, one, name, _where(language, placed.get(one.patient), wards), told, now)
        )
    return found


def _where(language: Language, place: Place | None, wards: Mapping[str, str]) -> str:
    if place is None:
        return ""
    bed = f"{say(language, 'Bed')} {place.bed}" if place.bed else ""
    return " · ".join(part for part in (wards.get(place.ward, place.ward), bed) if part)


def _card(
    language: Language,
    one: Alert,
    name: str,
    where: str,
    told: Told,
    now: datetime,
) -> Card:
    longest = LONGEST.get(one.priority, LONGEST["high"])
    return Card(
        chip=chip(language, one, now),
        patient=one.patient,
        name=name,
        where=where,
        priority_name=say(language, PRIORITY_NAMES.get(one.priority, one.priority)),
        rule=one.rule,
        facts=facts(language, one, told),
        snoozes=[minutes for minutes in SNOOZES if minutes <= longest],
        can_end=one.rule.startswith(NO_DATA),
        can_try=one.rule in shipped(),
        waves=urlencode({"at": one.at.isoformat()}) if "waves" in one.content else "",
    )


def shift(desk: Desk, language: Language, where: str | None, hours: int) -> Shift:
    """Return the hand-over list: what stands, what is silenced and what was, patient by patient.

    Raises
    ------
    BadInput
        Fewer or more hours than `HOURS`.
    """
    if not HOURS[0] <= hours <= HOURS[1]:
        raise BadInput(f"a shift of {hours} hours", f"{HOURS[0]} to {HOURS[1]} hours", "")
    since = datetime.now(UTC) - timedelta(hours=hours)
    by_patient: dict[str, list[Card]] = {}
    for card in cards(desk, language, where, since):
        by_patient.setdefault(card.patient, []).append(card)
    placed = desk.alerts.patients(where)
    return Shift(
        patients=[(key, mine[0].name, mine[0].where, mine) for key, mine in by_patient.items()],
        lines=lines(language, desk.alerts.open(list(placed), since)),
        since=moment(since),
        quiet=len(placed) - len(by_patient),
    )


def lines(language: Language, alerts: Sequence[Alert]) -> list[Line]:
    """Return what became of alerts, a line a rule."""
    return [_line(language, one) for one in records(alerts)]


def _line(language: Language, one: Record) -> Line:
    name = NAME.of(language) if one.rule.startswith(NO_DATA) else one.rule
    if one.rule.startswith(CHECK):
        name = alert_notices.NAME.of(language)
    if one.rule in shipped():
        name = shipped()[one.rule].name.of(language)
    said = [
        f"{say(language, REASON_NAMES.get(reason, reason))} {count}"
        for reason, count in one.reasons.most_common()
    ]
    return Line(
        rule=name,
        alerts=one.alerts,
        ppv=share(one.ppv, one.judged) if one.ppv else "–",
        seconds="–" if one.seconds is None else spell(language, one.seconds),
        reasons=("；" if language == "zh" else "; ").join(said) or "–",
        waiting=one.waiting,
    )


def share(value: Interval, count: int) -> str:
    """Return a share with its interval and what it is of: `60 % (31-83 %, n = 10)`."""
    low, high = round(100 * value.low), round(100 * value.high)
    return f"{round(100 * value.value)} % ({low}–{high} %, n = {count})"


def spell(language: Language, seconds: float) -> str:
    """Return a length of time in one word."""
    if seconds < 100:
        return f"{seconds:.0f} {say(language, 's')}"
    if seconds < 5400:
        return f"{seconds / 60:.0f} {say(language, 'min')}"
    if seconds < 172_800:
        return f"{seconds / 3600:.1f} {say(language, 'h')}"
    return f"{seconds / 86_400:.1f} {say(language, 'd')}"


@dataclass(frozen=True)
class RuleLine:
    """An enabled rule."""

    id: str
    name: str
    words: str
    scope: str
    since: str
    by: str
    priority: str


def enabled(language: Language, desk: Desk) -> list[RuleLine]:
    """Return the enabled rules in words."""
    found, wards = [], {one.id: one.name or one.id for one in desk.wards.list()}
    for one in desk.rules.list():
        rule = Rule.model_validate(one.content)
        ward = one.scope.ward
        scope = wards.get(ward, ward) if ward else say(language, "all wards")
        if one.scope.patient:
            scope = say(language, "one patient")
        since, by = moment(one.enabled), desk.alerts.name_of(one.enabled_by)
        name, words = rule.name.of(language), in_words(rule).of(language)
        found.append(RuleLine(one.id, name, words, scope, since, by, rule.priority.value))
    return found


def wished(key: str, settings: Mapping[str, float | None]) -> Rule:
    """Return a shipped rule with the limits and times somebody asks for.

    Raises
    ------
    NotFound
        No such rule.
    BadInput
        The settings do not fit together.
    """
    if key not in shipped():
        raise NotFound("no such rule", "a rule of the list", "choose one")
    given = {name: value for name, value in settings.items() if value is not None}
    return changed(shipped()[key], given)


@dataclass(frozen=True)
class Result:
    """A dry run as the page tells it."""

    name: str
    words: str
    patients: int
    time: str
    seen: str
    blind: bool
    short: bool
    rule: list[tuple[str, str]]
    naive: list[tuple[str, str]]
    held: list[tuple[str, str]]
    fewer: str
    plot: str


def result(language: Language, rule: Rule, found: DryRun, plot: Mapping[str, Any]) -> Result:
    """Return a dry run in words; `plot` is what the page draws."""
    ours, bare = found.rule.per_day.value, found.naive.per_day.value
    fewer = ""
    if bare > ours:
        fewer = say(
            language,
            "%(share)s fewer alerts than the bare threshold",
            share=f"{1 - ours / bare:.0%}",
        )
    return Result(
        name=rule.name.of(language),
        words=in_words(rule).of(language),
        patients=found.patients,
        time=spell(language, found.days * 86_400),
        seen=f"{found.seen:.0%}",
        blind=found.seen < 0.5,
        short=found.days < 1,
        rule=_tally(language, found.rule),
        naive=_tally(language, found.naive),
        held=_tally(language, found.held) if found.held else [],
        fewer=fewer,
        plot=json.dumps(plot),
    )


def _tally(language: Language, one: Tally) -> list[tuple[str, str]]:
    rate = one.per_day
    ppv = share(one.ppv, one.judged) if one.ppv else say(language, "nobody judged any yet")
    minutes = "–" if one.minutes is None else spell(language, 60 * one.minutes)
    return [
        (say(language, "alerts a patient and day"),
         f"{rate.value:.2f} ({rate.low:.2f}–{rate.high:.2f})"),
        (say(language, "alerts in all"), f"{one.alerts}"),
        (say(language, "patients with any"), f"{one.patients_alerted}"),
        (say(language, "right, of those judged"), ppv),
        (say(language, "median length"), minutes),
    ]  # fmt: skip
