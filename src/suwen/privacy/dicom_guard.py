"""What is refused before a DICOM file is parsed: bombs, absurd nesting, what is no file of objects.

Deflated data may inflate without end and sequences may nest until the parser's stack is gone (both
seen in pydicom 3.0.2), so a walk without recursion looks at lengths and nesting first.

Reference: DICOM PS3.5 2024e sections 7.1-7.5 and A.5; PS3.10 2024e section 7.1.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

from pydicom.datadict import DicomDictionary

from suwen.core.errors import BadInput, UnsafeInput
from suwen.core.settings import settings

MIB: Final = 1024 * 1024
INFLATED_BYTES: Final = 512 * MIB
DEPTH: Final = 64
ELEMENTS: Final = 500_000
IMPLICIT: Final = frozenset({"1.2.840.10008.1.2", "1.2.840.113619.5.2"})
BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"

_PREAMBLE: Final = 128
_UNDEFINED: Final = 0xFFFFFFFF
_LONG: Final = frozenset(
    (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
)
_PIXELS: Final = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD


_EXPLICIT: Final = b"1.2.840.10008.1.2.1\0"
_SYNTAX_ELEMENT: Final = struct.pack("<HH2sH", 2, 0x10, b"UI", len(_EXPLICIT)) + _EXPLICIT
_EXPLICIT_META: Final = (
    struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(_SYNTAX_ELEMENT)) + _SYNTAX_ELEMENT
)


def is_dicom(data: bytes) -> bool:
    """Say whether it is a DICOM Part 10 file."""
    return data[_PREAMBLE : _PREAMBLE + 4] == b"DICM"


def check(data: bytes) -> bytes:
    """Return bytes that may be parsed; a deflated data set comes back inflated, its meta rewritten.

    Raises
    ------
    UnsafeInput
        Too large, too deep, too many elements, or inflating beyond 512 MiB.
    BadInput
        No DICOM Part 10 file, or one that ends within an element.
    """
    limit = settings().max_upload_mb * MIB
    if len(data) > limit:
        raise UnsafeInput(f"a file of {len(data) // MIB} MiB", f"at most {limit // MIB} MiB")
    if not is_dicom(data):
        raise BadInput(
            "no DICOM file",
            "a 128-byte preamble and the prefix DICM (PS3.10 section 7.1)",
            "export it again as DICOM Part 10",
        )
    syntax, start = _meta(data)
    if syntax == DEFLATED:
        data = data[: _PREAMBLE + 4] + _EXPLICIT_META + _inflated(data[start:])
        start = _PREAMBLE + 4 + len(_EXPLICIT_META)
    _Walk(data, start, implicit=syntax in IMPLICIT, big=syntax == BIG_ENDIAN).run()
    return data


def _meta(data: bytes) -> tuple[str, int]:
    """Return the transfer syntax and where the data set starts."""
    position, syntax = _PREAMBLE + 4, ""
    while data[position : position + 2] == b"\x02\x00":
        if position + 12 > len(data):
            raise _cut()
        long = data[position + 4 : position + 6] in _LONG
        head = 12 if long else 8
        (length,) = struct.unpack_from("<I" if long else "<H", data, position + (8 if long else 6))
        end = position + head + length
        if end > len(data):
            raise _cut()
        if data[position + 2 : position + 4] == b"\x10\x00":
            syntax = data[position + head : end].rstrip(b"\0 ").decode("ascii", "replace")
        position = end
    return syntax, position


def _cut() -> BadInput:
    return BadInput(
        "a DICOM file that ends within an element",
        "a complete file",
        "copy it again; the transfer was probably cut short",
    )


def _inflated(compressed: bytes) -> bytes:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    pieces: list[bytes] = []
    total, rest = 0, compressed
    try:
        while not stream.eof:
            piece = stream.decompress(rest, MIB)
            rest = stream.unconsumed_tail
            total += len(piece)
            if total > INFLATED_BYTES:
                raise UnsafeInput(
                    f"deflated data that grows beyond {INFLATED_BYTES // MIB} MiB",
                    "data that inflates to less",
                    "treat the file as hostile",
                )
            if not piece and not rest:
                break
            pieces.append(piece)
    except zlib.error:
        raise BadInput("damaged deflated data", "an intact stream", "copy it again") from None
    if not stream.eof:
        raise _cut()
    return b"".join(pieces)


class _Walk:
    """One pass over a data set without recursion; the stack holds (end or None, is sequence)."""

    def __init__(self, data: bytes, start: int, *, implicit: bool, big: bool) -> None:
        self.data, self.position, self.order = data, start, ">" if big else "<"
        self.implicit = implicit
        self.stack: list[tuple[int | None, bool, bool]] = []
        self.depth = self.elements = 0

    def run(self) -> None:
        """Walk to the end, or to the pixel data."""
        while True:
            while self.stack and (end := self.stack[-1][0]) is not None and self.position >= end:
                self._close()
            if self.position + 8 > len(self.data):
                if any(self.data[self.position :]):
                    raise _cut()
                return  # zeros after the last element are seen in real files
            group, element = struct.unpack_from(f"{self.order}HH", self.data, self.position)
            tag = group << 16 | element
            if tag in _PIXELS and not self.stack:
                self._pixels()
                return
            self._delimiter(tag) if group == 0xFFFE else self._element(tag)

    def _pixels(self) -> None:
        vr = self.data[self.position + 4 : self.position + 6]
        at = 4 if self.implicit or vr not in _LONG else 8
        if self.position + at + 4 > len(self.data):
            raise _cut()
        (length,) = struct.unpack_from(f"{self.order}I", self.data, self.position + at)
        if length != _UNDEFINED and self.position + at + 4 + length > len(self.data):
            raise _cut()

    def _open(self, end: int | None, *, sequence: bool) -> None:
        self.stack.append((end, sequence, self.implicit))
        self.depth += sequence
        if self.depth > DEPTH:
            raise UnsafeInput(
                f"sequences nested deeper than {DEPTH}", "the few levels of real ones"
            )

    def _close(self) -> None:
        _, sequence, self.implicit = self.stack.pop()
        self.depth -= sequence

    def _count(self) -> None:
        self.elements += 1
        if self.elements > ELEMENTS:
            raise UnsafeInput(f"more than {ELEMENTS} elements", "the thousands of a real object")

    def _delimiter(self, tag: int) -> None:
        (length,) = struct.unpack_from(f"{self.order}I", self.data, self.position + 4)
        self.position += 8
        if tag == _ITEM:
            self._count()
            end = None if length == _UNDEFINED else self.position + length
            if end is not None and end > len(self.data):
                raise _cut()
            self._open(end, sequence=False)
        elif self.stack and self.stack[-1][1] is (tag == _SEQUENCE_END):
            self._close()

    def _element(self, tag: int) -> None:
        self._count()
        vr = self.data[self.position + 4 : self.position + 6]
        layout, at = "I", 4
        if not self.implicit:
            layout, at = ("I", 8) if vr in _LONG else ("H", 6)
        start = self.position + at + (4 if layout == "I" else 2)
        if start > len(self.data):
            raise _cut()
        (length,) = struct.unpack_from(self.order + layout, self.data, self.position + at)
        unknown = self.implicit or vr == b"UN"
        known = DicomDictionary.get(tag, ("",))[0]
        nested = length == _UNDEFINED or (known == "SQ" if unknown else vr == b"SQ")
        if length != _UNDEFINED and start + length > len(self.data):
            raise _cut()
        self.position = start if nested else start + length
        if nested:
            self._open(None if length == _UNDEFINED else start + length, sequence=True)
            self.implicit = self.implicit or vr == b"UN"
