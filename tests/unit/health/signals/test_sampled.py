"""Evenly spaced values of an Observation."""

from __future__ import annotations

import numpy as np
import pytest

from suwen.health.signals.sampled import sampled, sampled_data

GLUCOSE = {
    "effectivePeriod": {"start": "2026-03-01T08:00:00+08:00"},
    "valueSampledData": {
        "origin": {"value": 100, "unit": "mg/dL", "code": "mg/dL"},
        "period": 300_000,
        "factor": 0.5,
        "dimensions": 1,
        "data": "10 -20 E 0 U",
    },
}


def test_values_are_scaled_and_lost_ones_are_missing():
    found = sampled(GLUCOSE)
    assert found is not None
    np.testing.assert_array_equal(found.values, [105, 90, np.nan, 100, np.nan])
    assert (found.period, found.unit, found.seconds) == (300, "mg/dL", 1500)
    assert found.start is not None
    assert found.start.utcoffset() is not None


def test_two_dimensions_come_as_columns():
    data = GLUCOSE["valueSampledData"] | {"dimensions": 2, "data": "0 2 4 6"}
    found = sampled({"valueSampledData": data})
    assert found is not None
    assert found.start is None
    np.testing.assert_array_equal(found.values, [[100, 101], [102, 103]])


@pytest.mark.parametrize(
    "wrong", [{"period": 0}, {"period": None}, {"data": "1 two"}, {"data": ""},
              {"dimensions": 2, "data": "1 2 3"}],
)  # fmt: skip
def test_what_cannot_be_read_is_none(wrong: dict[str, object]):
    assert sampled({"valueSampledData": GLUCOSE["valueSampledData"] | wrong}) is None
    assert sampled({"valueQuantity": {"value": 1}}) is None


def test_what_is_written_is_read_again():
    values = np.array([4.25, np.nan, 123.456])
    found = sampled({"valueSampledData": sampled_data(values, 60, "mmol/L")})
    assert found is not None
    assert (found.period, found.unit) == (60, "mmol/L")
    np.testing.assert_array_equal(found.values, values)
