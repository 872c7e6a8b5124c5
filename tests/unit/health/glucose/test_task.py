"""Glucose forecasts: from which readings, with which alarms, and when there is none."""

from __future__ import annotations

import lzma
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from suwen.core.codes import LOINC
from suwen.core.errors import BadInput, NotFound
from suwen.core.nouns import Band, Case, Record
from suwen.health.glucose import fit as glucose_fit
from suwen.health.glucose import task as glucose
from suwen.health.glucose import window
from suwen.health.glucose.case import course_of
from suwen.health.signals.sampled import sampled_data
from suwen.lifecycle import packs, run
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.evaluate import is_apart

TASK = glucose.GlucoseForecast()
NOW = datetime(2026, 3, 1, 14, 0, tzinfo=UTC)
STEADY = 118 + 6 * np.sin(np.arange(145) / 9)
FALLING = np.r_[np.full(133, 150.0), 150 - 6.0 * np.arange(1, 13)]
RISING = np.r_[np.full(133, 190.0), 190 + 6.0 * np.arange(1, 13)]


def reading(number, minutes_ago, value, unit="mg/dL", code="99504-3", **more):
    at = (NOW - timedelta(minutes=minutes_ago)).isoformat()
    content = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "effectiveDateTime": at,
        "valueQuantity": {"value": value, "code": unit},
        **more,
    }
    return Record(reference=f"Observation/{number}/_history/1", content=content)


def readings(values, ago=0, step=5.0, **more):
    count = len(values)
    return [
        reading(k, ago + step * (count - 1 - k), float(v), **more) for k, v in enumerate(values)
    ]


def case_of(records, at=NOW):
    return Case("somebody", at, tuple(records), lambda digest: b"")


def said(records, at=NOW):
    pack = packs.current(glucose.GLUCOSE_FORECAST)
    return [run.answer(TASK, pack, sample)[0] for sample in TASK.samples(case_of(records, at), [])]


def test_a_steady_curve_is_foretold_for_three_times_with_intervals_that_widen():
    found = said(readings(STEADY))
    values = [one.measures[0].interval for one in found]
    assert [one.code.code for one in found] == [f"glucose-forecast-{n}" for n in (30, 60, 120)]
    assert all(95 < one.value < 145 for one in values)
    widths = [one.high - one.low for one in values]
    assert widths == sorted(widths)
    assert found[0].valid_until == NOW + timedelta(minutes=15)
    assert found[0].band is not Band.RULE_IN
    assert "mmol/L" in found[0].reason.zh
    assert {one.record for one in found[0].evidence} == {"Observation/144/_history/1"}


def test_a_curve_that_falls_fast_raises_the_alarm_of_low_glucose():
    first = said(readings(FALLING))[0]
    assert first.band is Band.RULE_IN
    assert "low glucose expected" in first.code.name.en
    assert "低血糖" in first.code.name.zh
    chances = {one.code.code: one.interval.value for one in first.measures[1:]}
    assert chances["glucose-low"] >= chances["glucose-very-low"]
    assert chances["glucose-low"] > 0.3
    assert chances["glucose-high"] < 0.05


def test_a_curve_that_rises_fast_raises_the_alarm_of_high_glucose():
    first = said(readings(RISING))[0]
    assert first.band is Band.RULE_IN
    assert "high glucose expected" in first.code.name.en


def test_readings_in_millimoles_and_in_sampled_stretches_say_the_same():
    single = said(readings(STEADY))
    moles = said(readings(STEADY / 18.016, unit="mmol/L", code="15074-8"))
    whole = reading(1, 0, 0.0)
    content = {key: value for key, value in whole.content.items() if key != "valueQuantity"}
    content["effectiveDateTime"] = (NOW - timedelta(minutes=5 * 144)).isoformat()
    content["valueSampledData"] = sampled_data(STEADY, 300.0, "mg/dL")
    stretch = said([Record(reference="Observation/1/_history/1", content=content)])
    for other in (moles, stretch):
        for one, two in zip(single, other, strict=True):
            wanted = one.measures[0].interval.value
            assert two.measures[0].interval.value == pytest.approx(wanted, abs=0.3)


def test_an_old_newest_reading_gives_no_forecast_but_says_how_old_it_is():
    found = said(readings(STEADY, ago=40))
    assert {one.band for one in found} == {Band.ABSTAIN}
    assert "40 minutes old" in found[0].reason.en


def test_a_gap_in_the_last_minutes_gives_no_forecast_but_says_how_much_is_missing():
    values = [one for k, one in enumerate(readings(STEADY)) if not 132 <= k <= 142]
    found = said(values)
    assert found[0].band is Band.ABSTAIN
    assert "missing" in found[0].reason.en


def test_a_sensor_of_every_15_minutes_is_told_to_be_unlike_those_learnt_from():
    found = said(readings(STEADY[::3], step=15.0))
    assert "every 15 minutes" in found[0].reason.en


def test_single_finger_sticks_are_no_sensor():
    records = [reading(k, 180 * k, 110.0) for k in range(4)]
    assert TASK.samples(case_of(records), []) == []


def test_what_is_future_impossible_or_entered_in_error_is_passed_over():
    good = readings(STEADY)
    bad = [
        reading(900, -60, 300.0),
        reading(901, 7, 5000.0),
        reading(902, 8, 350.0, status="entered-in-error"),
        reading(903, 9, 6.0, unit="furlong"),
    ]
    course = course_of(case_of([*bad, *good]))
    assert course.record == "Observation/144/_history/1"
    assert course.past.values.max() < 130


def test_nothing_after_the_newest_reading_enters_the_window():
    minutes = 5.0 * np.arange(400) + np.random.default_rng(1).uniform(-1, 1, 400)
    past = window.Past(minutes, np.linspace(80, 200, 400))
    changed = window.Past(minutes, np.where(np.arange(400) > 300, 400.0, past.values))
    place = np.array([300])
    assert np.array_equal(window.grids(past, place), window.grids(changed, place), equal_nan=True)
    own = [window.own_levels(one, place, 30) for one in (past, changed)]
    assert np.array_equal(*own, equal_nan=True)


def test_a_number_is_the_same_for_one_window_as_for_many():
    rng = np.random.default_rng(2)
    values = 120 + rng.normal(0, 5, (4, 145)).cumsum(1)
    values[1, 20:60] = np.nan
    hours, own = np.array([0.0, 6.5, 12.0, 23.9]), rng.uniform(80, 160, (4, 3))
    whole = window.features(values, hours, own)
    alone = [window.Window(values[k], hours[k], own[k], 30).features for k in range(4)]
    assert np.allclose(whole, alone, equal_nan=True)
    assert whole.shape[1] == len(window.names()) == len(window.feature_groups())
    terms = glucose_fit.terms(whole)
    assert terms.shape[1] == len(glucose_fit.term_groups(window.feature_groups()))
    assert np.isfinite(terms).all()


def test_a_probability_grows_with_the_level_and_a_crossing_is_certain_far_out():
    left = np.linspace(-3, 3, len(glucose_fit.LEVELS))
    found = [glucose_fit.probability_below(at, 100.0, 10.0, left) for at in (20, 70, 100, 200)]
    assert found[0] == 0.0
    assert found[-1] == 1.0
    assert found == sorted(found)
    assert found[2] == pytest.approx(0.5, abs=0.05)


def recorded(folder, name, header, rows, packed=True):
    path = folder / "vitals" / "cgm_glucobench" / f"{name}.csv{'.xz' if packed else ''}"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join([header, *rows]) + "\n"
    path.write_bytes(lzma.compress(text.encode()) if packed else text.encode())
    return DataFolders((), test=folder)


def person(name, count=60):
    start = datetime(2020, 1, 1)
    return [
        f"{name},{start + timedelta(minutes=5 * k)},{100 + 20 * np.sin(k / 8):.0f}"
        for k in range(count)
    ]


def test_other_people_in_the_format_of_a_set_are_read_with_their_floors(tmp_path):
    rows = [*person("a"), "a,2020-01-02 00:00:00,NA", *person("b"), *person("c", 5)]
    data = recorded(tmp_path, "hall2018", "id,time,gl", rows)
    found = TASK.examples(data, "hall2018")
    assert set(found.groups) == {"hall2018/a", "hall2018/b"}
    assert set(found.columns["minutes ahead"]) == {30, 60, 120}
    sample = found.load(0)
    assert sample.data.values[-1] == pytest.approx(found.floors["persistence"][0])
    assert np.abs(found.floors["linear regression"] - found.labels).mean() < 15
    pooled = TASK.examples(data, "glucobench")
    assert len(pooled) == len(found)


def test_a_file_with_other_columns_or_no_times_is_refused(tmp_path):
    with pytest.raises(BadInput, match="columns"):
        TASK.examples(recorded(tmp_path, "hall2018", "who,when,what", ["a,b,c"]), "hall2018")
    data = recorded(tmp_path, "colas2019", "id,time,gl", ["a,yesterday,100"], packed=False)
    with pytest.raises(BadInput, match="line 2"):
        TASK.examples(data, "colas2019")
    with pytest.raises(NotFound):
        TASK.examples(data, "weinstock2016")


def test_sets_that_nothing_was_learnt_from_are_independent_tests_of_the_pack(tmp_path):
    pack = packs.current(glucose.GLUCOSE_FORECAST)
    apart = {one for one in TASK.datasets if is_apart(TASK, pack, one)}
    assert apart == {"broll_iglu", "dubosson2018", "shanghai_t1dm", "bigideas", "azt1d"}
    source = TASK.examples(
        recorded(tmp_path, "dubosson2018", "id,time,gl", person("a")), "dubosson2018"
    ).source
    assert "CC BY-SA" in source.licence
    assert not source.shippable


def test_the_card_shows_alarms_beside_those_that_need_no_model():
    rows = packs.current(glucose.GLUCOSE_FORECAST).content("card.json")["alarms"]["rows"]
    low = {row["way"]: row for row in rows if row["level"]["en"] == "low glucose expected"}
    assert set(low) == {"pack", "nearly there", "drawn on"}
    for row in low.values():
        assert (
            row["sensitivity"]["low"] <= row["sensitivity"]["value"] <= row["sensitivity"]["high"]
        )
        assert row["false_a_day"]["value"] > 0
