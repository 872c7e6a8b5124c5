"""Text read through its disguises: `core.folding`, and numbers read out in Chinese numerals."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from suwen.core import folding
from suwen.core.folding import Folded

_NUMERALS: Final = re.compile("[〇零○一二三四五六七八九幺]{7,}")
"""Chinese numerals read out one by one: a telephone number, never a quantity."""
_KEPT: Final = frozenset("，。；：")
"""Signs that end a field of a Chinese record; their Latin twins do not."""
_DIGITS: Final = str.maketrans("〇零○一二三四五六七八九幺", "0001234567891")


def fold(text: str) -> Folded:
    """Return the text without disguises.

    Accents of Latin letters are left out too, so that José is found where Jose is known.
    """
    folded = folding.fold(text, _read)
    if folded.text.isascii():
        return folded
    plain = _NUMERALS.sub(lambda found: found[0].translate(_DIGITS), folded.text)
    return replace(folded, text=plain)


def _read(cluster: str) -> str:
    return cluster if cluster in _KEPT else folding.seen(cluster)
