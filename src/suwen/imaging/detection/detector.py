"""From one axial slice to marks: where a network sees a nodule, how big, and how strongly.

The network reads a slice at half-millimetre pixels and answers on a grid of 2 mm: a logit for "the
centre of a nodule lies here", where in the cell it lies, and the logarithm of its diameter. Peaks
of the logit are the marks.

Reference: Zhou et al., arXiv:1904.07850, 2019 (objects as points).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from suwen.imaging.volumes.patches import LUNG_WINDOW, Floats
from suwen.lifecycle.pack import Pack

DETECTION: Final = "imaging.nodule_detection"
WEIGHTS: Final = "net.onnx"
PIXEL_MM: Final = 0.5
"""Pixel size of what the network reads."""
STRIDE: Final = 4
"""Pixels a cell of its answer."""
MULTIPLE: Final = 16
"""Height and width of its input are multiples of this."""
CELL_MM: Final = PIXEL_MM * STRIDE
PARTS: Final = ((0.0, 1.0), (0.0, 0.4), (0.5, 0.5))
"""Start and width of what each channel shows, as shares of the lung window."""
LEAST_LOGIT: Final = -5.0
"""Weaker peaks are no marks."""
MOST_MARKS: Final = 24
"""Marks kept of one slice."""
APART_MM: Final = 5.0
"""Of two peaks closer than this the stronger is kept."""
SMALLEST_MM: Final = 2.0
LARGEST_MM: Final = 60.0


@dataclass(frozen=True)
class Detectors:
    """Networks asked together: (1, 3, h, w) -> maps (1, 4, h / 4, w / 4) of each."""

    run: Callable[[Floats], Sequence[Floats]]


def networks_of(pack: Pack, members: Sequence[int]) -> Detectors:
    """Return some members' networks."""
    files = [(WEIGHTS, member) for member in members]
    return Detectors(lambda batch: pack.run(files, "maps", {"input": batch}))


def channels(hu: NDArray[np.floating]) -> Floats:
    """Return a slice as the network reads it, (3, h, w): three windows of the lung window.

    The whole window, its dark part (ground glass, small vessels) and its bright part (solid tissue
    and calcification), each scaled to [-1, 1].
    """
    low, high = LUNG_WINDOW
    share = np.clip((hu - low) / (high - low), 0, 1)
    parts = [np.clip((share - start) / wide, 0, 1) for start, wide in PARTS]
    return np.stack([2 * part - 1 for part in parts]).astype(np.float32)


def resampled(hu: NDArray[np.floating], spacing: tuple[float, float]) -> Floats:
    """Return a slice with `PIXEL_MM` pixels; the first pixel keeps its centre."""
    scale = PIXEL_MM / np.array(spacing)
    shape = tuple(int(n) for n in np.floor((np.array(hu.shape) - 1) / scale + 1e-6) + 1)
    found: Floats = ndimage.affine_transform(
        np.asarray(hu, np.float32), scale, 0.0, shape, np.float32, order=1, mode="nearest"
    )
    return found


def padded(shown: Floats) -> Floats:
    """Return channels (3, h, w) filled with air up to multiples of 16."""
    more = [(-n) % MULTIPLE for n in shown.shape[1:]]
    return np.pad(shown, ((0, 0), (0, more[0]), (0, more[1])), constant_values=-1.0)


def slice_maps(
    networks: Detectors, hu: NDArray[np.floating], spacing: tuple[float, float]
) -> Floats:
    """Return the mean of the networks' maps of one slice, shape (4, cells, cells)."""
    shown = padded(channels(resampled(hu, spacing)))[None]
    return np.asarray(np.mean([maps[0] for maps in networks.run(shown)], axis=0), np.float32)


def marks_of(maps: Floats) -> NDArray[np.float64]:
    """Return the marks of one slice, strongest first, shape (n, 4): logit, x, y, diameter.

    Coordinates are in mm from the centre of the slice's first pixel.
    """
    logit = maps[0]
    reach = 2 * int(APART_MM / CELL_MM / 2 + 0.5) + 1
    peak = (logit == ndimage.maximum_filter(logit, reach)) & (logit >= LEAST_LOGIT)
    rows, columns = np.nonzero(peak)
    order = np.argsort(-logit[rows, columns], kind="stable")[:MOST_MARKS]
    rows, columns = rows[order], columns[order]
    x, y = maps[1, rows, columns], maps[2, rows, columns]
    half = (CELL_MM - PIXEL_MM) / 2  # from the centre of a cell's first pixel to its middle
    wide = np.clip(np.exp(maps[3, rows, columns]), SMALLEST_MM, LARGEST_MM)
    found = np.column_stack(
        [
            logit[rows, columns],
            columns * CELL_MM + half + x * CELL_MM,
            rows * CELL_MM + half + y * CELL_MM,
            wide,
        ]
    )
    return np.asarray(found, dtype=np.float64)
