"""What really happens to the record of a stay: values missing, variables never measured, errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from suwen.health.icu.stay import Series, Stay, variables
from suwen.lifecycle.examples import Sample
from suwen.lifecycle.task import Perturbation


def thinned(sample: Sample, strength: float, seed: int) -> Sample:
    """Leave out each measurement with that probability."""
    rng = np.random.default_rng(seed)
    stay: Stay = sample.data
    return _with(
        sample,
        {
            key: Series(one.hours[kept], one.values[kept])
            for key, one in stay.series.items()
            if (kept := rng.random(len(one)) >= strength).any()
        },
    )


def noisy(sample: Sample, strength: float, seed: int) -> Sample:
    """Multiply each measurement by its own random factor of that spread, within the limits."""
    rng = np.random.default_rng(seed)
    stay: Stay = sample.data
    changed = {}
    for key, one in stay.series.items():
        factor = np.exp(strength * rng.standard_normal(len(one)))
        limits = variables()[key]
        changed[key] = Series(one.hours, np.clip(one.values * factor, limits.low, limits.high))
    return _with(sample, changed)


def unmeasured(sample: Sample, strength: float, seed: int) -> Sample:
    """Leave out whole variables, each with that probability."""
    rng = np.random.default_rng(seed)
    stay: Stay = sample.data
    return _with(sample, {key: one for key, one in stay.series.items() if rng.random() >= strength})


def _with(sample: Sample, series: Mapping[str, Series]) -> Sample:
    return replace(sample, data=replace(sample.data, series=series))


CHANGES: Final = (
    Perturbation("measurements left out (share)", (0.1, 0.3, 0.5), thinned),
    Perturbation("variables never measured (share)", (0.1, 0.3, 0.5), unmeasured),
    Perturbation("error of each value (share)", (0.02, 0.05, 0.1), noisy),
)
