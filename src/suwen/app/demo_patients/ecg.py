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
P_WAVE: Final = 0
MEAN_S: Final = {"sinus": 0.86, "fibrillation": 0.68}
SPREAD: Final = {"sinus": 0.025, "fibrillation": 0.22}
"""Mean interval between beats, and its coefficient of variation."""
FLUTTER_HZ, FLUTTER_MV, NOISE_MV = 6.3, 0.045, 0.012


def drawn(rhythm: str, seed: int) -> NDArray[np.float64]:
    """Return an ECG in mV, (n,), of `rhythm` `sinus` or `fibrillation`."""
    rng = np.random.default_rng(seed)
    fibrillating = rhythm == "fibrillation"
    time = np.arange(SECONDS * RATE) / RATE
    spread, mean = SPREAD[rhythm], MEAN_S[rhythm]
    steps = np.clip(rng.normal(mean, spread * mean, 2 * SECONDS), 0.36, 1.6)
    beats = np.cumsum(steps) - 0.3
    beats = beats[beats < SECONDS + 0.5]
    signal = np.zeros_like(time)
    for number, (offset, height, width) in enumerate(WAVES):
        if number == P_WAVE and fibrillating:
            continue
        for beat in beats:
            signal += height * np.exp(-0.5 * ((time - beat - offset) / width) ** 2)
    if fibrillating:
        drift = np.cumsum(rng.normal(0, 0.15, len(time))) / np.sqrt(RATE)
        signal += FLUTTER_MV * np.sin(2 * np.pi * FLUTTER_HZ * time + drift)
    signal += 0.03 * np.sin(2 * np.pi * 0.23 * time) + rng.normal(0, NOISE_MV, len(time))
    return np.round(signal, 3)


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
