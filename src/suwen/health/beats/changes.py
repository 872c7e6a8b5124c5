"""Changes of the lead that beats were read from, to measure robustness with.

The whole recording is changed, its beats are looked for anew, and each beat is told from its new
numbers: noise that hides a beat from the detector moves it to where the reference has it. The same
noise is given to all beats of a recording, so it depends on the recording alone, not on the beat.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from functools import lru_cache, partial
from typing import Final

import numpy as np

from suwen.health.beats.features import Beats, Together
from suwen.health.signals.changes import CHANGES, Change
from suwen.lifecycle.examples import Sample
from suwen.lifecycle.task import Perturbation


def changed(change: Change, sample: Sample, strength: float, seed: int) -> Sample:
    """Return the beat with the lead of its recording changed.

    A beat whose recording is not at hand comes back as it is.
    """
    beats: Beats = sample.data
    if beats.together is None or beats.together.again is None:
        return sample
    made = _made(beats.together, change, strength)
    return replace(sample, data=made.only(beats.place))


@lru_cache(maxsize=2)
def _made(whole: Together, change: Change, strength: float) -> Beats:
    """Return all beats of a recording from its changed lead."""
    if whole.again is None:
        raise ValueError("a recording that is not at hand")
    rng = np.random.default_rng(zlib.crc32(f"{whole.name} {strength:g}".encode()))
    return whole.again(lambda lead, rate: change(lead, rate, strength, rng))


PERTURBATIONS: Final = tuple(
    Perturbation(name, strengths, partial(changed, how)) for name, strengths, how in CHANGES
)
