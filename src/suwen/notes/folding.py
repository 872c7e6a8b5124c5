"""A text as rules read it: `core.folding` in lower case, with traditional characters simplified.

A negation can be hidden from rules (and not from a reader) by zero-width characters, full-width or
styled letters, letters of another script that look alike, stray accents or traditional characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.core import folding
from suwen.notes.text import Span

ALSO: Final = str.maketrans(
    {
        **dict(zip("вкмнтп", "bkmhtn", strict=True)),
        **dict(zip("ετχ", "etx", strict=True)),
        **dict(zip("無沒認見顯現斷與兒親繼續則", "无没认见显现断与儿亲继续则", strict=True)),
    }
)
"""Small letters that look like Latin capitals, and the characters of negation in simple form."""
PLAIN: Final = re.compile(r"[^\x00-\x08\x0e-\x1f\x7f-\U0010ffff]*")


@dataclass(frozen=True, eq=False)
class Folded(folding.Folded):
    """A folded text of n characters, and for each its place in the text it came from."""

    @cached_property
    def origin(self) -> NDArray[np.int32] | None:
        """Shape (n + 1,), the last the length of the text; None where all places are the same."""
        return None if self.starts is None else np.append(self.starts, np.int32(self.length))

    def span(self, start: int, end: int) -> Span:
        """Return the stretch of the text that folded characters start..end came from."""
        return Span(*self.original(start, end))


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
    if PLAIN.fullmatch(text):
        return Folded(text.lower(), length=len(text))
    found = folding.fold(text, _read, hidden)
    return Folded(found.text, found.starts, found.ends, found.length, found.hiding)


@lru_cache(maxsize=65536)
def _read(cluster: str) -> str:
    return "".join(map(folding.seen, folding.seen(cluster).lower())).translate(ALSO)
