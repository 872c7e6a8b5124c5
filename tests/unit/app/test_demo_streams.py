"""What the devices of the demo patients send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from suwen.app.demo_patients.ecg import RATE, drawn
from suwen.app.demo_streams import past
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
