"""What happens to a glucose sensor in daily life, as changes of the readings before a forecast.

Every change is made to the readings of the last days and the window is cut out of them anew, so
that the level, the own last days and the errors of earlier forecasts all feel it. Readings that no
living person shows are passed over as they are in use. The newest reading is never lost.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from suwen.core.errors import BadInput
from suwen.health.glucose.data import interval_of
from suwen.health.glucose.say import MMOL
from suwen.health.glucose.window import Array, Days, Past, Window, grids, own_levels, variable
from suwen.lifecycle.examples import Sample
from suwen.lifecycle.task import Perturbation

PRESSED: Final = (40.0, 10.0)
"""Minutes before the newest reading between which a sensor that is lain on reads too low."""
KEPT: Final = 20.0
"""Readings of the last so many minutes are not lost."""
CALIBRATED: Final = 60.0
"""Minutes since a sensor was calibrated anew."""
LOWEST: Final = 40.0
"""mg/dL; sensors show nothing below."""


def thinned(sample: Sample, strength: float, seed: int) -> Sample:
    """Leave out readings, each with that probability; those of the last 20 minutes stay."""
    minutes, values = _readings(sample)
    lost = np.random.default_rng(seed).random(len(values)) < strength
    kept = ~lost | (minutes > -KEPT)
    return _rebuilt(sample, minutes[kept], values[kept])


def silent(sample: Sample, strength: float, seed: int) -> Sample:
    """Let the sensor be silent for so many minutes, until 20 minutes before the newest reading."""
    minutes, values = _readings(sample)
    kept = (minutes > -KEPT) | (minutes < -KEPT - strength)
    return _rebuilt(sample, minutes[kept], values[kept])


def pressed(sample: Sample, strength: float, seed: int) -> Sample:
    """Let a sensor that is lain on read too low by `strength` mg/dL at the most, for 30 minutes."""
    minutes, values = _readings(sample)
    share = np.clip((minutes + PRESSED[0]) / (PRESSED[0] - PRESSED[1]), 0, 1)
    lower = values - strength * np.sin(np.pi * share)
    return _rebuilt(sample, minutes, np.maximum(lower, np.minimum(values, LOWEST)))


def calibrated(sample: Sample, strength: float, seed: int) -> Sample:
    """Let the sensor have read too high by so many mg/dL until it was calibrated an hour ago."""
    minutes, values = _readings(sample)
    return _rebuilt(sample, minutes, values + strength * (minutes < -CALIBRATED))


def shifted(sample: Sample, strength: float, seed: int) -> Sample:
    """Multiply every reading, also of the last days, by `strength`: the sensor reads too high."""
    minutes, values = _readings(sample)
    return _rebuilt(sample, minutes, values * strength)


def noisy(sample: Sample, strength: float, seed: int) -> Sample:
    """Add to each reading an error of its own with that standard deviation in mg/dL."""
    minutes, values = _readings(sample)
    noise = strength * np.random.default_rng(seed).standard_normal(len(values))
    return _rebuilt(sample, minutes, np.maximum(values + noise, np.minimum(values, LOWEST)))


def jittered(sample: Sample, strength: float, seed: int) -> Sample:
    """Move every time but the newest by an error with that standard deviation in minutes."""
    minutes, values = _readings(sample)
    moved = minutes + strength * np.random.default_rng(seed).standard_normal(len(values))
    moved[-1] = 0.0
    kept = (moved < 0) | (np.arange(len(moved)) == len(moved) - 1)
    return _rebuilt(sample, moved[kept], values[kept])


def mistaken(sample: Sample, strength: float, seed: int) -> Sample:
    """Give that share of the readings in mmol/L while mg/dL is claimed; the newest is right."""
    minutes, values = _readings(sample)
    wrong = np.random.default_rng(seed).random(len(values)) < strength
    wrong[-1] = False
    return _rebuilt(sample, minutes, np.where(wrong, values / MMOL, values))


def _readings(sample: Sample) -> tuple[Array, Array]:
    """Return minutes before the newest reading and mg/dL, (n,) each."""
    window: Window = sample.data
    if window.days is None:
        raise BadInput("a window without its readings", "one cut out of a recording")
    minutes, values = np.asarray(window.days.readings, dtype=float)
    return minutes, values


def _rebuilt(sample: Sample, minutes: Array, values: Array) -> Sample:
    """Return the sample with its window cut out of other readings that end at the same moment."""
    window: Window = sample.data
    glucose = variable()
    order = np.argsort(minutes, kind="stable")
    order = order[(values[order] >= glucose.low) & (values[order] <= glucose.high)]
    order = order[np.diff(minutes[order], prepend=-np.inf) > 0]
    past = Past(minutes[order], values[order])
    place = np.array([len(past) - 1])
    changed = replace(
        window,
        values=grids(past, place)[0],
        own=own_levels(past, place, window.ahead)[0],
        interval=interval_of(past, int(place[0])),
        days=Days(np.array([past.minutes, past.values], dtype=np.float32), window.hour),
        place=int(place[0]),
        past=past,
    )
    return replace(sample, data=changed)


PERTURBATIONS: Final[tuple[Perturbation, ...]] = (
    Perturbation("readings lost (share)", (0.3,), thinned),
    Perturbation("sensor silent (minutes)", (60.0,), silent),
    Perturbation("sensor lain on (mg/dL too low)", (20.0, 40.0), pressed),
    Perturbation("calibrated an hour ago (mg/dL too high before)", (20.0, 40.0), calibrated),
    Perturbation("sensor reads too high (factor)", (1.1, 1.2), shifted),
    Perturbation("noise of each reading (mg/dL)", (5.0,), noisy),
    Perturbation("times inexact (minutes)", (4.0,), jittered),
    Perturbation("readings in mmol/L called mg/dL (share)", (0.05, 0.2), mistaken),
)
