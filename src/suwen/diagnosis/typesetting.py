"""Lines of mixed Latin and Chinese text for the printed page.

Line breaking follows the basic rules of Chinese layout (W3C "Requirements for Chinese Text Layout",
section 3.1.6): a Latin word or a number with its sign is not broken, closing punctuation does not
begin a line and opening punctuation does not end one. Text is drawn as it is: nothing in it is
taken for markup.

The font (`fonts/README.md`) has no bold cut, so bold is drawn by stroking the outline (ISO 32000-1,
9.3.6, text rendering mode 2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

from reportlab import rl_config
from reportlab.lib.colors import Color
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable

rl_config.useA85 = 0  # text form of compressed streams: slow to make, a quarter larger

FONT = "SuwenSans"
FONT_FILE = Path(__file__).parent / "fonts" / "suwen-sans.ttf"
BOLD_STROKE = 0.028
"""Width of the outline drawn for bold, as a share of the font size."""
PIECE = 8
"""Most lines of a text that stay together in a table."""
BULLET_INDENT = 9.0
LEADING = 1.42

_RAISED = str.maketrans("⁰⁴⁵⁶⁷⁸⁹⁻", "0456789-")
_RAISED_RUN = re.compile("[⁰⁴⁵⁶⁷⁸⁹⁻][⁰¹²³⁴⁵⁶⁷⁸⁹⁻]*")
"""Superscripts the font lacks: `10⁹` is written `10^9`, which also survives copying the text."""
_SPACES = dict.fromkeys("\t\n\r\u2003\u2009\u202f\u00a0", " ")
_NARROW_QUOTES = {"“": '"', "”": '"', "‘": "'", "’": "'"}
"""The font draws these as wide as a Chinese character, which tears Latin text apart."""
_WIDE = r"\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef"
_WORD_PARTS = re.compile(r"[^-./+]+[-./+]*|[-./+]+")
_CLOSING = re.escape("，。；：、！？）》」』】〕”’%…,.;:!?)]}")
_OPENING = re.escape("（《「『【〔“‘([{")
_TOKEN = re.compile(
    rf" +|[{_OPENING}]*(?:[{_WIDE}]|[^ {_WIDE}{_OPENING}]+|[{_OPENING}])(?:[{_CLOSING}])*"
)

MEASURED = 4096
"""Words whose width is remembered: a table measures the same ones again and again."""


@lru_cache(maxsize=1)
def font() -> frozenset[int]:
    """Register the font once and return the code points it can draw."""
    face = TTFont(FONT, str(FONT_FILE))
    pdfmetrics.registerFont(face)
    return frozenset(face.face.charToGlyph)


def drawable(text: str, *, narrow_quotes: bool = False) -> str:
    """Return `text` with each character the font lacks spelled out, as `[U+20BB7]`.

    A name is never silently shortened: the reader sees that a character is there, and which.
    """
    known = font()
    text = _RAISED_RUN.sub(lambda run: "^" + run[0].translate(_RAISED), text)
    swaps = {**_SPACES, **(_NARROW_QUOTES if narrow_quotes else {})}
    letters = (swaps.get(letter, letter) for letter in text)
    return "".join(
        letter if ord(letter) in known else f"[U+{ord(letter):04X}]" for letter in letters
    )


@lru_cache(maxsize=MEASURED)
def width_of(text: str, size: float) -> float:
    """Return the width of `text` in points."""
    return float(pdfmetrics.stringWidth(text, FONT, size))


def broken(text: str, width: float, size: float) -> list[str]:
    """Return `text` as lines no wider than `width` points."""
    lines, line, used = [], "", 0.0
    for token in _fitting(text, width, size):
        wide = width_of(token, size)
        if line and used + wide > width and not token.isspace():
            lines.append(line.rstrip())
            line, used = "", 0.0
        if line or not token.isspace():
            line, used = line + token, used + wide
    return [*lines, line.rstrip()]


def _fitting(text: str, width: float, size: float) -> Iterator[str]:
    """Yield what may not be broken.

    A word wider than a whole line is broken behind a hyphen, dot or slash, else anywhere.
    """
    for token in _TOKEN.findall(text):
        if width_of(token, size) <= width:
            yield token
            continue
        for part in _WORD_PARTS.findall(token):
            if width_of(part, size) <= width:
                yield part
            else:
                yield from _cut(part, width, size)


def _cut(word: str, width: float, size: float) -> Iterator[str]:
    piece = ""
    for letter in word:
        if piece and width_of(piece + letter, size) > width:
            yield piece
            piece = ""
        piece += letter
    yield piece


def fitted(text: str, width: float, size: float) -> str:
    """Return `text` on one line, cut with an ellipsis if it is wider than `width`."""
    while width_of(text, size) > width and len(text) > 1:
        text = text[:-2].rstrip() + "…"
    return text


@dataclass(frozen=True)
class Look:
    """How text is set: size and spaces in points."""

    size: float
    colour: Color
    before: float = 0.0
    after: float = 0.0
    align: Literal["left", "centre"] = "left"
    narrow_quotes: bool = False

    @property
    def leading(self) -> float:
        """Distance between baselines."""
        return self.size * LEADING

    def but(self, **changes: object) -> Look:
        """Return this look with `changes`."""
        return replace(self, **changes)  # type: ignore[arg-type]


class Line(Flowable):  # type: ignore[misc]
    """A paragraph of plain text; with a `bullet`, indented behind it."""

    def __init__(
        self, text: str, look: Look, *, bold: bool = False, bullet: str = "", indent: float = 0.0
    ) -> None:
        super().__init__()
        self.text = drawable(text, narrow_quotes=look.narrow_quotes)
        self.look, self.bold, self.bullet = look, bold, bullet
        self.indent = indent or (BULLET_INDENT if bullet else 0.0)
        self.lines: list[str] = []

    def getSpaceBefore(self) -> float:  # noqa: N802
        """Return the space kept free above."""
        return self.look.before

    def getSpaceAfter(self) -> float:  # noqa: N802
        """Return the space kept free below."""
        return self.look.after

    def wrap(self, width: float, _height: float) -> tuple[float, float]:
        """Break the text for `width` and return the size."""
        self.width = width
        self.lines = broken(self.text, width - self.indent, self.look.size)
        self.height = len(self.lines) * self.look.leading
        return width, self.height

    def split(self, width: float, height: float) -> list[Flowable]:
        """Return two paragraphs, the first no higher than `height`; none when no line fits."""
        self.wrap(width, height)
        fit = int(height / self.look.leading)
        if fit < 1 or fit >= len(self.lines):
            return [] if fit < 1 else [self]
        parts = (self.lines[:fit], self.bullet), (self.lines[fit:], "")
        return [
            Line(" ".join(lines), self.look, bold=self.bold, bullet=bullet, indent=self.indent)
            for lines, bullet in parts
        ]

    def draw(self) -> None:
        """Draw the lines from the top down."""
        canvas, look = self.canv, self.look
        base = self.height - look.leading + (look.leading - look.size) / 2 + look.size * 0.16
        canvas.saveState()
        canvas.setFillColor(look.colour)
        if self.bold:
            canvas.setStrokeColor(look.colour)
            canvas.setLineWidth(look.size * BOLD_STROKE)
        for row, line in enumerate(self.lines):
            x = self.indent
            if look.align == "centre":
                x += (self.width - self.indent - width_of(line, look.size)) / 2
            if row == 0 and self.bullet:
                self._write(0.0, base, self.bullet)
            self._write(x, base - row * look.leading, line)
        canvas.restoreState()

    def _write(self, x: float, y: float, line: str) -> None:
        pen = self.canv.beginText(x, y)
        pen.setTextRenderMode(2 if self.bold else 0)
        pen.setFont(FONT, self.look.size)
        pen.textOut(line)
        self.canv.drawText(pen)


def pieces(text: str, look: Look, width: float) -> list[Line]:
    """Return `text` as paragraphs of at most `PIECE` lines, for the rows of a table.

    A table breaks between its rows only; a very long text in one row would fit on no page.
    """
    lines = broken(drawable(text, narrow_quotes=look.narrow_quotes), width, look.size)
    return [
        Line(" ".join(lines[start : start + PIECE]), look) for start in range(0, len(lines), PIECE)
    ]
