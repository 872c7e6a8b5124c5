"""Exports of an accelerometer tell when somebody moved, in whatever order their axes come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from suwen.core.streams import Channel, Reading
from suwen.gateway.devices.accelerations import with_movement
from suwen.health.readings.acceleration import CHANNELS, INTENSITY

BEGAN = datetime(2026, 3, 1, 8, tzinfo=UTC)


def moments(seconds: float, hz: int = 20) -> list[tuple[datetime, list[float]]]:
    """Rest, and from the tenth second on steps of a third of a g."""
    found = []
    for k in range(round(seconds * hz)):
        up = 1 + (0.35 if k >= 10 * hz else 0) * np.sin(2 * np.pi * 2 * k / hz)
        found.append((BEGAN + timedelta(seconds=k / hz), [0.0, 0.0, float(up)]))
    return found


def readings(seconds: float, device: str = "w") -> list[list[Reading]]:
    return [
        [Reading(Channel(code, "[g]", device), at, row[k]) for k, code in enumerate(CHANNELS)]
        for at, row in moments(seconds)
    ]


def told(found: list[Reading]) -> list[tuple[float, bool]]:
    return [
        ((one.at - BEGAN).total_seconds(), one.value > 29)
        for one in found
        if one.channel.code == INTENSITY
    ]


WANTED = [(0, False), (5, False), (10, True), (15, True)]


@pytest.mark.parametrize("order", ["moment by moment", "axis by axis"])
def test_each_five_seconds_are_told_once_whatever_the_order(order):
    rows = readings(20)
    given = [one for row in rows for one in row]
    if order == "axis by axis":
        given = [row[k] for k in range(3) for row in rows]
    found = list(with_movement(given))
    assert told(found) == WANTED
    assert len(found) == len(given) + len(WANTED)


def test_devices_are_apart_and_a_lost_axis_tells_nothing():
    both = [one for row in zip(readings(20), readings(20, "v"), strict=True) for part in row
            for one in part]  # fmt: skip
    assert sorted(told(list(with_movement(both)))) == sorted(2 * WANTED)
    without = [row[k] for row in readings(20) for k in (0, 1)]
    assert told(list(with_movement(without))) == []
    assert list(with_movement([])) == []


def test_a_table_as_radar_base_writes_it_is_read(read: Callable[..., Any]) -> None:
    rows = [
        f"{at.timestamp():.3f},{','.join(f'{one:.4f}' for one in row)}"
        for at, row in moments(2)
    ]  # fmt: skip
    head = "value.time,value.x (g),value.y (g),value.z (g)"
    found = read("\n".join([head, *rows]) + "\n")
    assert found.format == "CSV"
    assert len(found.readings) == 3 * len(rows)
    assert {one.channel.code for one in found.readings} == set(CHANNELS)
