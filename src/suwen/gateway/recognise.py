"""What kind of file it is, told by its content: the name is never looked at."""

from __future__ import annotations

import gzip
import re
import zlib
from typing import Literal

from suwen.core.codes import Text
from suwen.health.signals.recording_edf import is_edf

Kind = Literal["dicom", "nifti", "json", "document", "edf", "text"]

_PEEK = 4096
_ARRAY = re.compile(rb"\[\s*(?:[\[{\]\"\d-]|true|false|null)")
_TAG = re.compile(rb"<[?!A-Za-z]")
_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")
_VRS = (b"UI", b"UL", b"CS", b"OB", b"LO", b"SH", b"DA", b"TM", b"US")


def _reason(en: str, zh: str) -> Text:
    return Text(en=en, zh=zh)


_OTHERS: tuple[tuple[bytes, Text], ...] = (
    (b"\x89PNG", _reason("a PNG picture, not a DICOM image", "PNG 图片，不是 DICOM 图像")),
    (b"\xff\xd8\xff", _reason("a JPEG picture, not a DICOM image", "JPEG 图片，不是 DICOM 图像")),
    (b"GIF8", _reason("a GIF picture, not a DICOM image", "GIF 图片，不是 DICOM 图像")),
    (b"PK\x03\x04", _reason("a ZIP archive or Office document; unpack or export it",
                            "ZIP 压缩包或 Office 文档；请解压或导出")),
    *((magic, _reason("a compressed file or archive; unpack it", "压缩文件；请解压"))
      for magic in (b"7z\xbc\xaf", b"\xfd7zXZ", b"BZh", b"\x28\xb5\x2f\xfd", b"Rar!", b"\x1f\x9d")),
    (b"\xd0\xcf\x11\xe0", _reason("an old Office document; export its text",
                                  "旧版 Office 文档；请导出其文字")),
    (b"MSH|", _reason("an HL7 v2 message; export FHIR", "HL7 v2 消息；请导出 FHIR")),
    (b"MZ", _reason("a program", "可执行程序")),
    (b"\x7fELF", _reason("a program", "可执行程序")),
    (b"#!", _reason("a script", "脚本程序")),
)  # fmt: skip

EMPTY = _reason("the file is empty", "文件为空")
UNKNOWN = _reason(
    "its content is none of the known formats "
    "(DICOM, NIfTI, FHIR JSON, EDF, WFDB, text, RTF, HTML, C-CDA, PDF, CSV)",
    "内容不属于已知格式（DICOM、NIfTI、FHIR JSON、EDF、WFDB、文本、RTF、HTML、C-CDA、PDF、CSV）",
)
COMPRESSED = _reason("a compressed file; unpack it", "压缩文件；请解压")


def kind_of(data: bytes) -> Kind | Text:
    """Return the kind of a file, or the reason why it is none."""
    if not data:
        return EMPTY
    if data[128:132] == b"DICM" or _bare_dicom(data):
        return "dicom"
    if _nifti(data):
        return "nifti"
    if is_edf(data):
        return "edf"
    if data[:2] == b"\x1f\x8b":
        return COMPRESSED
    for magic, reason in _OTHERS:
        if data.startswith(magic):
            return reason
    start = data[:_PEEK].lstrip(b"\xef\xbb\xbf \t\r\n")
    if data.startswith((b"%PDF", b"{\\rtf")) or _TAG.match(start):
        return "document"
    if start[:1] == b"{" or _ARRAY.match(start):
        return "json"
    return "text"


def _bare_dicom(data: bytes) -> bool:
    """Say whether it begins like a data set without preamble (explicit or implicit VR)."""
    if data[:2] not in _GROUPS or len(data) < 16:
        return False
    implicit_length = int.from_bytes(data[4:8], "little")
    return data[4:6] in _VRS or (
        (data[2:4] != b"\0\0" or data[4:8] == b"\x04\0\0\0") and (implicit_length < len(data))
    )


def _nifti(data: bytes) -> bool:
    head = data[:544]
    if data[:2] == b"\x1f\x8b":
        try:
            head = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(data[: 1 << 16], 544)
        except (zlib.error, gzip.BadGzipFile):
            return False
    return head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in (b"n+2\0", b"ni2\0")
