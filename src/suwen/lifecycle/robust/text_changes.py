"""What really happens to texts: typing errors, OCR, lost capitals, disguised characters.

Strength is the share of the letters and digits that change (in %), of words for lost capitals.
These changes keep the number of characters, so that what was marked stays where it was. A change
that writes something longer or shorter instead (`edited`) carries what was marked along.

References: Damerau, Comm ACM 7:171, 1964 (typing errors: substitution and transposition among
them); Nguyen et al., ACM Computing Surveys 54:124, 2021 (confusions of OCR).
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from typing import Final, Protocol, Self

import numpy as np

from suwen.core.errors import BadInput
from suwen.lifecycle.examples import Array, Sample
from suwen.lifecycle.task import Perturbation

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


@dataclass(frozen=True, order=True)
class Edit:
    """Characters start..end of a text (end exclusive) written as something else."""

    start: int
    end: int
    new: str


@dataclass(frozen=True)
class Edits:
    """Edits of one text in order, none touching another, and where they move each place.

    Raises
    ------
    BadInput
        Two of them overlap.
    """

    edits: tuple[Edit, ...] = ()
    _ends: tuple[int, ...] = field(init=False, repr=False)
    _longer: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if any(a.end > b.start for a, b in pairwise(self.edits)):
            raise BadInput("edits of a text that overlap", "one after another", "sort or drop some")
        grown = (len(one.new) - (one.end - one.start) for one in self.edits)
        object.__setattr__(self, "_ends", tuple(one.end for one in self.edits))
        object.__setattr__(self, "_longer", (0, *accumulate(grown)))

    def applied(self, text: str) -> str:
        """Return the text with what is written instead."""
        parts, at = [], 0
        for one in self.edits:
            parts += [text[at : one.start], one.new]
            at = one.end
        return "".join([*parts, text[at:]])

    def start(self, at: int) -> int:
        """Return where a stretch that began at a place begins: before what replaced its place."""
        before = bisect_right(self._ends, at)
        own = self.edits[before : before + 1]
        return (own[0].start if own and own[0].start < at else at) + self._longer[before]

    def end(self, at: int) -> int:
        """Return where a stretch that ended at a place ends: behind what replaced its place."""
        before = bisect_right(self._ends, at)
        own = self.edits[before : before + 1]
        if own and own[0].start < at:
            return own[0].start + len(own[0].new) + self._longer[before]
        return at + self._longer[before]


class Written(Protocol):
    """Data of a sample that are a text."""

    @property
    def text(self) -> str:
        """The text."""

    def reworded(self, text: str, edits: Edits) -> Self:
        """Return the data with another text; what is marked in it goes where the edits move it."""


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
        before: Written = sample.data
        if text == before.text or len(text) != len(before.text):
            return sample
        return replace(sample, data=before.reworded(text, Edits()))

    return Perturbation(name, strengths, apply)


def edited(
    name: str, strengths: tuple[float, ...], places: Callable[[str], Sequence[Edit]]
) -> Perturbation:
    """Return a change that writes other words, longer or shorter, in some places of a text.

    Parameters
    ----------
    name, strengths
        Of the `Perturbation`.
    places
        Returns every edit that could be made, in order; each is made with the probability of the
        strength (in %).
    """

    def edits(text: str, strength: float, seed: int) -> Edits:
        draw = random.Random(seed)
        return Edits(tuple(one for one in places(text) if draw.random() < strength / 100))

    def apply(sample: Sample, strength: float, seed: int) -> Sample:
        before: Written = sample.data
        found = edits(before.text, strength, seed)
        if not found.edits:
            return sample
        return replace(sample, data=before.reworded(found.applied(before.text), found))

    def moved(truth: Array, sample: Sample, strength: float, seed: int) -> Array:
        found = edits(sample.data.text, strength, seed)
        rows = np.array(truth, dtype=float)
        for row in rows:
            row[:2] = found.start(int(row[0])), found.end(int(row[1]))
        return rows

    return Perturbation(name, strengths, apply, moved)


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
