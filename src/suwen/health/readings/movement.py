"""When somebody moved, as their devices tell: what they measure meanwhile is doubted.

An accelerometer tells how strongly, in stretches of seconds (`health.readings.acceleration`). Steps
stand at the beginning of the time they were counted over, exercise at its own beginning; which
quantities tell of movement, and for how long, stands in `knowledge/plausible.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, MutableSequence, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.core.streams import MICROSECONDS, Channel, Stretch
from suwen.health.readings.plausible import KNOWLEDGE, MOTION_WITHIN, Movement

LONGEST: Final = 86_400.0
"""Seconds that one reading may tell of movement."""
_REACH: Final = round(MOTION_WITHIN * MICROSECONDS)
Span = tuple[int, int]
"""When somebody began to move and when that ended, microseconds."""


class Moving(NamedTuple):
    """A quantity that tells of movement: from which value on, and for how many seconds."""

    code: str
    unit: str
    least: float
    lasts: float


@lru_cache(maxsize=1)
def movements() -> Mapping[tuple[str, str], Moving]:
    """Return the quantities that tell of movement, by code and unit."""
    rows = tomllib.loads(KNOWLEDGE.read_text(encoding="utf-8"))["movement"]
    return {(row["code"], row["unit"]): Moving(**row) for row in rows}


def moved(channel: Channel, tick: int, value: float) -> Span | None:
    """Return when somebody moved as one reading tells; None where it tells of none."""
    told = movements().get((channel.code, channel.unit))
    if told is None or value < told.least:
        return None
    lasts = min(told.lasts or 60 * value, LONGEST)
    return tick, tick + round(lasts * MICROSECONDS)


def spans(stretches: Sequence[Stretch]) -> list[Span]:
    """Return when somebody moved, in order of the beginnings; other readings tell nothing."""
    found = [
        span
        for one in stretches
        if (one.channel.code, one.channel.unit) in movements()
        for tick, value in zip(one.at.tolist(), one.values.tolist(), strict=True)
        if (span := moved(one.channel, tick, value)) is not None
    ]
    return joined(sorted(found))


def joined(found: Sequence[Span]) -> list[Span]:
    """Return spans, in order of their beginnings, those that touch or nearly do as one."""
    kept: list[Span] = []
    for span in found:
        if not kept or not extended(kept, span):
            kept.append(span)
    return kept


def extended(known: MutableSequence[Span], span: Span) -> bool:
    """Say whether a span goes on with the last one known, which then ends later."""
    if not known or not known[-1][0] <= span[0] <= known[-1][1] + _REACH:
        return False
    known[-1] = known[-1][0], max(known[-1][1], span[1])
    return True


def movement(found: Sequence[Span]) -> Movement | None:
    """Return spans as `plausible.check` asks for movement; None without any."""
    if not found:
        return None
    at = np.unique(np.concatenate([np.arange(begun, end + 1, _REACH) for begun, end in found]))
    return at.astype(np.int64), np.ones(len(at), dtype=bool)


def during(tick: int, found: Sequence[Span]) -> bool:
    """Whether a moment lies in movement, or just after it."""
    return any(begun <= tick <= ended + _REACH for begun, ended in found)


def moving_at(at: NDArray[np.int64], found: Sequence[Span]) -> NDArray[np.bool_]:
    """Return which of some moments, rising, lie in movement or just after it, (n,)."""
    moving = np.zeros(len(at), dtype=bool)
    for begun, ended in found:
        first, last = np.searchsorted(at, (begun, ended + _REACH + 1))
        moving[first:last] = True
    return moving
