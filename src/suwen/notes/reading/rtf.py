r"""RTF notes: the words a reader sees, each with its place in the file.

Reference: Rich Text Format Specification 1.9.1 (Microsoft, 2008). Read are text, `\'hh` in the
font's code page, `\uN` with its `\ucN` fallback, paragraphs, cells and the usual signs. Left
out is what a reader does not see: tables of fonts, colours and styles, pictures, objects,
instructions of fields, hidden text and text that a tracked change deleted. Offsets
count bytes of the file.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace

from suwen.notes.reading.drawn import Drawing, Drawn, refuse

DEPTH_CAP = 500
"""Deepest nesting of groups that is read; word processors stay below 50."""

_TOKEN = re.compile(
    r"\\'(?P<hex>[0-9a-fA-F]{2})"
    r"|\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?"
    r"|\\(?P<sign>[^a-zA-Z'])"
    r"|(?P<brace>[{}])"
    r"|(?P<newline>[\r\n]+)"
    r"|(?P<text>[^\\{}\r\n]+)"
    r"|(?P<stray>\\)",
    re.DOTALL,
)
_BREAKS = {
    "par": "\n", "line": "\n", "sect": "\n", "page": "\n", "row": "\n", "cell": "\t",
    "nestcell": "\t", "nestrow": "\n", "tab": "\t",
}  # fmt: skip
_SIGNS = {
    "emdash": "—", "endash": "–", "bullet": "•", "lquote": "‘", "rquote": "’",
    "ldblquote": "“", "rdblquote": "”", "emspace": " ", "enspace": " ", "qmspace": " ",
}  # fmt: skip
_UNSEEN = frozenset({
    "fonttbl", "colortbl", "stylesheet", "info", "pict", "object", "filetbl", "listtable",
    "listoverridetable", "revtbl", "rsidtbl", "generator", "xmlnstbl", "themedata",
    "colorschememapping", "datastore", "latentstyles", "fldinst", "bkmkstart", "bkmkend",
    "nonshppict", "objdata", "mmathPr", "userprops",
})  # fmt: skip
_CHARSETS = {
    0: "cp1252", 1: "", 77: "mac_roman", 128: "cp932", 129: "cp949", 134: "gb18030",
    136: "cp950", 161: "cp1253", 162: "cp1254", 177: "cp1255", 178: "cp1256", 186: "cp1257",
    204: "cp1251", 222: "cp874", 238: "cp1250",
}  # fmt: skip
_PAGES = {936: "gb18030", 10000: "mac_roman", 65001: "utf-8"}


@dataclass(frozen=True)
class _Group:
    """The state that ends with its group: what is seen, in which code page, and the fallback."""

    seen: bool = True
    in_fonts: bool = False
    hidden: bool = False
    deleted: bool = False
    font: int = -1
    fallback: int = 1

    @property
    def shows(self) -> bool:
        return self.seen and not self.hidden and not self.deleted


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.drawing = Drawing()
        self.group = _Group()
        self.outer: list[_Group] = []
        self.page = "cp1252"
        self.fonts: dict[int, str] = {}
        self.default_font = -1
        self.skip = 0
        self.starred = False
        self.bytes = bytearray()
        self.places: list[tuple[int, int]] = []
        self.surrogate: tuple[int, int] | None = None

    def read(self) -> Drawn:
        """Read all of it; tokens follow each other without gap, so each is looked at once."""
        at, end = 0, len(self.text)
        while at < end:
            match = _TOKEN.match(self.text, at)
            if match is None:
                raise refuse("an RTF note that breaks off", "RTF 文档不完整")
            at = match.end()
            kind = str(match.lastgroup)
            if kind == "number":
                kind = "word"
            if kind != "hex":
                at = self._other(kind, match, at)
            elif self.skip:
                self.skip -= 1
            elif self.group.shows:
                self._byte(bytes([int(match["hex"], 16)]), match.start(), match.end())
        self._flush()
        return self.drawing.done()

    def _other(self, kind: str, match: re.Match[str], at: int) -> int:
        if kind == "text":
            self._text(match["text"], match.start())
            return at
        if kind == "newline":
            return at
        self._flush()
        if kind == "brace":
            self._brace(match["brace"])
        elif kind == "sign":
            self._sign(match)
        elif match["word"]:
            return self._word(match, at)
        return at

    def _text(self, text: str, start: int) -> None:
        taken = min(self.skip, len(text))
        self.skip -= taken
        if not self.group.shows or taken == len(text):
            return
        text, start = text[taken:], start + taken
        if text.isascii() and not self.bytes:
            self.drawing.copied(text, start)
            return
        for number, character in enumerate(text):
            self._byte(character.encode("latin-1"), start + number, start + number + 1)

    def _byte(self, byte: bytes, start: int, end: int) -> None:
        self.bytes += byte
        self.places.append((start, end))

    def _flush(self) -> None:
        """Decode the bytes gathered in the font's code page, each character with its places."""
        if not self.bytes:
            return
        font = self.group.font if self.group.font in self.fonts else self.default_font
        page = self.fonts.get(font, "")
        if not page or (page == "cp1252" and _decodes(bytes(self.bytes), self.page)):
            page = self.page
        decoder = codecs.getincrementaldecoder(page)("replace")
        begun = 0
        for number, (byte, (_, end)) in enumerate(zip(self.bytes, self.places, strict=True)):
            found = decoder.decode(bytes([byte]), number + 1 == len(self.bytes))
            if found:
                self.drawing.stands_for(found, self.places[begun][0], end)
                begun = number + 1
        self.bytes.clear()
        self.places.clear()

    def _brace(self, brace: str) -> None:
        self.skip, self.starred = 0, False
        if brace == "{":
            if len(self.outer) >= DEPTH_CAP:
                raise refuse("an RTF note nested too deeply", "RTF 文档嵌套过深")
            self.outer.append(self.group)
        elif self.outer:
            self.group = self.outer.pop()

    def _sign(self, match: re.Match[str]) -> None:
        sign = match["sign"]
        if sign == "*":
            self.starred = True
            return
        if sign == "-" or self._skipped():
            return
        shown = {"~": "\u00a0", "_": "-", "\n": "\n", "\r": "\n"}.get(sign, sign)
        if self.group.shows and (shown != sign or sign in "\\{}\n"):
            self.drawing.stands_for(shown, match.start(), match.end())

    def _skipped(self) -> bool:
        if self.skip:
            self.skip -= 1
            return True
        return False

    def _word(self, match: re.Match[str], at: int) -> int:
        word, starred = match["word"], self.starred
        self.starred = False
        number = int(match["number"]) if match["number"] else None
        if word == "bin" and number is not None:
            return at + max(0, number)
        if word in _UNSEEN or starred:
            self.group = replace(self.group, seen=False, in_fonts=word == "fonttbl")
        elif word == "u" and number is not None:
            self._unicode(number, match)
        elif word in _BREAKS or word in _SIGNS:
            if not self._skipped() and self.group.shows:
                shown = _BREAKS.get(word) or _SIGNS[word]
                self.drawing.stands_for(shown, match.start(), match.end())
        else:
            self._state(word, number)
        return at

    def _state(self, word: str, number: int | None) -> None:
        if word == "uc":
            self.group = replace(self.group, fallback=max(0, min(number or 0, 16)))
        elif word == "f" and number is not None:
            self.group = replace(self.group, font=number)
        elif word == "deff" and number is not None:
            self.default_font = number
        elif word == "fcharset" and self.group.in_fonts and number is not None:
            self.fonts[self.group.font] = _CHARSETS.get(number, "cp1252")
        elif word == "ansicpg" and number:
            self.page = _known(_PAGES.get(number, f"cp{number}"))
        elif word == "mac":
            self.page = "mac_roman"
        elif word == "v":
            self.group = replace(self.group, hidden=number != 0)
        elif word == "deleted":
            self.group = replace(self.group, deleted=number != 0)
        elif word == "plain":
            self.group = replace(self.group, hidden=False, deleted=False, font=self.default_font)

    def _unicode(self, number: int, match: re.Match[str]) -> None:
        self.skip = self.group.fallback
        if not self.group.shows:
            return
        unit = number & 0xFFFF
        start = match.start()
        if 0xD800 <= unit < 0xDC00:
            self.surrogate = (unit, start)
            return
        if 0xDC00 <= unit < 0xE000:
            if self.surrogate is None:
                self.drawing.stands_for("\ufffd", start, match.end())
                return
            high, start = self.surrogate
            unit = 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00)
        self.surrogate = None
        self.drawing.stands_for(chr(unit) if unit else "\ufffd", start, match.end())


def _known(page: str) -> str:
    try:
        return codecs.lookup(page).name
    except LookupError:
        return "cp1252"


def _decodes(data: bytes, page: str) -> bool:
    """Say whether bytes under a Western font are text of the document's own code page instead."""
    try:
        return page != "cp1252" and bool(data.decode(page))
    except UnicodeDecodeError:
        return False


def draw_rtf(data: bytes) -> Drawn:
    """Read an RTF document.

    Raises
    ------
    Unreadable
        It is nested too deeply.
    """
    return _Reader(data.decode("latin-1")).read()
