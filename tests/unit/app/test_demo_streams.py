"""What the devices of the demo patients send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np

from suwen.app.demo_patients.ecg import RATE, drawn
from suwen.app.demo_streams import past
from suwen.app.demo_ward import MOVED_MIN, Monitor, ecg_before
from suwen.core.device_messages import said_in
from suwen.health.readings.acceleration import INTENSITY, derived
from suwen.health.signals.qrs import qrs_times

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_what_was_sent_before_is_sent_again_with_the_same_values():
    first, later = past(1, NOW), past(1, NOW + timedelta(hours=5))
    for one, other in zip(first, later, strict=True):
        shared = np.isin(one.at, other.at)
        assert shared.sum() == len(one.at) - 30
        again = np.isin(other.at, one.at)
        np.testing.assert_array_equal(one.values[shared], other.values[again])


def test_the_drawn_fibrillation_is_irregular_and_the_sinus_rhythm_is_not():
    spread = {}
    for rhythm in ("sinus", "fibrillation"):
        beats = np.diff(qrs_times(drawn(rhythm, 202), RATE))
        spread[rhythm] = beats.std() / beats.mean()
    assert spread["sinus"] < 0.05
    assert spread["fibrillation"] > 0.12


def test_ventricular_beats_are_early_wide_and_followed_by_a_pause():
    plain, some = drawn("sinus", 3, 120), drawn("sinus", 3, 120, ventricular=0.1)
    beats = np.diff(qrs_times(some, RATE))
    early = np.flatnonzero(beats < 0.75 * np.median(beats))
    assert 4 <= len(early) <= 30
    assert np.median(beats[early + 1]) > 1.2 * np.median(beats)
    assert some.max() > 1.15 * plain.max()


def test_one_monitor_sends_its_ecg_with_a_run_of_fibrillation_and_how_its_bearer_moved():
    one = Monitor("m", "t", 0, has_ecg=True)
    told = list(one.past_ecg(NOW))
    assert len(told) == len(ecg_before(0)[0]) // (60 * RATE) == 30
    blocks = [said_in(text).blocks for text in told]
    waves = [block for own in blocks for block in own if block.unit == "mV"]
    assert all(len(block.at) == 60 * RATE for block in waves)
    rate = [np.diff(qrs_times(block.values, RATE)) for block in waves]
    irregular = [np.median(np.abs(np.diff(own))) / own.mean() > 0.08 for own in rate]
    assert [n for n, is_so in enumerate(irregular) if is_so] == [15, 16, 17, 18]
    moved = [any(d.code == INTENSITY and d.values.min() > 100 for d in derived(b)) for b in blocks]
    assert [n for n, is_so in enumerate(moved) if is_so] == [int(MOVED_MIN[0])]


def test_while_it_runs_the_ecg_goes_on_without_a_gap():
    one = Monitor("m", "t", 0, has_ecg=True)
    times = [NOW + timedelta(seconds=2 * n) for n in range(3)]
    parts = [
        block
        for since, now in pairwise(times)
        for block in said_in(one.at(now, since, 0.0)).blocks
        if block.unit == "mV"
    ]
    at = np.concatenate([block.at for block in parts])
    assert np.diff(at).tolist() == [1_000_000 // RATE] * (len(at) - 1)
