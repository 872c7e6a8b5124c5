"""Movement in a strip: found where it is, left out of rhythm and waves, and said where it is most.

Seen to fail: with `TIMES` at 1 a calm strip is called moved; with `still` returning the trace
itself a moved one has other intervals.
"""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.health.strips import RATE, ecg, irregular, regular

from suwen.health.af.features import SHORTEST, Trace, by_name
from suwen.health.af.said import unasked
from suwen.health.signals.moved import moved

CALM = ecg(regular(30, 68))
FIBRILLATION = ecg(irregular(30), p_wave=False, f_wave=0.05)


def shaken(values, *seconds, size=0.6):
    """Return a lead whose electrodes swing by that many mV for three seconds from each of these."""
    rng = np.random.default_rng(2)
    made = values.copy()
    at = np.arange(round(3 * RATE)) / RATE
    for second in seconds:
        swings = [np.sin(2 * np.pi * (f * at + rng.random())) for f in rng.uniform(1.5, 8, 6)]
        made[round(second * RATE) :][: len(at)] += size * np.mean(swings, axis=0) * np.sqrt(12)
    return made


@pytest.mark.parametrize("calm", [CALM, FIBRILLATION], ids=["sinus", "fibrillation"])
def test_a_line_that_rests_between_beats_is_not_moved(calm):
    trace = Trace.of(calm, RATE)
    assert trace.shaken < 0.5
    assert trace.readable


def test_bursts_of_movement_are_found_where_they_are():
    trace = Trace.of(shaken(CALM, 6, 18), RATE)
    gone = np.isnan(trace.still.values)
    at = np.arange(len(gone)) / RATE
    inside = ((at > 6.5) & (at < 8.5)) | ((at > 18.5) & (at < 20.5))
    far = (at < 4.5) | ((at > 10.5) & (at < 16.5)) | (at > 22.5)
    assert gone[inside].mean() > 0.95
    assert gone[far].mean() < 0.05


def test_what_is_moved_counts_neither_for_the_rhythm_nor_for_the_waves():
    calm = by_name(Trace.of(CALM, RATE).features)
    shaky = by_name(Trace.of(shaken(CALM, 6, 18), RATE).features)
    for name, within in (("rr_cv", 0.02), ("rr_mean", 0.02), ("qrs_width", 0.02), ("p_alike", 0.1)):
        assert shaky[name] == pytest.approx(calm[name], abs=within), name
    assert 0.15 < shaky["moved"] < 0.35
    assert calm["moved"] == 0


def test_where_too_little_is_left_no_rhythm_is_named_and_the_reason_tells_how_much():
    short = CALM[: round(11 * RATE)]
    trace = Trace.of(shaken(short, 4), RATE)
    assert trace.left < SHORTEST
    assert not trace.readable
    (said,) = unasked(trace, None)
    assert f"Only {trace.left:.1f} s can be read" in said.en
    assert "可判读" in said.zh
    assert unasked(Trace.of(short, RATE), None) == []


def test_a_lost_line_tells_nothing_of_what_is_usual():
    values = CALM.copy()
    values[: round(14 * RATE)] = np.nan
    assert Trace.of(values, RATE).shaken < 0.5
    assert Trace.of(np.full(3000, np.nan), RATE).shaken == 0


def test_a_spike_in_a_flat_line_is_movement():
    raw = np.zeros(9000)
    raw[3000:3003] = 30.0
    found = moved(raw, np.zeros(9000, dtype=bool))
    assert found[2990:3010].all()
