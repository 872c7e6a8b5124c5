"""Which live readings a rule may take for the body's, told reading by reading.

A value that cannot be is no value. One that can be but is doubted (a sensor that hangs, movement)
is held back from the rules, for at most `HELD` at a time: no doubt silences a rule longer. What a
`Gate` says as readings come, and what `held` says of a whole history, is the same; both only look
at what came before a reading, so that a dry run tells what would have happened.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.streams import MICROSECONDS, Channel, Stretch
from suwen.health.readings import plausible
from suwen.health.readings.movement import Span, during, moving_at, spans
from suwen.health.readings.plausible import ACCEPTED, KNOWLEDGE, Quantity

NEVER: Final = ("wrong-unit", "unit", "implausible")
"""States of values that cannot be: no rule ever takes them."""
DOUBTED: Final = ("motion", "stuck")
"""States of values that can be: held back for a while."""


@lru_cache(maxsize=1)
def times() -> Mapping[str, float]:
    """Return for how long readings are held back and notices stand, in seconds."""
    found: Mapping[str, float] = tomllib.loads(KNOWLEDGE.read_text(encoding="utf-8"))["held"]
    return found


@dataclass
class Gate:
    """One channel of one patient, reading by reading in order of time.

    Parameters
    ----------
    channel
        What is measured.
    """

    channel: Channel
    known: Quantity | None = field(init=False)
    _value: float = field(default=float("nan"), init=False)
    _count: int = field(default=0, init=False)
    _since: int = field(default=0, init=False)
    _doubted_since: int = field(default=-1, init=False)

    def __post_init__(self) -> None:
        self.known, self._factor = plausible.quantity_of(self.channel)
        self._mistakes = [(one["low"], one["high"]) for one in plausible.mistakes(self.channel)]
        self._foreign = self.known is None and bool(plausible.likely_unit(self.channel))

    @property
    def blank(self) -> bool:
        """Whether nothing is known of the quantity, so that nothing can be wrong with it."""
        return self.known is None and not self._foreign

    @property
    def factor(self) -> float:
        """From the channel's unit to that of the limits."""
        return self._factor

    def never(self, value: float) -> str:
        """Return why a value cannot be, one of `NEVER`; empty where it can."""
        if self._foreign:
            return "wrong-unit"
        if self.known is None:
            return ""
        for low, high in self._mistakes:
            if low <= value <= high:
                return "unit"
        possible = self.known.low <= value * self._factor <= self.known.high
        return "" if possible else "implausible"

    def judge(self, tick: int, value: float, moving: Sequence[Span] = ()) -> str:
        """Return the state of a reading; `ACCEPTED` where nothing is wrong with it.

        `moving` are the spans of movement known by now.
        """
        known = self.known
        if never := self.never(value):
            return never
        if known is None:
            return ACCEPTED
        if moving and known.moved and during(tick, moving):
            kind = "motion"
        else:
            kind = self._stuck(tick, value, known)
        if kind == ACCEPTED:
            self._doubted_since = -1
        elif self._doubted_since < 0:
            self._doubted_since = tick
        return kind

    def _stuck(self, tick: int, value: float, known: Quantity) -> str:
        if value != self._value:
            self._value, self._count, self._since = value, 1, tick
            return ACCEPTED
        self._count += 1
        full = value * self._factor >= known.high
        if self._count < known.stuck_readings or not known.stuck or full:
            return ACCEPTED
        lasted = (tick - self._since) / MICROSECONDS
        long = lasted >= known.stuck and lasted <= known.gap * (self._count - 1)
        return "stuck" if long else ACCEPTED

    def holds(self, kind: str, tick: int) -> bool:
        """Whether a reading just judged is kept from the rules."""
        if kind in NEVER:
            return True
        since = self._doubted_since
        return kind in DOUBTED and tick - since <= times()["held_s"] * MICROSECONDS


def impossible(channel: Channel, value: float) -> str:
    """Return why a value of a channel cannot be, one of `NEVER`; empty where it can."""
    return _gate(channel.code, channel.unit).never(value)


@lru_cache(maxsize=1024)
def _gate(code: str, unit: str) -> Gate:
    return Gate(Channel(code, unit, ""))


def held(stretch: Stretch, moving: Sequence[Span] = ()) -> NDArray[np.bool_]:
    """Return which readings of a history no rule would have taken, (n,).

    Parameters
    ----------
    stretch
        Readings of one channel in order of time.
    moving
        Spans of movement, in order of their beginning.
    """
    kept = np.zeros(len(stretch), dtype=bool)
    gate = Gate(stretch.channel)
    known = gate.known
    if known is None:
        return kept | (not gate.blank)
    at, values = stretch.at, stretch.values * gate.factor
    never = ~((values >= known.low) & (values <= known.high))
    for one in plausible.mistakes(stretch.channel):
        never |= (values >= one["low"]) & (values <= one["high"])
    can = np.flatnonzero(~never)
    motion = moving_at(at[can], moving) if known.moved else np.zeros(len(can), dtype=bool)
    doubted = motion.copy()
    still = np.flatnonzero(~motion)
    doubted[still] = _hanging(at[can][still], values[can][still], known)
    kept[can] = _for_a_while(at[can], doubted)
    return kept | never


def _hanging(at: NDArray[np.int64], values: Any, known: Quantity) -> NDArray[np.bool_]:
    found = np.zeros(len(at), dtype=bool)
    if not known.stuck or not len(at):
        return found
    edges = np.flatnonzero(np.diff(values) != 0) + 1
    for first, last in pairwise([0, *edges.tolist(), len(at)]):
        if last - first < known.stuck_readings or values[first] >= known.high:
            continue
        lasted = (at[first:last] - at[first]) / MICROSECONDS
        count = np.arange(1, last - first + 1)
        long = (count >= known.stuck_readings) & (lasted >= known.stuck)
        found[first:last] = long & (lasted <= known.gap * (count - 1))
    return found


def _for_a_while(at: NDArray[np.int64], doubted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which doubted readings lie within `held_s` of the first of their run."""
    edges = np.flatnonzero(np.diff(doubted)) + 1
    found = doubted.copy()
    for first, last in pairwise([0, *edges.tolist(), len(at)]):
        if last > first and doubted[first]:
            found[first:last] = at[first:last] - at[first] <= times()["held_s"] * MICROSECONDS
    return found


def taken(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Return what the rules would have taken of one patient's history."""
    moving, found = spans(stretches), []
    for one in stretches:
        kept = ~held(one, moving)
        found.append(one if kept.all() else Stretch(one.channel, one.at[kept], one.values[kept]))
    return found
