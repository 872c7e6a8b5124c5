"""What really changes a 2D picture between machines, settings and exports.

References: Goodman, J Opt Soc Am 66:1145, 1976 (speckle is multiplicative); Wallace, IEEE Trans
Consumer Electronics 38:xviii, 1992 (JPEG).
"""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from suwen.imaging.planar import PlanarInput, resized
from suwen.lifecycle.task import Perturbation, Sample

GRAIN: Final = 0.004
"""Width of a speckle grain, a share of the shorter edge."""


def _changed(sample: Sample, image: NDArray[np.floating]) -> Sample:
    data: PlanarInput = sample.data
    return replace(sample, data=data.with_image(image))


def gain(sample: Sample, strength: float, seed: int) -> Sample:
    """Turn the gain by `strength` of the full grey scale; what leaves the scale is lost."""
    return _changed(sample, sample.data.image + strength)


def speckle(sample: Sample, strength: float, seed: int) -> Sample:
    """Multiply by grains whose spread is `strength`."""
    image = sample.data.image
    noise = np.random.default_rng(seed).standard_normal(image.shape)
    noise = ndimage.gaussian_filter(noise, GRAIN * min(image.shape))
    return _changed(sample, image * (1 + strength * noise / noise.std()))


def blurred(sample: Sample, strength: float, seed: int) -> Sample:
    """Blur with a Gaussian of standard deviation `strength`, a share of the shorter edge."""
    image = sample.data.image
    return _changed(sample, ndimage.gaussian_filter(image, strength * min(image.shape)))


def jpeg(sample: Sample, strength: float, seed: int) -> Sample:
    """Write as JPEG that loses `strength` (0: quality 100, 1: quality 0) and read again."""
    held = BytesIO()
    quality = max(1, round(100 * (1 - strength)))
    Image.fromarray(np.round(sample.data.image * 255).astype(np.uint8)).save(
        held, "JPEG", quality=quality
    )
    return _changed(sample, np.asarray(Image.open(held), dtype=np.float32) / np.float32(255))


def deeper(sample: Sample, strength: float, seed: int) -> Sample:
    """Show `strength` times the depth: the same tissue smaller, the edge drawn out around it."""
    image = sample.data.image
    height, width = image.shape
    inner = resized(image, (max(8, round(height / strength)), max(8, round(width / strength))))
    below, beside = height - inner.shape[0], width - inner.shape[1]
    left = beside // 2
    return _changed(sample, np.pad(inner, ((0, below), (left, beside - left)), mode="edge"))


ULTRASOUND: Final = (
    Perturbation("gain (share of the grey scale)", (-0.1, 0.1, 0.2), gain),
    Perturbation("speckle (spread)", (0.1, 0.2, 0.4), speckle),
    Perturbation("blur (share of the edge)", (0.002, 0.005, 0.01), blurred),
    Perturbation("JPEG (loss)", (0.3, 0.6, 0.8), jpeg),
    Perturbation("depth (factor)", (1.1, 1.25, 1.5), deeper),
)
