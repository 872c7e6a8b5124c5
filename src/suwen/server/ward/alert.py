"""What is told of one alert: when it came, what was measured, who was told, what people did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from suwen.core.codes import Language, Text
from suwen.core.quantities import number, unit_sign
from suwen.diagnosis.language import message
from suwen.health.alerts.trial import Desk
from suwen.health.alerts.watchdog import NO_DATA
from suwen.records.alerts.rows import Alert, Words
from suwen.records.alerts.seen import Page
from suwen.server.language import moment, say

REASON_NAMES: Final = {
    "acted": message("acted on it"),
    "watching": message("true, watching closely"),
    "known": message("known and accepted"),
    "artefact": message("artefact"),
    "equipment": message("sensor or cable"),
    "limits": message("limits do not suit this patient"),
    "ended": message("measuring was ended on purpose"),
    "other": message("other, in words"),
}
PAGE_STATES: Final = {
    "waiting": message("being sent"),
    "sent": message("told"),
    "failed": message("not reached"),
    "dropped": message("no longer needed"),
}
Facts = list[tuple[str, str]]


@dataclass(frozen=True)
class Told:
    """What is known of some alerts beside themselves.

    Parameters
    ----------
    pages
        Who was told, by alert, in the order of telling.
    words
        What people wrote.
    names
        Names of these people by id.
    """

    pages: Mapping[str, Sequence[Page]] = field(default_factory=dict)
    words: Words = field(default_factory=lambda: Words({}, {}))
    names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, desk: Desk, alerts: Sequence[Alert]) -> Told:
        """Return what is known of alerts of this desk."""
        pages: dict[str, list[Page]] = {}
        for page in desk.alerts.pages([one.id for one in alerts]):
            pages.setdefault(page.alert, []).append(page)
        words = desk.alerts.words(alerts)
        people = {page.person for told in pages.values() for page in told}
        people |= {one.acknowledged_by for one in alerts if one.acknowledged_by}
        people |= {by for by, _ in words.silenced.values()}
        return cls(pages, words, {one: desk.alerts.name_of(one) for one in people})


def facts(language: Language, one: Alert, told: Told) -> Facts:
    """Return what is told of an alert, each with its term."""
    found = [(say(language, "Raised"), moment(one.raised)), *_measured(language, one)]
    if pages := told.pages.get(one.id):
        newest = {page.person: page.state for page in pages}
        each = (
            f"{told.names[person]} ({say(language, PAGE_STATES[state])})"
            for person, state in newest.items()
        )
        found.append((say(language, "Paged"), _joined(language, each)))
    return found + _done(language, one, told)


def _measured(language: Language, one: Alert) -> Facts:
    content, found = one.content, []
    unit = unit_sign(str(content.get("unit", "")))
    if one.rule.startswith(NO_DATA):
        since = datetime.fromisoformat(str(content["since"]))
        found.append((say(language, "Last data"), moment(since)))
    if "reason" in content:
        found.append((say(language, "What is wrong"), Text(**content["reason"]).of(language)))
    if "waves" in content:
        found.append(
            (say(language, "Waves of these seconds"), Text(**content["waves"]).of(language))
        )
    if readings := content.get("readings"):
        shown = ", ".join(number(float(value)) for _, value in readings)
        found.append((say(language, "Last readings"), f"{shown} {unit}".strip()))
    if "limit" in content:
        sign = {"above": "≥", "below": "≤"}[content["side"]]
        found.append((say(language, "Limit"), f"{sign} {content['limit']:g} {unit}".strip()))
    return found


def _done(language: Language, one: Alert, told: Told) -> Facts:
    found, colon = [], "：" if language == "zh" else ": "
    if one.acknowledged is not None:
        why = say(language, REASON_NAMES.get(one.reason, one.reason))
        who = told.names.get(one.acknowledged_by, one.acknowledged_by)
        found.append((say(language, "Seen"), f"{moment(one.acknowledged)}, {who}{colon}{why}"))
        if comment := told.words.settled.get(one.id):
            found.append((say(language, "In words"), comment))
    if one.snoozed_until is not None:
        found.append((say(language, "Snoozed until"), moment(one.snoozed_until)))
        by, why = told.words.silenced.get((one.patient, one.rule), ("", ""))
        if why:
            found.append((say(language, "Why"), f"{why} ({told.names[by]})"))
    if one.cleared is not None:
        found.append((say(language, "Over since"), moment(one.cleared)))
    return found


def _joined(language: Language, parts: Iterable[str]) -> str:
    return ("、" if language == "zh" else ", ").join(parts)
