"""What the vectors of names are fitted on: the vocabulary's names of one thing, some written amiss.

Concepts of several code systems that share a name are one thing (hypertension in HPO, MeSH and
ICD-10-CM), and so are categories of ICD-10-CM and of the Chinese edition with one code: there, and
in the Chinese labels of HPO, the languages meet. Names from annotations and abbreviations are left
out, so that no annotated mention is ever seen. Each name also stands there misspelt, shortened, or
with a side or degree before it; of a thing that has one name only, as most of the Chinese edition
of ICD-10, that is what is learned.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.notes.vocabulary import terms
from suwen.notes.vocabulary.names import CASED, ICD10_BEIJING, ICD10CM, LOOSE, WORD, Vocabulary

LARGEST: Final = 12
"""Concepts that are taken for one thing at most: a name that joins more is no name of one."""
ALTERED: Final = {"en": 1, "zh": 2}
"""Altered names added for each name."""
_SHARED: Final = re.compile(r"[A-Z]\d\d(?:\.\d)?")
"""Codes of ICD-10 that its editions mostly share: categories and their first division."""
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_DEGREES: Final = (
    "mild", "moderate", "severe", "chronic", "acute", "recurrent", "left", "right", "bilateral",
)  # fmt: skip
_SIDES: Final = (
    "左", "右", "双", "双侧", "左侧", "右侧", "急性", "慢性", "轻度", "中度", "重度",
    "反复", "术后", "伴",
)  # fmt: skip
_ENDINGS: Final = ("症", "病", "术后", "可能", "待查", "改变")


class Named(NamedTuple):
    """Names and the thing each is a name of, (n,); the first `own` stand in the vocabulary."""

    texts: list[str]
    thing: NDArray[np.int64]
    own: int


def things(vocabulary: Vocabulary) -> NDArray[np.int64]:
    """Return the thing that each concept is, (concepts,)."""
    parent = list(range(len(vocabulary.system)))
    size = [1] * len(parent)

    def first(one: int) -> int:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    held: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row in range(len(vocabulary)):
        if learned(vocabulary, row) and not vocabulary.flags[row] & LOOSE:
            held[terms.bag(vocabulary.surface(row))].append(int(vocabulary.concept[row]))
    for concepts in [*held.values(), *_editions(vocabulary)]:
        for other in concepts[1:]:
            a, b = first(concepts[0]), first(other)
            if a != b and size[a] + size[b] <= LARGEST:
                parent[b] = a
                size[a] += size[b]
    return np.array([first(one) for one in range(len(parent))])


def _editions(vocabulary: Vocabulary) -> list[list[int]]:
    """Return the categories and subcategories that both editions of ICD-10 have, as concepts."""
    held: dict[str, list[int]] = defaultdict(list)
    for concept in range(len(vocabulary.system)):
        code = vocabulary.code_of(concept)
        if vocabulary.system_of(concept) in (ICD10CM, ICD10_BEIJING) and _SHARED.fullmatch(code):
            held[code].append(concept)
    return [concepts for concepts in held.values() if len(concepts) > 1]


def learned(vocabulary: Vocabulary, row: int) -> bool:
    """Say whether a name is learned from: none that annotators gave, no abbreviation, no word."""
    source = vocabulary.sources[vocabulary.source[row]].name
    word = vocabulary.system_of(int(vocabulary.concept[row])) == WORD
    return source != "annotated" and not word and not vocabulary.flags[row] & CASED


def gather(vocabulary: Vocabulary, seed: int) -> Named:
    """Return the names that are learned from, altered ones after them."""
    thing = things(vocabulary)
    rows = [row for row in range(len(vocabulary)) if learned(vocabulary, row)]
    texts = [vocabulary.surface(row) for row in rows]
    of = [int(thing[vocabulary.concept[row]]) for row in rows]
    altered, also = [], []
    draw = random.Random(seed)
    change = _changer("".join(filter(terms.is_chinese, texts)))
    for text, one in zip(texts, of, strict=True):
        for _ in range(ALTERED["zh" if terms.is_chinese(text) else "en"]):
            altered.append(change(text, draw))
            also.append(one)
    return Named(texts + altered, np.array(of + also), len(texts))


def misspelt(text: str, draw: random.Random) -> str:
    """Return a name with a letter of a longer word swapped, left out, added or taken for another.

    In Chinese one character is left out. The first letter of a word stays; a name without a word of
    five letters or three characters comes back as it is.
    """
    if terms.is_chinese(text):
        place = draw.randrange(len(text))
        return text[:place] + text[place + 1 :] if len(text) > 3 else text
    words = text.split()
    long = [n for n, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    if not long:
        return text
    chosen = draw.choice(long)
    word = words[chosen]
    place, letter = draw.randrange(1, len(word)), draw.choice(_LETTERS)
    words[chosen] = draw.choice(
        (
            word[: place - 1] + word[place] + word[place - 1] + word[place + 1 :]
            if place > 1
            else word[:1] + word[2:],
            word[:place] + word[place + 1 :],
            word[:place] + letter + word[place:],
            word[:place] + letter + word[place + 1 :],
        )
    )
    return " ".join(words)


def _changer(characters: str) -> Callable[[str, random.Random], str]:
    """Return what alters a name; characters are taken from `characters`."""

    def change(text: str, draw: random.Random) -> str:
        if terms.is_chinese(text):
            return _chinese(text, characters, draw)
        how, words = draw.random(), text.split()
        if how < 0.6:
            once = misspelt(text, draw)
            return misspelt(once, draw) if how < 0.2 else once
        if how < 0.85 and len(words) > 2:
            place = draw.randrange(len(words))
            return " ".join(words[:place] + words[place + 1 :])
        return f"{draw.choice(_DEGREES)} {text}"

    return change


def _chinese(text: str, characters: str, draw: random.Random) -> str:
    how, place = draw.random(), draw.randrange(len(text))
    if how < 0.3 and len(text) > 3:
        return text[:place] + text[place + 1 :]
    if how < 0.45 and len(text) > 5:
        return text[:place] + text[place + 2 :]
    if how < 0.6 and len(text) > 3:
        return text[:place] + draw.choice(characters) + text[place + 1 :]
    if how < 0.8:
        return draw.choice(_SIDES) + text
    if len(text) > 6:
        place = draw.randrange(2, len(text) - 2)
        return text[place:] + (text[:place] if how < 0.9 else "")
    return text + draw.choice(_ENDINGS)
