"""A view of a text for checks of what it says: `core.folding`, with every quantity as written.

Hidden characters are dropped, full-width and styled letters and digits become the usual ones;
letters of other scripts become Latin only in words otherwise made of Latin letters or of such
letters. Chinese punctuation, ℃, superscripts and fractions stay: 1½ must not become 11/2, nor 10²
become 102.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from functools import lru_cache
from typing import Final

from suwen.core import folding
from suwen.core.folding import CYRILLIC, GREEK, Folded

_WRITTEN: Final = re.compile(
    "[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff05\uff0b\uff0d\uff0e\uff0f\uff1c\uff1d\uff1e"
    "\uff3e\uff5e\uff03\uff04\uff06\uff20\uff3f\uff5c\ufb00-\ufb06\u3380-\u33df"
    "\U0001d400-\U0001d7ff\u2102\u210a-\u2113\u2115\u2119-\u211d\u2124\u2128\u212a-\u212d"
    "\u212f-\u2131\u2133\u2134\u24b6-\u24e9]"
)
"""Full-width signs, ligatures, squared units and styled letters: read as they are spelt."""
_LETTERS: Final = {**CYRILLIC, **{one: GREEK[one] for one in "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧορνι"}}
_ALIKE: Final = "".join(_LETTERS)
_FOREIGN: Final = re.compile(f"[A-Za-z{_ALIKE}]*[{_ALIKE}][A-Za-z{_ALIKE}]*")
_OTHER_LETTER: Final = re.compile("[\u0370-\u03ff\u0400-\u052f]")


def normalised(text: str) -> Folded:
    """Return the view of a text; the same text where nothing in it is disguised."""
    if text.isascii():
        return Folded(text, length=len(text))
    view = folding.fold(text, _read)
    return replace(view, text=_FOREIGN.sub(_latin, view.text))


@lru_cache(maxsize=65536)
def _read(cluster: str) -> str:
    character, accents = cluster[0], cluster[1:]
    if folding.is_hidden(character):
        return ""
    plain = character
    if _WRITTEN.match(character):
        plain = unicodedata.normalize("NFKC", character)
    elif unicodedata.category(character) == "Zs":
        plain = " "
    for accent in accents:  # a mark that makes no letter hides one
        joined = unicodedata.normalize("NFC", plain + accent)
        plain = joined if len(joined) == 1 else plain
    return "" if folding.seen(plain) == "" else plain


def _latin(match: re.Match[str]) -> str:
    """Return a word with look-alike letters made Latin, unless it is of their own script."""
    start, end = match.span()
    beside = match.string[max(0, start - 1) : start] + match.string[end : end + 1]
    if _OTHER_LETTER.search(beside) or (len(match[0]) == 1 and match[0] in _ALIKE):
        return match[0]
    return "".join(_LETTERS.get(character, character) for character in match[0])
