"""How a nodule changed between two studies, with what the measurement itself leaves open.

The volume-doubling time is `days * ln 2 / ln(V2 / V1)`. Its interval comes from the interval of the
volume ratio, the spread with which two scans of an unchanged nodule are measured; growth is said
only when the ratio lies beyond that.

Reference: Schwartz, Cancer 14:1272-1294, 1961 (doubling time); Devaraj et al., Radiology
284:630-644, 2017 (volumetry in nodule management); sources of the limits in
`knowledge/followup.toml`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Interval

Trend = Literal["grown", "shrunk", "unchanged"]
LONGEST_DAYS: Final = 36_500.0
"""A doubling time beyond a hundred years is none."""


@dataclass(frozen=True)
class FollowUp:
    """What was seen of one nodule on two studies.

    Parameters
    ----------
    outcome
        See `matching.Outcome`.
    days
        Between the studies.
    before_mm3, now_mm3
        Volumes; 0 where it was not segmented.
    before_day, now_day
        `YYYY-MM-DD`.
    solid
        Whether it is solid on both studies: others are measured with more spread.
    slice_mm
        The larger slice spacing of the two studies.
    away_mm, residual_mm
        Distance from where it was expected; median and 90th percentile of what the registration
        left over.
    uid, label, side, lobe
        Tracking identity, the same as on the earlier study, and the lung and lobe.
    refusal
        Why nothing is said.
    """

    outcome: str
    days: float
    before_mm3: float = 0.0
    now_mm3: float = 0.0
    before_day: str = ""
    now_day: str = ""
    solid: bool = True
    slice_mm: float = 1.0
    away_mm: float = 0.0
    residual_mm: tuple[float, float] = (0.0, 0.0)
    uid: str = ""
    label: str = ""
    side: str = ""
    lobe: str = ""
    refusal: Text | None = None


@dataclass(frozen=True)
class Change:
    """The change of one nodule's volume.

    Parameters
    ----------
    ratio
        Later volume over the earlier one with its 95 % interval.
    doubling_days
        Volume-doubling time in days with its interval; None unless the nodule grew beyond the
        variability. Its upper end is `LONGEST_DAYS` where the interval of the ratio reaches one.
    days
        Days between the studies.
    trend
        Whether the change lies beyond the variability of the measurement.
    """

    ratio: Interval
    doubling_days: Interval | None
    days: float
    trend: Trend

    @property
    def percent(self) -> Interval:
        """The volume change in per cent."""
        low, value, high = ((100 * (r - 1)) for r in _three(self.ratio))
        return Interval(value=value, low=low, high=high)


def change(before_mm3: float, now_mm3: float, days: float, variability: float) -> Change:
    """Return the change between two volumes.

    Parameters
    ----------
    before_mm3, now_mm3
        Volumes, both more than zero.
    days
        Days between the studies, more than zero.
    variability
        95 % of the repeated measurements of an unchanged nodule differ by less than this share.

    Raises
    ------
    BadInput
        A volume or the time is not more than zero.
    """
    if not (before_mm3 > 0 and now_mm3 > 0 and days > 0):
        raise BadInput(
            "a change without two volumes and a time between them",
            "two volumes above zero and at least a day between the studies",
            "compare studies of different days",
        )
    ratio, spread = now_mm3 / before_mm3, 1 + variability
    interval = Interval(value=ratio, low=ratio / spread, high=ratio * spread)
    trend: Trend = "unchanged"
    if interval.low > 1:
        trend = "grown"
    elif interval.high < 1:
        trend = "shrunk"
    doubling = None
    if trend == "grown":
        low, value, high = sorted(doubling_days(r, days) for r in _three(interval))
        doubling = Interval(value=value, low=low, high=min(high, LONGEST_DAYS))
    return Change(interval, doubling, days, trend)


def doubling_days(ratio: float, days: float) -> float:
    """Return the doubling time in days; negative when the volume fell, infinite when equal."""
    logarithm = math.log(ratio)
    return days * math.log(2) / logarithm if logarithm else math.inf


def _three(interval: Interval) -> tuple[float, float, float]:
    return interval.low, interval.value, interval.high
