"""Notes in (text, Markdown, RTF, HTML, C-CDA, PDF): read, and kept as the bytes they came in.

Their language, date and patient are told from their words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from suwen.core.codes import LOINC, Text
from suwen.core.encodings import Decoded, language_of
from suwen.gateway.cda_in import claim_of_cda
from suwen.gateway.dicom_in import document
from suwen.gateway.identity import name_forms
from suwen.gateway.intake import Claim, Reading, SourceFile
from suwen.notes.reading.document import CDA, HTML, PDF, RTF, draw, media_type_of
from suwen.notes.reading.drawn import Unreadable

HEAD = 4000
"""Characters at the beginning of a note in which its date and patient are looked for."""
NOTE = {"coding": [{"system": LOINC, "code": "34109-9", "display": "Note"}]}
NO_WORDS = Text(en="a text without the words of a note", zh="文本中没有病历文字")
_LANGUAGES = {"en": Text(en="English", zh="英文"), "zh": Text(en="Chinese", zh="中文")}
_KINDS = {CDA: "C-CDA", HTML: "HTML", PDF: "PDF", RTF: "RTF"}
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
    """Add one text (plain or Markdown) as a DocumentReference."""
    kind = media_type_of(found.text.encode())
    charset = ""
    if found.encoding != "UTF-8" and not found.encoding.startswith("mixed"):
        charset = f"; charset={_charset(found)}"
    _keep(file, found.text, (kind, charset), reading)
    language = _LANGUAGES[found.language]
    characters = len(found.text)
    reading.accept(
        f"note in {language.en}, {characters} characters ({found.encoding})",
        f"{language.zh}病历文本，{characters} 字符（{found.encoding}）",
    )


def read_document(file: SourceFile, data: bytes, reading: Reading) -> Text | None:
    """Add one document (RTF, HTML, C-CDA, PDF) as a DocumentReference; return why not."""
    kind = media_type_of(data)
    try:
        drawn, original = draw(data)
    except Unreadable as error:
        return error.reason
    if not Decoded(drawn.text, "").is_prose:
        return NO_WORDS
    if kind == CDA and (claim := claim_of_cda(file.name, original)):
        reading.claims.append(claim)
    _keep(file, drawn.text, (kind, ""), reading)
    language, name = _LANGUAGES[language_of(drawn.text)], _KINDS[kind]
    characters = len(drawn.text)
    reading.accept(
        f"{name} note in {language.en}, {characters} characters",
        f"{language.zh}病历文档（{name}），{characters} 字符",
    )
    return None


def _keep(file: SourceFile, text: str, media: tuple[str, str], reading: Reading) -> None:
    """Add the file as it is, with what its text says: whose it is, its language and its date."""
    kind, charset = media
    claim = claim_of_note(file.name, text)
    if claim.says_who or claim.birth_date:
        reading.claims.append(claim)
    reading.blobs.append(file.blob(kind))
    note = document(file, kind + charset, NOTE, file.digest)
    note["content"][0]["attachment"]["language"] = language_of(text)
    if day := date_of(text):
        note["context"] = {"period": {"start": day}}
    reading.resources.append(note)


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
