"""What a person is shown of an image: its window, a single picture as a volume, a slice as a PNG.

A radiograph or an ultrasound picture has no place in the patient. It becomes a volume of one slice
(a cine loop: of a slice a frame) in a frame of its own: x runs along the columns and y down the
rows, in mm where the header says how large a pixel is, else in pixels.

Reference: DICOM PS3.3 2024e, 10.7.1.3 (Pixel Spacing), C.8.5.5 (US Region Calibration).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from suwen.core.codes import Text
from suwen.core.nouns import Point
from suwen.imaging.breast import ultrasound
from suwen.imaging.pictures.picture import Floats, resized
from suwen.imaging.planar.case import grey_frames
from suwen.imaging.reading.instance import Instance
from suwen.imaging.volumes.volume import Volume

WINDOWS: Final = Path(__file__).parent / "knowledge" / "windows.toml"
Kind = Literal["volume", "picture"]
VOLUME: Final[Kind] = "volume"
PICTURE: Final[Kind] = "picture"
Unit = Literal["mm", "mm at the detector", "px"]
LONGEST_EDGE: Final = 2048
"""Pictures are reduced to this edge, the largest texture that graphics processors share."""
MOST_FRAMES: Final = 64
"""Of a longer cine loop frames are left out evenly."""
GREYS: Final = 4095
"""Grey values of a picture run from 0 to this, as on a 12-bit display."""
COLOUR: Final = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
"""A NIfTI voxel of colour (DT_RGB24)."""
MARK: Final = (255, 199, 64)
MARK_MM: Final = 12.0
"""Radius of the ring that marks a place on a slice."""


@dataclass(frozen=True)
class Window:
    """A preset: from `low` to `high` in HU, or in shares of the values where `shares` is set."""

    key: str
    name: Text
    fits: tuple[str, ...]
    low: float
    high: float
    shares: bool = False

    def of(self, modality: str, kind: Kind) -> bool:
        """Say whether a series of that modality and kind is shown in it."""
        return modality in self.fits or (modality != "CT" and kind in self.fits)

    def range_of(self, values: NDArray[Any]) -> tuple[float, float]:
        """Return the values drawn black and white."""
        if not self.shares:
            return self.low, self.high
        low, high = np.quantile(values, [self.low, self.high])
        return float(low), float(max(high, low + 1))


@lru_cache(maxsize=1)
def windows() -> tuple[Window, ...]:
    """Return the window presets, in the order in which they are offered."""
    entries = tomllib.loads(WINDOWS.read_text(encoding="utf-8"))["window"]
    return tuple(_window(entry) for entry in entries)


def _window(entry: dict[str, Any]) -> Window:
    name, fits = Text(**entry["name"]), tuple(entry["modalities"])
    if "shares" in entry:
        low, high = entry["shares"]
        return Window(entry["key"], name, fits, low, high, shares=True)
    half = entry["width"] / 2
    return Window(entry["key"], name, fits, entry["level"] - half, entry["level"] + half)


def picture_volume(instance: Instance) -> Volume:
    """Return a picture as a volume of one slice, a cine loop of a slice a frame.

    Grey values are those of the header's window, int16 in 0..`GREYS`, brighter is denser; a picture
    in colours keeps them (`COLOUR`).

    Raises
    ------
    BadInput
        The pixels cannot be decoded, or the header contradicts them.
    """
    wanted = range(0, instance.frames, -(-instance.frames // MOST_FRAMES))
    mm, _ = pixel_of(instance)
    stored = instance.rows, instance.columns
    colours = ultrasound.colour_frames(instance, wanted)
    if colours is not None:
        parts = [_reduced(colours[..., channel]) * 255 for channel in range(3)]
        stacked = np.ascontiguousarray(np.rint(np.stack(parts, axis=-1)).astype(np.uint8))
        return _flat(stacked.view(COLOUR)[..., 0], stored, mm)
    grey = _reduced(np.stack(grey_frames(instance, wanted)))
    return _flat(np.rint(grey * GREYS).astype(np.int16), stored, mm)


def _reduced(frames: Floats) -> Floats:
    """Return frames (n, rows, columns) in 0..1 whose longer edge is at most `LONGEST_EDGE`."""
    _, rows, columns = frames.shape
    scale = max(1.0, max(rows, columns) / LONGEST_EDGE)
    size = (round(rows / scale), round(columns / scale))
    return np.clip(np.stack([resized(frame, size) for frame in frames]), 0, 1)


def coloured_volume(data: bytes) -> Volume:
    """Return a PNG picture as a volume of one slice of colours, its pixels the unit."""
    with Image.open(BytesIO(data)) as image:
        pixels = np.asarray(image.convert("RGB"))
    return _flat(pixels.view(COLOUR)[None, ..., 0], pixels.shape[:2], (1.0, 1.0))


def pixel_of(instance: Instance) -> tuple[tuple[float, float], Unit]:
    """Return the size of a pixel along (rows, columns), and in what."""
    for keyword, unit in (("PixelSpacing", "mm"), ("ImagerPixelSpacing", "mm at the detector")):
        found = instance.numbers(keyword)
        if len(found) == 2 and min(found) > 0:
            return (found[0], found[1]), unit  # type: ignore[return-value]
    calibrated = ultrasound.pixel_of(instance)
    return (calibrated, "mm") if calibrated else ((1.0, 1.0), "px")


def _flat(values: NDArray[Any], stored: tuple[int, int], mm: tuple[float, float]) -> Volume:
    """Return (frames, rows, columns) as a volume; `mm` is the size of one of the stored pixels."""
    _, rows, columns = values.shape
    affine = np.eye(4)[:, [2, 1, 0, 3]]
    affine[1, 1] = mm[0] * stored[0] / rows
    affine[0, 2] = mm[1] * stored[1] / columns
    return Volume(values, affine)


@dataclass(frozen=True)
class Slice:
    """One slice as a PNG, with its number from 0 and how many there are."""

    png: bytes
    level: int
    count: int


def slice_picture(volume: Volume, window: Window, level: int, place: Point | None = None) -> Slice:
    """Return a slice as a picture for a browser that can draw no volume.

    Parameters
    ----------
    volume
        Grey values.
    window
        How they are shown.
    level
        Number of the slice from 0; out of range: the nearest there is.
    place
        A point (LPS, mm): the slice through it is taken, and the place marked.
    """
    values: NDArray[Any] = volume.values
    if values.dtype == COLOUR:
        values = np.mean([values[channel] for channel in "RGB"], axis=0)
    count = len(values)
    index = None if place is None else volume.to_index(place)
    chosen = int(np.clip(level if index is None else round(float(index[0])), 0, count - 1))
    _, high, wide = volume.spacing
    low, top = window.range_of(values)
    shown = (values[chosen].astype(np.float32) - low) / (top - low)
    grey = Image.fromarray((np.clip(shown, 0, 1) * 255).astype(np.uint8))
    image = grey.resize((grey.width, max(1, round(grey.height * high / wide)))).convert("RGB")
    if index is not None:
        x, y, radius = float(index[2]), float(index[1]) * high / wide, MARK_MM / wide
        ImageDraw.Draw(image).ellipse((x - radius, y - radius, x + radius, y + radius), None, MARK)
    if volume.affine[0, 2] < 0:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if volume.affine[1, 1] < 0:
        image = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    out = BytesIO()
    image.save(out, "PNG", compress_level=1)
    return Slice(out.getvalue(), chosen, count)
