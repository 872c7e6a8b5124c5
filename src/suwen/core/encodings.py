"""Which encoding a text was written in. Notes reach us as UTF-8, UTF-16, GB18030 or Latin-1.

A file put together from several sources may change its encoding from one line to the next: then
each line is decoded by itself, and the text is the same whenever it is decoded again.

References: GB 18030-2022; GB 2312-1980 (both bytes of a common character are 0xA1 or above, so
Chinese text is made of such pairs, while Western text has lone accented letters); Windows-1252.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from suwen.core.codes import Language

_PAIRS = re.compile(rb"(?:[\xa1-\xfe][\xa1-\xfe])+")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufffe\uffff]")
_HAN = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")
_SPACE = re.compile(r"\s")
_WIDE = re.compile(rb"[\xe0-\xf4][\x80-\xbf]{2,3}")
_WORD = re.compile(r"[^\W\d_]{2,}")
_HIGH = bytes(range(0x80, 0x100))
_NAMES = {"utf-8-sig": "UTF-8", "cp1252": "Latin-1"}
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
    def language(self) -> Language:
        """Language of the text."""
        return language_of(self.text)


def language_of(text: str) -> Language:
    """Return `zh` when at least a tenth of the characters are Chinese, else `en`."""
    if text.isascii():
        return "en"
    shown = len(text) - len(_SPACE.findall(text))
    return "zh" if shown and len(_HAN.findall(text)) >= 0.1 * shown else "en"


def decode(data: bytes) -> Decoded | None:
    """Return the text in `data`, or None when it is not text."""
    for mark, name in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"),
                       (codecs.BOM_UTF16_BE, "utf-16")):  # fmt: skip
        if data.startswith(mark):
            return _attempt(data, name)
    if found := _attempt(data, "utf-8"):
        return found
    if found := _mixed(data):
        return found
    if _chinese(data) and (found := _attempt(data, "gb18030")):
        return found
    return _attempt(data, "cp1252")


def _chinese(data: bytes) -> bool:
    high = len(data) - len(data.translate(None, _HIGH))
    paired = sum(len(match) for match in _PAIRS.findall(data))
    return paired >= MIN_SHARE_OF_PAIRS * high


def _mixed(data: bytes) -> Decoded | None:
    """Return the text of lines in UTF-8 among lines in GB18030 or Latin-1, None where it is not so.

    That a line is UTF-8 by chance is ruled out by its having a character of three bytes or more.
    """
    texts, encodings = [], []
    for line in data.splitlines(keepends=True):
        if line.isascii():
            texts.append(line.decode("ascii"))
            continue
        for encoding in ("utf-8", *(("gb18030",) if _chinese(line) else ()), "cp1252"):
            try:
                texts.append(line.decode(encoding))
            except UnicodeDecodeError:
                continue
            encodings.append((encoding, bool(_WIDE.search(line))))
            break
        else:
            return None
    if ("utf-8", True) not in encodings or len({name for name, _ in encodings}) < 2:
        return None
    text = "".join(texts)
    if _CONTROL.search(text):
        return None
    names = dict.fromkeys(_NAMES.get(name, name.upper()) for name, _ in encodings)
    return Decoded(text, "mixed: " + ", ".join(names))


def _attempt(data: bytes, encoding: str) -> Decoded | None:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    if not text.strip() or _CONTROL.search(text):
        return None
    return Decoded(text, _NAMES.get(encoding, encoding.upper()))
