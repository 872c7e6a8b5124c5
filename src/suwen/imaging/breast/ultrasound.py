"""One ultrasound instance as a greyscale B-mode picture, or the reason why it is none.

Colour is looked for before it is thrown away: marks drawn in colour are painted over, and a picture
with much of it is Doppler or elastography and refused. A cine loop is refused by `planar.case`:
which of its frames to judge is the sonographer's choice, and a mean was never validated.

Reference: DICOM PS3.3 2024e, C.8.5.5 (US Region Calibration), C.8.5.6 (US Image).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.imaging.breast import overlays
from suwen.imaging.pictures.picture import Floats, PlanarInput
from suwen.imaging.planar.case import LUMA, UNREADABLE
from suwen.imaging.reading.instance import Instance, numbers_of
from suwen.imaging.reading.safety import field_text

TWO_D: Final = 1.0
"""Region Spatial Format of a B-mode picture."""
TISSUE: Final = 1.0
"""Region Data Type of a B-mode picture."""
CENTIMETRE: Final = 3.0
"""Physical Units of a length."""
LEAST_EDGE: Final = 64
"""Shortest edge in pixels of a region that is a picture and no inset."""
MOST_COLOUR: Final = 0.02
"""Share of coloured pixels from which a picture is Doppler or elastography, not marks."""
BREAST: Final = "BREAST"

COLOUR: Final = Text(
    en="A colour picture (Doppler or elastography), not B-mode alone.",
    zh="彩色图像（多普勒或弹性成像），并非单纯 B 型超声。",
)
NO_REGION: Final = Text(
    en="No B-mode region: the ultrasound regions name other kinds of display.",
    zh="没有 B 型超声区域：超声区域为其他显示类型。",
)
NOT_BREAST: Final = Text(
    en="The header says that another body part was examined.", zh="文件头标明检查部位不是乳腺。"
)
UNKNOWN_COLOURS: Final = Text(
    en="Its photometric interpretation is none this reader knows.", zh="不支持该图像的光度解释。"
)


def other_body_part(instance: Instance) -> Text | None:
    """Return the refusal of an instance that names a body part which is not the breast."""
    part = field_text(instance, "BodyPartExamined").upper()
    return NOT_BREAST if part and BREAST not in part else None


def picture_of(instance: Instance) -> PlanarInput:
    """Return the B-mode picture of an instance with its marks painted over, or a refusal."""
    uid = field_text(instance, "SOPInstanceUID")
    try:
        region, known = _region(instance)
        if known and region is None:
            return PlanarInput.refused(NO_REGION, uid)
        picture = _in_colours(instance)
    except BadInput:
        return PlanarInput.refused(UNREADABLE, uid)
    if picture is None:
        return PlanarInput.refused(UNKNOWN_COLOURS, uid)
    spacing = None
    if region is not None:
        x0, y0, x1, y1 = (int(value) for value in region[:4])
        picture = picture[y0 : y1 + 1, x0 : x1 + 1]
        spacing = region[4]
    marks = overlays.coloured(picture)
    if marks.mean() > MOST_COLOUR:
        return PlanarInput.refused(COLOUR, uid)
    grey = picture @ np.array(LUMA, dtype=np.float32)
    return PlanarInput(overlays.cleaned(grey, marks), spacing, uid)


def pixel_of(instance: Instance) -> tuple[float, float] | None:
    """Return mm a pixel along (rows, columns) of the B-mode picture, None where it is not said."""
    region, _ = _region(instance)
    return region[4] if region else None


def colour_frames(instance: Instance, frames: Sequence[int]) -> Floats | None:
    """Return frames as colours in 0..1, (n, h, w, 3); None where every pixel is grey or black."""
    if instance.text("PhotometricInterpretation") in ("MONOCHROME1", "MONOCHROME2"):
        return None
    found = [_colours(instance, values) for values in instance.pixels(frames)]
    pictures = [picture for picture in found if picture is not None]
    if len(pictures) < len(found) or not any(overlays.coloured(one).any() for one in pictures):
        return None
    return np.stack(pictures)


def _in_colours(instance: Instance) -> Floats | None:
    """Return the first frame as colours in 0..1, (h, w, 3); None for an unknown interpretation."""
    return _colours(instance, next(instance.pixels()))


def _colours(instance: Instance, values: NDArray[Any]) -> Floats | None:
    kind = instance.text("PhotometricInterpretation")
    bits = int((instance.numbers("BitsStored") or (8.0,))[0])
    picture = np.asarray(values, dtype=np.float32) / np.float32(2**bits - 1)
    if kind in ("MONOCHROME1", "MONOCHROME2") and picture.ndim == 2:
        picture = 1 - picture if kind == "MONOCHROME1" else picture
        return np.repeat(np.clip(picture, 0, 1)[..., None], 3, axis=2)
    if kind == "RGB" or (kind.startswith("YBR") and picture.ndim == 3):  # decoded to RGB
        return np.asarray(np.clip(picture, 0, 1), dtype=np.float32)
    return None


def _region(
    instance: Instance,
) -> tuple[tuple[int, int, int, int, tuple[float, float] | None] | None, bool]:
    """Return the largest B-mode region (x0, y0, x1, y1, mm a pixel), and whether any is named."""
    items = list(instance.header.get("SequenceOfUltrasoundRegions") or ())
    found: list[tuple[int, int, int, int, tuple[float, float] | None]] = []
    for item in items:
        kind = (*numbers_of(item, "RegionSpatialFormat"), *numbers_of(item, "RegionDataType"))
        edges = [
            int(value)
            for side in ("MinX0", "MinY0", "MaxX1", "MaxY1")
            for value in numbers_of(item, f"RegionLocation{side}")
        ]
        if kind != (TWO_D, TISSUE) or len(edges) != 4:
            continue
        x0, y0 = max(edges[0], 0), max(edges[1], 0)
        x1, y1 = min(edges[2], instance.columns - 1), min(edges[3], instance.rows - 1)
        if min(x1 - x0, y1 - y0) + 1 >= LEAST_EDGE:
            found.append((x0, y0, x1, y1, _spacing(item)))
    largest = max(found, key=lambda one: (one[2] - one[0]) * (one[3] - one[1]), default=None)
    return largest, bool(items)


def _spacing(item: Any) -> tuple[float, float] | None:
    """Return mm a pixel along (rows, columns) of a region, None where it gives no lengths."""
    units = numbers_of(item, "PhysicalUnitsXDirection"), numbers_of(item, "PhysicalUnitsYDirection")
    if units != ((CENTIMETRE,), (CENTIMETRE,)):
        return None
    deltas = numbers_of(item, "PhysicalDeltaY"), numbers_of(item, "PhysicalDeltaX")
    if not all(len(one) == 1 and one[0] for one in deltas):
        return None
    return 10 * abs(deltas[0][0]), 10 * abs(deltas[1][0])
