"""Balls in lung, as arrays: nodules whose every measure is known."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from suwen.imaging.volumes.nodule import NoduleInput
from suwen.imaging.volumes.volume import Volume

LUNG_HU = -850.0
SOLID_HU = 30.0


def affine(spacing, origin=(-50.0, 20.0, -300.0)):
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(spacing)[::-1]
    matrix[:3, 3] = origin
    return matrix


def ball(diameter_mm=10.0, spacing=(1.25, 0.7, 0.7), shape=(24, 64, 64), noise=10.0, hu=SOLID_HU):
    """A soft-edged ball in the middle of lung: its input and its exact mask."""
    rng = np.random.default_rng(1)
    grid = np.indices(shape) - (np.array(shape)[:, None, None, None] - 1) / 2
    away = np.sqrt(((grid * np.array(spacing)[:, None, None, None]) ** 2).sum(0))
    mask = away <= diameter_mm / 2
    share = np.clip(0.5 + (diameter_mm / 2 - away) / 1.0, 0, 1)
    values = LUNG_HU + share * (hu - LUNG_HU) + rng.normal(0, noise, shape)
    values = ndimage.gaussian_filter(values, (0, 0.4, 0.4)).astype(np.float32)
    volume = Volume(values, affine(spacing))
    x, y, z = volume.to_point((np.array(shape) - 1) / 2)
    return NoduleInput(volume, (float(x), float(y), float(z))), mask


def threshold_network(batch):
    """Stand in for a trained network: dense pixels are inside."""
    return ((batch[:, 1:2] - 0.0) * 40).astype(np.float32)
