"""What a device says: one reading, and its moment in whole microseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from suwen.core.errors import BadInput
from suwen.core.streams import Channel, Reading, ticks

PULSE = Channel("8867-4", "/min", "watch-1")


def test_the_same_moment_in_two_zones_is_one_tick():
    london = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    beijing = london.astimezone(timezone(timedelta(hours=8)))
    assert Reading(PULSE, london, 61).tick == Reading(PULSE, beijing, 61).tick


@pytest.mark.parametrize("microsecond", [0, 1, 999_999])
@pytest.mark.parametrize("year", [1969, 1970, 2026, 2262])
def test_ticks_are_exact(year: int, microsecond: int):
    at = datetime(year, 12, 31, 23, 59, 59, microsecond, tzinfo=UTC)
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks(at)) == at


def test_a_time_without_zone_is_refused():
    with pytest.raises(BadInput, match="zone"):
        Reading(PULSE, datetime(2026, 1, 1), 61)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_refused(value: float):
    with pytest.raises(BadInput, match="number"):
        Reading(PULSE, datetime(2026, 1, 1, tzinfo=UTC), value)
