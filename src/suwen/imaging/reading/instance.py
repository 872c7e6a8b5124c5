"""One DICOM instance: its header and its pixels, behind the guard.

Strict about what could mislead (sizes, truncation, undecodable fields), tolerant about what does
not matter (odd private elements, wrong VRs elsewhere). Whatever a parser or a codec raises comes
out as one `BadInput` that names the field, never its value.

Reference: DICOM PS3.3 2024e section C.7.6.3 (Image Pixel), C.11.1 (Modality LUT).
"""

from __future__ import annotations

import logging
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from io import BytesIO
from math import isfinite
from typing import Any, Final

from numpy.typing import NDArray
from pydicom import config, dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.pixels import pixel_array
from pydicom.uid import UID

from suwen.core.dicom_guard import Checked
from suwen.core.errors import BadInput, UnsafeInput
from suwen.core.inflating import MIB
from suwen.imaging.reading.guard import FRAME_BYTES, PIXEL_BYTES, check_dicom
from suwen.imaging.reading.problem import Problem, refusal, warning

PARSER_ERRORS: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What pydicom and the codecs are known to raise on damaged input."""

MAY_BE_EMPTY: Final = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "AccessionNumber", "StudyID", "ReferringPhysicianName"),
)
"""Fields of type 2 of the patient and the study (PS3.3 sections C.7.1.1 and C.7.2.1)."""

_START_OF_FRAME = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), 0xF7))
_STANDALONE = frozenset((0x01, *range(0xD0, 0xDA)))

# pydicom quotes field values in its warnings: they must not reach a log.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)


@contextmanager
def quiet_parser() -> Iterator[None]:
    """Run a parser without its warnings, which quote field values."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def headers_for(what: str, modules: str) -> Iterator[None]:
    """Write an object that refers to source images; what they lack is one clear error.

    Parameters
    ----------
    what
        The object, with its article.
    modules
        The modules of the source headers that it copies.

    Raises
    ------
    BadInput
        The headers lack something of them.
    """
    try:
        with quiet_parser():
            yield
    except PARSER_ERRORS:
        raise BadInput(
            f"headers of the source images that {what} cannot refer to",
            modules,
            "complete the source images",
        ) from None


def header_field(header: Dataset, keyword: str) -> Any:
    """Return a field's decoded value, None when absent or empty.

    Raises
    ------
    BadInput
        The value cannot be decoded.
    """
    try:
        with quiet_parser():
            value = header.get(keyword)
    except PARSER_ERRORS:
        raise _unreadable(keyword) from None
    return None if value is None or value == "" else value


def text_of(header: Dataset, keyword: str) -> str:
    """Return a field as text, several values joined by a backslash; empty when absent."""
    value = header_field(header, keyword)
    if value is None:
        return ""
    parts = value if isinstance(value, MultiValue | list) else [value]
    return "\\".join(str(part) for part in parts).strip(" \0")


def numbers_of(header: Dataset, keyword: str) -> tuple[float, ...]:
    """Return a field as finite numbers; an empty tuple when absent.

    Raises
    ------
    BadInput
        A value is no finite number.
    """
    value = header_field(header, keyword)
    if value is None:
        return ()
    parts = value if isinstance(value, MultiValue | list) else [value]
    try:
        numbers = tuple(float(part) for part in parts)
    except PARSER_ERRORS:
        raise _unreadable(keyword) from None
    if not all(isfinite(number) for number in numbers):
        raise _unreadable(keyword)
    return numbers


def _unreadable(keyword: str) -> BadInput:
    return BadInput(
        f"the DICOM field {keyword} cannot be read",
        "a value of its type (DICOM PS3.6)",
        "ask the sender for a corrected object",
    )


@dataclass(frozen=True)
class Instance:
    """A DICOM instance whose bytes passed the guard.

    `header` is the data set without its pixels. `load` returns the file's bytes again when pixels
    are wanted, so that a long series need not be held in memory.
    """

    header: Dataset = field(repr=False)
    load: Callable[[], bytes] = field(repr=False)
    transfer_syntax: str
    problems: tuple[Problem, ...] = ()
    rows: int = 0
    columns: int = 0
    frames: int = 1
    pixel_bytes: int | None = None

    def text(self, keyword: str) -> str:
        """Return a header field as text, empty when absent."""
        return text_of(self.header, keyword)

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """Return a header field as finite numbers, empty when absent."""
        return numbers_of(self.header, keyword)

    @property
    def referable(self) -> Dataset:
        """The header as other objects copy from it: what it may leave empty but not out is there.

        Many files lack fields of type 2 (PS3.5 section 7.4.3) of their patient and study.
        """
        lacking = [keyword for keyword in MAY_BE_EMPTY if keyword not in self.header]
        if not lacking:
            return self.header
        completed = copy(self.header)
        for keyword in lacking:
            setattr(completed, keyword, "")
        return completed

    @property
    def has_pixels(self) -> bool:
        """Say whether the object carries an image."""
        return self.pixel_bytes is not None and self.rows > 0 and self.columns > 0

    def pixels(self, frames: Sequence[int] | None = None) -> Iterator[NDArray[Any]]:
        """Yield the stored values of each frame, shape (rows, columns[, samples]).

        Raises
        ------
        BadInput
            There are no pixels, too few bytes, or no decoder understands them.
        UnsafeInput
            The compressed picture is larger than the header says.
        """
        if not self.has_pixels:
            raise BadInput("the DICOM object has no pixels", "an image", "send the image itself")
        checked = check_dicom(self.load())
        dataset = _parse(checked, pixels=True)
        for frame in range(self.frames) if frames is None else frames:
            if checked.encapsulated:
                _check_codestream(self, dataset, frame)
            yield self._decode(dataset, frame)

    def _decode(self, dataset: Dataset, frame: int) -> NDArray[Any]:
        try:
            with quiet_parser():
                array = pixel_array(dataset, index=frame)
        except PARSER_ERRORS:
            raise BadInput(
                f"the pixels of the DICOM object cannot be decoded "
                f"(transfer syntax {_syntax_name(self.transfer_syntax)})",
                "complete pixel data in a transfer syntax this installation decodes",
                "export the object again, best as Explicit VR Little Endian",
            ) from None
        if array.shape[:2] != (self.rows, self.columns):
            raise BadInput(
                f"a decoded frame of shape {array.shape}",
                f"{self.rows} rows and {self.columns} columns as the header says",
                "ask the sender for a corrected object",
            )
        decoded: NDArray[Any] = array
        return decoded


def read_instance(data: bytes, load: Callable[[], bytes] | None = None) -> Instance:
    """Read the header of one DICOM file, after the guard.

    Parameters
    ----------
    data
        The whole file.
    load
        How to get the same bytes again for the pixels; by default they are kept.

    Raises
    ------
    UnsafeInput
        Refused by the guard, or the header announces pixels beyond all measure.
    BadInput
        Not a readable DICOM file.
    """
    checked = check_dicom(data)
    header = _parse(checked, pixels=False)
    sizes, problems = _sizes(header)
    rows, columns, frames, samples, bits = sizes
    frame_bytes = rows * columns * samples * max(1, (bits + 7) // 8)
    if frame_bytes > FRAME_BYTES or frame_bytes * frames > PIXEL_BYTES:
        raise UnsafeInput(
            f"a DICOM header announcing {frame_bytes * frames // MIB} MiB of pixels",
            f"at most {FRAME_BYTES // MIB} MiB a frame and {PIXEL_BYTES // MIB} MiB in all",
            "check Rows, Columns, SamplesPerPixel and NumberOfFrames",
        )
    instance = Instance(
        header, load or (lambda: data), checked.transfer_syntax, (), rows, columns, frames,
        checked.pixels,
    )  # fmt: skip
    wanted = (rows * columns * samples * bits * frames + 7) // 8
    if instance.text("PhotometricInterpretation") == "YBR_FULL_422":
        wanted = wanted * 2 // 3  # two pixels share their chroma
    problems += _found_by_guard(checked, instance, wanted)
    return Instance(
        header, instance.load, checked.transfer_syntax, tuple(problems), rows, columns, frames,
        checked.pixels,
    )  # fmt: skip


def _parse(checked: Checked, *, pixels: bool) -> Dataset:
    # pydicom validates every value on reading otherwise, and quotes it in the warning
    config.settings.reading_validation_mode = config.IGNORE
    try:
        with quiet_parser():
            dataset = dcmread(BytesIO(checked.data), stop_before_pixels=not pixels)
            dataset.buffer = None  # else pydicom keeps the whole file alive with the header
            dataset.get("SpecificCharacterSet")  # decoded now: every text field needs it
    except PARSER_ERRORS:
        raise BadInput(
            "the DICOM data set cannot be parsed",
            "data elements as in DICOM PS3.5",
            "ask the sender for a corrected object",
        ) from None
    return dataset


def _sizes(header: Dataset) -> tuple[list[int], list[Problem]]:
    """Return rows, columns, frames, samples and bits; an unreadable one becomes a refusal."""
    sizes: list[int] = []
    problems: list[Problem] = []
    for keyword, default in (
        ("Rows", 0),
        ("Columns", 0),
        ("NumberOfFrames", 1),
        ("SamplesPerPixel", 1),
        ("BitsAllocated", 0),
    ):
        try:
            values = numbers_of(header, keyword)
            size = int(values[0]) if values else default
            if size < 0:
                raise _unreadable(keyword)
        except BadInput as error:
            size = default
            problems.append(
                refusal("bad-field", f"{error.got}.", f"无法读取 DICOM 字段 {keyword}。")
            )
        sizes.append(size)
    sizes[2] = max(1, sizes[2])
    return sizes, problems


def _found_by_guard(checked: Checked, instance: Instance, wanted: int) -> list[Problem]:
    problems = []
    short = checked.pixels is not None and not checked.encapsulated and checked.pixels < wanted
    if checked.missing or short:
        problems.append(
            refusal(
                "pixels-cut-short",
                "The pixel data is shorter than the header announces.",
                "像素数据比头文件声明的短。",
            )
        )
    if checked.cut:
        complete = instance.has_pixels and not checked.missing
        build = warning if complete else refusal
        problems.append(
            build("cut-short", "The file ends within an element.", "文件在一个数据元素中间中断。")
        )
    if checked.odd_preamble:
        problems.append(
            warning(
                "odd-preamble",
                "The preamble holds bytes that mean nothing; they were ignored.",
                "前导区含有无意义字节，已忽略。",
            )
        )
    return problems


def _syntax_name(uid: str) -> str:
    return UID(uid).name if uid and UID(uid).is_valid else "unknown"


def _check_codestream(instance: Instance, dataset: Dataset, frame: int) -> None:
    """Refuse a compressed frame whose own header announces a larger picture than DICOM's."""
    try:
        stream = get_frame(dataset.PixelData, frame, number_of_frames=instance.frames)
        size = codestream_size(stream)
    except PARSER_ERRORS:
        return  # the decoder says it, in one place
    if size is not None and size[0] * size[1] > 2 * instance.rows * instance.columns:
        raise UnsafeInput(
            f"a compressed picture of {size[0]} x {size[1]} pixels",
            f"{instance.rows} x {instance.columns} as the DICOM header says",
            "treat the file as hostile, or ask the sender for a corrected object",
        )


def codestream_size(stream: bytes) -> tuple[int, int] | None:
    """Return (rows, columns) from the header of a JPEG, JPEG-LS or JPEG 2000 stream, or None."""
    start = stream.find(b"\xff\x4f\xff\x51", 0, 512)
    if start >= 0:
        x1, y1, x0, y0 = struct.unpack_from(">4I", stream, start + 8)
        return y1 - y0, x1 - x0
    if stream[:2] != b"\xff\xd8":
        return None
    position = 2
    while position + 9 < len(stream):
        if stream[position] != 0xFF:
            return None
        marker = stream[position + 1]
        if marker == 0xFF or marker in _STANDALONE:
            position += 1 if marker == 0xFF else 2
            continue
        if marker in _START_OF_FRAME:
            rows, columns = struct.unpack_from(">HH", stream, position + 5)
            return rows, columns
        position += 2 + struct.unpack_from(">H", stream, position + 2)[0]
    return None
