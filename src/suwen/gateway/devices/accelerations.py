"""Accelerations of an export, with how strongly somebody moved beside them.

Whatever the file, the samples of one device come axis by axis or moment by moment; of each moment
that all three axes tell, the strength of movement is told for every few seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from suwen.core.streams import MICROSECONDS, Channel, Reading
from suwen.health.readings.acceleration import CHANNELS, EPOCH, INTENSITY, UNIT, intensities

WAITING: Final = 100_000
"""Moments of one device that wait for their other axes at most; the oldest are let go."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STRETCH: Final = round(EPOCH * MICROSECONDS)


@dataclass
class _Device:
    """What a device told of moments not yet used, by microsecond and axis."""

    unit: str
    waiting: dict[int, list[float | None]] = field(default_factory=dict)
    whole: dict[int, list[float]] = field(default_factory=dict)
    first: int = 0

    def take(self, tick: int, axis: int, value: float) -> bool:
        """Take one axis of a moment; say whether two stretches are there."""
        row = self.waiting.setdefault(tick, [None] * len(CHANNELS))
        row[axis] = value
        numbers = [one for one in row if one is not None]
        if len(numbers) < len(CHANNELS):
            if len(self.waiting) > WAITING:
                del self.waiting[next(iter(self.waiting))]
            return False
        del self.waiting[tick]
        self.first = min(self.first, tick) if self.whole else tick
        self.whole[tick] = numbers
        return tick - self.first >= 2 * _STRETCH or len(self.whole) > WAITING

    def told(self, device: str, last: bool = False) -> Iterator[Reading]:
        """Yield what the first stretch tells, or the `last` time all that is left."""
        moments = sorted(self.whole)
        if not moments:
            return
        kept = len(moments) if last else int(np.searchsorted(moments, moments[0] + _STRETCH))
        at = np.array(moments[:kept], dtype=np.int64)
        rows = np.array([self.whole.pop(tick) for tick in moments[:kept]])
        self.first = moments[kept] if kept < len(moments) else 0
        found, values = intensities(at, rows, self.unit)
        for tick, value in zip(found.tolist(), values.tolist(), strict=True):
            moment = _EPOCH + timedelta(microseconds=tick)
            yield Reading(Channel(INTENSITY, UNIT, device), moment, value)


def with_movement(readings: Iterable[Reading]) -> Iterator[Reading]:
    """Yield readings as they come, and what accelerations among them tell of movement."""
    devices: dict[str, _Device] = {}
    for reading in readings:
        yield reading
        code, unit, device = reading.channel
        if code in CHANNELS:
            own = devices.setdefault(device, _Device(unit))
            if own.take(reading.tick, CHANNELS.index(code), reading.value):
                yield from own.told(device)
    for device, own in devices.items():
        yield from own.told(device, last=True)
