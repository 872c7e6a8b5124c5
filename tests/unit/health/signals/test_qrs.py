"""QRS complexes: found at any rate and polarity, and not where there are none."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.health.ecgs import ecg, rhythm

from suwen.core.errors import BadInput
from suwen.health.signals import qrs


def close(found, beats, within=0.02):
    return len(found) == len(beats) and bool(np.all(np.abs(found - beats) < within))


@pytest.mark.parametrize("rate", [100, 125, 257, 360, 1000])
def test_each_beat_is_found_at_every_rate(rate):
    beats = rhythm(60)
    assert close(qrs.qrs_times(ecg(beats, "N" * len(beats), rate, 60), rate), beats)


def test_a_lead_with_its_electrodes_exchanged_gives_the_same_beats():
    beats = rhythm(60)
    lead = ecg(beats, "N" * len(beats), 250, 60)
    assert close(qrs.qrs_times(-lead, 250), qrs.qrs_times(lead, 250), 1e-9)


def test_wide_premature_beats_are_found_too():
    beats = rhythm(60)
    early = beats[20] - 0.3
    beats = np.sort(np.append(np.delete(beats, 20), early))
    kinds = ["V" if beat == early else "N" for beat in beats]
    assert close(qrs.qrs_times(ecg(beats, kinds, 250, 60), 250), beats, 0.05)


def test_a_small_beat_in_a_long_pause_is_searched_for_again():
    beats = rhythm(60)
    lead = ecg(beats, "N" * len(beats), 250, 60)
    near = slice(int((beats[30] - 0.1) * 250), int((beats[30] + 0.1) * 250))
    lead[near] *= 0.3
    assert close(qrs.qrs_times(lead, 250), beats)


def test_a_flat_lead_has_no_beats_and_a_gap_none_inside():
    assert len(qrs.qrs_times(np.zeros(5000), 250)) == 0
    assert len(qrs.qrs_times(np.full(5000, np.nan), 250)) == 0
    beats = rhythm(60)
    lead = ecg(beats, "N" * len(beats), 250, 60)
    lead[5000:7500] = np.nan
    found = qrs.qrs_times(lead, 250)
    assert not ((found > 20.1) & (found < 29.9)).any()


def test_blocks_join_without_a_beat_lost_or_told_twice(monkeypatch):
    beats = rhythm(90)
    lead = ecg(beats, "N" * len(beats), 250, 90)
    whole = qrs.qrs_times(lead, 250)
    monkeypatch.setattr(qrs, "BLOCK", 7)
    assert close(qrs.qrs_times(lead, 250), whole, 0.002)


def test_intervals_are_finer_than_the_samples():
    beats = 0.5 + 0.8003 * np.arange(70)
    found = qrs.qrs_times(ecg(beats, "N" * 70, 125, 60, noise=0.001), 125)
    assert np.abs(np.diff(found) - 0.8003).max() < 0.002


@pytest.mark.parametrize(
    ("lead", "rate", "words"),
    [(np.zeros((2, 900)), 250, "shape"), (np.zeros(900), 50, "50 samples a second")],
)
def test_what_is_no_lead_is_refused(lead, rate, words):
    with pytest.raises(BadInput, match=words):
        qrs.qrs_times(lead, rate)
