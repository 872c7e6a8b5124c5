"""Recordings kept ready: beats of those that no task has read."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.health.ecgs import ecg, rhythm

from suwen.health.signals.recording import ECG, Lead, Recording
from suwen.server.held.recordings import ALONE_S, Opened

RATE = 100


def opened(values):
    lead = Lead("II", ECG, RATE, "mV", np.asarray(values, dtype=np.float32))
    return Opened(Recording("DocumentReference/1", (), None, (lead,)))


def test_half_an_hour_that_no_task_has_read_has_its_beats():
    beats = rhythm(1800)
    found = opened(ecg(beats, "N" * len(beats), RATE, 1800)).found
    assert len(found) == pytest.approx(len(beats), abs=3)
    assert not found.probability.any(), "found, and their classes told by nobody"


def test_beyond_a_day_none_are_looked_for():
    assert opened(np.zeros(int((ALONE_S + 1) * RATE))).found is None
