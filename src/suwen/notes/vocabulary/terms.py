"""The one normal form of a term, used where vocabularies are built, found in texts and coded.

A text is cut into tokens: a run of Latin letters or digits, or one Chinese character. The normal
form of a token drops case, width, plural and British spelling; hyphens and apostrophes part tokens.
Two terms with the same bag of content tokens are one term ("cancer of the breast", "breast
cancer"), except in Chinese, where the order of characters is the word.

Source: the normalisation of the UMLS lexical tools (McCray, Srinivasan, Browne 1994, "Lexical
methods for managing variation in biomedical terminologies"), reduced to what needs no lexicon.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

CHINESE: Final = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN: Final = re.compile(
    rf"[A-Za-z\u00c0-\u024f\u0370-\u03ff]+|[0-9]+|[{CHINESE}]|[\u2160-\u2179]"
)
_HAN: Final = re.compile(rf"[{CHINESE}]")
EMPTY: Final = frozenset(
    ("a", "an", "the", "of", "in", "on", "at", "to", "for", "with", "and", "or", "by", "from",
     "due", "nos", "unspecified")
)  # fmt: skip
"""Words that carry no meaning of their own in a term."""
_BRITISH: Final = (
    ("haem", "hem"), ("oedem", "edem"), ("aemi", "emi"), ("oea", "ea"), ("tumour", "tumor"),
    ("paedi", "pedi"), ("oesoph", "esoph"), ("anaesth", "anesth"), ("leucocyt", "leukocyt"),
    ("foet", "fet"), ("orrhoe", "orrhe"), ("caec", "cec"), ("faec", "fec"), ("oestr", "estr"),
)  # fmt: skip
_GREEK: Final = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "κ": "kappa", "λ": "lambda",
    "μ": "mu", "ω": "omega",
}  # fmt: skip
_ROMAN: Final = {"ii": "2", "iii": "3", "iv": "4"}
_BAG: Final = np.uint64(0x9E3779B97F4A7C15)


class Token(NamedTuple):
    """One token: where it stands, and its normal form (empty for a word without meaning)."""

    start: int
    end: int
    form: str


@lru_cache(maxsize=65536)
def form_of(token: str) -> str:
    """Return the normal form of one token, empty where it carries no meaning."""
    word = unicodedata.normalize("NFKC", token).lower()
    if len(word) == 1:
        return _GREEK.get(word, "" if word == "a" else word)
    if word in EMPTY:
        return ""
    word = _ROMAN.get(word, word)
    for british, american in _BRITISH:
        if british in word:
            word = word.replace(british, american)
    return _singular(word)


def _singular(word: str) -> str:
    if len(word) <= 3 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1]


def cut(text: str) -> tuple[list[tuple[int, int]], list[str]]:
    """Return where the tokens of a text stand, in order, and the normal form of each."""
    spans = [one.span() for one in _TOKEN.finditer(text)]
    forms = list(map(form_of, _TOKEN.findall(text)))
    if "'" in text or "\u2019" in text:
        for place, (start, _) in enumerate(spans):
            if forms[place] == "s" and start and text[start - 1] in "'\u2019":
                forms[place] = ""
    return spans, forms


def tokens(text: str) -> list[Token]:
    """Return the tokens of a text in order."""
    spans, forms = cut(text)
    return [Token(*span, form) for span, form in zip(spans, forms, strict=True)]


def forms(text: str) -> tuple[str, ...]:
    """Return the normal forms of the tokens of a term that carry meaning, in order."""
    if "'" in text or "\u2019" in text:
        return tuple(filter(None, cut(text)[1]))
    return tuple(filter(None, map(form_of, _TOKEN.findall(text))))


def bag(text: str) -> tuple[str, ...]:
    """Return what two terms share when they are one: sorted forms; in Chinese, in their order."""
    return bag_of(forms(text))


def bag_of(forms: tuple[str, ...]) -> tuple[str, ...]:
    """Return the bag of a term from its forms."""
    return forms if any(map(_HAN.match, forms)) else tuple(sorted(forms))


@lru_cache(maxsize=131072)
def mixed(form: str) -> int:
    """Return the 64-bit number of a form that the key of a bag adds up; 0 for no meaning."""
    if not form:
        return 0
    data = form.encode()
    number = (zlib.crc32(data) << 32 | zlib.crc32(data[::-1] + b"~")) + 1
    number = (number ^ (number >> 31)) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    return number ^ (number >> 29)


def short_keys(sums: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Return the 32-bit keys of sums of `mixed` numbers, shape (n,)."""
    return ((sums * _BAG) >> np.uint64(32)).astype(np.uint32)


def key_of(text: str) -> int:
    """Return the 32-bit key of a term; equal for equal bags, and by chance in one of 4e9."""
    return key_of_forms(forms(text))


def key_of_forms(forms: tuple[str, ...]) -> int:
    """Return the 32-bit key of a term from its forms."""
    return (sum(map(mixed, forms)) * int(_BAG) >> 32) & 0xFFFFFFFF


def is_chinese(text: str) -> bool:
    """Say whether a text holds a Chinese character."""
    return _HAN.search(text) is not None
