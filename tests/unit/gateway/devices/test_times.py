"""Local times: the hour that never was, the hour that came twice, and times without a zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from suwen.core.errors import BadInput
from suwen.gateway.devices.sample import Problems
from suwen.gateway.devices.times import Clock, offset_of, zone_of

PARIS = ZoneInfo("Europe/Paris")


def utc(moment: datetime | None) -> str:
    assert moment is not None
    return moment.astimezone(UTC).strftime("%d %H:%M")


def test_the_hour_that_clocks_jump_over_is_refused_and_counted() -> None:
    problems = Problems()
    clock = Clock(PARIS, problems, "a watch")
    assert clock.at("2026-03-29T02:30:00", "row 1") is None
    assert utc(clock.at("2026-03-29T03:00:00", "row 2")) == "29 01:00"
    ((reason, told),) = problems.refused.items()
    assert "never was" in reason.en
    assert (told.count, told.first) == (1, "row 1")


def test_a_log_in_order_tells_the_two_hours_apart_when_clocks_go_back() -> None:
    clock = Clock(PARIS, Problems(), "a watch")
    texts = ("01:50", "02:10", "02:50", "02:10", "02:50", "03:10")
    moments = [clock.at(f"2026-10-25T{text}:00", text) for text in texts]
    assert [utc(one) for one in moments] == [
        "24 23:50", "25 00:10", "25 00:50", "25 01:10", "25 01:50", "25 02:10",
    ]  # fmt: skip


def test_a_day_begins_at_its_first_moment_even_where_midnight_never_was() -> None:
    clock = Clock(ZoneInfo("America/Sao_Paulo"), Problems(), "a watch")
    assert utc(clock.day("2018-11-04", "day 1")) == "04 03:00"


def test_a_time_with_its_offset_needs_no_zone_a_local_one_does() -> None:
    clock = Clock(None, Problems(), "Fitbit")
    assert utc(clock.at("2026-01-01T08:00:00+08:00", "")) == "01 00:00"
    with pytest.raises(BadInput, match="--zone Area/City"):
        clock.at("2026-01-01T08:00:00", "")


@pytest.mark.parametrize(
    ("text", "hours"), [("-0800", -8), ("+05:30", 5.5), ("GMT-0600", -6), ("Asia/Shanghai", 8)]
)
def test_offsets_as_vendors_write_them(text: str, hours: float) -> None:
    zone = offset_of(text)
    assert zone is not None
    shift = zone.utcoffset(datetime(2026, 1, 1))
    assert shift is not None
    assert shift.total_seconds() == hours * 3600


def test_a_zone_that_is_none_is_said_so() -> None:
    assert offset_of("nowhere") is None
    with pytest.raises(BadInput, match="IANA name"):
        zone_of("Mars/Olympus")
