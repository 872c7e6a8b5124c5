"""The course of a stay on a grid of four hours, as the recurrent network reads it.

Each step holds the mean of every variable (of urine the sum) and the lowest of some, carried on
until the next value, how often each was measured, and how long ago. Source of values, mask and
time since: Che et al., Scientific Reports 8:6085, 2018.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.health.icu.stay import HOURS, Series, Stay, groups, variables

STEP: Final = 4.0
"""Hours of a step."""
STEPS: Final = int(HOURS / STEP)
LOWEST: Final = ("HR", "SysABP", "MAP", "Temp", "RespRate", "SaO2", "GCS")
"""Variables whose lowest value of a step is read beside its mean."""
SUMMED: Final = ("Urine",)
AGE: Final = (64.0, 17.0)
HEIGHT: Final = (170.0, 10.0)
"""Mean and spread that years and cm are counted by."""
PERSON: Final = ("age", "male", "height", "height unknown", *(f"unit {k}" for k in range(1, 5)))
Floats = NDArray[np.float32]


@lru_cache(maxsize=1)
def values() -> int:
    """Return how many channels are values; the others are counts, then times since."""
    return len(variables()) + len(LOWEST)


@lru_cache(maxsize=1)
def channel_groups() -> NDArray[np.int64]:
    """Return which group of `groups()` each channel is explained with, (channels,)."""
    order = list(groups())
    own = [order.index(one.group) for one in variables().values()]
    lowest = [order.index(variables()[key].group) for key in LOWEST]
    return np.array([*own, *lowest, *own, *own], dtype=np.int64)


@lru_cache(maxsize=1)
def person_groups() -> NDArray[np.int64]:
    """Return which group of `groups()` each number of `person_of` is explained with, (8,)."""
    order = list(groups())
    return np.array(
        [order.index("unit" if one.startswith("unit") else "person") for one in PERSON],
        dtype=np.int64,
    )


def person_of(stay: Stay) -> Floats:
    """Return age, sex, height and kind of unit, (8,); what is unknown is in the middle."""
    tall = np.isfinite(stay.height)
    return np.array(
        [
            np.nan_to_num((stay.age - AGE[0]) / AGE[1]),
            np.nan_to_num(stay.male, nan=0.5),
            (stay.height - HEIGHT[0]) / HEIGHT[1] if tall else 0.0,
            not tall,
            *(stay.unit == k for k in range(1, 5)),
        ],
        dtype=np.float32,
    )


def course_of(stay: Stay) -> Floats:
    """Return the channels of each step, (STEPS, channels); a value is NaN until the first."""
    keys = list(variables())
    found = np.full((STEPS, values()), np.nan)
    counts = np.zeros((STEPS, len(keys)))
    for k, key in enumerate(keys):
        one = stay.series.get(key)
        if one is None or not len(one):
            continue
        at = np.minimum((one.hours / STEP).astype(int), STEPS - 1)
        counts[:, k] = np.bincount(at, minlength=STEPS)
        there = counts[:, k] > 0
        total = np.bincount(at, one.values, STEPS)[there]
        found[there, k] = total if key in SUMMED else total / counts[there, k]
        if key in LOWEST:
            found[there, len(keys) + LOWEST.index(key)] = _lowest(one, at)[there]
    return np.hstack([_carried(found), np.log1p(counts), _since(counts)]).astype(np.float32)


def _lowest(one: Series, at: NDArray[np.int64]) -> NDArray[np.float64]:
    found = np.full(STEPS, np.inf)
    np.minimum.at(found, at, one.values)
    return found


def _carried(found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values carried forward over steps without one."""
    for step in range(1, STEPS):
        found[step] = np.where(np.isnan(found[step]), found[step - 1], found[step])
    return found


def _since(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the steps since a measurement as a share of all, 1 where there was none."""
    found, last = np.ones_like(counts), np.full(counts.shape[1], float(STEPS))
    for step in range(STEPS):
        last = np.where(counts[step] > 0, 0.0, last + 1)
        found[step] = np.minimum(last, STEPS) / STEPS
    return found
