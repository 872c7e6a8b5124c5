"""One greyscale picture as the 2D tasks see it: the typed input, and how the networks read it.

A picture is brighter where more was absorbed or reflected: the photometric interpretation and the
window are solved before it gets here. The networks read a square; the picture is squeezed into it,
so that nothing is cut off and nothing of the frame is invented.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from suwen.core.codes import Text
from suwen.core.errors import BadInput

Floats = NDArray[np.float32]

SMALL: Final = 72
"""Longest edge in pixels of the small picture that stands beside an answer."""
LEVELS: Final = (1.0, 99.0)
"""Percentiles of a picture that become black and white."""
LEAST_RANGE: Final = 1e-3
"""A picture whose levels lie nearer together than this is flat; it stays what it is."""


@dataclass(frozen=True)
class PlanarInput:
    """One picture.

    Parameters
    ----------
    image
        Grey values in 0..1, brighter is denser (X-ray) or more echogenic (ultrasound), (h, w).
    spacing_mm
        Size of a pixel along (rows, columns); None where the picture does not say.
    uid
        SOP Instance UID, empty for a development example.
    frame
        Number of the frame within the instance, from 1.
    refusal
        Why nothing can be said about this picture; the tasks then abstain.
    """

    image: Floats = field(repr=False)
    spacing_mm: tuple[float, float] | None = None
    uid: str = ""
    frame: int = 1
    refusal: Text | None = None

    def with_image(self, image: NDArray[np.floating]) -> PlanarInput:
        """Return the same input with another picture, clipped to 0..1."""
        return replace(self, image=np.clip(image, 0, 1).astype(np.float32))

    @classmethod
    def refused(cls, why: Text, uid: str = "") -> PlanarInput:
        """Return an input that holds nothing but the reason for which it is refused."""
        return cls(np.zeros((1, 1), np.float32), uid=uid, refusal=why)


def resized(image: NDArray[np.floating], shape: tuple[int, int]) -> Floats:
    """Return the picture at `shape` (h, w): linear, and averaged where it gets smaller."""
    if image.shape == shape:
        return np.asarray(image, dtype=np.float32)
    picture = Image.fromarray(np.asarray(image, dtype=np.float32))
    size = (shape[1], shape[0])
    return np.asarray(picture.resize(size, Image.Resampling.BILINEAR), dtype=np.float32)


def read_picture(path: Path) -> Floats:
    """Return a picture file as grey values in 0..1, (h, w).

    Raises
    ------
    BadInput
        It is no picture.
    """
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("L"), dtype=np.float32) / np.float32(255)
    except OSError:
        raise BadInput(f"{path.name} is no readable picture", "JPEG or PNG") from None


def levelled(image: NDArray[np.floating], levels: tuple[float, float] = LEVELS) -> Floats:
    """Return the picture stretched so that the two percentiles become 0 and 1, and clipped."""
    low, high = np.percentile(image, levels)
    if high - low < LEAST_RANGE:
        return np.asarray(np.clip(image, 0, 1), dtype=np.float32)
    return np.asarray(np.clip((image - low) / (high - low), 0, 1), dtype=np.float32)


def small_picture(image: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return a picture (h, w) levelled, with its longest edge at most `SMALL`, in 256 greys."""
    scale = min(1.0, SMALL / max(image.shape))
    shape = (max(1, round(image.shape[0] * scale)), max(1, round(image.shape[1] * scale)))
    return np.rint(levelled(resized(image, shape)) * 255).astype(np.uint8)


def network_input(image: NDArray[np.floating], pixels: int) -> Floats:
    """Return what a network reads, (1, pixels, pixels) in 0..1; nothing is random."""
    return levelled(resized(image, (pixels, pixels)))[None]
