"""Text notes in: decoded, their language and date told, kept as the bytes they came in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from suwen.core.codes import LOINC
from suwen.core.encodings import Decoded
from suwen.gateway.dicom_in import document
from suwen.gateway.identity import name_forms
from suwen.gateway.intake import Claim, Reading, SourceFile

HEAD = 4000
"""Characters at the beginning of a note in which its date and patient are looked for."""
NOTE = {"coding": [{"system": LOINC, "code": "34109-9", "display": "Note"}]}
_DATE = re.compile(
    r"(?:^|\n)[^\n]{0,24}?(?:date|dated|日期|时间)\s*[:：]\s*"
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})",
    re.IGNORECASE,
)


_NAME = re.compile(
    r"(?:患者姓名|病人姓名|姓\s{0,4}名)\s*[:：]\s*(?P<zh>[\u4e00-\u9fff·]{2,10})(?![*＊×xX])"
    r"|(?:patient(?:'s)?\s+name|name\s+of\s+patient)\s*[:：]\s*"
    r"(?P<en>[^\W\d_][^\n\r;|\t:：*]{1,40}?)(?=\s{2,}|\s*[;|\t\r\n]|\s*$|,?\s+(?:DOB|Date|Age|Sex|MRN)\b)",
    re.IGNORECASE,
)
_BIRTH = re.compile(
    r"(?:date\s+of\s+birth|\bDOB|出生日期|出生年月日)\s*[:：]?\s*"
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})",
    re.IGNORECASE,
)


def claim_of_note(file: str, text: str) -> Claim:
    """Return the name and birth date a note states under their labels, for the identity guard.

    Numbers are left out: a note's own number (visit, ward) is seldom the archive's.
    """
    name = _NAME.search(text[:HEAD])
    birth = _BIRTH.search(text[:HEAD])
    stated = (name["zh"] or name["en"]) if name else ""
    return Claim(
        file,
        "text note",
        names=name_forms(stated),
        birth_date=_day(birth.groups()) if birth else "",
    )


def read_note(file: SourceFile, found: Decoded, reading: Reading) -> None:
    """Add one note as a DocumentReference."""
    claim = claim_of_note(file.name, found.text)
    if claim.says_who or claim.birth_date:
        reading.claims.append(claim)
    reading.blobs.append(file.blob("text/plain"))
    note = document(file, "text/plain", NOTE, file.digest)
    note["content"][0]["attachment"]["language"] = found.language
    if found.encoding != "UTF-8" and not found.encoding.startswith("mixed"):
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
    return next((day for m in _DATE.finditer(text[:HEAD]) if (day := _day(m.groups()))), "")


def _day(parts: Sequence[str]) -> str:
    try:
        return date(*(int(part) for part in parts)).isoformat()
    except ValueError:
        return ""
