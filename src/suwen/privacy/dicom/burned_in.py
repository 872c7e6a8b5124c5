"""Burned-in text: found, blanked, and searched for again; what still reads as text is refused.

Ultrasound that says where its scanned regions are loses everything outside them. In all other
images that may hold text, a reader (PP-OCR by `rapidocr`) says where text stands on some frames and
on the brightest and darkest value each pixel takes over all frames, so that a word shown on one
frame only is met as well. Boxes are blanked on every frame, then frames are read again; what is
found then is blanked as a whole band of rows, and if text is still there the object is refused.

Laterality and projection markers and plain numbers stay (`knowledge/burned_in.toml`).

Reference: DICOM PS3.15 2024e E.3.1 (Clean Pixel Data Option).
"""

from __future__ import annotations

import logging
import math
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import pixel_array
from pydicom.uid import ExplicitVRLittleEndian

from suwen.core.errors import BadInput, MissingExtra, UnsafeInput
from suwen.privacy.dicom.profile import KNOWLEDGE

Pixels = NDArray[Any]
PIXEL_BYTES: Final = 2 * 1024**3
"""Most bytes decoded pixels may take."""
FRAMES_READ: Final = 3
"""Frames read besides the two projections."""
SMALLEST_SIDE: Final = 640
"""Smaller images are enlarged for the reader."""
LARGEST_SIDE: Final = 1600
MARGIN: Final = 0.35
"""By how much of its height a box is enlarged on each side."""
CONFIDENCE: Final = 0.5


@dataclass(frozen=True)
class Box:
    """Rows top..bottom and columns left..right, ends exclusive."""

    top: int
    bottom: int
    left: int
    right: int


@lru_cache(maxsize=1)
def _rules() -> dict[str, Any]:
    return tomllib.loads((KNOWLEDGE / "burned_in.toml").read_text(encoding="utf-8"))


def may_hold_text(dataset: Dataset) -> bool:
    """Say whether the pixels of an object have to be searched."""
    if not any(name in dataset for name in ("PixelData",)) or dataset.get("BitsAllocated") == 1:
        return False
    rules = _rules()
    return (
        str(dataset.get("Modality", "OT")) in rules["modalities"]
        or str(dataset.get("SOPClassUID", "")).startswith(rules["secondary_capture"])
        or str(dataset.get("BurnedInAnnotation", "")) == "YES"
        or int(dataset.get("SamplesPerPixel", 1) or 1) > 1
        or "ConversionType" in dataset
    )


def clean(dataset: Dataset) -> int:
    """Blank burned-in text in place; return how many boxes were blanked.

    Pixels in which nothing is blanked stay as they are stored, compressed or not; else they are
    stored uncompressed.

    Raises
    ------
    BadInput
        The pixels cannot be decoded, or text remains readable after blanking.
    UnsafeInput
        The decoded pixels would take more than 2 GiB.
    MissingExtra
        The reader is not installed.
    """
    if not may_hold_text(dataset):
        return 0
    frames, colour = _decoded(dataset)
    fill = _darkest(dataset, frames)
    boxes = _outside_regions(dataset, frames.shape[1:3])
    for box in boxes:
        _blank(frames, box, fill)
    blanked = len(boxes)
    for widen in (False, True):
        found = list(_found(frames))
        if not found:
            break
        blanked += len(found)
        for box in found:
            _blank(frames, _band(box, frames.shape[2]) if widen else box, fill)
    else:
        if any(True for _ in _found(frames)):
            raise BadInput(
                "burned-in text that cannot be removed from the pixels",
                "pixels in which no text is read after blanking",
                "blank the text by hand, or leave the object out",
            )
    if blanked:
        _store(dataset, frames, colour)
    return blanked


def _decoded(dataset: Dataset) -> tuple[Pixels, bool]:
    """Return pixels (frames, rows, columns[, samples]) and whether they are in colour."""
    shape = [dataset.get(name, 1) or 1 for name in ("NumberOfFrames", "Rows", "Columns")]
    samples, bits = dataset.get("SamplesPerPixel", 1) or 1, dataset.get("BitsAllocated", 8) or 8
    if math.prod(map(int, [*shape, samples, bits])) // 8 > PIXEL_BYTES:
        raise UnsafeInput("pixels that decode to more than 2 GiB", "less", "split the object")
    try:
        pixels = np.array(pixel_array(dataset))
    except Exception as error:  # noqa: BLE001 - decoders raise anything on damaged data
        raise BadInput(
            f"pixels that cannot be decoded ({type(error).__name__}) and may hold text",
            "pixels one of the installed decoders reads",
            "store the object uncompressed",
        ) from None
    colour = int(samples) > 1
    return pixels.reshape(int(shape[0]), *pixels.shape[-3 if colour else -2 :]), colour


def _darkest(dataset: Dataset, frames: Pixels) -> Any:
    """Return the value of a blank pixel."""
    if str(dataset.get("PhotometricInterpretation", "")) == "MONOCHROME1":
        return frames.max()
    return frames.min() if frames.ndim == 3 else 0


def _outside_regions(dataset: Dataset, size: tuple[int, ...]) -> list[Box]:
    """Return the boxes around the scanned regions of an ultrasound image, none without regions."""
    regions = dataset.get("SequenceOfUltrasoundRegions") or ()
    try:
        inside = [
            Box(int(r.RegionLocationMinY0), int(r.RegionLocationMaxY1) + 1,
                int(r.RegionLocationMinX0), int(r.RegionLocationMaxX1) + 1)
            for r in regions
        ]  # fmt: skip
    except (AttributeError, TypeError, ValueError):
        return []
    rows, columns = size[:2]
    inside = [box for box in inside if box.bottom - box.top > 1 and box.right - box.left > 1]
    if not inside:
        return []
    top, bottom = min(b.top for b in inside), max(b.bottom for b in inside)
    left, right = min(b.left for b in inside), max(b.right for b in inside)
    around = [Box(0, top, 0, columns), Box(bottom, rows, 0, columns),
              Box(0, rows, 0, left), Box(0, rows, right, columns)]  # fmt: skip
    return [box for box in around if box.top < box.bottom and box.left < box.right]


def _found(frames: Pixels) -> Iterator[Box]:
    """Yield where text stands that may not stay, on any frame."""
    for image in _views(frames):
        scale = _scale(image.shape)
        for box, text in read(_resized(image, scale)):
            if not harmless(text):
                yield _enlarged(box, scale, image.shape)


def _views(frames: Pixels) -> Iterator[NDArray[np.uint8]]:
    count = len(frames)
    chosen = sorted({round(i * (count - 1) / max(1, FRAMES_READ - 1)) for i in range(FRAMES_READ)})
    images = [frames[i] for i in chosen]
    if count > FRAMES_READ:
        images += [frames.max(axis=0), frames.min(axis=0)]
    for image in images:
        yield _shown(image)


def _shown(image: Pixels) -> NDArray[np.uint8]:
    """Return an image as 8-bit RGB, the whole range of its values shown."""
    if image.dtype != np.uint8:
        low, high = float(image.min()), float(np.percentile(image, 99.9))
        scaled = (image.astype(np.float32) - low) * (255 / max(high - low, 1e-6))
        image = np.clip(scaled, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(image if image.ndim == 3 else np.repeat(image[..., None], 3, -1))


def _scale(size: tuple[int, ...]) -> float:
    side = max(size[:2])
    return min(3.0, SMALLEST_SIDE / side) if side < SMALLEST_SIDE else min(1.0, LARGEST_SIDE / side)


def _resized(image: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    if scale == 1:
        return image
    from PIL import Image

    rows, columns = image.shape[:2]
    new = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    return np.asarray(Image.fromarray(image).resize(new, Image.Resampling.BICUBIC))


def _enlarged(box: Box, scale: float, size: tuple[int, ...]) -> Box:
    margin = MARGIN * (box.bottom - box.top) + 1
    return Box(
        max(0, math.floor((box.top - margin) / scale)),
        min(size[0], math.ceil((box.bottom + margin) / scale)),
        max(0, math.floor((box.left - margin) / scale)),
        min(size[1], math.ceil((box.right + margin) / scale)),
    )


def _band(box: Box, columns: int) -> Box:
    return Box(box.top, box.bottom, 0, columns)


def _blank(frames: Pixels, box: Box, fill: Any) -> None:
    frames[:, box.top : box.bottom, box.left : box.right] = fill


def _store(dataset: Dataset, frames: Pixels, colour: bool) -> None:
    one = int(dataset.get("NumberOfFrames", 1) or 1) == 1
    data = np.ascontiguousarray(frames[0] if one else frames)
    raw = data.astype(data.dtype.newbyteorder("<")).tobytes()
    dataset.PixelData = raw + b"\0" * (len(raw) % 2)
    dataset["PixelData"].VR = "OB" if data.dtype.itemsize == 1 else "OW"
    dataset.BitsAllocated = data.dtype.itemsize * 8
    if colour:
        dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "RGB", 0
    for name in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if name in dataset:
            del dataset[name]
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian


def harmless(text: str) -> bool:
    """Say whether read text may stay in an image."""
    rules = _rules()
    words = [word for word in re.split(r"[\s:;,()]+", text.strip()) if word]
    return all(
        word.upper() in rules["harmless"] or re.fullmatch(rules["harmless_pattern"], word)
        for word in words
    )


def read(image: NDArray[np.uint8]) -> list[tuple[Box, str]]:
    """Return where text stands in an RGB image, and the text.

    Raises
    ------
    MissingExtra
        `rapidocr` is not installed.
    """
    result = _reader()(image, use_cls=False, text_score=CONFIDENCE)
    if result.boxes is None:
        return []
    out = []
    for corners, text in zip(result.boxes, result.txts or (), strict=False):
        (left, top), (right, bottom) = np.min(corners, axis=0), np.max(corners, axis=0)
        out.append((Box(int(top), math.ceil(bottom), int(left), math.ceil(right)), str(text)))
    return out


@lru_cache(maxsize=1)
def _reader() -> Any:
    try:
        from rapidocr import RapidOCR
    except ImportError:
        raise MissingExtra("rapidocr", "ocr") from None
    engine = {"intra_op_num_threads": 1, "inter_op_num_threads": 1}
    settings = {f"EngineConfig.onnxruntime.{name}": value for name, value in engine.items()}
    reader = RapidOCR(params={"Global.log_level": "critical"} | settings)
    logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
    return reader
