"""Where a reader goes in a long ECG, and what its rate was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from suwen.health.beats.events import Read, beside, drawn, gaps_of
from suwen.health.signals.recording import ECG, Lead
from suwen.health.signals.tables import LETTERS, BeatTable, Stretch


def read(letters, interval=1.0, gaps=(), fibrillation=(), **moved):
    """Beats of these classes, one an interval; `moved` puts a beat (`b7=0.2`) later."""
    at = interval * (1 + np.arange(len(letters), dtype=float))
    for name, later in moved.items():
        at[int(name[1:]) :] += later
    kind = np.array([LETTERS.index(letter) for letter in letters])
    table = BeatTable(at, kind, np.full(len(at), 0.9))
    return Read(float(at[-1] + 1), table, fibrillation, gaps)


def test_each_ectopic_beat_is_an_event_and_three_in_a_row_are_a_run():
    found = read("NNVNNVVVNSN")
    assert [one.start for one in found.events("v")] == [3, 6, 7, 8]
    assert [(one.start, one.end, one.value) for one in found.events("run")] == [(6, 8, 3)]
    assert [one.start for one in found.events("s")] == [10]
    assert found.events("f") == []
    assert found.events("nonsense") == []


def test_wide_beats_with_a_pause_between_them_are_no_run():
    assert read("NVVVN", b2=1.5).events("run") == []


def test_a_pause_of_the_heart_is_an_event_and_one_of_the_device_is_not():
    assert [one.value for one in read("NNNN", b2=3.0).events("pause")] == [4.0]
    assert read("NNNN", b2=3.0, gaps=((2.5, 5.0),)).events("pause") == []
    assert read("NNNN", b2=20.0).events("pause") == [], "nothing was heard for so long"
    assert read("NQNN", b2=3.0).events("pause") == [], "beside a beat that cannot be read"


def test_fastest_and_slowest_are_means_over_eight_intervals():
    quick = read("N" * 60).beats.at.copy()
    wide = np.concatenate([np.full(20, 1.0), np.full(10, 0.5), np.full(30, 1.0)])
    quick = np.cumsum(wide)
    found = Read(80.0, BeatTable(quick, np.zeros(60, dtype=int), np.ones(60)))
    (fast,), (slow,) = found.events("fastest"), found.events("slowest")
    assert fast.value == pytest.approx(120)
    assert 20 <= fast.start <= 22
    assert slow.value == pytest.approx(60)
    assert read("NNNN").events("fastest") == []


def test_the_trend_has_no_rate_where_no_beat_is():
    found = read("N" * 30, b15=9.5, gaps=((15.0, 25.0),)).trend(10)
    assert np.isnan(found.middle).any()
    assert np.nanmedian(found.middle) == pytest.approx(60)
    assert (found.low[np.isfinite(found.low)] <= 60.01).all()


def test_noise_is_where_several_beats_cannot_be_read():
    assert read("QNNNNNNNQQQNN").noise == ((9, 11),)
    assert [one.start for one in read("QNNNNNNNQQQNN").events("noise")] == [9]


def test_fibrillation_and_gaps_are_events():
    found = read("NNN", fibrillation=(Stretch(0, 2, 0.8),), gaps=((1, 2),))
    assert [(one.start, one.value) for one in found.events("af")] == [(0, 0.8)]
    assert [(one.start, one.end) for one in found.events("gap")] == [(1, 2)]


def test_a_flat_or_missing_line_is_a_gap():
    values = np.random.default_rng(0).normal(size=6000).astype(np.float32)
    values[2000:3000] = np.nan
    values[4000:5000] = 0.5
    assert gaps_of(Lead("II", ECG, 100.0, "mV", values)) == ((20, 30), (40, 50))
    assert gaps_of(Lead("II", ECG, 100.0, "mV", values[:1])) == ()


def test_near_events_are_one_in_a_lane():
    found = read("VVNNNNNNNV")
    assert drawn(found.events("v"), 11, 11) == [(1, 3), (10, 11)]


def test_next_and_previous_count_from_one():
    events = read("NVNVNV").events("v")
    assert beside(events, 2.0, back=False) == (2, events[1])
    assert beside(events, 4.0, back=True) == (1, events[0])
    assert beside(events, 6.0, back=False) is None
    assert beside(events, 2.0, back=True) is None


def test_normal_beats_told_in_doubt_are_worth_a_look_and_those_only_found_are_not():
    told = read("NNVN")
    chance = np.array([0.95, 0.6, 0.4, 0.0])
    doubtful = replace(told, beats=replace(told.beats, probability=chance))
    assert [(one.start, one.value) for one in doubtful.events("n")] == [
        (pytest.approx(float(told.beats.at[1])), 0.6)
    ]
