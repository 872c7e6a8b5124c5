"""Technical notices: what a device sends cannot be the body's, so somebody looks at the device.

A doubted reading sounds no rule. Instead a notice of low priority stands on the board; it rises
where nothing has counted for long, for then nobody watches that quantity.
"""

from __future__ import annotations

import tomllib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, NamedTuple

from suwen.core.codes import Text
from suwen.core.streams import MICROSECONDS, Channel
from suwen.health.readings import movement
from suwen.health.readings.doubts import why
from suwen.health.readings.gate import NEVER, Gate, times
from suwen.health.readings.movement import Span
from suwen.health.readings.plausible import ACCEPTED, KNOWLEDGE, quantities

NAME: Final = Text(en="Notice about a device", zh="设备提示")
CHECK: Final = "check"
"""Begins the key of a notice's alert, where rules have theirs."""
BLIND: Final = "blind"
OF_DEVICES: Final = ("behind",)
"""Kinds that are of all a device measures."""
SPANS: Final = 20
"""Spans of movement remembered of a patient."""
LOW, RAISED = "low", "medium"
"""Priority of a notice, and what it rises to."""


class Notice(NamedTuple):
    """A notice begins, rises or ends.

    Parameters
    ----------
    standing
        False where it ends.
    kind
        State of the reading, or `BLIND`.
    priority
        What it has now.
    since
        Time of the first doubted reading, microseconds.
    reason
        What is wrong with the reading.
    """

    standing: bool
    kind: str
    priority: str
    since: int
    reason: Text


class Judged(NamedTuple):
    """What the gate says of one reading."""

    kind: str
    held: bool
    notice: Notice | None = None


@dataclass
class _Channel:
    """A channel's gate, and the notice about it."""

    gate: Gate
    standing: bool = False
    priority: str = LOW
    since: int = -1
    doubted: int = -1
    """Time of the newest doubted reading."""
    counted: int = -1
    """Time of the newest reading that counted."""


@dataclass
class Notices:
    """The gates of all patients' channels. Pure: it is told the time."""

    _channels: dict[tuple[str, Channel], _Channel | None] = field(default_factory=dict)
    _moved: dict[str, deque[Span]] = field(default_factory=dict)

    def judge(
        self,
        patient: str,
        channel: Channel,
        reading: tuple[int, float],
        received: int,
        beyond: Callable[[], bool],
    ) -> Judged:
        """Judge one reading, in order of time.

        Parameters
        ----------
        patient, channel
            Whose it is and what was measured by which device.
        reading
            When it was measured, microseconds, and the number.
        received
            When it arrived: of what comes late nobody need look at a device.
        beyond
            Says whether a rule would take it as beyond its limit.
        """
        tick, value = reading
        try:
            one = self._channels[patient, channel]
        except KeyError:
            one = self._of(patient, channel)
        if one is None:
            if span := movement.moved(channel, tick, value):
                known = self._moved.setdefault(patient, deque(maxlen=SPANS))
                if not movement.extended(known, span):
                    known.append(span)
            return FINE
        kind = one.gate.judge(tick, value, self._moved.get(patient, ()))
        if kind == ACCEPTED:
            one.counted = tick
            return FINE if not one.standing else Judged(kind, False, self._calm(one, tick))
        held = one.gate.holds(kind, tick)
        late = received - tick > times()["fresh_s"] * MICROSECONDS
        if late or (kind == "motion" and not (held and beyond())):
            return Judged(kind, held)
        return Judged(kind, held, self._doubt(one, kind, tick, value))

    def resume(self, patient: str, channel: Channel, at: int, priority: str) -> None:
        """Go on with a notice that stood before a restart."""
        one = self._of(patient, channel)
        if one is not None:
            one.standing, one.priority, one.since, one.doubted = True, priority, at, at

    def _of(self, patient: str, channel: Channel) -> _Channel | None:
        key = patient, channel
        if key not in self._channels:
            gate = Gate(channel)
            self._channels[key] = None if gate.blank else _Channel(gate)
        return self._channels[key]

    def _calm(self, one: _Channel, tick: int) -> Notice | None:
        calm = tick - one.doubted >= times()["calm_s"] * MICROSECONDS
        if not calm:
            return None
        one.standing = False
        return Notice(False, ACCEPTED, one.priority, one.since, Text(en="", zh=""))

    def _doubt(self, one: _Channel, kind: str, tick: int, value: float) -> Notice | None:
        one.doubted = tick
        reason = why(kind, one.gate.channel, value)
        if not one.standing:
            one.standing, one.priority, one.since = True, LOW, tick
            return Notice(True, kind, LOW, tick, reason)
        unseen = tick - max(one.counted, one.since)
        blind = kind in NEVER and unseen >= times()["blind_s"] * MICROSECONDS
        if not blind or one.priority == RAISED:
            return None
        one.priority = RAISED
        return Notice(True, BLIND, RAISED, one.since, reason)


FINE: Final = Judged(ACCEPTED, False)


def key_of(channel: Channel) -> str:
    """Return the key of the notice about a channel."""
    return f"{CHECK}-{channel.code}-{channel.device}"[:64].lower()


@lru_cache(maxsize=1)
def _words() -> Mapping[str, Any]:
    found: Mapping[str, Any] = tomllib.loads(KNOWLEDGE.read_text(encoding="utf-8"))["notice"]
    return found


def titled(notice: Notice, channel: Channel) -> Text:
    """Return the title of a notice: `Body temperature: check the unit`."""
    known = next((one for (code, _), one in quantities().items() if code == channel.code), None)
    said = Text(**_words()[notice.kind])
    if known is None or notice.kind in OF_DEVICES:
        return said
    return Text(
        en=f"{known.name.en}: {said.en[:1].lower()}{said.en[1:]}", zh=f"{known.name.zh}：{said.zh}"
    )


def content_of(
    notice: Notice, channel: Channel, value: float, readings: Sequence[Any]
) -> dict[str, Any]:
    """Return what an alert about a device holds; times are added by who writes it."""
    return {
        "name": titled(notice, channel).model_dump(),
        "kind": notice.kind,
        "reason": notice.reason.model_dump(),
        "value": round(value, 3),
        "unit": channel.unit,
        "channel": list(channel),
        "readings": list(readings),
    }
