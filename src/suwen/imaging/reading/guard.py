"""The guard in front of every image parser: refuse before parsing what could harm the reader.

The walk over the file is `core.dicom_guard`; here are the limits of decoded pixels.
"""

from __future__ import annotations

from typing import Final

from pydicom.datadict import DicomDictionary

from suwen.core import dicom_guard
from suwen.core.dicom_guard import Checked
from suwen.core.inflating import MIB

PIXEL_BYTES: Final = 4096 * MIB
"""Most bytes an object's decoded pixels may take."""
FRAME_BYTES: Final = 512 * MIB
"""Most bytes one decoded frame may take."""


def check_dicom(data: bytes) -> Checked:
    """Check a DICOM Part 10 file before any parser sees it.

    Raises
    ------
    UnsafeInput
        Too large, too deep, inflating too far, or a program in its preamble.
    BadInput
        Not a DICOM file, encrypted, or cut short within its file meta information.
    """
    return dicom_guard.check(data, lambda tag: DicomDictionary.get(tag, ("",))[0] == "SQ")
