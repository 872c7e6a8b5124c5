"""NIfTI in and out. In memory everything is LPS and (z, y, x); NIfTI itself is RAS and (x, y, z).

Reference: NIfTI-1.1 (Cox et al. 2004), NIfTI-2; https://nifti.nimh.nih.gov
"""

from __future__ import annotations

import gzip
import zlib
from typing import Any, Final

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from suwen.core.errors import BadInput, UnsafeInput
from suwen.core.inflating import MIB, check_size, inflate
from suwen.core.settings import settings
from suwen.imaging.reading.instance import PARSER_ERRORS
from suwen.imaging.volumes.volume import Volume

_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
_HEADER_BYTES: Final = 544
_RAS_TO_LPS: Final = np.diag([-1.0, -1.0, 1.0, 1.0])
_UNIT_MM: Final = {"meter": 1000.0, "mm": 1.0, "micron": 0.001, "unknown": 1.0}
_KEPT_TYPES: Final = ("uint8", "int8", "int16", "float32")
_ERRORS = (*PARSER_ERRORS, ImageFileError, HeaderDataError)


def read_nifti(data: bytes) -> Volume:
    """Read a single-file NIfTI-1 or NIfTI-2 image, gzipped or not.

    Values keep their type where it is 8-bit, int16 or float32 and become float32 otherwise; a
    value that is no number becomes the smallest of the image.

    Raises
    ------
    UnsafeInput
        Too large, or it announces or inflates to more than `SUWEN_MAX_UPLOAD_MB`.
    BadInput
        Not a NIfTI image, damaged, not three-dimensional, or without orientation.
    """
    check_size(data, "NIfTI file")
    zipped = data[:2] == b"\x1f\x8b"
    header = _header(_head(data) if zipped else data)
    needed = _needed(header)
    raw = inflate(data, _GZIP_WINDOW, limit=needed + MIB) if zipped else data
    if len(raw) < needed:
        raise BadInput(
            f"a NIfTI file of {len(raw)} bytes",
            f"{needed} bytes as its header says",
            "send it again; the transfer was probably cut short",
        )
    kind = nib.Nifti1Image if header["sizeof_hdr"] == 348 else nib.Nifti2Image
    try:
        image = kind.from_bytes(raw)
        values = np.asanyarray(image.dataobj)
        affine = _affine(image)
    except _ERRORS:
        raise _damaged() from None
    while values.ndim > 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim != 3 or 0 in values.shape:
        raise BadInput("a NIfTI image that is not a volume", "three dimensions", "send one volume")
    return Volume(_tidy(values).T, affine)


def write_nifti(volume: Volume, level: int = 4) -> bytes:
    """Return the volume as NIfTI-1 gzipped at `level`; equal volumes give equal bytes."""
    affine = _RAS_TO_LPS @ volume.affine[:, [2, 1, 0, 3]]
    values = volume.values.astype(np.uint8) if volume.values.dtype == bool else volume.values
    image = nib.Nifti1Image(values.T, affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    packed: bytes = gzip.compress(image.to_bytes(), compresslevel=level, mtime=0)
    return packed


def _head(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(_GZIP_WINDOW).decompress(data, _HEADER_BYTES)
    except zlib.error:
        raise _damaged() from None


def _damaged() -> BadInput:
    return BadInput(
        "a file that is no intact NIfTI image",
        "single-file NIfTI-1 or NIfTI-2 (.nii or .nii.gz)",
        "export it again",
    )


def _header(raw: bytes) -> Any:
    for kind, magic in ((nib.Nifti1Header, b"n+1"), (nib.Nifti2Header, b"n+2")):
        size = kind.template_dtype.itemsize
        if len(raw) < size:
            continue
        try:
            header = kind(raw[:size], check=False)
        except _ERRORS:
            continue
        if int(header["sizeof_hdr"]) == size and bytes(header["magic"]).startswith(magic):
            return header
    raise _damaged()


def _needed(header: Any) -> int:
    """Return how many bytes the file must hold; refuse a header that announces too much."""
    try:
        rank = int(header["dim"][0])
        sizes = [int(size) for size in header["dim"][1 : rank + 1]]
        item = int(header.get_data_dtype().itemsize)
        offset = int(header["vox_offset"])
    except _ERRORS:
        raise _damaged() from None
    if not 1 <= rank <= 7 or any(size < 1 for size in sizes) or offset < 0:
        raise _damaged()
    needed = item
    for size in sizes:
        needed *= size
    needed += offset
    if needed > settings().max_upload_mb * MIB:
        raise UnsafeInput(
            f"a NIfTI header announcing {needed // MIB} MiB",
            f"at most {settings().max_upload_mb} MiB",
            "resample or crop it, or raise SUWEN_MAX_UPLOAD_MB if you trust its source",
        )
    return needed


def _affine(image: Any) -> NDArray[np.float64]:
    header = image.header
    if not int(header["sform_code"]) and not int(header["qform_code"]):
        raise BadInput(
            "a NIfTI image without orientation (sform and qform codes are zero)",
            "a scanner or aligned orientation: left and right cannot be told otherwise",
            "convert it again from DICOM, keeping the orientation",
        )
    affine = np.array(image.affine, dtype=np.float64)
    affine[:3] *= _UNIT_MM.get(header.get_xyzt_units()[0], 1.0)
    if not np.all(np.isfinite(affine)) or abs(np.linalg.det(affine)) < 1e-9:
        raise BadInput(
            "a NIfTI image with an impossible orientation",
            "an invertible, finite transform",
            "convert it again from DICOM",
        )
    turned: NDArray[np.float64] = (_RAS_TO_LPS @ affine)[:, [2, 1, 0, 3]]
    return turned


def _tidy(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind not in "iuf":
        raise BadInput(
            "a NIfTI image of colours or complex numbers",
            "one real number a voxel",
            "send the grey-scale image",
        )
    native = values.dtype.newbyteorder("=")
    values = values.astype(native if native.name in _KEPT_TYPES else np.float32, copy=False)
    if values.dtype.kind == "f" and not np.all(np.isfinite(values)):
        finite = values[np.isfinite(values)]
        floor = float(finite.min()) if finite.size else 0.0
        values = np.nan_to_num(values, nan=floor, posinf=floor, neginf=floor)
    return values
