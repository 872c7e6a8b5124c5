"""Whatever a device says is understood reading by reading, or told as what could not be."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suwen.core.device_messages import Point, said_in

PULSE = {"code": "8867-4", "unit": "/min"}
NAMES = st.sampled_from(["readings", "code", "unit", "at", "ms", "hz", "value", "values", "token"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["8867-4", "/min", "2026-03-01T10:00:00+08:00", "", "0001-01-01T00:00+14:00"])
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner),
    max_leaves=12,
)


@settings(max_examples=50)
@given(st.dictionaries(NAMES, ANYTHING) | ANYTHING)
def test_no_json_makes_it_fail_and_what_it_understands_are_numbers_at_times(message):
    said = said_in(json.dumps(message).encode())
    assert all(isinstance(point.tick, int) for point in said.points)
    assert np.isfinite([point.value for point in said.points]).all()
    for block in said.blocks:
        assert block.at.shape == block.values.shape
        assert np.isfinite(block.values).all()


def test_the_same_moment_may_be_written_with_its_offset_or_in_milliseconds():
    said = said_in(
        json.dumps(
            {
                "token": "t",
                "readings": [
                    PULSE | {"at": "2026-03-01T10:00:00.5+08:00", "value": 72},
                    PULSE | {"ms": 1772330400500, "value": 72},
                ],
            }
        ).encode()
    )
    assert said.token == "t"
    assert said.points == [Point("8867-4", "/min", 1_772_330_400_500_000, 72.0)] * 2


def test_samples_follow_each_other_without_drifting():
    said = said_in(json.dumps(PULSE | {"ms": 0, "hz": 360, "values": [0.1] * 3601}).encode())
    (block,) = said.blocks
    assert block.at[-1] == 10_000_000
    assert set(np.diff(block.at).tolist()) == {2777, 2778}


@pytest.mark.parametrize("hz", [0, -1, 1e-300, 1e9, float("nan"), "fast"])
def test_a_rate_that_no_device_has_is_not_understood(hz):
    said = said_in(json.dumps(PULSE | {"ms": 0, "hz": hz, "values": [1, 2]}).encode())
    assert [fault.state for fault in said.faults] == ["malformed"]
    assert said.blocks == []
