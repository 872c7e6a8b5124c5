"""The guard in front of every DICOM parser: refuse before parsing what could harm the reader.

What is refused, measured against pydicom 3.0.2: files over the size limit, deflated data that
inflates beyond 512 MiB (a 306 KB file otherwise grows by 599 MiB), sequences nested deeper than 100
(300 exhausts Python's stack), more elements than any real object holds, and preambles that make
the file a program as well (DICOM PS3.10 section 7.1 leaves 128 bytes open; the "PE/DICOM" polyglot
uses them). A preamble of zeros or a TIFF header is what the standard means; any other harmless
bytes are tolerated, noted, and never written out again. A file without preamble and `DICM` is not a
DICOM file here, whatever it may contain: PS3.10 requires both, and guessing has been an entry for
hostile input.

References: DICOM PS3.5 2024e sections 7.1-7.5 and A.4-A.5; PS3.10 2024e section 7.1.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from suwen.core.errors import BadInput, UnsafeInput
from suwen.core.inflating import check_size, inflate

DEPTH: Final = 100
ELEMENTS: Final = 500_000
"""Most data elements and items; pydicom takes about 650 bytes and 50 microseconds an item."""

IMPLICIT: Final = frozenset({"1.2.840.10008.1.2", "1.2.840.113619.5.2"})
BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
EXPLICIT: Final = "1.2.840.10008.1.2.1"

_UNDEFINED = 0xFFFFFFFF
_LONG_VRS = frozenset(
    (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
)
_PIXELS = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

_HOSTILE_PREAMBLES = (
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
    (b"#!", "a script"),
    (b"\xca\xfe\xba\xbe", "a Java class or Mac program"),
    (b"\xcf\xfa\xed\xfe", "a Mac program"),
    (b"\xce\xfa\xed\xfe", "a Mac program"),
    (b"\xfe\xed\xfa", "a Mac program"),
    (b"PK\x03\x04", "a ZIP or Java archive"),
    (b"%PDF", "a PDF document"),
    (b"<", "markup or a script"),
)
_OTHER_FORMATS = (
    *_HOSTILE_PREAMBLES,
    (b"\x28\xb5\x2f\xfd", "Zstandard-compressed data"),
    (b"\x1f\x8b", "gzip-compressed data"),
    (b"BZh", "bzip2-compressed data"),
    (b"\xfd7zXZ", "xz-compressed data"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Salted__", "data encrypted by OpenSSL"),
    (b"age-encryption", "data encrypted by age"),
    (b"-----BEGIN", "an armoured key or message"),
    (b"\x30\x82", "an ASN.1 envelope (encrypted or signed CMS)"),
    (b"\x30\x80", "an ASN.1 envelope (encrypted or signed CMS)"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x02\x00", "a DICOM data set without preamble and prefix"),
    (b"\x08\x00", "a DICOM data set without preamble and prefix"),
    (b"\x00\x08", "a DICOM data set without preamble and prefix"),
)


@dataclass(frozen=True)
class Checked:
    """Bytes that may be parsed, and what the guard learnt about them.

    `data` equals the input, except that a deflated data set comes back inflated as Explicit VR
    Little Endian. `cut`: the file ends within an element (what comes before it can be read).
    `pixels`: bytes the pixel data declares (encapsulated: bytes of its fragments); None without
    pixel data. `missing`: how many of them the file lacks.
    """

    data: bytes = field(repr=False)
    transfer_syntax: str
    elements: int
    depth: int
    pixels: int | None
    missing: int
    encapsulated: bool
    cut: bool
    odd_preamble: bool


def is_dicom(data: bytes) -> bool:
    """Say whether it is a DICOM Part 10 file."""
    return data[128:132] == b"DICM"


def check(data: bytes, is_sequence: Callable[[int], bool]) -> Checked:
    """Check a DICOM Part 10 file before any parser sees it.

    Parameters
    ----------
    data
        The file.
    is_sequence
        Whether the data dictionary (PS3.6) gives a tag the value representation SQ: implicit files
        do not say it themselves.

    Raises
    ------
    UnsafeInput
        Too large, too deep, inflating too far, or a program in its preamble.
    BadInput
        Not a DICOM file, encrypted, or cut short within its file meta information.
    """
    check_size(data, "DICOM file")
    odd = _check_preamble(data)
    syntax, start = _meta(data)
    if syntax == DEFLATED:
        data = data[:132] + _EXPLICIT_META + inflate(data[start:])
        start = 132 + len(_EXPLICIT_META)
    walk = _Walk(data, start, is_sequence, implicit=syntax in IMPLICIT, big=syntax == BIG_ENDIAN)
    walk.run()
    return Checked(
        data,
        syntax,
        walk.elements,
        walk.deepest,
        walk.pixels,
        walk.missing,
        walk.encapsulated,
        walk.cut,
        odd,
    )


def _explicit_meta() -> bytes:
    uid = EXPLICIT.encode() + b"\0" * (len(EXPLICIT) % 2)
    body = struct.pack("<HH2sH", 2, 0x10, b"UI", len(uid)) + uid
    return struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(body)) + body


_EXPLICIT_META = _explicit_meta()


def _check_preamble(data: bytes) -> bool:
    """Refuse what is not DICOM or is also something else; say whether the preamble is odd."""
    if not is_dicom(data):
        found = next((name for magic, name in _OTHER_FORMATS if data.startswith(magic)), "")
        raise BadInput(
            f"the file is no DICOM file{', it looks like ' + found if found else ''}",
            "a 128-byte preamble and the prefix DICM (DICOM PS3.10 section 7.1)",
            "export it again as DICOM Part 10, uncompressed and unencrypted on disk",
        )
    for magic, name in _HOSTILE_PREAMBLES:
        if data.startswith(magic):
            raise UnsafeInput(
                f"the DICOM preamble holds {name}",
                "zeros or a TIFF header",
                "treat the file as hostile; if its source is trusted, clear the first 128 bytes",
            )
    return any(data[:128]) and data[:4] not in (b"II*\0", b"MM\0*")


def _meta(data: bytes) -> tuple[str, int]:
    """Return the transfer syntax UID and where the data set starts."""
    position, syntax = 132, ""
    while position + 8 <= len(data) and data[position : position + 2] == b"\x02\x00":
        vr = data[position + 4 : position + 6]
        if vr in _LONG_VRS:
            if position + 12 > len(data):
                raise _cut(len(data))
            (length,), head = struct.unpack_from("<I", data, position + 8), 12
        else:
            (length,), head = struct.unpack_from("<H", data, position + 6), 8
        end = position + head + length
        if end > len(data):
            raise _cut(len(data))
        if data[position + 2 : position + 4] == b"\x10\x00":
            syntax = data[position + head : end].rstrip(b"\0 ").decode("ascii", "replace")
        position = end
    return syntax, position


def _cut(size: int) -> BadInput:
    return BadInput(
        f"the DICOM file ends within an element, at byte {size}",
        "a complete file",
        "send or copy it again; the transfer was probably cut short",
    )


class _Walk:
    """One pass over a data set without recursion: counts, depth, ends of elements.

    The stack holds one entry an open sequence or item: (end or None when delimited, is sequence,
    implicit VR inside).
    """

    def __init__(
        self,
        data: bytes,
        start: int,
        is_sequence: Callable[[int], bool],
        *,
        implicit: bool,
        big: bool,
    ) -> None:
        self.data = data
        self.is_sequence = is_sequence
        self.position = start
        self.implicit = implicit
        self.order = ">" if big else "<"
        self.stack: list[tuple[int | None, bool, bool]] = []
        self.depth = self.deepest = self.elements = self.missing = 0
        self.pixels: int | None = None
        self.cut = self.encapsulated = False
        self.fresh = True

    def run(self) -> None:
        """Walk to the end of the data."""
        size = len(self.data)
        while True:
            while self.stack and (end := self.stack[-1][0]) is not None and self.position >= end:
                self._close()
            if self.position >= size:
                return
            if self.position + 8 > size:
                # zero padding after the last element is seen in real files
                self.cut = any(self.data[self.position :])
                return
            group, element = struct.unpack_from(f"{self.order}HH", self.data, self.position)
            tag = group << 16 | element
            if not (self._delimiter(tag) if group == 0xFFFE else self._element(tag)):
                return

    def _close(self) -> None:
        _, is_sequence, self.implicit = self.stack.pop()
        self.depth -= is_sequence

    def _open(self, end: int | None, *, sequence: bool) -> None:
        self.stack.append((end, sequence, self.implicit))
        if sequence:
            self.depth += 1
            self.deepest = max(self.deepest, self.depth)
            if self.depth > DEPTH:
                raise UnsafeInput(
                    f"sequences nested deeper than {DEPTH}",
                    "the few levels real objects have",
                    "treat the file as hostile",
                )

    def _end(self) -> bool:
        self.cut = True
        return False

    def _delimiter(self, tag: int) -> bool:
        (length,) = struct.unpack_from(f"{self.order}I", self.data, self.position + 4)
        self.position += 8
        if tag == _ITEM:
            self._count()
            end = None if length == _UNDEFINED else self.position + length
            if end is not None and end > len(self.data):
                return self._end()
            self._open(end, sequence=False)
            self.fresh = True
        elif self.stack and self.stack[-1][1] is (tag == _SEQUENCE_END):
            self._close()
        return True

    def _count(self) -> None:
        self.elements += 1
        if self.elements > ELEMENTS:
            raise UnsafeInput(
                f"more than {ELEMENTS} data elements",
                "the thousands a real object has",
                "split the object, or treat the file as hostile",
            )

    def _element(self, tag: int) -> bool:
        """Step over, or into, one element; False where walking on makes no sense."""
        self._count()
        vr = self.data[self.position + 4 : self.position + 6]
        if self.fresh:  # writers exist that switch the encoding within one object
            self.implicit = not (vr.isalpha() and vr.isupper())
            self.fresh = False
        layout, at = "I", 4
        if not self.implicit:
            layout, at = ("I", 8) if vr in _LONG_VRS else ("H", 6)
        start = self.position + at + (4 if layout == "I" else 2)
        if start > len(self.data):
            return self._end()
        (length,) = struct.unpack_from(self.order + layout, self.data, self.position + at)
        if tag in _PIXELS and not self.stack:
            return self._pixel_data(start, length)
        unknown_vr = self.implicit or vr == b"UN"
        nested = length == _UNDEFINED or (self.is_sequence(tag) if unknown_vr else vr == b"SQ")
        if length != _UNDEFINED and start + length > len(self.data):
            return self._end()
        self.position = start if nested else start + length
        if nested:
            self._open(None if length == _UNDEFINED else start + length, sequence=True)
            self.implicit = self.implicit or vr == b"UN"
        return True

    def _pixel_data(self, start: int, length: int) -> bool:
        if length != _UNDEFINED:
            self.pixels = length
            self.missing = max(0, start + length - len(self.data))
            self.position = start + length
            return True
        self.pixels, self.encapsulated = 0, True
        self.position = start
        while self.position + 8 <= len(self.data):
            group, element, size = struct.unpack_from(f"{self.order}HHI", self.data, self.position)
            self.position += 8
            if (group << 16 | element) != _ITEM or size == _UNDEFINED:
                return bool((group << 16 | element) == _SEQUENCE_END)
            self._count()
            self.pixels += size
            self.position += size
        self.missing = max(1, self.position - len(self.data))
        return False
