"""Text as a reader sees it: what is hidden left out, what is disguised undone, places kept.

A name, a number or a negation hides from rules, and not from a reader, behind zero-width and
bidirectional characters, full-width or styled letters, digits of other scripts, letters of another
script that look Latin, and accents. Each room says how it reads one character; `seen` is the
reading they share. Every folded character knows where it stands in the text.

References: Unicode Standard Annexes 15 (NFKC) and 9 (bidirectional controls), Technical Standard 39
(confusables; the tables here are its part for letters that hide in English and Chinese text);
Boucher et al., "Bad Characters: Imperceptible NLP Attacks", IEEE S&P 2022.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

CYRILLIC: Final = dict(
    zip("АВСЕНІЈКМОРЅТХУҮԌԚԜасԁеһіјӏорѕԛԝху", "ABCEHIJKMOPSTXYYGQWacdehijlopsqwxy", strict=True)
)
GREEK: Final = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορυγ", "ABEZHIKMNOPTYXaikvopuy", strict=True))
OTHERS: Final = {
    **dict(zip("օոսհցքՕՏԼ", "onuhgqOSL", strict=True)),
    **dict(zip("ᎪᏴᏟᎠᎬᎻᎫᏦᏞᎷᏢᏒᏚᎢᏙᎳᏃ", "ABCDEHJKLMPRSTVWZ", strict=True)),
    **dict(zip("ᴀʙᴄᴅᴇɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdeghijklmnoprstuvwyz", strict=True)),
    **dict(zip("ıɩɡɑꓐꓳꓲ", "iigaBOI", strict=True)),
}
"""Armenian, Cherokee, Latin small capitals, and single letters of other scripts."""
ALIKE: Final = {**CYRILLIC, **GREEK, **OTHERS}
"""Letters that look like a Latin one."""
SIGNS: Final = {
    **dict.fromkeys("‐‑‒–—―−﹘", "-"),
    **dict.fromkeys("‘’ʼ′`´", "'"),
    **dict.fromkeys("“”‟", '"'),
    **dict.fromkeys("•・∙⋅", "·"),
}
"""The many dashes, quotes and middle dots, as one each."""
_UNSEEN: Final = frozenset(("Cc", "Cf", "Cs", "Co"))
_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
"""Characters of other categories that show nothing."""
_ACCENT: Final = "\u0300-\u034e\u0350-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_ACCENTED: Final = re.compile(f"[{_ACCENT}]")
_CLUSTER: Final = re.compile(f"[^{_ACCENT}]?[{_ACCENT}]+|.", re.DOTALL)
_PLAIN: Final = re.compile(r"[\t\n\r\x20-\x7e]*")
_BREAKS: Final = frozenset("\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")

Reading = Callable[[str], str]
"""What a room reads for one character with the accents after it; empty where it is hidden."""


@dataclass(frozen=True, eq=False)
class Folded:
    """A folded text; its character i is made of characters starts[i]..ends[i] of the original.

    Parameters
    ----------
    text
        The folded text, of n characters.
    starts, ends
        Shape (n,); both None where every character stands where it stood.
    length
        Characters of the original.
    hiding
        Something that cannot be seen was left out.
    """

    text: str
    starts: NDArray[np.int32] | None = None
    ends: NDArray[np.int32] | None = None
    length: int = 0
    hiding: bool = False

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return where a stretch of the folded text lies in the original."""
        if self.starts is None or self.ends is None:
            return start, end
        if start >= end:
            at = int(self.starts[start]) if start < len(self.starts) else self.length
            return at, at
        return int(self.starts[start]), int(self.ends[end - 1])


def fold(text: str, reading: Reading, hidden: str = "") -> Folded:
    """Return a text as a room reads it.

    Parameters
    ----------
    text
        Any text.
    reading
        What is read for a character; asked once for each that occurs, not for printable ASCII
        that stands alone.
    hidden
        What stands for a character that cannot be seen.
    """
    if text.isascii() and _PLAIN.fullmatch(text):
        return Folded(text, length=len(text))
    if _ACCENTED.search(text):
        return _by_cluster(text, reading, hidden)
    table: dict[int, str] = {}
    hiding = False
    characters = set(text)
    for one in characters:
        read = reading(one)
        hiding |= not read
        if read != one:
            table[ord(one)] = read or hidden
    if not table:
        return Folded(text, length=len(text))
    if all(len(read) == 1 for read in table.values()):
        return Folded(text.translate(table), length=len(text), hiding=hiding)
    widths = np.ones(ord(max(characters)) + 1, np.uint8)
    for code, read in table.items():
        widths[code] = len(read)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    starts = np.repeat(np.arange(len(codes), dtype=np.int32), widths[codes])
    return Folded(text.translate(table), starts, starts + 1, len(text), hiding)


def _by_cluster(text: str, reading: Reading, hidden: str) -> Folded:
    """Fold a text in which accents are characters of their own: they belong to a letter."""
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    hiding = False
    for found in _CLUSTER.finditer(text):
        read = reading(found[0])
        hiding |= not read
        read = read or hidden
        pieces.append(read)
        starts += [found.start()] * len(read)
        ends += [found.end()] * len(read)
    where = (np.array(starts, np.int32), np.array(ends, np.int32))
    return Folded("".join(pieces), *where, len(text), hiding)


def is_hidden(character: str) -> bool:
    """Say whether a character shows nothing and parts nothing: zero-width, bidirectional ..."""
    if character in "\t\n\r" or character in _BREAKS:
        return False
    return unicodedata.category(character) in _UNSEEN or bool(_BLANK.match(character))


@lru_cache(maxsize=65536)
def seen(cluster: str) -> str:
    """Return what a reader sees in a character: hidden ones nothing, any space a space.

    Digits of every script, full-width, styled and joined letters are written plainly, those of
    another script that look Latin become Latin, accents are dropped; every break is a line feed.
    """
    character = cluster[0]
    if is_hidden(character) or _ACCENTED.match(character):
        return ""
    if character in _BREAKS:
        return "\n"
    if unicodedata.category(character) == "Zs":
        return " "
    if (alike := ALIKE.get(character) or SIGNS.get(character)) is not None:
        return alike
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    plain = unicodedata.normalize("NFKC", character)
    parts = unicodedata.normalize("NFKD", plain)
    if parts[0] == " " or parts[0] in ALIKE or "LATIN" in unicodedata.name(parts[0], ""):
        plain = "".join(one for one in parts if not unicodedata.combining(one))
    return "".join(ALIKE.get(one) or SIGNS.get(one) or one for one in plain)
