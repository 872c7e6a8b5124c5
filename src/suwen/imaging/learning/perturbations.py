"""What really changes a CT of a nodule between scanners, protocols and readers.

Strengths are physical: HU, mm, degrees.

References: Kalender, Computed Tomography, 3rd ed. 2011 (noise, kernels, slice thickness); Solomon &
Samei, Med Phys 41:091908, 2014 (noise texture); Barrett & Keat, RadioGraphics 24:1679, 2004
(motion: blurred and double contours); Swensen et al., Radiology 214:73, 2000 (a nodule takes up
15 HU and more of contrast medium); ACR CT accreditation phantom (air -1005 to -970 HU: 3 % between
scanners); Koff et al., J Digit Imaging 22:569, 2009 and ESR, Insights Imaging 2:103, 2011 (lossy
JPEG).
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from suwen.imaging.volumes.nodule import Mask, NoduleInput
from suwen.imaging.volumes.patches import LUNG_WINDOW
from suwen.imaging.volumes.volume import Volume
from suwen.lifecycle.examples import Array, Sample
from suwen.lifecycle.task import Perturbation

NOISE_CORRELATION_MM: Final = 0.5
"""In-plane correlation length of quantum noise after a soft kernel."""
MOTION_STEPS: Final = 9
"""Places along the path at which a moving patient is summed."""
LOWEST_HU, HIGHEST_HU = -1024.0, 3071.0
"""What 12 bits of a CT hold."""

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
    return _changed(sample, np.clip(values + strength * (values - blurred), LOWEST_HU, HIGHEST_HU))


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
    """Add `strength` HU everywhere (calibration drift, scatter)."""
    return _changed(sample, _values(sample) + strength)


def contrast_medium(sample: Sample, strength: float, seed: int) -> Sample:
    """Raise tissue by `strength` HU, air not at all: iodine goes where the blood goes.

    The share of tissue in a voxel is taken as linear between air (-1000 HU) and water (0 HU).
    """
    values = _values(sample)
    return _changed(sample, values + strength * np.clip(values / 1000 + 1, 0, 1))


def scanner_scale(sample: Sample, strength: float, seed: int) -> Sample:
    """Stretch the CT numbers about water by `strength` %, as tube voltage and calibration do."""
    values = _values(sample) * (1 + strength / 100)
    return _changed(sample, np.clip(values, LOWEST_HU, HIGHEST_HU))


def _moved_copy(sample: Sample, millimetres: float, angle: float) -> Values:
    _, step_y, step_x = sample.data.volume.spacing
    shift = (0, millimetres * np.sin(angle) / step_y, millimetres * np.cos(angle) / step_x)
    moved: Values = ndimage.shift(_values(sample), shift, np.float32, order=1, mode="nearest")
    return moved


def motion_blur(sample: Sample, strength: float, seed: int) -> Sample:
    """Sum the slice along a straight path of `strength` mm: steady motion during the rotation."""
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi)
    path = np.linspace(-strength / 2, strength / 2, MOTION_STEPS)
    return _changed(sample, np.mean([_moved_copy(sample, at, angle) for at in path], axis=0))


def double_contour(sample: Sample, strength: float, seed: int) -> Sample:
    """Sum two copies `strength` mm apart: a jump between the two halves of the rotation."""
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi)
    ends = [_moved_copy(sample, at, angle) for at in (-strength / 2, strength / 2)]
    return _changed(sample, np.mean(ends, axis=0))


def jpeg(sample: Sample, strength: float, seed: int) -> Sample:
    """Pass each slice through 8 bits of the lung window and JPEG of quality 100 - `strength`.

    What lies outside the window (calcium, for one) is lost with it, as in an exported picture.
    """
    from PIL import Image

    low, high = LUNG_WINDOW
    levels = np.round(255 * (np.clip(_values(sample), low, high) - low) / (high - low))
    slices = []
    for flat in levels.astype(np.uint8):
        packed = io.BytesIO()
        Image.fromarray(flat).save(packed, format="JPEG", quality=round(100 - strength))
        slices.append(np.asarray(Image.open(packed), dtype=np.float32))
    return _changed(sample, low + np.stack(slices) * (high - low) / 255)


def _turn(degrees: float) -> NDArray[np.float64]:
    """Return the rotation from (y, x) in mm of a turned slice to those of the slice before."""
    angle = np.deg2rad(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _turned(
    values: NDArray[np.generic], volume: Volume, middle: Array, degrees: float, mode: str
) -> Values:
    """Return each slice turned about `middle` (y, x) by an angle in the patient's own plane."""
    turn = _turn(degrees)
    step = np.array(volume.spacing[1:])
    matrix = np.eye(3)
    matrix[1:, 1:] = np.diag(1 / step) @ turn @ np.diag(step)
    centre = np.array([0.0, *middle])
    turned: Values = ndimage.affine_transform(
        values.astype(np.float32),
        matrix,
        centre - matrix @ centre,
        order=1,
        mode=mode,
        cval=LOWEST_HU,
    )
    return turned


def turned(sample: Sample, strength: float, seed: int) -> Sample:
    """Turn the patient by `strength` degrees about the long axis through the point."""
    data: NoduleInput = sample.data
    middle = np.array(data.index[1:])
    values = _turned(data.volume.values, data.volume, middle, strength, "nearest")
    mask = None if data.mask is None else turned_mask(data.mask, sample, strength, seed)
    return replace(sample, data=replace(data.with_values(values), mask=mask))


def turned_mask(mask: Mask, sample: Sample, strength: float, seed: int) -> Mask:
    """Return where a mask of the sample lies after `turned`."""
    data: NoduleInput = sample.data
    return _turned(mask, data.volume, np.array(data.index[1:]), strength, "nearest") > 0.5


def _middle(volume: Volume) -> NDArray[np.float64]:
    return (np.array(volume.values.shape[1:]) - 1) / 2


def turned_slice(sample: Sample, strength: float, seed: int) -> Sample:
    """Turn the patient by `strength` degrees about the middle of whole slices; around is air."""
    volume: Volume = sample.data.volume
    return _changed(sample, _turned(volume.values, volume, _middle(volume), strength, "constant"))


def turned_places(places: Array, sample: Sample, strength: float, seed: int) -> Array:
    """Return where places (k, 5) lie after `turned_slice`; off the picture they do not count."""
    volume: Volume = sample.data.volume
    index = volume.to_index(places[:, :3])
    step, middle = np.array(volume.spacing[1:]), _middle(volume)
    index[:, 1:] = (index[:, 1:] - middle) * step @ _turn(strength) / step + middle
    inside = (np.abs(index[:, 1:] - middle) <= middle).all(1)
    counts = places[:, 4] * inside
    return np.column_stack([volume.to_point(index), places[:, 3], counts])


NOISE = Perturbation("dose noise (HU)", (10.0, 25.0, 50.0), quantum_noise)
SOFT = Perturbation("softer kernel (mm)", (0.4, 0.7, 1.0), softer_kernel)
SHARP = Perturbation("sharper kernel", (0.5, 1.0, 2.0), sharper_kernel)
THICK = Perturbation("thicker slices (mm)", (2.5, 3.75, 5.0), thicker_slices)
MOVED = Perturbation("moved point (mm)", (1.0, 2.0, 4.0), moved_point)
OFFSET = Perturbation("offset (HU)", (-40.0, 20.0, 40.0), offset)
CONTRAST = Perturbation("contrast medium (HU)", (15.0, 40.0, 80.0), contrast_medium)
SCALE = Perturbation("scanner scale (%)", (-3.0, 3.0, 6.0), scanner_scale)
MOTION = Perturbation("motion blur (mm)", (1.0, 2.0, 4.0), motion_blur)
DOUBLE = Perturbation("double contour (mm)", (1.0, 2.0, 4.0), double_contour)
JPEG = Perturbation("JPEG loss (100 - quality)", (10.0, 40.0, 70.0), jpeg)
TURNED = Perturbation("rotation (degrees)", (10.0, 45.0, 90.0), turned, turned_mask)
ROLLED = Perturbation("rotation (degrees)", (5.0, 15.0, 30.0), turned_slice, turned_places)
ON_CT = (
    *(NOISE, SOFT, SHARP, THICK, MOVED, OFFSET),
    *(CONTRAST, SCALE, MOTION, DOUBLE, JPEG, TURNED),
)
"""All that change a nodule with its surroundings."""
ON_SLICE = (NOISE, SOFT, SHARP, OFFSET, CONTRAST, SCALE, MOTION, DOUBLE, JPEG, ROLLED)
"""What changes one whole slice: without neighbours it cannot be thicker, and no point is given."""
