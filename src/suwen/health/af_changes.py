"""What happens to a single-lead ECG outside the laboratory: changes to measure robustness with.

Reference: Moody, Muldrow & Mark, Comput Cardiol 11:381, 1984 (the noise stress test).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.signal import butter, sosfilt

from suwen.health.af_features import Trace
from suwen.health.strip import Signal, at_rate
from suwen.lifecycle.task import Sample

BURST = 3.0
"""Seconds of one burst of movement; a third of the recording is moved."""
GAP = 1.0
"""Seconds of one dropout."""


def moved(sample: Sample, strength: float, seed: int) -> Sample:
    """Add bursts of electrode movement (1 to 10 Hz) of that many mV (root mean square)."""
    rng = np.random.default_rng(seed)
    trace: Trace = sample.data
    count = len(trace.steps)
    noise = sosfilt(
        butter(2, (1, 10), btype="bandpass", fs=trace.rate, output="sos"),
        rng.standard_normal(count + round(trace.rate)),
    )[-count:]
    noise *= strength / (noise.std() + 1e-12)
    pieces = max(1, round(trace.seconds / BURST))
    shaken = rng.random(pieces) < 1 / 3
    inside = shaken[np.minimum((np.arange(count) * pieces) // count, pieces - 1)]
    return _with(sample, trace.values + noise * inside)


def wandering(sample: Sample, strength: float, seed: int) -> Sample:
    """Add a slow wave, as of breathing, of that many mV."""
    rng = np.random.default_rng(seed)
    trace: Trace = sample.data
    at = np.arange(len(trace.steps)) / trace.rate
    wave = np.sin(2 * np.pi * (rng.uniform(0.15, 0.4) * at + rng.random()))
    return _with(sample, trace.values + strength * wave)


def reversed_lead(sample: Sample, strength: float, seed: int) -> Sample:
    """Exchange the electrodes: every value changes its sign."""
    trace: Trace = sample.data
    return _with(sample, -trace.values)


def dropped(sample: Sample, strength: float, seed: int) -> Sample:
    """Lose pieces of a second, that share of all."""
    rng = np.random.default_rng(seed)
    trace: Trace = sample.data
    pieces = max(1, round(trace.seconds / GAP))
    gone = np.zeros(pieces, dtype=bool)
    gone[rng.permutation(pieces)[: round(strength * pieces)]] = True
    count = len(trace.steps)
    inside = gone[np.minimum((np.arange(count) * pieces) // count, pieces - 1)]
    return _with(sample, np.where(inside, np.nan, trace.values))


def sampled_at(sample: Sample, strength: float, seed: int) -> Sample:
    """Record it at so many samples a second."""
    trace: Trace = sample.data
    return _with(sample, at_rate(trace.lost.filled, trace.rate, round(strength)), strength)


def _with(sample: Sample, values: Signal, rate: float | None = None) -> Sample:
    trace: Trace = sample.data
    made = Trace.of(values, trace.rate if rate is None else rate)
    return replace(sample, data=replace(made, at=trace.at))
