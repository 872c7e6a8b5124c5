"""Strips of ECG and pulse made up for tests: beats where they are wanted, P waves or none."""

from __future__ import annotations

import numpy as np

RATE = 250.0


def bump(at, centre, height, width):
    return height * np.exp(-0.5 * ((at - centre) / width) ** 2)


def ecg(gaps, p_wave=True, noise=0.01, seed=1, rate=RATE, f_wave=0.0):
    """Millivolts of beats so many seconds apart."""
    rng = np.random.default_rng(seed)
    beats = 0.5 + np.concatenate([[0.0], np.cumsum(gaps)])
    at = np.arange(round((beats[-1] + 0.5) * rate)) / rate
    values = noise * rng.standard_normal(len(at)) + f_wave * np.sin(2 * np.pi * 6.3 * at)
    for beat in beats:
        values += bump(at, beat, 1.0, 0.012) - bump(at, beat + 0.03, 0.25, 0.012)
        values += bump(at, beat + 0.28, 0.25, 0.05)
        if p_wave:
            values += bump(at, beat - 0.16, 0.15, 0.022)
    return values


def regular(seconds=30, rate=75):
    """Distances of a regular rhythm with a little breath in it."""
    count = int(seconds * rate / 60)
    return 60 / rate * (1 + 0.02 * np.sin(np.arange(count) / 2))


def irregular(seconds=30, seed=3):
    """Distances of fibrillation: one has nothing to do with the next."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.4, 1.1, int(seconds / 0.75))


def pulse(gaps, rate=100.0, noise=0.0, seed=1):
    """A pulse wave with peaks so many seconds apart."""
    rng = np.random.default_rng(seed)
    beats = 0.5 + np.concatenate([[0.0], np.cumsum(gaps)])
    at = np.arange(round((beats[-1] + 0.5) * rate)) / rate
    values = noise * rng.standard_normal(len(at))
    for beat in beats:
        values += bump(at, beat, 1.0, 0.09) + bump(at, beat + 0.25, 0.35, 0.08)
    return values
