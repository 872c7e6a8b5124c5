"""Files of a folder, told by content: DICOM, FHIR JSON, HL7 v2, a table or a note."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from suwen.core.dicom_guard import is_dicom
from suwen.core.encodings import decode
from suwen.core.errors import BadInput, SuwenError
from suwen.privacy import tables
from suwen.privacy.hl7 import messages as hl7

Kind = Literal["dicom", "fhir", "hl7", "table", "note"]
SUFFIX: Final[dict[Kind, str]] = {
    "dicom": "dcm",
    "fhir": "ndjson",
    "hl7": "hl7",
    "table": "csv",
    "note": "txt",
}
_FRAMES: Final = bytes.maketrans(b"\x0b\x1c", b"\r\r")
"""Start and end of an HL7 message on the wire (MLLP), read as line ends."""


@dataclass(frozen=True)
class File:
    """One file of a folder, by its number in the order of paths."""

    number: int
    path: Path
    kind: Kind

    def read(self) -> bytes:
        """Return the bytes.

        Raises
        ------
        BadInput
            It cannot be read.
        """
        return _bytes(self.path)


@dataclass(frozen=True)
class Refused:
    """A file that was left out, by its number, its place and the one reason."""

    number: int
    path: Path
    error: SuwenError


def files(source: Path) -> Iterator[File | Refused]:
    """Yield the files below a folder, those that are no input with the reason."""
    paths = sorted(path for path in source.rglob("*") if path.is_file())
    for number, path in enumerate(paths, 1):
        try:
            if path.is_symlink():
                raise BadInput("a link", "a file", "copy what it leads to")
            yield File(number, path, kind_of(_bytes(path)))
        except SuwenError as error:
            yield Refused(number, path, error)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"a file that cannot be read ({type(error).__name__})") from None


def kind_of(data: bytes) -> Kind:
    """Return what a file is.

    Raises
    ------
    BadInput
        It is none of them.
    """
    if is_dicom(data):
        return "dicom"
    if hl7.is_hl7(data):
        return "hl7"
    text = decoded(data)
    if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
        return "fhir"
    return "note" if tables.read(text) is None else "table"


def decoded(data: bytes) -> str:
    """Return the text of a file, in whatever encoding it is, or each of its lines.

    Raises
    ------
    BadInput
        It is empty or no text.
    """
    found = decode(data.translate(_FRAMES))
    if found is None:
        raise BadInput(
            "a file that is none of DICOM, FHIR JSON, HL7 v2, a table or text",
            "one of these",
            "export its content, or leave it out",
        )
    return found.text
