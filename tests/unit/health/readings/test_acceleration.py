"""An accelerometer tells when somebody moves, and what is measured meanwhile is doubted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from tests.unit.health.strips import pulse, regular

from suwen.core.device_messages import Block
from suwen.core.nouns import Case, Record
from suwen.core.streams import MICROSECONDS, Channel, Stretch, ticks
from suwen.health.af.said import unasked
from suwen.health.af.task import AtrialFibrillation
from suwen.health.alerts.notices import Notices
from suwen.health.alerts.truth import Heard, verdict
from suwen.health.beats.said import unread
from suwen.health.beats.task import EcgBeats
from suwen.health.early_warning.vital_set import variables
from suwen.health.readings import acceleration, movement
from suwen.health.readings.acceleration import (
    CHANNELS,
    INTENSITY,
    UNIT,
    UNITS,
    derived,
    intensities,
    mad,
    observation,
    stretch_of,
)
from suwen.health.readings.doubts import movement_of, sorted_out
from suwen.health.signals.sampled import sampled_data

MORNING = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
HZ = 50


def still(seconds: float, tilt: float = 0.0, seed: int = 0) -> np.ndarray:
    """A sensor that lies still, tilted: one g, and the noise of a cheap one (2 mg)."""
    noise = 0.002 * np.random.default_rng(seed).standard_normal((round(seconds * HZ), 3))
    return np.array([np.sin(tilt), 0.0, np.cos(tilt)]) + noise


def walking(seconds: float) -> np.ndarray:
    """Two steps a second of a third of a g."""
    rows = still(seconds)
    rows[:, 2] += 0.35 * np.sin(2 * np.pi * 2 * np.arange(len(rows)) / HZ)
    return rows


def at(rows: np.ndarray, after: float = 0.0) -> np.ndarray:
    first = ticks(MORNING) + round(after * MICROSECONDS)
    return first + np.rint(np.arange(len(rows)) * MICROSECONDS / HZ).astype(np.int64)


def blocks(rows: np.ndarray, unit: str = "[g]", after: float = 0.0) -> list[Block]:
    scaled = rows * 1000 / UNITS[unit]
    times = at(rows, after)
    return [Block(code, unit, times, scaled[:, k]) for k, code in enumerate(CHANNELS)]


def test_the_deviation_of_a_sine_is_two_thirds_of_its_height():
    rows = np.zeros((10_000, 3))
    rows[:, 2] = 1 + 0.1 * np.sin(2 * np.pi * np.arange(10_000) / 100)
    assert mad(rows) == pytest.approx(0.1 * 2 / np.pi, rel=1e-3)


def test_rest_is_near_nothing_however_the_sensor_lies_and_walking_far_above():
    for tilt in (0.0, 0.7, np.pi / 2):
        assert intensities(at(still(5)), still(5, tilt), "[g]")[1].max() < 5
    assert intensities(at(walking(5)), walking(5), "[g]")[1].min() > 150


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_makes_no_difference(unit):
    (told,) = derived(blocks(walking(5), unit))
    (other,) = derived(blocks(walking(5)))
    assert (told.code, told.unit) == (INTENSITY, UNIT)
    assert told.values.tolist() == other.values.tolist()
    assert intensities(at(walking(5)), walking(5), "furlong")[1].tolist() == []


def test_seconds_are_told_in_fives_and_a_short_rest_goes_with_what_was_before():
    moments, _ = intensities(at(still(12)), still(12), "[g]")
    assert ((moments - moments[0]) / MICROSECONDS).tolist() == [0, 5, 10]
    assert len(intensities(at(still(10.5)), still(10.5), "[g]")[0]) == 2
    assert len(intensities(at(still(1)), still(1), "[g]")[0]) == 1
    assert len(intensities(at(still(0.4)), still(0.4), "[g]")[0]) == 0


def test_a_gap_ends_a_stretch_and_rare_samples_tell_nothing():
    times = np.concatenate([at(still(3)), at(still(3), after=60)])
    moments, _ = intensities(times, still(6), "[g]")
    assert (np.diff(moments) / MICROSECONDS).tolist() == [60]
    rare = ticks(MORNING) + np.arange(10, dtype=np.int64) * MICROSECONDS
    assert len(intensities(rare, still(0.2), "[g]")[0]) == 0


def test_axes_that_do_not_belong_together_tell_nothing():
    x, y, z = blocks(walking(5))
    assert derived([x, y]) == []
    assert derived([x, y, z._replace(unit="m/s2")]) == []
    assert derived([x, y, z._replace(at=z.at + 1)]) == []
    both = derived([x, y, z, *blocks(still(5), after=5)])
    assert [round(one.values[0]) > 29 for one in both] == [True, False]


def test_walking_is_movement_and_rest_is_none_and_neighbours_are_one():
    (told,) = derived(blocks(np.concatenate([still(10), walking(15), still(30)])))
    found = movement.spans([Stretch(Channel(INTENSITY, UNIT, "w"), told.at, told.values)])
    assert [(a - ticks(MORNING)) / MICROSECONDS for span in found for a in span] == [10, 25]


def test_a_heart_rate_taken_in_movement_is_held_back_live_and_long_after_the_first_step():
    notices = Notices()
    heart = Channel("8867-4", "/min", "watch")
    told = Channel(INTENSITY, UNIT, "watch")
    kinds = []
    for second in range(0, 600, 5):
        tick = ticks(MORNING) + second * MICROSECONDS
        value = 180.0 if 100 <= second < 400 else 3.0
        notices.judge("p", told, (tick, value), tick, lambda: False)
        judged = notices.judge("p", heart, (tick + 1, 80.0 + second / 100), tick, lambda: False)
        kinds.append(judged.kind)
    assert {kinds[k] for k in range(20, 80)} == {"motion"}
    assert kinds[10] == kinds[90] == ""
    late = notices.judge("p", heart, (ticks(MORNING) + 110 * MICROSECONDS, 99.0), 0, lambda: False)
    assert late.kind == "motion", "of one span, not of the last twenty stretches"


def record(content: dict, name: str = "a") -> Record:
    return Record(reference=f"Observation/{name}/_history/1", content=content)


def sampled_acceleration(rows: np.ndarray) -> dict:
    data = sampled_data(rows.ravel(), 1 / HZ, "[g]")
    return {
        "resourceType": "Observation", "status": "final",
        "code": {"coding": [{"system": "https://w3id.org", "code": "omh:acceleration"}]},
        "effectiveDateTime": MORNING.isoformat(),
        "valueSampledData": {**data, "dimensions": 3},
    }  # fmt: skip


def test_an_observation_of_three_axes_tells_the_same_as_the_stream():
    rows = np.concatenate([still(10), walking(10)])
    found = stretch_of(sampled_acceleration(rows))
    assert found is not None
    assert found.values == pytest.approx(derived(blocks(rows))[0].values, abs=0.2)
    kept = observation("p", found, int(found.at[0]), int(found.at[-1]))
    again = stretch_of(kept)
    assert again is not None
    assert again.at.tolist() == found.at.tolist()
    assert again.values == pytest.approx(found.values, rel=1e-4)
    assert kept["id"] == observation("p", found, int(found.at[0]), int(found.at[-1]))["id"]
    assert stretch_of({**kept, "code": {}}) is None


def test_a_score_takes_a_rate_measured_in_movement_as_missing_with_the_reason():
    vital = {
        "resourceType": "Observation", "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "effectiveDateTime": (MORNING + timedelta(seconds=15)).isoformat(),
        "valueQuantity": {"value": 150, "unit": "/min", "system": "http://unitsofmeasure.org",
                          "code": "/min"},
    }  # fmt: skip
    moving = sampled_acceleration(np.concatenate([still(10), walking(10)]))

    def case(*contents: dict) -> Case:
        records = tuple(record(one, str(k)) for k, one in enumerate(contents))
        return Case("p", MORNING + timedelta(minutes=5), records, {}.__getitem__)

    calm = sorted_out(case(vital), variables())
    assert [one.value for one in calm.values] == [150]
    held = sorted_out(case(vital, moving), variables())
    assert held.values == []
    (doubt,) = held.doubts
    assert (doubt.kind, doubt.context) == ("motion", ("Observation/1/_history/1",))
    motion = movement_of(case(vital, moving))
    assert motion.during(MORNING, 0, 60) == pytest.approx(10)
    assert motion.during(MORNING.replace(tzinfo=None), 0, 60) == 0


def test_a_pulse_taken_in_movement_contradicts_no_asystole():
    wave = pulse(regular(30))
    calm = Heard("PLETH", "ppg", wave, 100.0)
    assert verdict("asystole", [calm]).contradicted
    moving = Heard("PLETH", "ppg", wave, 100.0, moving=True)
    found = verdict("asystole", [moving])
    assert not found.contradicted
    assert "taken in movement" in found.reason.en
    assert "运动中" in found.reason.zh


def test_a_recording_that_cannot_be_read_says_that_the_person_moved_meanwhile():
    noise = np.random.default_rng(3).normal(0, 1.0, 30 * 250)
    strip = {
        "resourceType": "Observation", "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "11524-6"}], "text": "I"},
        "effectiveDateTime": MORNING.isoformat(),
        "valueSampledData": sampled_data(noise, 1 / 250, "mV"),
    }  # fmt: skip
    moving = sampled_acceleration(np.concatenate([still(10), walking(10)]))
    calm, moved = (
        Case("p", MORNING + timedelta(minutes=5), records, {}.__getitem__)
        for records in ((record(strip),), (record(strip), record(moving, "b")))
    )
    for task, why in ((AtrialFibrillation(), unasked), (EcgBeats(), unread)):
        told = []
        for case in (calm, moved):
            (sample,) = task.samples(case, [])
            (reason,) = why(sample.data, None) if why is unasked else why(sample.data)
            told.append(("moved for 10 s" in reason.en, "活动了 10 秒" in reason.zh))
            read = "Observation/b/_history/1" in sample.inputs
            assert read == (case is moved), "what the reason rests on is replayed with it"
        assert told == [(False, False), (True, True)], task.name


def test_the_channel_of_an_axis_is_called_after_the_schema():
    assert CHANNELS == ("omh:acceleration.x", "omh:acceleration.y", "omh:acceleration.z")
    assert (acceleration.INTENSITY, acceleration.UNIT) in movement.movements()
