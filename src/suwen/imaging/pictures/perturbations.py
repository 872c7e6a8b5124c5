"""What really changes a radiograph or an ultrasound picture between machines and exports.

Strengths are shares of the grey range, pixels of the picture, degrees, or JPEG loss. Reference:
Hendrycks & Dietterich, ICLR 2019 (common corruptions).
"""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Final

import numpy as np
from PIL import Image
from scipy import ndimage

from suwen.imaging.pictures.picture import Floats, PlanarInput, resized
from suwen.lifecycle.examples import Array, Sample
from suwen.lifecycle.task import Perturbation

GRAIN: Final = 0.004
"""Width of a speckle grain, a share of the shorter edge."""


def _image(sample: Sample) -> Floats:
    data: PlanarInput = sample.data
    return data.image


def _changed(sample: Sample, image: Array) -> Sample:
    return replace(sample, data=sample.data.with_image(image))


def noise(sample: Sample, strength: float, seed: int) -> Sample:
    """Add white noise of standard deviation `strength` (of 0..1)."""
    image = _image(sample)
    return _changed(
        sample, image + strength * np.random.default_rng(seed).standard_normal(image.shape)
    )


def blur(sample: Sample, strength: float, seed: int) -> Sample:
    """Blur by a Gaussian of `strength` per cent of the shorter edge (movement, soft detector)."""
    image = _image(sample)
    return _changed(sample, ndimage.gaussian_filter(image, strength / 100 * min(image.shape)))


def jpeg(sample: Sample, strength: float, seed: int) -> Sample:
    """Write and read as JPEG of the quality 100 - `strength`."""
    held = BytesIO()
    grey = np.round(np.clip(_image(sample), 0, 1) * 255).astype(np.uint8)
    Image.fromarray(grey).save(held, "JPEG", quality=int(100 - strength))
    with Image.open(held) as picture:
        return _changed(sample, np.asarray(picture, dtype=np.float32) / 255)


def rotation(sample: Sample, strength: float, seed: int) -> Sample:
    """Turn by `strength` degrees to either side, black beyond the frame."""
    angle = strength * np.random.default_rng(seed).choice([-1, 1])
    return _changed(sample, ndimage.rotate(_image(sample), angle, reshape=False, order=1))


def tone(sample: Sample, strength: float, seed: int) -> Sample:
    """Raise grey values to the power `strength`: another tone curve."""
    return _changed(sample, np.clip(_image(sample), 0, 1) ** strength)


def contrast(sample: Sample, strength: float, seed: int) -> Sample:
    """Multiply the distance from the mean grey value by `strength`, clipped at black and white."""
    image = _image(sample)
    return _changed(sample, image.mean() + strength * (image - image.mean()))


def shift(sample: Sample, strength: float, seed: int) -> Sample:
    """Add `strength` everywhere, clipped at black and white: over- or underexposure."""
    return _changed(sample, _image(sample) + strength)


def speckle(sample: Sample, strength: float, seed: int) -> Sample:
    """Multiply by grains whose spread is `strength` (Goodman, J Opt Soc Am 66:1145, 1976)."""
    image = _image(sample)
    grains = np.random.default_rng(seed).standard_normal(image.shape)
    grains = ndimage.gaussian_filter(grains, GRAIN * min(image.shape))
    return _changed(sample, image * (1 + strength * grains / grains.std()))


def depth(sample: Sample, strength: float, seed: int) -> Sample:
    """Show `strength` times the depth: the same tissue smaller, its edge drawn out around it."""
    image = _image(sample)
    height, width = image.shape
    inner = resized(image, (max(8, round(height / strength)), max(8, round(width / strength))))
    below, beside = height - inner.shape[0], width - inner.shape[1]
    left = beside // 2
    return _changed(sample, np.pad(inner, ((0, below), (left, beside - left)), mode="edge"))


NOISE = Perturbation("noise (of the grey range)", (0.02, 0.05, 0.1), noise)
BLUR = Perturbation("blur (% of the edge)", (0.4, 0.8, 1.5), blur)
JPEG = Perturbation("JPEG loss (100 - quality)", (40.0, 70.0, 90.0), jpeg)
ROTATION = Perturbation("rotation (degrees)", (3.0, 7.0, 12.0), rotation)
TONE = Perturbation("tone curve (exponent)", (0.6, 0.8, 1.5), tone)
CONTRAST = Perturbation("contrast (factor)", (0.6, 1.3, 1.8), contrast)
SHIFT = Perturbation("intensity shift (of the grey range)", (-0.2, 0.1, 0.2), shift)
SPECKLE = Perturbation("speckle (spread)", (0.1, 0.2, 0.4), speckle)
DEPTH = Perturbation("depth (factor)", (1.1, 1.25, 1.5), depth)
ALL = (NOISE, BLUR, JPEG, ROTATION, TONE, CONTRAST, SHIFT)
"""Of radiographs."""
ULTRASOUND = (SPECKLE, DEPTH, BLUR, JPEG, TONE, CONTRAST, SHIFT)
