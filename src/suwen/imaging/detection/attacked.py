"""Slopes of what the search and the borders of nodules lose, with respect to voxels in HU.

The networks' own gradient comes from `lifecycle.reasons.gradients`; it is taken back through the
windows and the linear interpolation before the networks, and for borders through the one behind
them too. Both are known exactly, so the chain is exact but for the corners of windows, and for
voxels that were filled in a cavity: they are taken as given.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from suwen.imaging.detection.detector import (
    CELL_MM,
    PARTS,
    PIXEL_MM,
    channels,
    padded,
    resampled,
)
from suwen.imaging.detection.scan import ScanInput
from suwen.imaging.nodules.segmentation import (
    WEIGHTS,
    Networks,
    inputs_of,
    maps_and_pixel,
    without_cavity,
)
from suwen.imaging.planar.attacked import reading
from suwen.imaging.volumes.nodule import Mask, NoduleInput
from suwen.imaging.volumes.patches import LUNG_WINDOW, NEIGHBOUR_MM, PIXELS, Floats
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.reasons import gradients
from suwen.metrics.froc import REACH_MM

LOW_HU, HIGH_HU = LUNG_WINDOW


def border_gradient(pack: Pack, data: NoduleInput, members: Sequence[int], truth: Mask) -> Floats:
    """Return the slope of 1 - soft Dice of some members' mean probability, shape of the volume."""
    filled = without_cavity(data)
    files = [(WEIGHTS, k) for k in members]
    networks = Networks(len(files), lambda batch: pack.run(files, "logits", {"input": batch}))
    maps, pixel = maps_and_pixel(networks, filled)
    slices = np.flatnonzero(maps.any((0, 2, 3)))
    spread = _spread(data, pixel)
    wanted = np.einsum(
        "hi,nhw,wj->nij", spread[0], _lost_dice(maps.mean(0), truth)[slices], spread[1]
    )
    shown = inputs_of(filled, slices.tolist(), pixel)
    found = np.zeros(shown[:, :3].shape)
    for file, logits in zip(files, networks.run(shown), strict=True):
        inside = special.expit(logits)
        weights = (wanted[:, None] * inside * (1 - inside) / len(files)).astype(np.float32)
        (slope,) = gradients.of_output(pack, [file], "logits", {"input": shown}, "input", weights)
        found += slope[:, :3]
    found *= (np.abs(shown[:, :3]) < 1) * 2 / (HIGH_HU - LOW_HU)
    slope = _onto_volume(found, data, slices, pixel)
    slope[np.asarray(filled.volume.values) != np.asarray(data.volume.values)] = 0
    return slope


def _lost_dice(inside: Floats, truth: Mask) -> NDArray[np.float64]:
    """Return how 1 - soft Dice changes with the probability of each voxel."""
    total = float(inside.sum()) + float(truth.sum())
    shared = float(inside[truth].sum())
    return np.asarray(2 * (shared / total - truth) / total, dtype=float)


def _spread(data: NoduleInput, pixel_mm: float) -> list[NDArray[np.float64]]:
    """Return how rows and columns of the grid read those of a patch, see `back_to_slice`."""
    found = []
    for axis in (1, 2):
        count = data.volume.values.shape[axis]
        step = data.volume.spacing[axis] / pixel_mm
        place = (np.arange(count) - data.index[axis]) * step + (PIXELS - 1) / 2
        inside = (place >= 0) & (place <= PIXELS - 1)
        found.append(reading(place, PIXELS) * inside[:, None])
    return found


def _onto_volume(
    patches: NDArray[np.float64], data: NoduleInput, slices: NDArray[np.int64], pixel_mm: float
) -> Floats:
    """Return what each voxel contributed to the patches (n, 3, 48, 48): `inputs_of` transposed."""
    shape = data.volume.values.shape
    offset = (np.arange(PIXELS) - (PIXELS - 1) / 2) * pixel_mm
    rows, columns = (
        reading(data.index[axis] + offset / data.volume.spacing[axis], shape[axis])
        for axis in (1, 2)
    )
    flat = np.einsum("ih,nkij,jw->nkhw", rows, patches, columns)
    step = NEIGHBOUR_MM / data.volume.spacing[0]
    found = np.zeros(shape, dtype=np.float32)
    for neighbour in (-1, 0, 1):
        heights = reading(slices + neighbour * step, shape[0])
        found += np.einsum("nz,nhw->zhw", heights, flat[:, neighbour + 1])
    return found


def marks_gradient(
    pack: Pack, data: ScanInput, members: Sequence[int], places: NDArray[np.float64]
) -> Floats:
    """Return the slope of false marks against true places in one slice, shape (1, y, x).

    The smooth form of how far false marks stand above true ones: the log-sum-exp of the logits away
    from every place, less the mean of that within each place that counts.
    """
    height, width = data.volume.values.shape[1:]
    spacing = data.volume.spacing[1:]
    hu = resampled(np.asarray(data.volume.values[0], np.float32), spacing)
    shown = padded(channels(hu))[None]
    files = [(WEIGHTS, k) for k in members]
    maps = pack.run(files, "maps", {"input": shown})
    weights = np.zeros(maps[0].shape, np.float32)
    weights[0, 0] = _margin_slope(np.mean(maps, axis=0)[0, 0], data, places)
    found = gradients.of_output(pack, files, "maps", {"input": shown}, "input", weights)
    inner = np.mean(found, axis=0)[0][:, : hu.shape[0], : hu.shape[1]]
    slope = (inner * _channel_slopes(hu)).sum(0)
    rows, columns = (
        reading(np.arange(fine) * PIXEL_MM / step, count)
        for fine, step, count in zip(hu.shape, spacing, (height, width), strict=True)
    )
    return np.asarray(rows.T @ slope @ columns, dtype=np.float32)[None]


def _channel_slopes(hu: Floats) -> NDArray[np.float64]:
    """Return how each channel of a slice changes with its HU, (3, h, w)."""
    share = (hu - LOW_HU) / (HIGH_HU - LOW_HU)
    return np.stack(
        [
            2 / (wide * (HIGH_HU - LOW_HU)) * ((share > start) & (share < start + wide))
            for start, wide in PARTS
        ]
    )


def _margin_slope(
    logit: Floats, data: ScanInput, places: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how the margin changes with the logit of each cell, shape of the logits."""
    index = data.volume.to_index(places[:, :3])[:, 1:] * data.volume.spacing[1:]
    axes = [(np.arange(n) + 0.5) * CELL_MM - PIXEL_MM / 2 for n in logit.shape]
    away = np.hypot(
        axes[0][:, None] - index[:, 0, None, None], axes[1] - index[:, 1, None, None]
    )  # from each place, (k, rows, columns)
    near = away <= np.maximum(places[:, 3] / 2, REACH_MM)[:, None, None]
    found = _shares(logit, ~near.any(0))
    counting = near[places[:, 4] == 1]
    for place in counting:
        found -= _shares(logit, place) / len(counting)
    return found


def _shares(logit: Floats, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the softmax of the chosen logits, 0 elsewhere; all 0 where none is chosen."""
    return np.asarray(
        special.softmax(np.where(chosen, logit, -np.inf)) if chosen.any() else 0.0 * logit
    )
