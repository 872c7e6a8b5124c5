"""Changes of a single-lead recording of seconds to a minute: to measure robustness, and to train.

What is trained on has strengths and chances of its own, and other seeds than what is measured.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from functools import lru_cache, partial
from typing import Final

import numpy as np

from suwen.health.af.features import Trace
from suwen.health.signals.changes import CHANGES, Change
from suwen.health.signals.strip import Signal
from suwen.lifecycle.examples import Sample
from suwen.lifecycle.task import Perturbation

GAP = 1.0
"""Seconds of one dropout."""
KEPT: Final = 1 << 14
"""Changed recordings kept for the next member: all members train on the same ones."""


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
DRAWN: Final = (
    ("movement of electrodes (mV)", 0.5, 0.05, 1.5),
    ("muscle noise (mV)", 0.2, 0.01, 0.15),
    ("baseline wander (mV)", 0.1, 0.2, 1.0),
    ("mains hum (mV)", 0.1, 0.03, 0.25),
    ("dropout (share)", 0.1, 0.03, 0.3),
)
"""What training draws: name, how often, least and greatest strength (evenly in its logarithm)."""


@lru_cache(maxsize=KEPT)
def drawn(trace: Trace, key: str, number: int) -> Trace:
    """Return the recording of that key changed as training sees it; each number another change."""
    rng = np.random.default_rng(zlib.crc32(f"train {number} {key}".encode()))
    chosen = int(rng.choice(len(DRAWN), p=[often for _, often, *_ in DRAWN]))
    name, _, low, high = DRAWN[chosen]
    strength = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    (change,) = (one for one in PERTURBATIONS if one.name == name)
    made: Trace = change.apply(Sample(key, trace), strength, int(rng.integers(2**31))).data
    return made
