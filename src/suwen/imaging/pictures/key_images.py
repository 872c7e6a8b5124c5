"""Key images: the axial slice through a nodule as a radiologist wants to see it.

Lung window (centre -600 HU, width 1500 HU), patient's right on the left of the picture, the outline
of the mask, a scale bar in mm; for a saliency map its warm colours over the same slice. A small
picture has neither outline nor bar: it is always as wide, so that sizes compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from suwen.imaging.pictures.picture import resized
from suwen.imaging.volumes.nodule import Mask, box_of
from suwen.imaging.volumes.patches import Floats, plane
from suwen.imaging.volumes.volume import Volume

PIXELS: Final = 512
WINDOW_CENTRE_HU: Final = -600.0
WINDOW_WIDTH_HU: Final = 1500.0
SMALLEST_FIELD_MM: Final = 36.0
FIELD_IN_DIAMETERS: Final = 3.0
SMALL_PIXELS: Final = 72
SMALL_MM: Final = 32.0
"""Width of a small picture: as much as the networks that score a nodule see of it."""
OUTLINE: Final = (64, 224, 208)
INK: Final = (235, 235, 235)
SCALE_MM: Final = 10
FAINTEST: Final = 0.25
"""Saliency below this share of its maximum is not coloured."""
STRONGEST: Final = 0.55
"""Opacity where the saliency is largest."""


@dataclass(frozen=True)
class Frame:
    """Which slice is drawn and how: fractional index of its middle, pixel size, flips."""

    index: tuple[float, float, float]
    pixel_mm: float
    flips: tuple[int, ...]

    def cut(self, volume: Volume, values: NDArray[np.generic]) -> Floats:
        """Return this frame of some values on the volume's grid, shape (512, 512)."""
        spacing = volume.spacing[1:]
        flat = plane(values, self.index, spacing, self.pixel_mm, pixels=PIXELS)
        return np.flip(flat, self.flips)


def frame_of(volume: Volume, mask: Mask) -> Frame:
    """Return the frame around the slice where the mask is largest."""
    z, low, high = _largest(mask)
    _, step_y, step_x = volume.spacing
    extent = (high - low + 1) * (step_y, step_x)
    shape = volume.values.shape[1:]
    widest = float(min(shape[0] * step_y, shape[1] * step_x))
    field = min(max(SMALLEST_FIELD_MM, FIELD_IN_DIAMETERS * float(extent.max())), widest)
    middle = (low + high) / 2
    reach = field / 2 / np.array([step_y, step_x]) - 0.5
    y, x = np.clip(middle, reach, np.maximum(np.array(shape) - 1 - reach, reach))
    return Frame((float(z), float(y), float(x)), field / PIXELS, _flips(volume))


def _largest(mask: Mask) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
    """Return the slice where a mask is largest, with first and last index (y, x) inside it."""
    z = int(mask.sum((1, 2)).argmax())
    low, high = box_of(mask[z : z + 1])
    return z, low[1:], high[1:]


def _flips(volume: Volume) -> tuple[int, ...]:
    """Return the axes to turn round so that the patient's right lies on the left, front on top."""
    directions = (volume.affine[1, 1], volume.affine[0, 2])
    return tuple(axis for axis, step in enumerate(directions) if step < 0)


def small_picture(volume: Volume, mask: Mask) -> NDArray[np.uint8]:
    """Return the slice where a mask is largest in the lung window, around the mask's middle.

    It is `SMALL_MM` wide whatever lies in it, (72, 72); black where the volume ends.
    """
    z, low, high = _largest(mask)
    y, x = (float(value) for value in (low + high) / 2)
    pixel_mm = SMALL_MM / SMALL_PIXELS
    away = (np.arange(SMALL_PIXELS) - (SMALL_PIXELS - 1) / 2) * pixel_mm
    seen = [
        np.abs(middle + away / step - (size - 1) / 2) <= size / 2
        for middle, step, size in zip(
            (y, x), volume.spacing[1:], volume.values.shape[1:], strict=True
        )
    ]
    flat = plane(volume.values, (z, y, x), volume.spacing[1:], pixel_mm, pixels=SMALL_PIXELS)
    shown = np.where(np.outer(*seen), _windowed(flat), 0)
    return np.flip(np.rint(shown * 255).astype(np.uint8), _flips(volume))


def _windowed(hu: Floats) -> Floats:
    """Return HU in the lung window, 0..1."""
    low = WINDOW_CENTRE_HU - WINDOW_WIDTH_HU / 2
    return np.asarray(np.clip((hu - low) / WINDOW_WIDTH_HU, 0, 1), dtype=np.float32)


def key_image(volume: Volume, mask: Mask, saliency: Floats | None = None) -> bytes:
    """Return the key image as PNG bytes.

    Parameters
    ----------
    volume, mask
        HU and a mask that is not empty, on one grid.
    saliency
        Relevance on the same grid; only what speaks for the answer (positive) is coloured.
    """
    frame = frame_of(volume, mask)
    shown = _windowed(frame.cut(volume, volume.values))
    picture = np.repeat(shown[..., None], 3, axis=2) * 255
    if saliency is not None:
        picture = warmed(picture, frame.cut(volume, saliency))
    image = Image.fromarray(picture.astype(np.uint8))
    _outline(image, frame.cut(volume, mask) > 0.5)
    _scale(image, frame.pixel_mm)
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def patch_image(
    volume: Volume, index: NDArray[np.float64], relevance: Floats, pixel_mm: float
) -> bytes:
    """Return a patch of the slice at `index` (z, y, x) with a map over it, as PNG bytes.

    The map (n, n) has pixels of `pixel_mm`; only what speaks for the answer (positive) is coloured.
    """
    z, y, x = (float(value) for value in index)
    frame = Frame((z, y, x), len(relevance) * pixel_mm / PIXELS, _flips(volume))
    shown = _windowed(frame.cut(volume, volume.values))
    over = np.flip(resized(relevance, (PIXELS, PIXELS)), frame.flips)
    picture = warmed(np.repeat(shown[..., None], 3, axis=2) * 255, over)
    image = Image.fromarray(picture.astype(np.uint8))
    _scale(image, frame.pixel_mm)
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def shown_on(image: Floats, relevance: Floats) -> bytes:
    """Return a single picture (h, w) in 0..1 with the saliency over it, as PNG bytes."""
    picture = np.repeat(np.clip(image, 0, 1)[..., None], 3, axis=2) * 255.0
    out = BytesIO()
    Image.fromarray(warmed(picture, relevance).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def warmed(picture: NDArray[np.floating], relevance: Floats) -> NDArray[np.floating]:
    """Return a picture (h, w, 3) in 0..255 with what is relevant (positive) in warm colours."""
    strength = np.clip(relevance, 0, None)
    if not strength.any():
        return picture
    strength = strength / strength.max()
    visible = np.clip((strength - FAINTEST) / (1 - FAINTEST), 0, 1)
    colour = np.stack(
        [np.full_like(strength, 255), 220 * (1 - visible) + 40, 40 * (1 - visible)], axis=-1
    )
    opacity = (STRONGEST * np.sqrt(visible))[..., None]
    return np.asarray(picture * (1 - opacity) + colour * opacity)


def _outline(image: Image.Image, inside: Mask) -> None:
    """Draw the outline just outside the mask, so that it hides no nodule."""
    smooth = ndimage.gaussian_filter(inside.astype(float), 2.0) > 0.5
    wide = ndimage.binary_dilation(smooth, iterations=2)
    line = Image.fromarray(((wide & ~smooth) * 255).astype(np.uint8))
    image.paste(OUTLINE, mask=line)


def _scale(image: Image.Image, pixel_mm: float) -> None:
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=15)
    length = SCALE_MM / pixel_mm
    right, bottom = PIXELS - 20, PIXELS - 22
    left = right - length
    for width, ink in ((5, (0, 0, 0)), (2, INK)):
        draw.line((left, bottom, right, bottom), fill=ink, width=width)
        for x in (left, right):
            draw.line((x, bottom - 5, x, bottom + 5), fill=ink, width=width)

    def write(place: tuple[float, float], text: str, anchor: str) -> None:
        draw.text(place, text, INK, font, anchor, stroke_width=2, stroke_fill=(0, 0, 0))

    write(((left + right) / 2, bottom - 10), f"{SCALE_MM} mm", "ms")
    write((10, PIXELS / 2), "R", "lm")
    write((PIXELS / 2, 8), "A", "ma")
    write((10, PIXELS - 12), f"W {WINDOW_WIDTH_HU:.0f}  L {WINDOW_CENTRE_HU:.0f}", "ls")
