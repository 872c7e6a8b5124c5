"""What really happens to texts: typing errors, OCR, lost capitals, disguised characters.

Strength is the share of the letters and digits that change (in %), of words for lost capitals.
Every change keeps the number of characters, so that what was marked stays where it was.

References: Damerau, Comm ACM 7:171, 1964 (typing errors: substitution and transposition among
them); Nguyen et al., ACM Computing Surveys 54:124, 2021 (confusions of OCR).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from suwen.lifecycle.task import Perturbation, Sample

_NEIGHBOURS: Final = {
    letter: (row[place - 1 : place] + row[place + 1 : place + 2])
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890")
    for place, letter in enumerate(row)
}
_MISREAD: Final = {
    "0": "O", "O": "0", "1": "l", "l": "1", "I": "l", "5": "S", "S": "5", "8": "B", "B": "8",
    "2": "Z", "Z": "2",
    "6": "G", "G": "6", "e": "c", "c": "e", "n": "r", "h": "b", "u": "v", "i": "l", "t": "f",
    "口": "日", "己": "已", "未": "末", "人": "入", "土": "士",
}  # fmt: skip
_DISGUISED: Final = str.maketrans("0123456789aceopxAHOPTX", "０１２３４５６７８９асеорхАНОРТХ")

Change = Callable[[str, float, random.Random], str]


def _each(changed: Callable[[str], str]) -> Change:
    """Return a change of single characters, each with the probability of the strength."""

    def change(text: str, strength: float, draw: random.Random) -> str:
        odds = strength / 100
        return "".join(
            changed(one) if one.isalnum() and draw.random() < odds else one for one in text
        )

    return change


def _typed(one: str) -> str:
    near = _NEIGHBOURS.get(one.lower(), "")
    new = near[:1] or one
    return new.upper() if one.isupper() else new


def _lowered(text: str, strength: float, draw: random.Random) -> str:
    words = text.split(" ")
    return " ".join(one.lower() if draw.random() < strength / 100 else one for one in words)


def _swapped(text: str, strength: float, draw: random.Random) -> str:
    letters = list(text)
    for place in range(len(letters) - 1):
        pair = letters[place : place + 2]
        if all(one.isalpha() for one in pair) and draw.random() < strength / 100:
            letters[place], letters[place + 1] = pair[1], pair[0]
    return "".join(letters)


def _perturbation(name: str, strengths: tuple[float, ...], change: Change) -> Perturbation:
    def apply(sample: Sample, strength: float, seed: int) -> Sample:
        text = change(sample.data.text, strength, random.Random(seed))
        # Lower case of a few letters is longer (İ): such a text stays as it is.
        kept = text if len(text) == len(sample.data.text) else sample.data.text
        return replace(sample, data=replace(sample.data, text=kept))

    return Perturbation(name, strengths, apply)


TYPED: Final = _perturbation("neighbouring keys [% of characters]", (1, 2, 5), _each(_typed))
SWAPPED: Final = _perturbation("swapped letters [% of characters]", (1, 2, 5), _swapped)
MISREAD: Final = _perturbation(
    "OCR confusions [% of characters]", (1, 2, 5, 10), _each(lambda one: _MISREAD.get(one, one))
)
LOWERED: Final = _perturbation("lost capitals [% of words]", (25, 50, 100), _lowered)
DISGUISED: Final = _perturbation(
    "look-alike characters [% of characters]",
    (10, 50, 100),
    _each(lambda one: one.translate(_DISGUISED)),
)
