"""A rule sounds when something lasts, stays when it hovers, and is not fooled by gaps."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suwen.core.errors import BadInput
from suwen.core.streams import MICROSECONDS, Channel, Stretch
from suwen.health.alerts.dry_run import History, dry_run, judged_by
from suwen.health.alerts.rules import (
    Change,
    Machine,
    Priority,
    changed,
    changes,
    duration,
    in_words,
    shipped,
    stretch,
)

PROBE = Channel("59408-5", "%", "probe-1")
SECOND = Channel("59408-5", "%", "probe-2")
RULE = changed(
    shipped()["spo2-low"], {"limit": 88, "clear": 92, "sustained_s": 60, "calm_s": 30, "gap_s": 20}
)
HOUR = 3600


def every(seconds: float, values: list[float], start: float = 0.0, channel=PROBE) -> Stretch:
    pairs = [((start + i * seconds) * MICROSECONDS, v) for i, v in enumerate(values)]
    return stretch(channel, [(int(t), v) for t, v in pairs])


def told(rule, *stretches: Stretch) -> list[tuple[str, float]]:
    return [(one.kind, one.at / MICROSECONDS) for one in changes(rule, stretches)]


def test_a_short_dip_is_no_alert_and_a_minute_below_is() -> None:
    assert told(RULE, every(10, [96, 85, 85, 85, 96, 96])) == []
    assert told(RULE, every(10, [96] + [85] * 7)) == [("raised", 70)]


def test_an_alert_that_hovers_at_the_limit_stays_one_alert() -> None:
    hovering = [85] * 7 + [89, 87, 90, 88, 91, 89] * 5 + [95] * 4
    assert told(RULE, every(10, hovering)) == [("raised", 60), ("cleared", 400)]
    bare = told(RULE.naive(), every(10, hovering))
    assert len([one for one in bare if one[0] == "raised"]) > 5, "the bare threshold chatters"


def test_a_gap_is_neither_alarm_nor_calm() -> None:
    before, after = every(10, [85] * 4), every(10, [85] * 5, start=100)
    gapped = stretch(PROBE, [*_pairs(before), *_pairs(after)])
    assert told(RULE, gapped) == [("raised", 130)], "30 s before the gap and 30 s after it"
    calm_later = stretch(PROBE, [*_pairs(every(10, [85] * 7)), *_pairs(every(10, [96] * 3, 9000))])
    assert told(RULE, calm_later) == [("raised", 60)], "two hours of silence cleared nothing"


def test_after_a_long_gap_a_run_begins_anew() -> None:
    apart = stretch(PROBE, [*_pairs(every(10, [85] * 6)), *_pairs(every(10, [85] * 6, HOUR))])
    assert told(RULE, apart) == []


def test_what_no_living_person_shows_is_no_value() -> None:
    machine = Machine(RULE)
    for second in range(0, 200, 10):
        assert machine.feed(PROBE, second * MICROSECONDS, 0.0) is None
    assert machine.strange == 20
    assert told(RULE, every(10, [85, 0, 85, 0, 85, 0, 85])) == [("raised", 60)], "beside artefacts"


def test_two_probes_on_one_person_are_one_alert() -> None:
    both = (every(10, [85] * 12), every(10, [85] * 20, start=5, channel=SECOND))
    assert told(RULE, *both) == [("raised", 60)]
    calm = (every(10, [85] * 7 + [96] * 5), every(10, [85] * 9 + [96] * 9, start=5, channel=SECOND))
    assert [kind for kind, _ in told(RULE, *calm)] == ["raised", "cleared"]


def test_a_late_reading_is_counted_and_changes_nothing() -> None:
    machine = Machine(RULE)
    machine.feed(PROBE, 100 * MICROSECONDS, 96)
    state = machine.states[PROBE]
    assert machine.feed(PROBE, 50 * MICROSECONDS, 80) is None
    assert (machine.late, machine.states[PROBE]) == (1, state)


def test_another_unit_is_converted_and_an_unknown_one_is_not_read() -> None:
    rule = shipped()["glucose-very-low"]
    low = Channel("99504-3", "mmol/L", "cgm")
    assert told(rule, every(300, [2.8] * 4, channel=low)) == [("raised", 900)]
    assert not rule.reads(Channel("99504-3", "g/L", "cgm"))
    assert rule.reads(low)


def test_an_alert_goes_on_after_a_restart_and_is_not_raised_again() -> None:
    machine = Machine(RULE)
    machine.resume(PROBE, 0)
    assert machine.feed(PROBE, 10 * MICROSECONDS, 85) is None
    ends = [machine.feed(PROBE, (20 + 10 * i) * MICROSECONDS, 96) for i in range(4)]
    assert [one.kind for one in ends if one] == ["cleared"]


def test_another_limit_is_another_rule_and_another_name_is_not() -> None:
    other = RULE.model_copy(update={"source": "elsewhere"})
    assert changed(RULE, {"limit": 87}).fingerprint != RULE.fingerprint
    assert (
        changed(RULE, {"source": "elsewhere"}).fingerprint == RULE.fingerprint == other.fingerprint
    )
    assert RULE.naive().fingerprint != RULE.fingerprint


@pytest.mark.parametrize("settings", [{"clear": 80}, {"limit": 5}, {"gap_s": 0}, {"unknown": 1}])
def test_settings_that_do_not_fit_are_refused(settings) -> None:
    with pytest.raises(BadInput):
        changed(RULE, settings)


def test_every_shipped_rule_names_its_source_and_reads_in_both_languages() -> None:
    rules = shipped()
    assert all(rule.source.en and rule.source.zh and rule.name.zh for rule in rules.values())
    assert all(rule.source.en != rule.source.zh for rule in rules.values())
    assert {rule.priority for rule in rules.values()} == set(Priority)
    assert in_words(rules["spo2-low"]).en == "at or below 91 % for 1 min; over at 94 % for 1 min"
    assert "≤ 91 % 持续 1 分钟" in in_words(rules["spo2-low"]).zh
    assert duration(45).en == "45 s"


def _pairs(one: Stretch) -> list[tuple[int, float]]:
    return list(zip(one.at.tolist(), one.values.tolist(), strict=True))


READINGS = st.lists(
    st.tuples(st.integers(1, 90), st.sampled_from([0.0, 84.0, 88.0, 90.0, 92.0, 97.0])),
    min_size=1, max_size=120,
)  # fmt: skip


@settings(max_examples=150)
@given(first=READINGS, second=READINGS, held=st.sampled_from([0, 60, 200]))
def test_reading_by_reading_says_the_same_as_the_whole_history(first, second, held) -> None:
    rule = changed(RULE, {"sustained_s": held})
    stretches = [_drawn(first, PROBE), _drawn(second, SECOND)]
    machine = Machine(rule)
    both = sorted(
        (tick, number, value) for number, one in enumerate(stretches) for tick, value in _pairs(one)
    )
    live = [machine.feed(stretches[number].channel, tick, value) for tick, number, value in both]
    told_live = [one for one in live if isinstance(one, Change)]
    assert list(changes(rule, stretches)) == told_live
    kinds = [one.kind for one in told_live]
    assert kinds == ["raised", "cleared"] * (len(kinds) // 2) + ["raised"] * (len(kinds) % 2)


@settings(max_examples=40)
@given(readings=READINGS)
def test_times_that_fall_or_stand_still_say_the_same_as_well(readings) -> None:
    at = np.array([(apart * 7919) % 600 for apart, _ in readings], np.int64) * MICROSECONDS
    one = Stretch(PROBE, at, np.array([value for _, value in readings]))
    machine = Machine(RULE)
    live = [machine.feed(PROBE, tick, value) for tick, value in _pairs(one)]
    assert list(changes(RULE, [one])) == [each for each in live if each is not None]


def test_weeks_at_one_reading_a_second_are_looked_at_at_once() -> None:
    count = 20 * 86_400
    values = np.full(count, 96.0)
    values[::3600] = 85
    values[1_000_000:1_000_200] = 85
    at = np.arange(count, dtype=np.int64) * MICROSECONDS
    begun = time.process_time()
    found = list(changes(RULE, [Stretch(PROBE, at, values)]))
    assert [one.kind for one in found] == ["raised", "cleared"]
    assert time.process_time() - begun < 5


def _drawn(readings: list[tuple[int, float]], channel: Channel) -> Stretch:
    ticks = np.cumsum([apart for apart, _ in readings]) * MICROSECONDS
    values = [value for _, value in readings]
    return stretch(channel, list(zip(ticks.tolist(), values, strict=True)))


def test_a_dry_run_tells_alerts_a_day_and_how_many_were_right() -> None:
    day = every(10, ([96] * 170 + [85] * 10) * 48)
    quiet = every(10, [96] * 8640)
    found = dry_run(RULE, [History("ann", [day], True), History("bob", [quiet], False)])
    assert (found.patients, found.rule.alerts, found.rule.patients_alerted) == (2, 48, 1)
    assert found.rule.per_day.value == pytest.approx(24, rel=0.01)
    assert found.rule.per_day.low < 24 < found.rule.per_day.high
    assert found.rule.ppv is not None
    assert found.rule.ppv.value == 1.0
    assert found.rule.floor == pytest.approx(0.5)
    assert found.seen == pytest.approx(1, abs=0.01)
    assert len(found.episodes) == 48
    assert found.fingerprint == RULE.fingerprint


def test_a_dry_run_says_when_a_rule_cannot_see_the_data() -> None:
    hourly = every(HOUR, [85] * 24)
    found = dry_run(RULE, [History("ann", [hourly])])
    assert (found.rule.alerts, found.seen) == (0, 0.0)
    assert found.naive.alerts == 1
    assert dry_run(RULE, []).patients == 0


def test_alerts_take_the_verdict_of_those_that_people_judged() -> None:
    day = every(10, [96] * 10 + [85] * 10 + [96] * 30 + [85] * 10 + [96] * 10)
    second = MICROSECONDS
    judge = judged_by({"ann": [(150 * second, 200 * second, False)]})
    found = dry_run(RULE, [History("ann", [day])], judge)
    assert (found.rule.alerts, found.rule.judged) == (2, 1)
    assert found.rule.ppv is not None
    assert found.rule.ppv.value == 0
