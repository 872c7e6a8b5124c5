"""What the alarms passed over: readings no rule could use, why, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from suwen.core.codes import Language
from suwen.diagnosis.language import message
from suwen.health.alerts.trial import Desk
from suwen.server.language import say

WEEK: Final = timedelta(days=6)
"""Whole days beside today that are counted."""


WHY: Final = {
    "unit": message("values of another unit than claimed, or a unit the rule does not know"),
    "wrong-unit": message("a unit nobody expects for this quantity"),
    "implausible": message("values no living person shows"),
    "strange": message("values beyond what the rule takes for possible"),
    "motion": message("taken in movement, held back for a while"),
    "stuck": message("the very same for too long, held back for a while"),
    "ahead": message("dated ahead of their arrival: a clock is wrong"),
    "old": message("arrived long after they were measured: history, or a gateway that was away"),
    "late": message("came after a newer one of the same sensor"),
}


@dataclass(frozen=True)
class Passed:
    """Readings passed over for one reason."""

    why: str
    today: int
    week: int


def passed_over(desk: Desk, language: Language, where: str | None) -> list[Passed]:
    """Return what was passed over, the most frequent reason first; of all wards where None."""
    now = datetime.now(UTC)
    week, today = desk.alerts.passed(where, now - WEEK), desk.alerts.passed(where, now)
    return [
        Passed(say(language, WHY[reason]) if reason in WHY else reason, today.get(reason, 0), count)
        for reason, count in sorted(week.items(), key=lambda pair: -pair[1])
    ]
