"""The silence watchdog: data that stop are an alert, and what is past its time is never current.

Every channel that ever spoke is watched. What is measured against is when readings arrived, not
when a device says it measured: a clock that runs ahead must not hide silence. The watchdog itself
writes a heartbeat; whoever shows values shows its age too (`Pulse`).
"""

from __future__ import annotations

import tomllib
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any, Final, Literal, NamedTuple

from suwen.core.codes import Text
from suwen.core.streams import MICROSECONDS, Channel

KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge" / "watchdog.toml"
NO_DATA: Final = "no-data"
"""Key of the watchdog's alerts, where rules have theirs."""
NAME: Final = Text(en="No data", zh="无数据")
Limits = Mapping[str, float]
"""Seconds of silence by LOINC code, as a ward or a patient set them."""


@lru_cache(maxsize=1)
def times() -> Mapping[str, Any]:
    """Return the knowledge file, read once."""
    return tomllib.loads(KNOWLEDGE.read_text(encoding="utf-8"))


@dataclass
class Heard:
    """What is known of one channel of one patient; times in microseconds.

    Parameters
    ----------
    received
        When its newest reading arrived.
    measured
        Time of its newest reading, as its device says.
    apart
        Distances between its last readings.
    silent
        Whether its silence is an alert now.
    """

    received: int
    measured: int
    apart: deque[int] = field(default_factory=lambda: deque(maxlen=int(times()["kept"])))
    silent: bool = False

    def limit_s(self, set_s: float | None) -> float:
        """Return after how many seconds its silence is an alert."""
        if set_s is not None:
            return set_s
        table = times()
        if len(self.apart) < table["fewest"]:
            return float(table["first_s"])
        usual = table["times"] * median(self.apart) / MICROSECONDS
        return float(min(max(usual, table["least_s"]), table["most_s"]))


class Silence(NamedTuple):
    """A channel fell silent, or speaks again; `since` is when its last reading arrived."""

    patient: str
    channel: Channel
    kind: Literal["raised", "cleared"]
    at: int
    since: int
    limit_s: float


class Watchdog:
    """Watches the channels of all patients. Pure: it is told the time."""

    def __init__(self) -> None:
        self.channels: dict[tuple[str, Channel], Heard] = {}

    def heard(self, patient: str, channel: Channel, measured: int, received: int) -> Silence | None:
        """Take note of a reading; return that the channel speaks again where it was silent."""
        known = self.channels.get((patient, channel))
        if known is None:
            self.channels[patient, channel] = Heard(received, measured)
            return None
        if measured > known.measured:
            known.apart.append(measured - known.measured)
            known.measured = measured
        since, known.received = known.received, max(known.received, received)
        if not known.silent:
            return None
        known.silent = False
        return Silence(patient, channel, "cleared", received, since, 0.0)

    def resume(self, patient: str, channel: Channel, heard: Heard) -> None:
        """Go on with what was known before a restart."""
        self.channels[patient, channel] = heard

    def silent(self, patient: str, channel: Channel, since: int) -> None:
        """Go on with a silence that was told before a restart."""
        self.channels.setdefault((patient, channel), Heard(since, since)).silent = True

    def silent_of(self, patient: str, device: str) -> dict[Channel, Heard]:
        """Return the channels of a device that are silent now."""
        return {
            channel: heard
            for (name, channel), heard in self.channels.items()
            if name == patient and channel.device == device and heard.silent
        }

    def ended(self, patient: str, channel: Channel) -> None:
        """Watch a channel no more: somebody said that it ended. Its next reading begins anew."""
        self.channels.pop((patient, channel), None)

    def check(self, now: int, limits: Mapping[str, Limits] | None = None) -> Iterator[Silence]:
        """Yield the channels that fell silent since the last check.

        Parameters
        ----------
        now
            The time, microseconds.
        limits
            Set limits by patient.
        """
        for (patient, channel), heard in self.channels.items():
            if heard.silent:
                continue
            limit = heard.limit_s((limits or {}).get(patient, {}).get(channel.code))
            if now - heard.received >= limit * MICROSECONDS:
                heard.silent = True
                yield Silence(patient, channel, "raised", now, heard.received, limit)


def key_of(device: str) -> str:
    """Return the key of the alert that a device is silent."""
    return f"{NO_DATA}-{device}"[:64].lower()


def timely(measured: int, received: int) -> bool:
    """Whether a reading is not dated ahead of its arrival by more than clocks may differ."""
    return measured - received <= int(times()["ahead_s"]) * MICROSECONDS


class Standing(StrEnum):
    """Whether what is shown still stands."""

    CURRENT = "current"
    EXPIRED = "expired"


def standing(valid_until: datetime | None, now: datetime) -> Standing:
    """Return whether a score stands: never past its validity, and never without one."""
    if valid_until is None or now >= valid_until:
        return Standing.EXPIRED
    return Standing.CURRENT


class Pulse(NamedTuple):
    """How the watchdog is: the time of its last heartbeat, and its age when that was read."""

    at: datetime | None
    age_s: float

    @property
    def alive(self) -> bool:
        """Whether somebody watches."""
        return self.at is not None and self.age_s < float(times()["dead_s"])


def pulse(at: datetime | None, now: datetime) -> Pulse:
    """Return how the watchdog is at a moment; a heartbeat from the future is none."""
    if at is None or at - now > timedelta(seconds=float(times()["ahead_s"])):
        return Pulse(None, float("inf"))
    return Pulse(at, max(0.0, (now - at).total_seconds()))
