"""Two chest CT studies of one phantom: moved, turned, noisy; nodules grew, came or went."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import ndimage

from suwen.imaging.volumes.phantom import Nodule, chest_phantom
from suwen.imaging.volumes.registration import Rigid, register
from suwen.imaging.volumes.volume import Volume

GREW = (Nodule((-78, 20, 10), 10.0), Nodule((-78, 20, 10), 12.6))
"""Twice the volume."""
STAYS = Nodule((80, 35, -20), 12.0)
GOES = Nodule((70, -20, 40), 12.0)
COMES = Nodule((-70, 30, -40), 12.0)
BEFORE, NOW = (GREW[0], STAYS, GOES), (GREW[1], STAYS, COMES)
GRID = {"shape": (72, 140, 140), "spacing": (3.0, 2.6, 2.6)}


def turned(degrees, shift, axis=(1.0, 0.5, 0.7)):
    """The transform from the first study to the second."""
    x, y, z = np.array(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    rotation = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return Rigid(rotation, np.array(shift, dtype=float))


MOVED = turned(5, (12, -7, 15))


def scanned(volume, rigid, noise=15.0, seed=3):
    """The patient of `volume` scanned again, lying otherwise."""
    shape = volume.values.shape
    index = np.indices(shape).reshape(3, -1).T.astype(float)
    points = rigid.inverse(volume.to_point(index))
    values = ndimage.map_coordinates(
        volume.values.astype(np.float32), volume.to_index(points).T, order=1, cval=-1000
    ).reshape(shape)
    values = values + np.random.default_rng(seed).normal(0, noise, shape)
    return Volume(np.clip(np.rint(values), -1024, 3071).astype(np.int16), volume.affine)


@cache
def studies():
    """Both studies; the patient was turned by 5 degrees and moved by 20 mm between them."""
    first, second = chest_phantom(7, BEFORE, **GRID), chest_phantom(7, NOW, **GRID)
    return first.volume, scanned(second.volume, MOVED)


@cache
def laid_over():
    """The registration of the two."""
    return register(*studies(), lungs)


def lungs(volume):
    """The phantom's lungs: air that does not reach the border of the images."""
    labels, _ = ndimage.label(np.asarray(volume.values) < -500)
    edge = {*np.unique(labels[:, 0]), *np.unique(labels[:, -1]), *np.unique(labels[:, :, 0])}
    return (labels > 0) & ~np.isin(labels, list(edge))
