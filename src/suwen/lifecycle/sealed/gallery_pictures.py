"""Small pictures of the development examples in a gallery, to stand beside those that are named.

They are kept as WebP one after the other, in the order of the gallery: read by place, decoded by
whoever shows them. A pack ships pictures only where the data set's terms allow it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from io import BytesIO
from typing import Protocol, runtime_checkable

import numpy as np
from PIL import Image

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.lifecycle.examples import Array, Examples, Sample
from suwen.lifecycle.sealed.gallery import arrays_from

FILE = "gallery_pictures.npz"
WEBP, JPEG = "image/webp", "image/jpeg"
QUALITY = 85
"""WebP quality: 1.1 KB a chest X-ray of 72 pixels, as near to it as JPEG of 85 in 1.5 KB."""


@runtime_checkable
class Pictured(Protocol):
    """An addition to `Resembles`, for tasks whose samples can be seen."""

    pictures_show: Text
    """What each picture shows and at what scale, ending without a full stop."""

    def picture_of(self, sample: Sample) -> Array:
        """Return a sample as a small grey picture, uint8, (h, w): all samples in the same way."""
        ...


@dataclass(frozen=True)
class Pictures:
    """Encoded pictures of n examples.

    Parameters
    ----------
    content
        The files one after the other, uint8, (bytes,).
    end
        Where each ends, rising, (n,).
    """

    content: Array
    end: Array

    def __post_init__(self) -> None:
        stops = np.concatenate([[0], self.end])
        if (np.diff(stops) <= 0).any() or stops[-1] != len(self.content):
            raise BadInput("pictures whose ends do not fit their bytes", "one picture an example")

    def __len__(self) -> int:
        return len(self.end)

    def of(self, i: int) -> bytes:
        """Return the file of example `i`; `media_type` says of what type."""
        start = int(self.end[i - 1]) if i else 0
        return bytes(self.content[start : int(self.end[i])])

    def to_bytes(self) -> bytes:
        """Return the content of `gallery_pictures.npz`; equal pictures give equal bytes."""
        out = BytesIO()
        np.savez_compressed(out, **{each.name: getattr(self, each.name) for each in fields(self)})
        return out.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Pictures:
        """Read what `to_bytes` wrote; nothing in it is unpickled.

        Raises
        ------
        BadInput
            They are no pictures of this version.
        """
        return arrays_from(content, cls, "pictures", FILE)


def encoded(picture: Array) -> bytes:
    """Return a grey picture (h, w), uint8, as WebP."""
    out = BytesIO()
    Image.fromarray(picture).save(out, "WEBP", quality=QUALITY, method=6)
    return out.getvalue()


def media_type(file: bytes) -> str:
    """Return what a picture is; packs of earlier releases keep JPEG."""
    return JPEG if file.startswith(b"\xff\xd8\xff") else WEBP


def drawn(
    task: Pictured, examples: Examples, step: Callable[[], None] = lambda: None
) -> Pictures | None:
    """Return a picture of every example; None where the data may not be passed on.

    Parameters
    ----------
    task, examples
        How a sample is drawn, and the development examples.
    step
        Called after each example.
    """
    if not examples.source.shippable:
        return None
    files = []
    for i in range(len(examples)):
        files.append(encoded(task.picture_of(examples.load(i))))
        step()
    content = np.frombuffer(b"".join(files), dtype=np.uint8)
    return Pictures(content, np.cumsum([len(file) for file in files]).astype(np.int64))
