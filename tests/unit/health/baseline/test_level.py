"""Somebody's own level of a vital sign: what is usual, what drifts, what changed and since when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from suwen.core.codes import LOINC
from suwen.core.errors import BadInput
from suwen.core.nouns import Band, Case, Record
from suwen.core.streams import Channel, Stretch, ticks
from suwen.health.baseline import level as baseline
from suwen.health.baseline import task as baseline_task
from suwen.lifecycle import packs, run

TASK = baseline_task.PersonalBaseline()
NOW = datetime(2026, 3, 31, 20, 0, tzinfo=UTC)
NOISE = np.random.default_rng(4).normal(0, 1.5, 80)


def stretch_of(values, hours=24.0, end=NOW):
    """One value every so many hours, the last at `end`; NaN for a missing one."""
    values = np.asarray(values, dtype=float)
    at = [ticks(end - timedelta(hours=hours * (len(values) - 1 - k))) for k in range(len(values))]
    there = np.isfinite(values)
    return Stretch(
        Channel("40443-4", "/min", "watch"), np.array(at, dtype=np.int64)[there], values[there]
    )


def case_of(values, code="40443-4", unit="/min", last=NOW):
    records = [
        Record(
            reference=f"Observation/{k}/_history/1",
            content={
                "resourceType": "Observation",
                "status": "final",
                "code": {"coding": [{"system": LOINC, "code": code}]},
                "effectiveDateTime": (last - timedelta(days=len(values) - 1 - k)).isoformat(),
                "valueQuantity": {"value": float(value), "code": unit},
            },
        )
        for k, value in enumerate(values)
        if np.isfinite(value)
    ]
    return Case("somebody", NOW, tuple(records), lambda digest: b"")


def said(case):
    pack = packs.current(baseline_task.BASELINE)
    return [run.answer(TASK, pack, sample)[0] for sample in TASK.samples(case, [])]


def test_a_wild_day_and_missing_days_move_neither_level_nor_change():
    values = 62 + NOISE
    values[[10, 33]] = 140
    values[[5, 6, 7, 20, 41, 60, 61]] = np.nan
    days = baseline.days_of(stretch_of(values), NOW)
    assert len(days) == 73
    level = baseline.usual(days)
    assert level.centre == pytest.approx(62, abs=1)
    assert level.spread < 3
    assert baseline.change_of(days) is None


def test_a_level_that_rose_ten_days_ago_is_found_with_its_day_and_size():
    days = baseline.days_of(stretch_of(62 + NOISE + 9.0 * (np.arange(80) >= 70)), NOW)
    change = baseline.change_of(days, least=3)
    assert change.size == pytest.approx(9, abs=1.5)
    assert abs(change.since - days.day[70]) <= 1
    assert baseline.usual(days).centre == pytest.approx(62, abs=1)
    assert baseline.change_of(days, least=20) is None


def test_an_old_change_is_the_baseline_by_now():
    days = baseline.days_of(stretch_of(62 + NOISE + 9.0 * (np.arange(80) >= 30)), NOW)
    assert baseline.change_of(days) is None
    assert baseline.usual(days).centre == pytest.approx(71, abs=1)


def test_a_drift_is_told_as_a_trend_with_an_interval_that_holds_it():
    days = baseline.days_of(stretch_of(80 + 0.05 * np.arange(80) + NOISE / 5), NOW)
    trend = baseline.trend_of(days)
    assert trend.clear
    assert trend.low < 0.05 < trend.high
    assert not baseline.trend_of(baseline.days_of(stretch_of(80 + NOISE), NOW)).clear


def test_measuring_at_another_time_of_day_is_no_change():
    hours = np.arange(60) % 2  # a morning and an evening value in turn
    values = np.repeat(70 + NOISE[:40], 2) + 8.0 * (np.arange(80) % 2)
    only_evenings = np.where((np.arange(80) < 60) | (np.arange(80) % 2 == 1), values, np.nan)
    days = baseline.days_of(stretch_of(only_evenings, hours=12.0), NOW)
    assert len(hours) == 60
    assert baseline.change_of(days) is None


def test_days_begin_at_midnight_where_the_person_lives():
    east = timezone(timedelta(hours=8))
    late = stretch_of([60.0, 61.0], hours=3, end=datetime(2026, 3, 31, 17, 0, tzinfo=UTC))
    assert len(baseline.days_of(late, NOW)) == 1
    assert len(baseline.days_of(late, NOW, east)) == 2
    with pytest.raises(BadInput, match="zone"):
        baseline.days_of(late, NOW.replace(tzinfo=None))


def test_nothing_later_than_the_moment_counts():
    values = 62 + NOISE + 30.0 * (np.arange(80) >= 75)
    days = baseline.days_of(stretch_of(values), NOW - timedelta(days=6))
    assert days.values.max() < 70


def test_all_days_alike_are_one_level():
    days = baseline.days_of(stretch_of(np.full(40, 98.0)), NOW)
    assert baseline.levels(days) == [0]
    assert baseline.usual(days) == baseline.Level(98.0, 0.0, 40)


def test_a_raised_resting_heart_rate_is_said_in_both_languages_with_the_days_it_rests_on():
    (found,) = said(case_of(62 + NOISE + 9.0 * (np.arange(80) >= 70)))
    assert found.band is Band.RULE_IN
    assert "above own baseline since 2" in found.code.name.en
    assert "高于个人基线" in found.code.name.zh
    assert {one.record for one in found.evidence} >= {"Observation/79/_history/1"}
    assert len(found.evidence) == 3
    assert found.measures[0].interval.value == pytest.approx(62, abs=1)


def test_a_steady_weight_is_at_its_usual_level_whatever_its_unit():
    (found,) = said(case_of((80 + NOISE / 6) / 0.45359237, code="29463-7", unit="[lb_av]"))
    assert found.band is Band.RULE_OUT
    assert found.measures[0].interval.value == pytest.approx(80, abs=0.5)
    assert found.measures[0].unit == "kg"


def test_a_pressure_that_rises_week_by_week_is_said_to_drift():
    values = 128 + NOISE + 0.2 * np.arange(80)
    (found,) = said(case_of(np.round(values), code="8480-6", unit="mm[Hg]"))
    assert found.band in (Band.GREY, Band.RULE_IN)
    if found.band is Band.GREY:
        assert "rising by 6 mmHg a month" in found.code.name.en
        assert "每月上升" in found.code.name.zh


def test_few_days_or_old_ones_give_no_baseline_but_the_reason():
    (few,) = said(case_of(62 + NOISE[:8]))
    assert few.band is Band.ABSTAIN
    assert "values on 8 days" in few.reason.en
    (old,) = said(case_of(62 + NOISE[:40], last=NOW - timedelta(days=9)))
    assert "9 days old" in old.reason.en
    assert said(case_of(62 + NOISE[:3])) == []


@pytest.mark.parametrize("pattern", [(62, 63, 64), (62, 62, 62), (62, 62, 63)])
def test_whole_numbers_that_hardly_vary_still_show_a_change(pattern: tuple[int, ...]):
    values = np.array([pattern[day % 3] + (11 if day >= 33 else 0) for day in range(45)], float)
    change = baseline.change_of(baseline.Days(np.arange(20_000, 20_045), values))
    assert change is not None
    assert (change.since, round(change.size)) == (20_033, 11)


def test_a_weight_that_is_always_the_same_has_no_change():
    assert baseline.change_of(baseline.Days(np.arange(20_000, 20_045), np.full(45, 72.0))) is None
