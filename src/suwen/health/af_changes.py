"""Changes of a single-lead recording of seconds to a minute, to measure robustness with."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np

from suwen.health.af_features import Trace
from suwen.health.ecg_changes import CHANGES, Change
from suwen.health.strip import Signal
from suwen.lifecycle.task import Perturbation, Sample

GAP = 1.0
"""Seconds of one dropout."""


def changed(change: Change, sample: Sample, strength: float, seed: int) -> Sample:
    """Return the recording with its lead changed."""
    trace: Trace = sample.data
    values = trace.lost.filled if change is SAMPLED else trace.values
    made, rate = change(values, trace.rate, strength, np.random.default_rng(seed))
    return _with(sample, made, rate)


def dropped(sample: Sample, strength: float, seed: int) -> Sample:
    """Lose pieces of a second, that share of all."""
    rng = np.random.default_rng(seed)
    trace: Trace = sample.data
    pieces = max(1, round(trace.seconds / GAP))
    gone = np.zeros(pieces, dtype=bool)
    gone[rng.permutation(pieces)[: round(strength * pieces)]] = True
    count = len(trace.steps)
    inside = gone[np.minimum((np.arange(count) * pieces) // count, pieces - 1)]
    return _with(sample, np.where(inside, np.nan, trace.values), trace.rate)


def _with(sample: Sample, values: Signal, rate: float) -> Sample:
    trace: Trace = sample.data
    return replace(sample, data=replace(Trace.of(values, rate), at=trace.at))


SAMPLED: Final = CHANGES[-1][2]
"""The change that needs a lead without gaps."""
PERTURBATIONS: Final = (
    *(Perturbation(name, strengths, partial(changed, how)) for name, strengths, how in CHANGES),
    Perturbation("dropout (share)", (0.05, 0.1, 0.2), dropped),
)
