"""The single pictures of a Case: DICOM instances without a volume, ready for the 2D tasks.

Radiographs and ultrasound have no place in the patient frame: each instance is read by itself.
What a picture is worth is decided here once: window, inversion, colour, many frames.

Reference: DICOM PS3.3 2024e section C.7.6.3 (Image Pixel), C.11.2 (VOI LUT), C.8.11.3 (DX Image).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut

from suwen.core.codes import Text
from suwen.core.errors import BadInput, SuwenError
from suwen.core.nouns import Case, RecordValue, digest_of
from suwen.imaging.case.series import CaseSeries, case_series
from suwen.imaging.pictures.picture import Floats, PlanarInput, resized
from suwen.imaging.reading.assembly import Series
from suwen.imaging.reading.instance import PARSER_ERRORS, Instance, quiet_parser
from suwen.imaging.reading.safety import field_text
from suwen.lifecycle.examples import Sample

LONGEST_EDGE: Final = 1024
"""Pictures are reduced to this edge: four times what any 2D network reads."""
LUMA: Final = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in a grey value (ITU-R BT.601)."""
OF_VOLUMES: Final = frozenset(
    {"no-geometry", "mixed-grids", "colour", "same-position", "mixed-orientations"}
)
"""Problems that keep a volume from being built and say nothing against a single picture."""

PLANAR: Final = frozenset({"DX", "CR", "US"})
"""Modalities whose instances are pictures by themselves."""

CINE: Final = Text(
    en="The object holds many frames (a cine loop); send the frame that is asked about by itself.",
    zh="该对象含多帧（动态影像）；请单独发送需要判读的一帧。",
)
UNREADABLE: Final = Text(en="The pixels of the picture cannot be read.", zh="无法读取图像像素。")
FLAT: Final = Text(en="The picture is the same everywhere.", zh="图像各处灰度相同。")

_INSTANCE: Final = ".instance.where(uid="
Check = Callable[[Instance], Text | None]
"""Says why a task cannot answer about an instance; None when nothing speaks against it."""
Read = Callable[[Instance], PlanarInput]
"""Reads the picture of an instance of one frame, or refuses it."""


def planar_samples(
    case: Case, modalities: frozenset[str], check: Check, read: Read | None = None
) -> list[Sample]:
    """Return one sample for each picture of the Case in one of the modalities.

    Parameters
    ----------
    case
        What is recorded about the patient.
    modalities
        DICOM modalities, for example DX and CR.
    check
        What the task itself requires of a header.
    read
        How the picture of an instance of one frame is read; by default `planar_input`.
    """
    found: dict[str, Sample] = {}
    for series in case_series(case):
        if series.modality in modalities and series.source is not None:
            for sample in _of_series(series, check, read or planar_input):
                found.setdefault(sample.key, sample)
    return list(found.values())


def holds_pictures(series: Series) -> bool:
    """Say whether a series without a volume holds single pictures that may be read."""
    against = [one for one in series.problems if one.refuses and one.code not in OF_VOLUMES]
    return series.modality in PLANAR and not against


def _of_series(series: CaseSeries, check: Check, read: Read) -> Iterator[Sample]:
    against = [one for one in series.problems if one.refuses and one.code not in OF_VOLUMES]
    for instance in series.source.instances if series.source else ():
        if not instance.has_pixels:
            continue
        uid = field_text(instance, "SOPInstanceUID")
        why = against[0].text if against else _refusal(instance, check)
        data = PlanarInput.refused(why, uid) if why else read(instance)
        place = f"series.where(uid='{series.series_uid}'){_INSTANCE}'{uid}').uid"
        yield Sample(
            key=f"{series.series_uid}/{uid}",
            data=data,
            evidence=(RecordValue(record=series.reference, path=f"ImagingStudy.{place}"),),
            inputs=(series.reference, f"blob/{digest_of(instance.load())}"),
        )


def instance_in(path: str) -> str:
    """Return the SOP Instance UID that an evidence's path names; an empty text without one."""
    return path.partition(_INSTANCE + "'")[2].partition("'")[0]


def _refusal(instance: Instance, check: Check) -> Text | None:
    if refusing := [problem for problem in instance.problems if problem.refuses]:
        return refusing[0].text
    return CINE if instance.frames > 1 else check(instance)


def planar_input(instance: Instance) -> PlanarInput:
    """Return the picture of an instance of one frame, or the reason why there is none."""
    uid = field_text(instance, "SOPInstanceUID")
    try:
        image = picture_of(instance)
        spacing = instance.numbers("PixelSpacing") or instance.numbers("ImagerPixelSpacing")
    except SuwenError:
        return PlanarInput.refused(UNREADABLE, uid)
    if np.ptp(image) == 0:
        return PlanarInput.refused(FLAT, uid)
    scale = max(1.0, max(image.shape) / LONGEST_EDGE)
    small = resized(image, (round(image.shape[0] / scale), round(image.shape[1] / scale)))
    known = len(spacing) == 2 and min(spacing) > 0
    mm = (spacing[0] * scale, spacing[1] * scale) if known else None
    return PlanarInput(np.clip(small, 0, 1), mm, uid)


def picture_of(instance: Instance) -> Floats:
    """Return the first frame as grey values in 0..1; see `grey_frames`."""
    return grey_frames(instance, [0])[0]


def grey_frames(instance: Instance, frames: Sequence[int]) -> list[Floats]:
    """Return some frames as grey values in 0..1, brighter is denser, each (rows, columns).

    Colour becomes grey; the first window or VOI LUT of the header is applied; MONOCHROME1 is
    inverted; padding becomes black. Frames of one instance are levelled each by itself.

    Raises
    ------
    BadInput
        The pixels cannot be decoded, or the header contradicts them.
    """
    return [_levelled(stored, instance) for stored in instance.pixels(frames)]


def _levelled(stored: NDArray[Any], instance: Instance) -> Floats:
    kind = instance.text("PhotometricInterpretation")
    try:
        with quiet_parser():
            values = _grey(stored, instance, kind)
    except PARSER_ERRORS:
        raise BadInput(
            "a picture whose window or palette cannot be applied",
            "a header as in DICOM PS3.3 C.7.6.3 and C.11.2",
            "ask the sender for a corrected object",
        ) from None
    low, high = float(values.min()), float(values.max())
    image = (values - low) / max(high - low, 1e-12)
    if kind == "MONOCHROME1":
        image = 1 - image
    padding = instance.numbers("PixelPaddingValue")
    if padding and stored.ndim == 2:
        image[stored == padding[0]] = 0
    return np.asarray(image, dtype=np.float32)


def _grey(stored: NDArray[Any], instance: Instance, kind: str) -> NDArray[np.float64]:
    """Return grey values of one frame, with the header's window applied."""
    if kind == "PALETTE COLOR":
        stored = apply_color_lut(stored, instance.header)
    if stored.ndim == 3:
        return np.asarray(stored[..., :3].astype(float) @ np.array(LUMA))
    rescaled = apply_modality_lut(stored, instance.header)
    return np.asarray(apply_voi_lut(rescaled, instance.header), dtype=float)
