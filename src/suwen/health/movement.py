"""When somebody moved, as their devices tell: what they measure meanwhile is doubted.

Steps stand at the beginning of the time they were counted over, exercise at its own beginning;
which quantities tell of movement, and for how long, stands in `knowledge/plausible.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.core.streams import MICROSECONDS, Channel, Stretch
from suwen.health.plausible import KNOWLEDGE, MOTION_WITHIN, Movement

LONGEST: Final = 86_400.0
"""Seconds that one reading may tell of movement."""
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
    return sorted(found)


def movement(found: Sequence[Span]) -> Movement | None:
    """Return spans as `plausible.check` asks for movement; None without any."""
    if not found:
        return None
    step = round(MOTION_WITHIN * MICROSECONDS)
    at = np.unique(np.concatenate([np.arange(begun, end + 1, step) for begun, end in found]))
    return at.astype(np.int64), np.ones(len(at), dtype=bool)


def during(tick: int, found: Sequence[Span]) -> bool:
    """Whether a moment lies in movement, or just after it."""
    reach = round(MOTION_WITHIN * MICROSECONDS)
    return any(begun <= tick <= ended + reach for begun, ended in found)


def moving_at(at: NDArray[np.int64], found: Sequence[Span]) -> NDArray[np.bool_]:
    """Return which of some moments, rising, lie in movement or just after it, (n,)."""
    moving = np.zeros(len(at), dtype=bool)
    reach = round(MOTION_WITHIN * MICROSECONDS)
    for begun, ended in found:
        first, last = np.searchsorted(at, (begun, ended + reach + 1))
        moving[first:last] = True
    return moving
