"""A text as rules read it: lower case, one form a character, nothing hidden, offsets kept.

A negation can be hidden from rules (and not from a reader) by zero-width characters, full-width or
styled letters, letters of another script that look alike, stray accents or traditional characters.
Folding undoes all of them and says where each folded character stands in the text.

References: Unicode Standard Annex 15 (NFKC); Unicode Technical Standard 39 (confusables), of which
the letters that look like Latin ones are taken; Boucher et al., "Bad Characters", IEEE S&P 2022.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.notes.text import Span

LOOKALIKES: Final = str.maketrans(
    {
        **dict(zip("аеорсухіјѕһԁԛԝӏвкмнтп", "aeopcyxijshdqwlbkmhtn", strict=True)),
        **dict(zip("αεικνορτυχ", "aeiknoptux", strict=True)),
        **dict(zip("ıɩɡօոս", "iigonu", strict=True)),
        **dict(zip("無沒認見顯現斷與兒親繼續則", "无没认见显现断与儿亲继续则", strict=True)),
        **dict.fromkeys("‘’ʼ′`´", "'"),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("“”", '"'),
    }
)
"""After NFKC and lower case: what is read as the right-hand character."""
PLAIN: Final = str.maketrans(
    {
        **{chr(0xFF01 + k): chr(0x21 + k) for k in range(94)},
        **{chr(0xFF21 + k): chr(0x61 + k) for k in range(26)},
        **dict.fromkeys("‘’", "'"),
        **dict.fromkeys("–—", "-"),
        **dict.fromkeys("“”", '"'),
        "\u3000": " ",
        "\xa0": " ",
    }
)
"""Characters that one character replaces, so that offsets stay."""
STRANGE: Final = re.compile(
    r"[無沒認見顯現斷與兒親繼續則]|[^\x00-\x7f\u4e00-\u9fff\uff01-\uff5e、。《》【】「」·°℃％“”‘’–—…\u3000\xa0]"
)
"""Anything that plain replacement may not be enough for."""
INVISIBLE: Final = frozenset({"Cf", "Mn", "Me", "Cc"})


CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Folded:
    """A folded text and, for each of its characters, the position in the text it came from.

    `origin` has one more entry, the length of the text; it is None where both have the same
    positions. `hiding` says that characters that cannot be seen were left out.
    """

    text: str
    origin: NDArray[np.int64] | None = None
    hiding: bool = False

    def position(self, folded: int) -> int:
        """Return where a folded character stands in the text; for the end, the end."""
        return folded if self.origin is None else int(self.origin[folded])

    def span(self, start: int, end: int) -> Span:
        """Return the stretch of the text that folded characters start..end came from."""
        if self.origin is None or start >= end:
            return Span(self.position(start), self.position(end))
        return Span(int(self.origin[start]), int(self.origin[end - 1]) + 1)


def fold(text: str, hidden: str = "") -> Folded:
    """Return the text in lower case, one form a character.

    Parameters
    ----------
    text
        Any text.
    hidden
        What stands for a character that cannot be seen. Nothing joins what it parted (`n-o`), a
        space parts what it joined (`no-fever`); neither is right everywhere.
    """
    if text.isascii() and not CONTROL.search(text):
        return Folded(text.lower())
    if not STRANGE.search(text) and not CONTROL.search(text):
        return Folded(text.lower().translate(PLAIN))
    found: list[str] = []
    origin: list[int] = []
    hiding = False
    for place, character in enumerate(text):
        pieces = _folded(character)
        if not pieces:
            hiding = True
            pieces = hidden
        for piece in pieces:
            found.append(piece)
            origin.append(place)
    return Folded("".join(found), np.array([*origin, len(text)], dtype=np.int64), hiding)


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    if character.isspace():
        return character if character in "\n\r\t" else " "
    plain = unicodedata.normalize("NFKD", character).lower().translate(LOOKALIKES)
    return "".join(piece for piece in plain if unicodedata.category(piece) not in INVISIBLE)
