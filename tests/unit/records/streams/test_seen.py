"""Samples are stored once each, sealed, read by whoever may, and drawn without losing a spike."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import select

from suwen.core.errors import BadInput, Denied, KeyUnavailable
from suwen.core.streams import Channel, Reading, Stretch, ticks
from suwen.records.streams import chunks
from suwen.records.streams.retention import Retention, thin
from suwen.records.streams.sample_writing import Kept
from suwen.records.streams.seen import Streams, gathered
from suwen.records.tables import stream_channel, stream_chunk

PULSE = Channel("8867-4", "/min", "watch-1")
ECG = Channel("131329", "mV", "strap-1")
MORNING = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
YEARS = MORNING - timedelta(days=4000), MORNING + timedelta(days=4000)


def second(n: float) -> datetime:
    return MORNING + timedelta(seconds=n)


def pulses(values: dict[float, float], channel: Channel = PULSE) -> list[Stretch]:
    return gathered([Reading(channel, second(at), value) for at, value in values.items()])


def signal(n: int, hz: float = 250.0, start: float = 0.0) -> Stretch:
    at = ticks(second(start)) + np.rint(np.arange(n) * (1e6 / hz)).astype(np.int64)
    return Stretch(ECG, at, np.round(np.sin(np.arange(n) / 40), 3))


@pytest.fixture
def ward(clinic):
    clinic.patient = clinic.doctor.new_patient([])
    clinic.streams = Streams(clinic.store, clinic.doctor_person, "treatment")
    return clinic


@pytest.fixture
def sqlite_ward(sqlite_clinic):
    sqlite_clinic.patient = sqlite_clinic.doctor.new_patient([])
    sqlite_clinic.streams = Streams(sqlite_clinic.store, sqlite_clinic.doctor_person, "treatment")
    return sqlite_clinic


def read(ward, code: str = "8867-4") -> dict[float, float]:
    found = ward.streams.read(ward.patient, code, *YEARS)
    return {
        (at - ticks(MORNING)) / 1e6: value
        for stretch in found
        for at, value in zip(stretch.at.tolist(), stretch.values.tolist(), strict=True)
    }


def rows(ward, table) -> list:
    with ward.store.database.transaction(reading=True) as connection:
        return connection.execute(select(table)).all()


def test_a_reading_that_comes_twice_is_stored_once_and_another_value_for_its_time_conflicts(ward):
    put = ward.streams.put
    assert put(ward.patient, pulses({0: 72, 1: 73})) == Kept(stored=2)
    assert put(ward.patient, pulses({1: 73, 2: 74})) == Kept(stored=1, absorbed=1)
    assert put(ward.patient, pulses({1: 180})) == Kept(conflicting=1)
    assert read(ward) == {0: 72, 1: 73, 2: 74}


def test_what_comes_late_is_put_in_its_place(ward):
    for n in (10, 30, 20, 0, 25, 10):
        ward.streams.put(ward.patient, pulses({n: 60 + n}))
    ward.streams.put(ward.patient, pulses({n: 60 + n for n in range(0, 40, 5)}))
    assert read(ward) == {n: 60 + n for n in range(0, 40, 5)}
    assert list(read(ward)) == sorted(read(ward))


def test_readings_in_any_order_with_repetitions_are_those_a_dictionary_would_keep(sqlite_ward):
    chance = random.Random(7)
    truth: dict[float, float] = {}
    for _ in range(120):
        start, n = chance.randrange(2000), chance.choice([1, 1, 2, 40])
        batch = {start + k: float(chance.randrange(3)) for k in range(n)}
        kept = sqlite_ward.streams.put(sqlite_ward.patient, pulses(batch))
        same = sum(truth.get(at) == value for at, value in batch.items())
        new = [at for at in batch if at not in truth]
        assert kept == Kept(len(new), same, len(batch) - same - len(new))
        truth |= {at: batch[at] for at in new}
    assert read(sqlite_ward) == truth
    newest = sqlite_ward.streams.latest(sqlite_ward.patient)[0]
    assert newest.at == second(max(truth))
    assert newest.value == truth[max(truth)]


def test_two_readings_far_apart_leave_what_lies_between_as_it_is(sqlite_ward):
    sqlite_ward.streams.put(sqlite_ward.patient, [signal(20_000)])
    sqlite_ward.streams.put(sqlite_ward.patient, [signal(20_000, start=1000)])
    before = {row.first: row.content for row in rows(sqlite_ward, stream_chunk)}
    at = np.array([ticks(second(-5)), ticks(second(500)), ticks(second(5000))], np.int64)
    kept = sqlite_ward.streams.put(sqlite_ward.patient, [Stretch(ECG, at, np.ones(3))])
    assert kept == Kept(stored=3)
    after = {row.first: row.content for row in rows(sqlite_ward, stream_chunk)}
    assert {first: after.pop(first) for first in before} == before
    assert sorted(after) == at.tolist()
    (found,) = sqlite_ward.streams.read(sqlite_ward.patient, ECG.code, *YEARS)
    assert (np.diff(found.at) > 0).all()
    assert len(found) == 40_003


def test_what_comes_around_thinned_readings_does_not_reach_over_them(sqlite_ward):
    streams, patient = sqlite_ward.streams, sqlite_ward.patient
    streams.put(patient, pulses({3600.0 + n: 70.0 for n in range(600)}))
    streams.put(patient, pulses({86_400.0 * 9: 61.0}))
    thin(sqlite_ward.store, Retention(raw_days=2), "operator", second(86_400 * 9))
    around = {float(n): 80.0 for n in range(3000, 5000, 100)}
    assert streams.put(patient, pulses(around)) == Kept(stored=14, late=6)
    found = read(sqlite_ward)
    assert list(found) == sorted(found)
    assert len(found) == 14 + 10 + 1


def test_many_small_commits_become_one_chunk(sqlite_ward):
    for n in range(200):
        sqlite_ward.streams.put(sqlite_ward.patient, pulses({n: float(n)}))
    assert len(rows(sqlite_ward, stream_chunk)) < 165
    assert read(sqlite_ward) == {n: n for n in range(200)}
    assert sqlite_ward.streams.latest(sqlite_ward.patient)[0].value == 199


def test_a_span_is_read_from_its_start_up_to_but_not_at_its_end(ward):
    ward.streams.put(ward.patient, pulses({n: n for n in range(10)}))
    (found,) = ward.streams.read(ward.patient, "8867-4", second(3), second(6))
    assert found.channel == PULSE
    assert found.values.tolist() == [3, 4, 5]
    with pytest.raises(BadInput, match="span of time"):
        ward.streams.read(ward.patient, "8867-4", second(6), second(3))


def test_two_devices_that_measure_the_same_are_two_channels(ward):
    other = PULSE._replace(device="cuff-2")
    ward.streams.put(ward.patient, [*pulses({0: 70}), *pulses({0: 90}, other)])
    found = ward.streams.read(ward.patient, "8867-4", *YEARS)
    assert {stretch.channel.device: stretch.values.tolist() for stretch in found} == {
        "watch-1": [70],
        "cuff-2": [90],
    }
    assert ward.streams.read(ward.patient, "59408-5", *YEARS) == []


def test_a_waveform_is_read_sample_by_sample_and_drawn_with_its_one_spike(ward):
    whole = signal(150_000)
    whole.values[77_777] = 9.0
    half = len(whole) // 2
    for part in (slice(half, None), slice(0, half)):
        ward.streams.put(ward.patient, [Stretch(ECG, whole.at[part], whole.values[part])])
    (found,) = ward.streams.read(ward.patient, ECG.code, *YEARS)
    assert (found.at == whole.at).all()
    assert (found.values == whole.values).all()
    (drawn,) = ward.streams.plot(ward.patient, ECG.code, second(-1), second(700), points=500)
    assert 300 < len(drawn) <= 500
    assert drawn.values.max() == 9.0
    assert drawn.at[drawn.values.argmax()] == whole.at[77_777]
    (near,) = ward.streams.plot(ward.patient, ECG.code, second(311), second(311.2), points=100)
    assert near.values.tolist() == whole.values[77_750:77_800].tolist()


def test_an_outline_of_few_readings_is_the_readings(ward):
    ward.streams.put(ward.patient, pulses({n: n for n in range(10)}))
    (found,) = ward.streams.plot(ward.patient, "8867-4", *YEARS, points=10)
    assert found.values.tolist() == list(range(10))
    with pytest.raises(BadInput, match="1 points"):
        ward.streams.plot(ward.patient, "8867-4", *YEARS, points=1)


def test_a_stretch_that_cannot_be_is_refused_as_a_whole(ward):
    at = np.array([0, 1], np.int64)
    for broken in (Stretch(PULSE, at, np.array([1.0, np.nan])), Stretch(PULSE, at, np.ones(3))):
        with pytest.raises(BadInput):
            ward.streams.put(ward.patient, [*pulses({0: 72}), broken])
    assert read(ward) == {}


def test_who_is_not_of_the_care_team_reads_and_puts_nothing_and_the_try_is_logged(ward):
    ward.streams.put(ward.patient, pulses({0: 72}))
    stranger = Streams(ward.store, ward.other_person, "treatment")
    for tried in (
        lambda: stranger.read(ward.patient, "8867-4", *YEARS),
        lambda: stranger.plot(ward.patient, "8867-4", *YEARS),
        lambda: stranger.latest(ward.patient),
        lambda: stranger.latest_of_ward([ward.patient]),
        lambda: stranger.put(ward.patient, pulses({1: 73})),
    ):
        before = ward.store.log.head().count
        with pytest.raises(Denied):
            tried()
        assert ward.store.log.decision(before + 1).act == "denied"
    assert stranger.latest_of_ward() == {}


def test_reading_is_logged_once_an_opening(ward):
    ward.streams.put(ward.patient, pulses({0: 72}))
    for _ in range(3):
        ward.streams.read(ward.patient, "8867-4", *YEARS)
        ward.streams.latest(ward.patient)
        ward.streams.latest_of_ward()
    entries = [e.act for e in ward.store.log.entries() if e.person == ward.doctor_person.id]
    assert entries.count("streams-opened") == 1
    again = Streams(ward.store, ward.doctor_person, "treatment")
    again.latest(ward.patient)
    acts = [entry.act for entry in ward.store.log.entries()]
    assert acts.count("streams-opened") == 2
    assert acts.count("readings-put") == 1


def test_a_ward_is_told_by_patient_with_when_each_value_came_in(ward):
    second_patient = ward.doctor.new_patient([])
    empty = ward.doctor.new_patient([])
    ward.streams.put(ward.patient, pulses({0: 72, 5: 75}))
    ward.streams.put(second_patient, pulses({9: 50}))
    found = ward.streams.latest_of_ward()
    assert {name: [x.value for x in each] for name, each in found.items()} == {
        ward.patient: [75],
        second_patient: [50],
        empty: [],
    }
    assert found[ward.patient][0].channel == PULSE
    assert abs(found[ward.patient][0].received - datetime.now(UTC)) < timedelta(minutes=1)


def test_no_value_code_or_device_stands_in_the_database_in_the_clear(sqlite_ward):
    sqlite_ward.streams.put(sqlite_ward.patient, pulses(dict.fromkeys(range(40), 123.456)))
    raw = b"".join(path.read_bytes() for path in sqlite_ward.home.glob("suwen.sqlite*"))
    for secret in (b"8867-4", b"watch-1", b"/min", np.float64(123.456).tobytes()):
        assert secret not in raw


def test_with_a_patients_key_the_samples_are_gone(ward):
    ward.streams.put(ward.patient, [*pulses({0: 72}), signal(3000)])
    kept_rows = rows(ward, stream_chunk)
    ward.admin.destroy_patient(ward.patient, "asked for by the patient")
    with pytest.raises(KeyUnavailable):
        ward.streams.latest(ward.patient)
    assert kept_rows
    assert rows(ward, stream_chunk) == rows(ward, stream_channel) == []


def test_after_a_change_of_the_data_key_every_sample_is_sealed_anew_and_read_as_before(ward):
    ward.streams.put(ward.patient, [*pulses({0: 72, 1: 73}), signal(3000)])
    before = {row.content for row in rows(ward, stream_chunk)}
    ward.admin.rotate_data_key(ward.patient)
    assert before.isdisjoint(row.content for row in rows(ward, stream_chunk))
    assert {row.generation for row in rows(ward, stream_chunk)} == {2}
    assert read(ward) == {0: 72, 1: 73}
    (drawn,) = ward.streams.plot(ward.patient, ECG.code, *YEARS, points=100)
    assert drawn.values.max() == signal(3000).values.max()


def test_old_readings_become_minutes_with_their_extremes_and_then_hours(ward):
    day = {float(n * 10): 60.0 + n % 6 for n in range(8640)}
    day[30_000.0] = 200.0
    ward.streams.put(ward.patient, pulses(day))
    ward.streams.put(ward.patient, pulses({86_400.0 * 40: 61.0}))
    now = second(86_400.0 * 41)
    done = thin(ward.store, Retention(raw_days=30), "operator", now)
    assert (done.before, done.after) == (8640, 1440)
    assert thin(ward.store, Retention(raw_days=30), "operator", now).before == 0
    minutes = read(ward)
    assert len(minutes) == 1441
    assert minutes[30.0] == pytest.approx(np.mean([60, 61, 62, 63, 64, 65]))
    (drawn,) = ward.streams.plot(ward.patient, "8867-4", second(0), second(86_400), points=5000)
    assert drawn.values.max() == 200.0
    assert drawn.at[drawn.values.argmax()] == ticks(second(30_000))
    assert ward.streams.put(ward.patient, pulses({100.0: 64.0})) == Kept(late=1)
    done = thin(ward.store, Retention(raw_days=30, minute_days=35), "operator", now)
    assert (done.before, done.after) == (1440, 24)
    (drawn,) = ward.streams.plot(ward.patient, "8867-4", second(0), second(86_400), points=1000)
    assert drawn.values.max() == 200.0
    entries = [e for e in ward.store.log.entries() if e.act == "streams-thinned"]
    assert [entry.detail["before"] for entry in entries] == [8640, 1440]


def test_thinning_in_pieces_gives_each_minute_one_mean(sqlite_ward, monkeypatch):
    monkeypatch.setattr("suwen.records.streams.retention.AT_ONCE", 2)
    for start in range(0, 700, 7):
        sqlite_ward.streams.put(
            sqlite_ward.patient, pulses({start + k: float(start + k) for k in range(7)})
        )
    sqlite_ward.streams.put(sqlite_ward.patient, pulses({86_400.0 * 2: 0.0}))
    thin(sqlite_ward.store, Retention(raw_days=1), "operator", second(86_400 * 3))
    found = read(sqlite_ward)
    assert found.pop(86_400 * 2) == 0
    assert found == {
        30.0 + 60 * m: pytest.approx(np.mean(range(60 * m, min(60 * m + 60, 700))))
        for m in range(12)
    }


def test_nothing_is_thinned_until_somebody_says_so(ward):
    ward.streams.put(ward.patient, pulses({0: 72}))
    done = thin(ward.store, Retention(), "operator", second(86_400 * 9000))
    assert (done.before, done.after, done.letters) == (0, 0, 0)


@pytest.mark.parametrize("n", [1, 24, 25, 5000])
def test_a_chunk_gives_back_every_bit(n):
    chance = np.random.default_rng(n)
    at = np.cumsum(chance.integers(1, 10**9, n)) - 10**11
    values = chance.standard_normal(n) * 10.0 ** chance.integers(-300, 300, n)
    back_at, back = chunks.unpacked(chunks.packed(at, values))
    assert (back_at == at).all()
    assert back.tobytes() == values.tobytes()
    few = chunks.packed_few(at.tolist()[:3], values.tolist()[:3])
    assert chunks.unpacked(few)[1].tobytes() == values[:3].tobytes()


def test_what_is_logged_of_a_put_tells_no_value(ward):
    ward.streams.put(ward.patient, pulses({0: 72.25}), source="csv")
    (entry,) = [e for e in ward.store.log.entries() if e.act == "readings-put"]
    assert json.loads(json.dumps(dict(entry.detail))) == {"n": 1, "channels": 1, "source": "csv"}
