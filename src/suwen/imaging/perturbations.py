"""What really changes a CT of a nodule between scanners, protocols and readers.

Strengths are physical: HU, mm. Reference: Kalender, Computed Tomography, 3rd ed. 2011 (noise,
kernels, slice thickness); Solomon & Samei, Med Phys 41:091908, 2014 (noise texture).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from suwen.imaging.nodule import NoduleInput
from suwen.lifecycle.task import Perturbation, Sample

NOISE_CORRELATION_MM = 0.5
"""In-plane correlation length of quantum noise after a soft kernel."""

Values = NDArray[np.float32]


def _changed(sample: Sample, values: NDArray[np.floating]) -> Sample:
    data: NoduleInput = sample.data
    return replace(sample, data=data.with_values(values.astype(np.float32)))


def _values(sample: Sample) -> Values:
    data: NoduleInput = sample.data
    return np.asarray(data.volume.values, dtype=np.float32)


def quantum_noise(sample: Sample, strength: float, seed: int) -> Sample:
    """Add noise of standard deviation `strength` HU, correlated in-plane as a kernel leaves it."""
    values = _values(sample)
    _, step_y, step_x = sample.data.volume.spacing
    noise = np.random.default_rng(seed).standard_normal(values.shape)
    widths = (0, NOISE_CORRELATION_MM / step_y, NOISE_CORRELATION_MM / step_x)
    noise = ndimage.gaussian_filter(noise, widths)
    return _changed(sample, values + strength * noise / noise.std())


def softer_kernel(sample: Sample, strength: float, seed: int) -> Sample:
    """Blur in-plane with a Gaussian of standard deviation `strength` mm."""
    _, step_y, step_x = sample.data.volume.spacing
    widths = (0, strength / step_y, strength / step_x)
    return _changed(sample, ndimage.gaussian_filter(_values(sample), widths))


def sharper_kernel(sample: Sample, strength: float, seed: int) -> Sample:
    """Lift edges: add `strength` times the difference to a copy blurred by 1 mm."""
    values = _values(sample)
    _, step_y, step_x = sample.data.volume.spacing
    blurred = ndimage.gaussian_filter(values, (0, 1.0 / step_y, 1.0 / step_x))
    return _changed(sample, np.clip(values + strength * (values - blurred), -1024, 3071))


def thicker_slices(sample: Sample, strength: float, seed: int) -> Sample:
    """Average along z over `strength` mm, as slices of that thickness would."""
    width = strength / sample.data.volume.spacing[0]
    if width <= 1:
        return sample
    values = _values(sample)
    reach = int(np.ceil(width / 2))
    offsets = np.arange(-reach, reach + 1)
    weights = np.clip(width / 2 + 0.5 - np.abs(offsets), 0, 1)
    thick = ndimage.convolve1d(values, weights / weights.sum(), axis=0, mode="nearest")
    return _changed(sample, thick)


def moved_point(sample: Sample, strength: float, seed: int) -> Sample:
    """Move the given point by `strength` mm in a random direction within its slice."""
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi)
    data: NoduleInput = sample.data
    x, y, z = data.point
    point = (x + strength * float(np.cos(angle)), y + strength * float(np.sin(angle)), z)
    return replace(sample, data=replace(data, point=point))


def offset(sample: Sample, strength: float, seed: int) -> Sample:
    """Add `strength` HU everywhere (contrast medium, calibration drift)."""
    return _changed(sample, _values(sample) + strength)


NOISE = Perturbation("quantum noise (HU)", (10.0, 25.0, 50.0), quantum_noise)
SOFT = Perturbation("softer kernel (mm)", (0.4, 0.7, 1.0), softer_kernel)
SHARP = Perturbation("sharper kernel", (0.5, 1.0, 2.0), sharper_kernel)
THICK = Perturbation("thicker slices (mm)", (2.5, 3.75, 5.0), thicker_slices)
MOVED = Perturbation("moved point (mm)", (1.0, 2.0, 4.0), moved_point)
OFFSET = Perturbation("offset (HU)", (-40.0, 20.0, 40.0), offset)
