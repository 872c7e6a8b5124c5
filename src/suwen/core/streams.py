"""What a device says again and again: single readings, and stretches of them as arrays.

A reading is no Record yet: devices send thousands a second. What a task answers about is a window
of them, put into the store as Records first, so that an answer can be replayed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import BadInput

MICROSECONDS: Final = 1_000_000
"""Ticks a second of the times in a `Stretch`."""


class Channel(NamedTuple):
    """What is measured by which device: the name of a series of one patient.

    `code` is the LOINC code of the quantity, `unit` its UCUM unit, `device` the id of the device.
    """

    code: str
    unit: str
    device: str


@dataclass(frozen=True)
class Reading:
    """One value of one quantity at one moment, as a device gave it.

    Parameters
    ----------
    channel
        What was measured, in which unit, by which device.
    at
        When it was measured; with its zone.
    value
        The number, in the channel's unit; finite.

    Raises
    ------
    BadInput
        The time has no zone, or the value is not a finite number.
    """

    channel: Channel
    at: datetime
    value: float

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise BadInput("a reading whose time has no zone", "a time with its offset from UTC")
        if not isfinite(self.value):
            raise BadInput("a reading that is no finite number", "a number")

    @property
    def tick(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        return ticks(self.at)


@dataclass(frozen=True)
class Stretch:
    """Readings of one channel in order of time.

    Parameters
    ----------
    channel
        What they are of.
    at
        Microseconds since 1970-01-01 UTC, rising, (n,) of int64.
    values
        In the channel's unit, (n,) of float64.
    """

    channel: Channel
    at: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.at)


def ticks(at: datetime) -> int:
    """Return a moment as whole microseconds since 1970-01-01 UTC, without rounding."""
    past = at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (past.days * 86_400 + past.seconds) * MICROSECONDS + past.microseconds
