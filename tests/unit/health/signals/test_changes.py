"""Changes of a lead: what they do, and that beats follow their recording."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.unit.health.ecgs import ecg, rhythm, written

from suwen.health.beats import changes as beat_changes
from suwen.health.beats import data as ecg_beats_data
from suwen.health.beats.features import Beats
from suwen.health.signals import changes as ecg_changes
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Sample

RATE = 360.0
BY_NAME = {name: change for name, _, change in ecg_changes.CHANGES}


def noise_of(name: str, strength: float, count: int = 36_000) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    return np.asarray(BY_NAME[name](np.zeros(count), RATE, strength, rng)[0])


def power(values: NDArray[np.float64], low: float, high: float) -> float:
    """Return the share of the power that lies between two frequencies in hertz."""
    found = np.abs(np.fft.rfft(values)) ** 2
    at = np.fft.rfftfreq(len(values), 1 / RATE)
    return float(found[(at >= low) & (at <= high)].sum() / found.sum())


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("movement of electrodes (mV)", 0.3, 20.0),
        ("baseline wander (mV)", 0.0, 0.5),
        ("muscle noise (mV)", 15.0, 110.0),
        ("mains hum (mV)", 49.0, 51.0),
    ],
)
def test_noise_lies_where_it_does_in_people(name: str, low: float, high: float) -> None:
    values = noise_of(name, 0.1)
    assert power(values, low, high) > 0.95
    twice = noise_of(name, 0.2)
    assert twice == pytest.approx(2 * values)


def test_muscle_noise_has_the_stated_root_mean_square() -> None:
    assert noise_of("muscle noise (mV)", 0.05).std() == pytest.approx(0.05, rel=0.01)


def test_another_rate_keeps_the_length_in_seconds() -> None:
    lead = np.sin(2 * np.pi * np.arange(3600) / RATE)
    values, rate = BY_NAME["sampling rate (Hz)"](lead, RATE, 125.0, np.random.default_rng(0))
    assert rate == 125.0
    assert len(values) / rate == pytest.approx(len(lead) / RATE, abs=0.01)


def beat(tmp_path, number: int = 40) -> Sample:
    beats = rhythm(120)
    written(tmp_path, "101", ecg(beats, ["N"] * len(beats), 360, 120), beats, ["N"] * len(beats))
    return ecg_beats_data.examples(DataFolders((tmp_path,))).load(number)


@pytest.mark.parametrize("change", beat_changes.PERTURBATIONS, ids=lambda one: one.name)
def test_a_beat_is_told_from_its_changed_recording(tmp_path, change) -> None:
    sample = beat(tmp_path)
    made = change.apply(sample, change.strengths[0], 3).data
    assert isinstance(made, Beats)
    assert len(made) == 1
    assert made.place == sample.data.place
    assert made.unchanged is not None, "all beats of the changed recording are answered in one go"
    assert made.unchanged is not sample.data.unchanged
    assert made.at == pytest.approx(sample.data.at, abs=0.1)


def test_electrodes_exchanged_turn_the_wave_over(tmp_path) -> None:
    sample = beat(tmp_path)
    (change,) = [one for one in beat_changes.PERTURBATIONS if "exchanged" in one.name]
    made = change.apply(sample, 1.0, 0).data
    assert np.corrcoef(made.waves[0], -sample.data.waves[0])[0, 1] > 0.9


def test_all_beats_of_a_recording_get_the_same_noise(tmp_path) -> None:
    sample = beat(tmp_path)
    change = beat_changes.PERTURBATIONS[0]
    whole = change.apply(sample, 1.0, 3).data.together
    assert change.apply(sample, 1.0, 99).data.together is whole


def test_a_beat_without_its_recording_comes_back_as_it_is(tmp_path) -> None:
    sample = beat(tmp_path)
    alone = Sample(sample.key, Beats(*(getattr(sample.data, f) for f in FIELDS)))
    assert beat_changes.PERTURBATIONS[0].apply(alone, 1.0, 0) is alone


FIELDS = ("at", "rows", "waves", "setting")
