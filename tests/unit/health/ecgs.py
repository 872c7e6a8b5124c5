"""Made-up ECGs whose beats are known: waves as Gaussian bells around each R wave."""

from __future__ import annotations

import numpy as np

WAVES = {
    "N": ((-0.17, 0.12, 0.025), (-0.03, -0.12, 0.01), (0, 1.0, 0.011), (0.03, -0.2, 0.012)),
    "V": ((0, 1.4, 0.035), (0.09, -0.7, 0.05)),
}
T_WAVE = {"N": (0.28, 0.28, 0.05), "V": (0.33, -0.5, 0.07)}


def ecg(beats, kinds, rate, seconds, noise=0.01, seed=0):
    """Return a lead in mV with beats at these seconds; `S` is an `N` without its P wave."""
    at = np.arange(int(seconds * rate)) / rate
    lead = np.random.default_rng(seed).normal(0, noise, len(at)) + 0.05 * np.sin(0.9 * at)
    for beat, kind in zip(beats, kinds, strict=True):
        shape = "V" if kind == "V" else "N"
        waves = WAVES[shape][1:] if kind == "S" else WAVES[shape]
        for shift, height, width in (*waves, T_WAVE[shape]):
            near = slice(*np.searchsorted(at, [beat + shift - 6 * width, beat + shift + 6 * width]))
            lead[near] += height * np.exp(-0.5 * ((at[near] - beat - shift) / width) ** 2)
    return lead


def rhythm(seconds, interval=0.8, jitter=0.03, seed=1):
    """Return the seconds of regular beats that vary a little."""
    intervals = interval + jitter * np.random.default_rng(seed).standard_normal(
        int(seconds / interval)
    )
    beats = 0.5 + np.cumsum(intervals)
    return beats[beats < seconds - 0.5]
