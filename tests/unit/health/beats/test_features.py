"""What is told of each beat: early ones are early, wide ones unlike, whatever the height."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.health.ecgs import ecg, rhythm

from suwen.health.beats import simulated as beat_simulated
from suwen.health.beats.features import beats_of, names, stretches, table
from suwen.health.beats.read import read_beats
from suwen.health.beats.waves import P_PART, WAVE
from suwen.health.signals.qrs import qrs_times

RATE = 250


def with_early(kind, seconds=60, early=30):
    """A rhythm in which one beat comes early, with the pause behind it."""
    beats = rhythm(seconds, jitter=0.01)
    beats[early] -= 0.3
    return beats, [kind if k == early else "N" for k in range(len(beats))]


def column(found, name):
    return found.rows[:, names().index(name)]


@pytest.fixture(scope="module")
def early_v():
    beats, kinds = with_early("V")
    return read_beats(ecg(beats, kinds, RATE, 60), RATE)


@pytest.fixture(scope="module")
def early_s():
    beats, kinds = with_early("S")
    return read_beats(ecg(beats, kinds, RATE, 60), RATE)


def test_an_early_beat_is_early_and_the_pause_is_told(early_s):
    assert column(early_s, "before / usual")[30] == pytest.approx(0.5 / 0.8, abs=0.05)
    assert column(early_s, "after / usual")[30] == pytest.approx(1.1 / 0.8, abs=0.05)
    others = np.delete(column(early_s, "before / usual"), [30, 31])
    assert others.min() > 0.9


def test_a_wide_beat_is_unlike_the_usual_one_and_alone_of_its_kind(early_v):
    assert column(early_v, "QRS likeness")[30] < 0.7
    assert np.delete(column(early_v, "QRS likeness"), 30).min() > 0.95
    assert column(early_v, "QRS half width / usual")[30] > 2
    assert column(early_v, "rank of its kind")[30] < 0.1


def test_a_supraventricular_beat_has_the_usual_qrs_without_its_p_wave(early_s):
    assert column(early_s, "QRS likeness")[30] > 0.95
    assert column(early_s, "P share")[30] < 0.6
    assert np.delete(column(early_s, "P share"), [30, 31]).mean() == pytest.approx(1, abs=0.1)


def test_a_lead_of_twice_the_height_upside_down_tells_the_same(early_v):
    beats, kinds = with_early("V")
    turned = read_beats(-2 * ecg(beats, kinds, RATE, 60), RATE)
    for name in ("before / usual", "QRS likeness", "P share", "QRS width / usual"):
        assert column(turned, name) == pytest.approx(column(early_v, name), abs=0.06), name
    assert turned.setting == pytest.approx(early_v.setting, rel=0.05)


def test_equal_beats_lie_alike_to_a_part_of_a_sample():
    beats = 0.5 + 0.8037 * np.arange(70)
    lead = ecg(beats, "N" * 70, 125, 60, noise=0.002)
    found = beats_of(lead, 125, qrs_times(lead, 125))
    assert np.abs(np.diff(found.at) - 0.8037).max() < 0.003


def test_a_day_is_cut_into_stretches_and_a_short_recording_is_one():
    assert stretches(np.arange(10.0), 60) == [slice(0, 10)]
    parts = stretches(np.arange(0, 86400, 100.0), 86400)
    assert len(parts) == 48
    assert sum(part.stop - part.start for part in parts) == 864


@pytest.mark.parametrize("count", [1, 2, 3])
def test_even_of_a_few_beats_every_number_is_a_number(count):
    waves = np.random.default_rng(0).normal(size=(count, WAVE)).astype(np.float32)
    rows, setting = table(np.arange(count, dtype=float), waves)
    assert rows.shape == (count, len(names()))
    assert np.isfinite(rows).all()
    assert np.isfinite(setting).all()


def test_a_lost_lead_is_told_and_its_beats_are_not_read():
    beats = rhythm(60)
    lead = ecg(beats, "N" * len(beats), RATE, 60)
    lead[20 * RATE : 40 * RATE] = lead[20 * RATE]
    assert read_beats(lead, RATE).poor.tolist() == [[20.0, 40.0]]
    lead[:] = np.nan
    assert read_beats(lead, RATE).poor.tolist() == [[0.0, 60.0]]


def test_made_fibrillation_is_irregular_without_p_waves(early_s):
    labels = np.zeros(len(early_s), dtype=int)
    times, waves, said = beat_simulated.fibrillating(
        early_s.waves, labels, np.random.default_rng(1)
    )
    assert np.diff(times).std() / np.diff(times).mean() > 0.1
    assert not said.any()
    assert np.ptp(waves[:, P_PART].mean(0)) < 0.5 * np.ptp(early_s.waves[:, P_PART].mean(0))


def test_made_early_beats_are_those_that_are_called_early(early_s):
    labels = np.zeros(len(early_s), dtype=int)
    for seed in range(40):
        times, waves, said = beat_simulated.with_early_beats(
            early_s.waves, labels, np.random.default_rng(seed)
        )
        if 3 < said.sum() < 20:
            break
    between = np.diff(times, prepend=0)
    assert len(times) == len(waves) == len(said)
    assert between[said == 1].max() < np.median(between[said == 0])
