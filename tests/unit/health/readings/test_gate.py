"""What no rule takes for the body's, and for how long; live and in a dry run the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suwen.core.streams import MICROSECONDS, Channel
from suwen.health.alerts.dry_run import History, dry_run
from suwen.health.alerts.notices import Notices, key_of
from suwen.health.alerts.rules import changed, shipped, stretch
from suwen.health.alerts.watch import Ruled, Said, Watch
from suwen.health.readings import movement
from suwen.health.readings.gate import Gate, held, taken

HEART = Channel("8867-4", "/min", "watch")
SATURATION = Channel("59408-5", "%", "clip")
WARM = Channel("8310-5", "Cel", "patch")
STEPS = Channel("55423-8", "{steps}", "watch")
FAST = changed(shipped()["heart-rate-high"], {"sustained_s": 60, "calm_s": 60})
COLD = changed(shipped()["temperature-low"], {"sustained_s": 0, "calm_s": 0})


def at(second: float) -> int:
    return round((1_700_000_000 + second) * MICROSECONDS)


def every(seconds, values, channel=HEART, start=0.0):
    return stretch(channel, [(at(start + i * seconds), float(v)) for i, v in enumerate(values)])


def walking(begin: float, minutes: int, count: int = 100):
    return every(60, [count] * minutes, STEPS, begin)


def watched(rule, *stretches) -> list[Said]:
    """Return what a watch says of readings that arrive when they were measured."""
    watch, said = Watch([Ruled(rule)]), []
    every_one = [
        (tick, one.channel, value)
        for one in stretches
        for tick, value in zip(one.at.tolist(), one.values.tolist(), strict=True)
    ]
    for tick, channel, value in sorted(every_one, key=lambda one: (one[0], one[1] != STEPS)):
        said += watch.take("p", [stretch(channel, [(tick, value)])], tick)
    return said


def told(said) -> list[tuple[str, str, str]]:
    return [(one.kind, one.rule, one.priority) for one in said]


def test_98_6_claimed_as_celsius_is_a_notice_about_the_unit_and_no_fever_or_cold() -> None:
    said = watched(COLD, every(600, [98.6], WARM))
    assert told(said) == [("raised", key_of(WARM), "low")]
    assert said[0].content["name"]["en"] == "Body temperature: check the unit"
    assert said[0].content["name"]["zh"] == "体温：请核对单位"
    assert said[0].content["reason"]["en"].startswith("looks like °F, not °C as claimed")
    assert (said[0].content["value"], said[0].content["unit"]) == (98.6, "Cel")


def test_a_notice_rises_when_nothing_has_counted_for_minutes_and_ends_with_what_counts() -> None:
    said = watched(COLD, every(60, [98.6] * 8 + [36.9, 36.9], WARM))
    key = key_of(WARM)
    assert told(said) == [
        ("raised", key, "low"),
        ("raised", key, "medium"),
        ("cleared", key, "medium"),
    ]
    assert said[1].content["name"]["en"] == "Body temperature: not watched"
    assert said[1].at.timestamp() - said[0].at.timestamp() == 300


def test_a_glitch_between_readings_that_count_does_not_chatter() -> None:
    values = [97, 0, 97, 0, 97, 0] * 5 + [97] * 80
    said = watched(shipped()["spo2-low"], every(1, values, SATURATION))
    assert told(said) == [
        ("raised", key_of(SATURATION), "low"),
        ("cleared", key_of(SATURATION), "low"),
    ]


def test_a_fast_pulse_while_walking_waits_five_minutes_at_most() -> None:
    pulse = every(10, [150] * 60)
    assert told(watched(FAST, pulse)) == [("raised", FAST.key, "medium")]
    short = watched(FAST, walking(0, 3), every(10, [150] * 18 + [80] * 30))
    assert told(short) == [("raised", key_of(HEART), "low"), ("cleared", key_of(HEART), "low")]
    long = watched(FAST, walking(0, 10), pulse)
    assert told(long) == [("raised", key_of(HEART), "low"), ("raised", FAST.key, "medium")]
    assert long[1].at.timestamp() - long[0].at.timestamp() == 300 + 70


def test_a_calm_pulse_while_walking_is_no_notice() -> None:
    assert watched(FAST, walking(0, 3), every(10, [90] * 20)) == []


def test_a_rate_that_hangs_for_a_quarter_of_an_hour_is_a_notice() -> None:
    said = watched(FAST, every(10, [72] * 100))
    assert told(said) == [("raised", key_of(HEART), "low")]
    assert said[0].at.timestamp() == at(900) / MICROSECONDS


def test_full_saturation_never_hangs_and_seldom_readings_do_not_either() -> None:
    assert not held(every(10, [100] * 2000, SATURATION)).any()
    assert not held(every(3600, [97] * 300, SATURATION)).any()
    assert held(every(10, [97] * 2000, SATURATION)).any()


def test_what_arrives_long_after_is_no_notice() -> None:
    watch = Watch([Ruled(COLD)])
    assert watch.take("p", [every(1, [98.6], WARM)], at(3600)) == []


def test_what_was_passed_over_is_counted_by_ward_and_reason() -> None:
    watch = Watch([Ruled(COLD)], {"p": "icu"})
    watch.take("p", [every(1, [98.6, 98.6, 12.0], WARM)], at(3))
    watch.take("p", [every(1, [36.9], WARM)], at(3))
    assert watch.passed_over == {("icu", "unit"): 2, ("icu", "implausible"): 1, ("icu", "late"): 1}


def test_a_notice_goes_on_after_a_restart() -> None:
    notices = Notices()
    notices.resume("p", WARM, at(0), "low")
    ended = notices.judge("p", WARM, (at(120), 36.8), at(120), lambda: False).notice
    assert ended is not None
    assert not ended.standing


def test_a_dry_run_tells_what_the_gate_held_back_and_of_those_how_many_were_right() -> None:
    ill = History("a", [every(10, [150] * 12 + [80] * 30)], True)
    walker = History("b", [every(10, [150] * 12 + [80] * 30), walking(0, 2)], False)
    found = dry_run(FAST, [ill, walker])
    assert (found.rule.alerts, found.held.alerts, found.naive.alerts) == (1, 1, 2)
    assert (found.rule.ppv.value, found.held.ppv.value) == (1.0, 0.0)
    typed = dry_run(COLD, [History("a", [every(60, [36.5, 3.65, 36.5], WARM)], None)])
    assert (typed.rule.alerts, typed.held.alerts) == (0, 1)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([1, 5, 40, 400]), st.sampled_from([72, 72, 72, 150, 0])),
        max_size=60,
    ),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 30)), max_size=4),
    st.integers(1, 60),
)
def test_reading_by_reading_says_the_same_as_the_whole_history(readings, walks, repeated) -> None:
    second, pairs = 0, []
    for apart, value in readings:
        for _ in range(repeated if apart < 40 else 1):
            second += apart
            pairs.append((at(second), float(value)))
    one = stretch(HEART, pairs)
    steps = stretch(STEPS, [(at(s), float(count)) for s, count in walks])
    moving = movement.spans([steps])
    gate, live = Gate(HEART), []
    for tick, value in zip(one.at.tolist(), one.values.tolist(), strict=True):
        known = [span for span in moving if span[0] <= tick]
        live.append(gate.holds(gate.judge(tick, value, known), tick))
    assert np.array_equal(held(one, moving), np.array(live, dtype=bool))


def test_a_day_of_readings_every_second_is_looked_at_at_once() -> None:
    rng = np.random.default_rng(3)
    values = rng.integers(60, 80, 100_000)
    found = taken([every(1, values.tolist()), walking(100, 30)])
    assert len(found[0]) < len(values)


@pytest.mark.parametrize("unit", ["Hz", "mm[Hg]"])
def test_a_unit_nobody_expects_is_never_taken(unit) -> None:
    assert held(every(1, [72, 73], Channel("8867-4", unit, "x"))).all()


@pytest.mark.parametrize(
    ("channel", "ordinary", "never"),
    [
        (Channel("59408-5", "1", "clip"), 0.97, 0.1),
        (Channel("8480-6", "kPa", "cuff"), 16.0, 120.0),
        (Channel("8867-4", "{beats}/min", "watch"), 72.0, 900.0),
        (Channel("9279-1", "{breaths}/min", "belt"), 15.0, 500.0),
    ],
)
def test_another_unit_of_a_quantity_is_taken_by_its_own_limits(channel, ordinary, never) -> None:
    one = every(1, [ordinary, never], channel)
    assert held(one).tolist() == [False, True]
    assert Gate(channel).judge(at(0), ordinary) == ""
    assert Gate(channel).judge(at(0), never) == "implausible"


def test_a_saturation_told_as_a_share_sounds_its_rule() -> None:
    share = Channel("59408-5", "1", "clip")
    rule = changed(shipped()["spo2-low"], {"sustained_s": 5})
    assert told(watched(rule, every(1, [0.85] * 10, share))) == [("raised", "spo2-low", "high")]
