"""What the page of a dry run draws: one patient's readings with the alerts, else alerts a day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from suwen.core.quantities import unit_sign
from suwen.core.streams import MICROSECONDS
from suwen.health.alerts.dry_run import DryRun
from suwen.health.alerts.rules import Rule
from suwen.health.alerts.trial import Desk
from suwen.records.alerts.rulebook import Scope

POINTS: Final = 2000
HOURLY_S: Final = 3 * 86_400
"""A history up to so long is drawn by hours, a longer one by days."""


def plot_of(desk: Desk, rule: Rule, scope: Scope, found: DryRun, now: datetime) -> dict[str, Any]:
    """Return what the page draws: one patient's readings with the alerts, else alerts a day."""
    if not found.until:
        return {}
    if scope.patient:
        return _readings(desk, rule, scope.patient, found, now)
    wide = 86_400 if found.until - found.since > HOURLY_S * MICROSECONDS else 3600
    first = found.since // (wide * MICROSECONDS)
    count = int(found.until // (wide * MICROSECONDS) - first + 1)
    bars = [0] * count
    for one in found.episodes:
        bars[int(one.begun // (wide * MICROSECONDS) - first)] += 1
    x = [(first + i) * wide for i in range(count)]
    return {"kind": "bars", "x": x, "y": bars, "wide": wide}


def _readings(desk: Desk, rule: Rule, patient: str, found: DryRun, now: datetime) -> dict[str, Any]:
    start = datetime.fromtimestamp(found.since / MICROSECONDS, UTC)
    x: list[float] = []
    y: list[float] = []
    for code in rule.codes:
        for one in desk.streams.plot(patient, code, start, now, POINTS):
            if rule.reads(one.channel) and len(one) > len(x):
                factor = rule.factors[one.channel.unit]
                x = (one.at / MICROSECONDS).tolist()
                y = (one.values * factor).tolist()
    spans = [
        [one.begun / MICROSECONDS, (one.ended or found.until) / MICROSECONDS]
        for one in found.episodes
    ]
    return {
        "kind": "readings",
        "x": x,
        "y": y,
        "spans": spans,
        "limit": rule.limit,
        "clear": rule.clear,
        "unit": unit_sign(rule.unit),
    }
