"""A drawn single-lead ECG for the demo, in sinus rhythm or in atrial fibrillation.

Each wave of a beat is a Gaussian, as in McSharry et al., IEEE Trans Biomed Eng 50:289, 2003. In
atrial fibrillation the intervals are irregular and small quick waves stand where P waves would.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import LOINC
from suwen.health.signals.sampled import sampled_data

RATE: Final = 250
"""Samples a second."""
SECONDS: Final = 30
WAVES: Final = (
    (-0.17, 0.12, 0.025), (-0.03, -0.10, 0.010), (0.0, 1.05, 0.011), (0.03, -0.22, 0.011),
    (0.26, 0.28, 0.050),
)  # fmt: skip
"""P, Q, R, S and T: seconds from the R wave, height in mV, width in seconds."""
WIDE_WAVES: Final = ((0.0, 1.35, 0.042), (0.07, -0.30, 0.030), (0.30, -0.42, 0.065))
"""The same of a ventricular beat: a wide QRS, and a T wave against it."""
REACH: Final = 6.0
"""Widths beyond which a wave is too small to be drawn."""
EARLY: Final = 0.62
"""How long a ventricular beat comes after the one before, as a share of the usual interval."""
P_WAVE: Final = 0
MEAN_S: Final = {"sinus": 0.86, "fibrillation": 0.68}
SPREAD: Final = {"sinus": 0.025, "fibrillation": 0.22}
"""Mean interval between beats, and its coefficient of variation."""
FLUTTER_HZ, FLUTTER_MV, NOISE_MV = 6.3, 0.045, 0.012


def drawn(
    rhythm: str, seed: int, seconds: float = SECONDS, ventricular: float = 0.0
) -> NDArray[np.float64]:
    """Return an ECG in mV, (n,), of `rhythm` `sinus` or `fibrillation`.

    A share `ventricular` of its beats comes early, is wide, and is followed by a pause.
    """
    rng = np.random.default_rng(seed)
    fibrillating = rhythm == "fibrillation"
    time = np.arange(round(seconds * RATE)) / RATE
    beats, early = _beats(rhythm, rng, seconds, ventricular)
    signal = np.zeros_like(time)
    for beat, wide in zip(beats, early, strict=True):
        for number, (offset, height, width) in enumerate(WIDE_WAVES if wide else WAVES):
            if number == P_WAVE and fibrillating and not wide:
                continue
            middle, reach = beat + offset, REACH * width
            near = slice(*np.searchsorted(time, (middle - reach, middle + reach)))
            signal[near] += height * np.exp(-0.5 * ((time[near] - middle) / width) ** 2)
    if fibrillating:
        drift = np.cumsum(rng.normal(0, 0.15, len(time))) / np.sqrt(RATE)
        signal += FLUTTER_MV * np.sin(2 * np.pi * FLUTTER_HZ * time + drift)
    signal += 0.03 * np.sin(2 * np.pi * 0.23 * time) + rng.normal(0, NOISE_MV, len(time))
    return np.round(signal, 3)


def _beats(
    rhythm: str, rng: np.random.Generator, seconds: float, ventricular: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return when the beats come, in seconds, and which are ventricular, both (n,)."""
    spread, mean = SPREAD[rhythm], MEAN_S[rhythm]
    steps = np.clip(rng.normal(mean, spread * mean, round(2 * seconds)), 0.36, 1.6)
    early = np.zeros(len(steps), dtype=bool)
    if ventricular:
        early[1:-1:2] = rng.random(len(early[1:-1:2])) < 2 * ventricular
        steps[early] *= EARLY
        steps[1:][early[:-1]] *= 2 - EARLY
    beats = np.cumsum(steps) - 0.3
    kept = beats < seconds + 0.5
    return beats[kept], early[kept]


def observation(rhythm: str, seed: int, at: str) -> dict[str, Any]:
    """Return a drawn ECG as the content of an Observation that began at `at`."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {
            "coding": [{"system": LOINC, "code": "11524-6", "display": "EKG study"}],
            "text": "I",
        },
        "effectiveDateTime": at,
        "valueSampledData": sampled_data(drawn(rhythm, seed), 1 / RATE, "mV"),
    }
