"""Text notes in: decoded, their language and date told, kept as the bytes they came in."""

from __future__ import annotations

import re
from datetime import date

from suwen.core.codes import LOINC
from suwen.gateway.dicom_in import document
from suwen.gateway.encodings import Decoded
from suwen.gateway.intake import Reading, SourceFile

NOTE = {"coding": [{"system": LOINC, "code": "34109-9", "display": "Note"}]}
_DATE = re.compile(
    r"(?:^|\n)[^\n]{0,24}?(?:date|dated|日期|时间)\s*[:：]\s*"
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})",
    re.IGNORECASE,
)


def read_note(file: SourceFile, found: Decoded, reading: Reading) -> None:
    """Add one note as a DocumentReference."""
    reading.blobs.append(file.blob("text/plain"))
    note = document(file, "text/plain", NOTE, file.digest)
    note["content"][0]["attachment"]["language"] = found.language
    if found.encoding != "UTF-8":
        charset = f"text/plain; charset={_charset(found)}"
        note["content"][0]["attachment"]["contentType"] = charset
    if day := date_of(found.text):
        note["context"] = {"period": {"start": day}}
    reading.resources.append(note)
    language = {"en": ("English", "英文"), "zh": ("Chinese", "中文")}[found.language]
    characters = len(found.text)
    reading.accept(
        f"note in {language[0]}, {characters} characters ({found.encoding})",
        f"{language[1]}病历文本，{characters} 字符（{found.encoding}）",
    )


def _charset(found: Decoded) -> str:
    return {"Latin-1": "windows-1252"}.get(found.encoding, found.encoding.lower())


def date_of(text: str) -> str:
    """Return the first labelled date in the text as YYYY-MM-DD, empty when there is none."""
    for match in _DATE.finditer(text[:4000]):
        year, month, day = (int(part) for part in match.groups())
        try:
            return date(year, month, day).isoformat()
        except ValueError:
            continue
    return ""
