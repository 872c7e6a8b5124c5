"""Which encoding a text was written in. Notes reach us as UTF-8, UTF-16, GB18030 or Latin-1.

References: GB 18030-2022; GB 2312-1980 (both bytes of a common character are 0xA1 or above, so
Chinese text is made of such pairs, while Western text has lone accented letters); Windows-1252.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

_PAIRS = re.compile(rb"(?:[\xa1-\xfe][\xa1-\xfe])+")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufffe\uffff]")
_HAN = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")
_WORD = re.compile(r"[^\W\d_]{2,}")
MIN_SHARE_OF_PAIRS = 0.8
MIN_WORDS = 2
MIN_SHARE_OF_LETTERS = 0.3


@dataclass(frozen=True)
class Decoded:
    """A text and the name of the encoding it was stored in."""

    text: str
    encoding: str

    @property
    def is_prose(self) -> bool:
        """Say whether it has the words of a note, rather than a few characters or numbers."""
        shown = sum(not character.isspace() for character in self.text)
        letters = sum(character.isalpha() for character in self.text)
        words = len(_WORD.findall(self.text)) + len(_HAN.findall(self.text)) // 2
        return words >= MIN_WORDS and letters >= MIN_SHARE_OF_LETTERS * shown

    @property
    def language(self) -> str:
        """`zh` when at least a tenth of the characters are Chinese, else `en`."""
        letters = sum(not character.isspace() for character in self.text)
        return "zh" if letters and len(_HAN.findall(self.text)) >= 0.1 * letters else "en"


def decode(data: bytes) -> Decoded | None:
    """Return the text in `data`, or None when it is not text."""
    for mark, name in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"),
                       (codecs.BOM_UTF16_BE, "utf-16")):  # fmt: skip
        if data.startswith(mark):
            return _attempt(data, name)
    if found := _attempt(data, "utf-8"):
        return found
    high = sum(byte >= 0x80 for byte in data)
    paired = sum(len(match) for match in _PAIRS.findall(data))
    if paired >= MIN_SHARE_OF_PAIRS * high and (found := _attempt(data, "gb18030")):
        return found
    return _attempt(data, "cp1252")


def _attempt(data: bytes, encoding: str) -> Decoded | None:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    if not text.strip() or _CONTROL.search(text):
        return None
    return Decoded(
        text, {"utf-8-sig": "UTF-8", "cp1252": "Latin-1"}.get(encoding, encoding.upper())
    )
