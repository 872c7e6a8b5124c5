"""Slopes of the networks' answers with respect to voxels and pixels.

The networks' own gradient comes from `lifecycle.reasons.gradients`; here it is taken back through
what stands before them. Malignancy: the two windows and the interpolation that cut five slices out
of the volume. Pictures: the stretch of the grey levels, whose two percentiles are held fixed, and
the squeeze into a square. Each is known exactly, so the chain is exact but for the corners of
windows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from suwen.imaging.nodules.malignancy import (
    HEIGHTS,
    PIXEL_MM,
    PIXELS,
    SOFT_TISSUE,
    mask_of,
    show,
    smooth_mask,
)
from suwen.imaging.pictures.picture import LEAST_RANGE, LEVELS, PlanarInput, network_input, resized
from suwen.imaging.volumes.nodule import NoduleInput, box_of
from suwen.imaging.volumes.patches import LUNG_WINDOW, Floats
from suwen.lifecycle.examples import Array
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.reasons import gradients


def logit_gradient(pack: Pack, data: NoduleInput, members: Sequence[int]) -> Floats:
    """Return the gradient of the mean logit of some members' networks, shape of the volume."""
    mask = mask_of(data)
    shown = show(data.volume, mask, smooth_mask(mask))
    files = [(network, k) for k in members for network in pack.member(k)["networks"]]
    found = gradients.of_output(pack, files, "logit", {"input": shown.as_input()[None]}, "input")
    lung, soft = np.mean(found, axis=0)[0, :, 0], np.mean(found, axis=0)[0, :, 1]
    return _back(lung * _lung_slope(shown.values) + soft * _soft_slope(shown.values), data)


def planar_gradient(
    pack: Pack, data: PlanarInput, members: Sequence[int], weights: Array
) -> Floats:
    """Return the gradient of some members' mean weighted logits, per grey level 0..1, (h, w)."""
    edge = int(pack.member(members[0])["pixels"])
    squeezed = resized(data.image, (edge, edge))
    low, high = np.percentile(squeezed, LEVELS)
    files = [(str(pack.member(k)["network"]), k) for k in members]
    feed = {"input": network_input(data.image, edge)[None]}
    found = gradients.of_output(
        pack, files, "logits", feed, "input", np.asarray(weights, np.float32)[None]
    )
    slope = np.mean(found, axis=0)[0, 0]
    if high - low >= LEAST_RANGE:
        slope = slope * ((squeezed > low) & (squeezed < high)) / (high - low)
    height, width = data.image.shape
    rows, columns = (resized(np.eye(n, dtype=np.float32), (edge, n)) for n in (height, width))
    return np.asarray(rows.T @ slope @ columns, dtype=np.float32)


def _lung_slope(values: Floats) -> NDArray[np.float64]:
    low, high = LUNG_WINDOW
    return 2 * ((values > low) & (values < high)) / ((high - low) / 2)


def _soft_slope(values: Floats) -> NDArray[np.float64]:
    middle, half = SOFT_TISSUE
    scaled = (values - middle) / half
    return 2 * ((scaled > -1) & (scaled < 1.5)) / half


def _back(slices: NDArray[np.floating], data: NoduleInput) -> Floats:
    """Return what each voxel contributed to the slices: the transpose of `malignancy.show`."""
    volume = data.volume
    depth, height, width = volume.values.shape
    low, high = box_of(mask_of(data))
    middle, half = (low + high) / 2, (high[0] - low[0] + 1) / 2
    offset = (np.arange(PIXELS) - (PIXELS - 1) / 2) * PIXEL_MM
    rows = reading(middle[1] + offset / volume.spacing[1], height)
    columns = reading(middle[2] + offset / volume.spacing[2], width)
    found = np.zeros(volume.values.shape, dtype=np.float32)
    for share, flat in zip(HEIGHTS, slices, strict=True):
        z = float(np.clip(middle[0] + share * half, 0, depth - 1))
        below, part = int(z), z - int(z)
        spread = rows.T @ flat @ columns
        found[below] += (1 - part) * spread
        found[min(below + 1, depth - 1)] += part * spread
    return found


def reading(places: NDArray[np.floating], count: int) -> NDArray[np.float64]:
    """Return how linear interpolation at some places (n,) reads an axis, shape (n, count).

    Beyond the ends of the axis its outermost value is read.
    """
    places = np.clip(places, 0, count - 1)
    below = np.minimum(places.astype(int), max(count - 2, 0))
    each = np.arange(len(places))
    weights = np.zeros((len(places), count))
    weights[each, below] = 1 - (places - below)
    if count > 1:
        weights[each, below + 1] += places - below
    return weights
