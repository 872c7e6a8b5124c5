"""Doubling times with their interval, and growth said only beyond the variability."""

from __future__ import annotations

import math

import pytest

from suwen.core.errors import BadInput
from suwen.imaging.followup.growth import LONGEST_DAYS, change, doubling_days


def test_a_nodule_that_doubled_in_half_a_year_doubles_in_half_a_year():
    found = change(250, 500, 182, 0.25)
    assert found.trend == "grown"
    assert found.doubling_days.value == pytest.approx(182)
    assert found.doubling_days.low == pytest.approx(182 * math.log(2) / math.log(2.5))
    assert found.doubling_days.high == pytest.approx(182 * math.log(2) / math.log(1.6))
    assert found.percent.value == pytest.approx(100)
    assert (found.percent.low, found.percent.high) == pytest.approx((60, 150))


@pytest.mark.parametrize("now", [200, 249, 161])
def test_a_change_within_the_variability_is_no_growth_and_has_no_doubling_time(now):
    found = change(200, now, 90, 0.25)
    assert found.trend == "unchanged"
    assert found.doubling_days is None


def test_the_wider_variability_of_subsolid_nodules_asks_for_more():
    assert change(200, 260, 90, 0.25).trend == "grown"
    assert change(200, 260, 90, 0.36).trend == "unchanged"


def test_a_smaller_nodule_shrank_and_has_no_doubling_time():
    found = change(500, 250, 90, 0.25)
    assert found.trend == "shrunk"
    assert found.doubling_days is None


def test_the_interval_of_a_doubling_time_ends_at_a_hundred_years():
    found = change(200, 250.01, 900, 0.25)
    assert found.doubling_days.high == LONGEST_DAYS


def test_equal_volumes_never_double_and_falling_ones_double_backwards():
    assert doubling_days(1.0, 90) == math.inf
    assert doubling_days(0.5, 90) == pytest.approx(-90)


@pytest.mark.parametrize("volumes", [(0, 10, 90), (10, 0, 90), (10, 10, 0)])
def test_without_volumes_or_time_there_is_no_change(volumes):
    with pytest.raises(BadInput, match="two volumes"):
        change(*volumes, 0.25)
