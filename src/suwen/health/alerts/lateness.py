"""Readings that arrive long after they were measured: history, at which no live rule looks.

What was imported of last year, or sent by a gateway that was away for hours, is stored, drawn and
tried in dry runs; an alert raised by it would send somebody to a bed for what is long over. A
device whose clock is behind looks the same reading by reading, but it goes on like that, at the
pace of the clock: of that somebody is told, or its patient would be watched by nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import numpy as np

from suwen.core.codes import Text
from suwen.core.streams import MICROSECONDS, Channel, Stretch
from suwen.health.alerts.notices import CHECK, RAISED, Notice
from suwen.health.alerts.rules import Rule, duration
from suwen.health.alerts.watchdog import times

BEHIND: Final = "behind"
"""Kind of the notice."""
CLOCK: Final = f"{CHECK}-clock"
"""Begins the key of its alert."""
_REASON: Final = Text(
    en="its readings arrive {late.en} after the times they give: no rule looks at them",
    zh="读数到达时间比其标注时间晚 {late.zh}：任何规则均未采用",
)


@lru_cache(maxsize=1)
def late() -> int:
    """Return from which age on a reading that arrives is history, in microseconds."""
    return round(float(times()["late_s"]) * MICROSECONDS)


def parted(
    stretch: Stretch, rules: Sequence[Rule], received: int
) -> tuple[Stretch | None, Stretch, list[int]]:
    """Return what is history for all of some rules, what is not, and from when on each counts.

    For a rule so much longer as its window is: the run that a reading completes may begin then.
    None where nothing is history.
    """
    begin = received - late()
    begins = [begin - rule.window for rule in rules]
    first = min(begins, default=begin)
    if not len(stretch) or int(stretch.at[0]) >= first:
        return None, stretch, begins
    cut = int(np.searchsorted(stretch.at, first))
    before, after = (
        Stretch(stretch.channel, stretch.at[part], stretch.values[part])
        for part in (slice(None, cut), slice(cut, None))
    )
    return before, after, begins


@dataclass
class _Run:
    """A device that sends late readings; times in microseconds, of arrival and of measuring."""

    begun: int
    measured: int
    last: int
    arrivals: int = 1
    told: bool = False


@dataclass
class Clocks:
    """The devices whose readings arrive late. Pure: it is told the time."""

    _runs: dict[tuple[str, str], _Run] = field(default_factory=dict)

    def late(self, patient: str, channel: Channel, tick: int, received: int) -> Notice | None:
        """Take note of a reading that is history; return what is to be told of its device.

        Told once it went on for `behind_s` with nothing timely between, at no more than
        `behind_pace` times the pace of the clock: what a gateway has gathered comes faster.
        """
        table, key = times(), (patient, channel.device)
        one = self._runs.get(key)
        if one is None or received - one.last > table["behind_apart_s"] * MICROSECONDS:
            told = one is not None and one.told
            self._runs[key] = _Run(received, tick, received, told=told)
            return None
        one.last, one.arrivals = received, one.arrivals + 1
        lasted = received - one.begun
        steady = abs(tick - one.measured) <= table["behind_pace"] * lasted
        long = lasted >= table["behind_s"] * MICROSECONDS and one.arrivals >= table["fewest"]
        if one.told or not (long and steady):
            return None
        one.told = True
        by = duration(60 * round((received - tick) / MICROSECONDS / 60))
        reason = Text(en=_REASON.en.format(late=by), zh=_REASON.zh.format(late=by))
        return Notice(True, BEHIND, RAISED, one.measured, reason)

    def timely(self, patient: str, channel: Channel) -> Notice | None:
        """Take note of a reading that is not late; return that a notice is over."""
        one = self._runs.pop((patient, channel.device), None)
        if one is None or not one.told:
            return None
        return Notice(False, BEHIND, RAISED, one.measured, Text(en="", zh=""))

    def resume(self, patient: str, channel: Channel, at: int) -> None:
        """Go on with a notice that stood before a restart."""
        self._runs[patient, channel.device] = _Run(at, at, at, told=True)


def key_of(channel: Channel) -> str:
    """Return the key of the notice about a device's clock."""
    return f"{CLOCK}-{channel.device}"[:64].lower()
