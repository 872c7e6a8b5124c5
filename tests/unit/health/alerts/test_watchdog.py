"""Data that stop are noticed in time, and what is past its time never stands as current."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from suwen.core.streams import MICROSECONDS, Channel
from suwen.health.alerts.watchdog import Standing, Watchdog, pulse, standing, timely, times

PULSE = Channel("8867-4", "/min", "monitor-1")
NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


def heard_every(seconds: int, count: int) -> Watchdog:
    dog = Watchdog()
    for i in range(count):
        at = i * seconds * MICROSECONDS
        assert dog.heard("ann", PULSE, at, at) is None
    return dog


def silent_at(dog: Watchdog, second: float, limits=None) -> list[str]:
    found = dog.check(int(second * MICROSECONDS), limits)
    return [f"{one.patient} {one.kind}" for one in found]


def test_a_monitor_that_spoke_every_second_is_missed_after_a_minute() -> None:
    dog = heard_every(1, 30)
    assert silent_at(dog, 29 + 59) == []
    assert silent_at(dog, 29 + 60) == ["ann raised"]
    assert silent_at(dog, 29 + 120) == [], "said once"


def test_a_cuff_used_once_a_day_is_missed_on_the_next_day_and_not_before() -> None:
    dog = heard_every(86_400, 5)
    assert silent_at(dog, 4 * 86_400 + 25 * 3600) == []
    assert silent_at(dog, 4 * 86_400 + 26 * 3600) == ["ann raised"]


def test_a_channel_that_spoke_once_is_watched_too() -> None:
    assert silent_at(heard_every(1, 1), times()["first_s"]) == ["ann raised"]


def test_a_set_time_counts_alone() -> None:
    dog = heard_every(1, 30)
    assert silent_at(dog, 29 + 100, {"ann": {"8867-4": 300}}) == []
    assert silent_at(dog, 29 + 300, {"ann": {"8867-4": 300}}) == ["ann raised"]


def test_the_first_reading_after_silence_ends_it() -> None:
    dog = heard_every(1, 30)
    assert silent_at(dog, 1000) == ["ann raised"]
    again = dog.heard("ann", PULSE, 1001 * MICROSECONDS, 1001 * MICROSECONDS)
    assert again is not None
    assert (again.kind, again.since) == ("cleared", 29 * MICROSECONDS)


def test_a_clock_that_runs_ahead_hides_no_silence() -> None:
    dog = heard_every(1, 30)
    dog.heard("ann", PULSE, 10**6 * MICROSECONDS, 30 * MICROSECONDS)
    assert silent_at(dog, 30 + 60) == ["ann raised"]
    assert not timely(10**6 * MICROSECONDS, 30 * MICROSECONDS)
    assert timely(60 * MICROSECONDS, 0)


def test_a_channel_that_somebody_ended_is_not_missed() -> None:
    dog = heard_every(1, 30)
    dog.ended("ann", PULSE)
    assert silent_at(dog, 10_000) == []


def test_a_score_stands_until_its_time_and_never_without_one() -> None:
    until = NOW + timedelta(minutes=15)
    assert standing(until, NOW) is Standing.CURRENT
    assert standing(until, until) is Standing.EXPIRED
    assert standing(None, NOW) is Standing.EXPIRED


def test_a_watchdog_without_a_heartbeat_is_dead() -> None:
    assert pulse(NOW, NOW + timedelta(seconds=6)).alive
    assert not pulse(NOW, NOW + timedelta(seconds=times()["dead_s"])).alive
    assert not pulse(None, NOW).alive
    assert not pulse(NOW + timedelta(days=1), NOW).alive, "a clock that was set back proves nothing"
