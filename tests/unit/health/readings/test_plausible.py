"""Readings of a device: what may count, what may not and why, and that nothing is lost silently."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suwen.core.errors import BadInput
from suwen.core.streams import MICROSECONDS, Channel, ticks
from suwen.health.readings import plausible

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
START = ticks(NOW - timedelta(hours=4))
HEART = Channel("8867-4", "/min", "watch")
SATURATION = Channel("59408-5", "%", "clip")
WARM = Channel("8310-5", "Cel", "patch")


def times(count, seconds=60):
    return START + np.arange(count, dtype=np.int64) * round(seconds * MICROSECONDS)


def checked(channel, values, at=None, **more):
    values = np.asarray(values, dtype=float)
    return plausible.check(channel, times(len(values)) if at is None else at, values, NOW, **more)


def kinds(found):
    return [state.kind for state in found.states]


def test_an_ordinary_hour_of_heart_rate_is_accepted_without_a_word():
    found = checked(HEART, 70 + np.arange(60) % 7)
    assert found.accepted.all()
    assert found.states == ()


def test_98_6_claimed_as_celsius_is_refused_names_fahrenheit_and_converts_nothing():
    found = checked(WARM, [98.6, 98.4, 98.9])
    assert set(found.kinds) == {"unit"}
    assert "[degF]" in found.states[0].reason.en
    assert "换算" in found.states[0].reason.zh


def test_98_6_claimed_as_fahrenheit_is_fine_and_37_is_not():
    fahrenheit = Channel("8310-5", "[degF]", "patch")
    assert checked(fahrenheit, [98.6, 98.4]).accepted.all()
    assert kinds(checked(fahrenheit, [37.0, 37.1])) == ["unit"]


def test_a_unit_that_nobody_expects_is_said_and_nothing_counts():
    found = checked(Channel("8867-4", "Hz", "watch"), [1.1, 1.2])
    assert kinds(found) == ["wrong-unit"]
    assert "/min" in found.states[0].reason.en


@pytest.mark.parametrize(
    ("channel", "value", "like"),
    [
        (SATURATION, 0.97, "share"),
        (Channel("15074-8", "mmol/L", "cgm"), 118.0, "mg/dL"),
        (Channel("2345-7", "mg/dL", "cgm"), 5.6, "mmol/L"),
        (Channel("8480-6", "mm[Hg]", "cuff"), 16.0, "kPa"),
    ],
)
def test_units_that_people_mistake_are_named(channel, value, like):
    found = checked(channel, [value])
    assert kinds(found) == ["unit"]
    assert like in found.states[0].reason.en


def test_what_no_living_person_shows_is_refused_and_the_rest_counts():
    found = checked(HEART, [72, 71, 400, 73, 0])
    assert found.kinds.tolist() == ["", "", "implausible", "", "implausible"]


def test_a_lone_spike_is_refused_and_a_step_that_stays_is_accepted_but_told():
    spike = checked(WARM, [36.8, 36.8, 41.9, 36.9, 36.8])
    assert spike.kinds.tolist() == ["", "", "spike", "", ""]
    step = checked(WARM, [36.8, 36.8, 39.5, 39.5, 39.6])
    assert step.accepted.all()
    assert kinds(step) == ["level"]


def test_a_rate_that_rises_with_effort_is_no_spike():
    assert checked(HEART, [70, 95, 130, 155, 140, 110, 90]).accepted.all()


def test_a_heart_rate_that_never_changes_is_a_hanging_sensor_but_a_full_saturation_is_not():
    assert set(checked(HEART, [72.0] * 60).kinds) == {"stuck"}
    assert checked(SATURATION, [98.0] * 60).accepted.all()


def test_silence_is_a_dropout_with_its_length():
    at = times(10)
    at[5:] += 1800 * MICROSECONDS
    found = checked(HEART, 70 + np.arange(10) % 3, at)
    assert found.accepted.all()
    (gap,) = found.states
    assert gap.kind == "dropout"
    assert gap.count == 0
    assert (gap.end - gap.start) == 1860 * MICROSECONDS
    assert "31 minutes" in gap.reason.en
    assert "31 分钟" in gap.reason.zh


def test_readings_of_the_future_and_of_an_unset_clock_do_not_count():
    at = times(4)
    at[1], at[2] = ticks(NOW + timedelta(days=1)), 86_400 * MICROSECONDS
    found = checked(HEART, [70, 71, 72, 73], at)
    assert found.kinds.tolist() == ["", "future", "clock-unset", ""]


def test_a_clock_a_little_ahead_is_forgiven():
    at = np.array([ticks(NOW + timedelta(seconds=200))])
    assert checked(HEART, [70], at).accepted.all()


def test_what_comes_twice_counts_once_and_what_contradicts_is_refused():
    at = times(5)
    at[2] = at[1]
    at[4] = at[3]
    found = checked(HEART, [70, 71, 71, 72, 90], at)
    assert found.kinds.tolist() == ["", "", "duplicate", "", "conflict"]


def test_late_readings_are_put_in_their_place():
    at = times(4)[[0, 2, 1, 3]]
    found = checked(HEART, [70, 72, 71, 73], at)
    assert found.accepted.all()
    assert found.order.tolist() == [0, 2, 1, 3]
    assert kinds(found) == ["out-of-order"]


def test_a_clock_set_back_is_told():
    at = np.concatenate([times(5) + 7200 * MICROSECONDS, times(5)])
    found = checked(HEART, np.full(10, 70) + np.arange(10) % 2, at)
    assert "clock-back" in kinds(found)


def test_movement_spoils_a_saturation_but_not_a_temperature():
    at = times(4)
    motion = (at, np.array([False, True, False, False]))
    assert checked(SATURATION, [97, 96, 97, 97], motion=motion).kinds.tolist() == [
        "",
        "motion",
        "",
        "",
    ]
    assert checked(WARM, [36.8] * 4, motion=motion).accepted.all()


def test_nan_and_infinity_do_not_count():
    assert checked(HEART, [np.nan, np.inf, 70]).kinds.tolist() == ["not-finite", "not-finite", ""]


def test_of_an_unknown_quantity_times_and_numbers_are_checked_only():
    found = checked(Channel("55423-8", "/d", "watch"), [100_000, np.nan])
    assert found.kinds.tolist() == ["", "not-finite"]


def test_arrays_of_two_lengths_and_a_moment_without_zone_are_refused():
    with pytest.raises(BadInput):
        plausible.check(HEART, times(3), np.zeros(2), NOW)
    with pytest.raises(BadInput):
        plausible.check(HEART, times(2), np.zeros(2), datetime(2026, 1, 1))


CHANNELS = [Channel(code, unit, "any") for code, unit in plausible.quantities()] + [
    Channel("8867-4", "Hz", "x"),
    Channel("unknown", "1", "x"),
]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(CHANNELS),
    st.lists(
        st.tuples(
            st.integers(-(10**6), 20_000),
            st.one_of(st.floats(-10, 500), st.sampled_from([70.0, float("nan"), float("inf")])),
        ),
        max_size=40,
    ),
)
def test_no_reading_is_ever_lost_without_a_word(channel, readings):
    at = np.array([START + s * MICROSECONDS for s, _ in readings], dtype=np.int64)
    values = np.array([v for _, v in readings], dtype=float)
    before = values.copy()
    found = plausible.check(channel, at, values, NOW)
    assert len(found.kinds) == len(readings)
    told = sum(one.count for one in found.states if one.kind in plausible.REFUSED)
    assert told + found.accepted.sum() == len(readings)
    assert sorted(found.order.tolist()) == np.flatnonzero(found.accepted).tolist()
    assert (np.diff(at[found.order]) > 0).all()
    assert np.array_equal(values, before, equal_nan=True)
    assert all(one.reason.en and one.reason.zh and one.start <= one.end for one in found.states)
