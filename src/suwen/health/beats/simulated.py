"""Rhythms made from a person's own beats, which few records hold: training with them.

Atrial fibrillation: the same beats at irregular intervals, without P waves. Atrial ectopy: beats
that come early, alone, in pairs or in runs, from rare to most of all beats, their P wave changed
and lying on the T wave before. Only records trained on are changed, nothing is measured on this.

Reference: Goldberger, Clinical Electrocardiography, 9th ed., chapters 14 and 15 (what is changed).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from suwen.health.beats.waves import BEFORE, P_PART, WAVE, Floats, dominant, footed
from suwen.health.signals.qrs import RATE, Numbers

Labels = np.ndarray
NORMAL, SUPRAVENTRICULAR = 0, 1
SHORTEST, LONGEST = 0.28, 2.5
"""Seconds between two beats."""
RATES: Final = (0.01, 0.03, 0.08, 0.2, 0.45)
"""How probable it is that a normal beat is followed by an early one."""
RUNS: Final = (1, 1, 1, 2, 5, 15, 40)
"""Mean number of early beats in a row."""
FIBRILLATING, EARLY = 1200, 700
"""Beats of a simulated stretch."""


def _stretch(count: int, most: int, rng: np.random.Generator) -> slice:
    start = int(rng.integers(0, max(1, count - most)))
    return slice(start, start + most)


def _p_wave(template: Floats) -> Floats:
    """Return the P wave of a beat, above the line between its ends."""
    wave = template[P_PART]
    return np.asarray(wave - np.linspace(wave[0], wave[-1], len(wave)), dtype=np.float32)


def fibrillating(
    waves: Floats, labels: Labels, rng: np.random.Generator
) -> tuple[Numbers, Floats, Labels]:
    """Return moments, waves and classes of the beats as in atrial fibrillation."""
    template = dominant(waves, np.ones(len(waves)))
    kept = np.flatnonzero(labels != SUPRAVENTRICULAR)
    kept = kept[_stretch(len(kept), FIBRILLATING, rng)]
    spread = rng.normal(0, rng.uniform(0.12, 0.3), len(kept))
    between = np.clip(rng.uniform(0.45, 1.0) * np.exp(spread), SHORTEST, LONGEST)
    changed, wave = waves[kept].copy(), _p_wave(template)
    phase = rng.uniform(0, 2 * np.pi, (len(kept), 1))
    turns = 2 * np.pi * rng.uniform(4, 9) * np.arange(len(wave)) / RATE
    height = rng.uniform(0.01, 0.06) * np.ptp(template)
    changed[:, P_PART] += (height * np.sin(turns + phase) - wave).astype(np.float32)
    return np.cumsum(between), changed, labels[kept]


def with_early_beats(
    waves: Floats, labels: Labels, rng: np.random.Generator
) -> tuple[Numbers, Floats, Labels]:
    """Return moments, waves and classes of normal beats of which some come early."""
    kept = np.flatnonzero(labels == NORMAL)
    kept = kept[_stretch(len(kept), EARLY, rng)]
    between, early = _early_intervals(len(kept), rng)
    template = dominant(waves, np.ones(len(waves)))
    changed, wave = waves[kept].copy(), _p_wave(template)
    share = rng.uniform(-0.8, 0.7) if rng.random() < 0.7 else 1.0
    foot = np.arange(P_PART.stop + 17) / RATE - BEFORE
    for k in np.flatnonzero(early):
        changed[k, P_PART] += wave * np.float32((share - 1) * rng.uniform(0.8, 1.2))
        since = foot + between[k]
        on = (since > 0.12) & (since < 0.45)
        where = np.clip(np.rint((since[on] + BEFORE) * RATE).astype(int), 0, WAVE - 1)
        changed[k, : len(foot)][on] += template[where] - template[-1]
    return np.cumsum(between), footed(changed), early.astype(labels.dtype)


def _early_intervals(count: int, rng: np.random.Generator) -> tuple[Numbers, np.ndarray]:
    """Return the interval before each beat, and which come early."""
    usual, varies = rng.uniform(0.6, 1.7), rng.uniform(0.01, 0.05)
    often, mean = rng.choice(RATES), rng.choice(RUNS)
    first = (rng.uniform(0.5, 0.65), rng.uniform(0.66, 0.88))
    fast = max(0.3, usual * rng.uniform(0.35, 0.8))
    number = np.arange(count)
    slow = 0.06 * np.sin(rng.uniform(0, 6) + number / rng.uniform(20, 200))
    breath = 0.03 * np.sin(number * rng.uniform(0.8, 1.6))
    between = usual * np.exp(slow + breath) * (1 + rng.normal(0, varies, count))
    early = np.zeros(count, dtype=bool)
    k = 3
    while k < count:
        if rng.random() >= often:
            k += 1
            continue
        length = 1 if mean == 1 else 1 + int(rng.geometric(1 / mean))
        end = min(k + length, count)
        early[k:end] = True
        between[k:end] = fast * (1 + rng.normal(0, 0.03, end - k))
        between[k] = usual * rng.uniform(*first)
        if end < count:
            between[end] = usual * rng.uniform(0.9, 1.5)
        k = end + 1
    return np.maximum(between, SHORTEST), early
