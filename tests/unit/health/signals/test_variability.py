"""Heart-rate variability: what is told of which intervals, and when nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from suwen.core.codes import Text
from suwen.health.signals.variability import Variability, variability


def breathing(seconds, cycle=4.0, height=0.04, mean=0.8):
    """Beats whose intervals swing once in `cycle` seconds, as with breathing."""
    beats = [0.5]
    while beats[-1] < seconds:
        beats.append(beats[-1] + mean + height * np.sin(2 * np.pi * beats[-1] / cycle))
    return np.array(beats)


def told(times, normal=None):
    return variability(times, np.ones(len(times), dtype=bool) if normal is None else normal)


def test_two_alternating_intervals_give_figures_that_can_be_counted_by_hand():
    times = np.cumsum(np.tile([0.8, 0.9], 60))
    found = told(times).values
    assert found["mean_nn"] == pytest.approx(850, abs=1)
    assert found["sdnn"] == pytest.approx(50, abs=0.5)
    assert found["rmssd"] == pytest.approx(100)
    assert found["pnn50"] == 100
    assert found["sd1"] == pytest.approx(100 / np.sqrt(2), abs=0.5)
    assert found["sd2"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("cycle", "larger", "smaller"), [(4.0, "hf", "lf"), (10.0, "lf", "hf")])
def test_breathing_has_its_power_in_its_own_band(cycle, larger, smaller):
    found = told(breathing(300, cycle)).values
    assert found[larger] == pytest.approx(40**2 / 2, rel=0.1)
    assert found[smaller] < 0.05 * found[larger]


def test_ectopic_beats_do_not_count():
    times = breathing(300)
    moved = times.copy()
    moved[[60, 150]] -= 0.3
    normal = np.ones(len(times), dtype=bool)
    normal[[60, 150]] = False
    clean, found = told(times), told(moved, normal)
    assert found.left_out == pytest.approx(4 / (len(times) - 1))
    for key in ("sdnn", "rmssd"):
        assert found.values[key] == pytest.approx(clean.values[key], rel=0.05)


def test_an_early_beat_that_nobody_named_is_left_out_too():
    times = breathing(300)
    times[60] -= 0.3
    assert told(times).values["rmssd"] < 60


def test_of_half_a_minute_nothing_is_told():
    found = told(breathing(30))
    assert isinstance(found, Text)
    assert "60 s" in found.en


def test_of_a_rhythm_with_every_third_beat_ectopic_nothing_is_told():
    times = breathing(300)
    normal = np.arange(len(times)) % 3 > 0
    found = told(times, normal)
    assert isinstance(found, Text)
    assert "left" not in found.en
    assert "at most 20%" in found.en


def test_a_minute_has_no_spectrum_and_only_an_hour_a_sdann():
    assert "lf" not in told(breathing(90)).values
    assert "sdann" not in told(breathing(600)).values
    assert "sdann" in told(breathing(4000)).values


def test_figures_agree_with_neurokit():
    neurokit = pytest.importorskip("neurokit2")
    times = np.round(breathing(300, 5.0) + 0.003 * np.random.default_rng(3).normal(size=376), 3)
    found = told(times)
    assert isinstance(found, Variability)
    theirs = neurokit.hrv_time(np.rint(times * 1000).astype(int), sampling_rate=1000).iloc[0]
    for key, name in {"sdnn": "SDNN", "rmssd": "RMSSD", "mean_nn": "MeanNN"}.items():
        assert found.values[key] == pytest.approx(theirs[f"HRV_{name}"], rel=0.01)
    assert found.values["pnn50"] == pytest.approx(theirs["HRV_pNN50"], abs=1)
    assert {one.code.code for one in found.measures()} >= {"80404-7", "hrv-rmssd", "hrv-lf-hf"}
