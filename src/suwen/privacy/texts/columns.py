"""Identifiers in the columns of a table within a text: what the head of a column says they are.

Tables are lines of cells between bars or tabs, the first line naming the columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from suwen.core.codes import Text
from suwen.privacy.words.identifier import Identifier

WHY = Text(en="in a column that is named so", zh="表格列名所示")
_HEADS: Final = (
    ("name", r"(?:patient |full |first |last |sur)?names?|patient|provider|physician|doctor|n"
r"urse|mother|father|contact|姓名|患者|病人|医生|医师|联系人|签名|护士"),
    ("date", r"dob|date of birth|birth ?date|出生日期|生日"),
    ("mrn", r"mrn|record (?:no\.?|number|id)|patient (?:id|no\.?|number)|id|住院号|病历号|门诊号"),
    ("ssn", r"ssn|social security(?: number)?"),
    ("phone", r"(?:tele|cell ?)?phone(?: number)?|mobile|tel\.?|电话|手机|联系电话|手机号"),
    ("email", r"e-?mail(?: address)?|邮箱"),
    ("address", r"(?:home |street )?address|city|zip(?: code)?|住址|地址|现住址"),
    ("facility", r"hospital|clinic|facility|医院|机构"),
    ("department", r"ward|unit|room|bed|科室|科别|床号|病区"),
    ("national_id", r"passport|national id|身份证|身份证号|证件号"),
    ("health_plan", r"insurance(?: id)?|policy|member id|医保号|医保卡号"),
)  # fmt: skip
_KINDS: Final = tuple(
    (kind, re.compile(rf"\s*(?:{head})\s*", re.IGNORECASE)) for kind, head in _HEADS
)
_RULER: Final = re.compile(r"[\s|:+=-]*")
_EMPTY: Final = re.compile(r"\s*(?:-|n/?a|none|无|不详|/)?\s*", re.IGNORECASE)


def columns(text: str) -> Iterator[Identifier]:
    """Yield the cells of a folded text under heads that name an identifier."""
    for mark in "|\t":
        if mark in text:
            yield from _tables(text, mark)


def _tables(text: str, mark: str) -> Iterator[Identifier]:
    heads: list[str] = []
    at = 0
    for line in text.split("\n"):
        cells = line.split(mark)
        kinds = [next((kind for kind, head in _KINDS if head.fullmatch(one)), "") for one in cells]
        if mark not in line:
            heads = []
        elif sum(map(bool, kinds)) >= (1 if heads == [] and len(cells) > 2 else 2):
            heads = kinds
        elif heads and not _RULER.fullmatch(line):
            yield from _row(cells, heads, at)
        at += len(line) + 1


def _row(cells: list[str], heads: list[str], at: int) -> Iterator[Identifier]:
    for cell, kind in zip(cells, heads, strict=False):
        start = at + len(cell) - len(cell.lstrip())
        if kind and not _EMPTY.fullmatch(cell):
            yield Identifier(start, at + len(cell.rstrip()), kind, WHY, 0.9)
        at += len(cell) + 1
