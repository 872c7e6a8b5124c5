"""Finds names like a mention that is no name itself: shared words, near words, shared pieces.

The units are the normal forms of Latin tokens and pairs of neighbouring Chinese characters. Names
are compared with a mention by the weighted share of units in common (the weighted Jaccard index);
a unit weighs what it tells: idf = log(1 + N / df) (Sparck Jones 1972, J Doc 28:11-21).
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from suwen.notes.coding.units import units, units_of_lines
from suwen.notes.vocabulary import terms
from suwen.notes.vocabulary.names import KINDS, KNOWLEDGE, SYSTEMS, Vocabulary

NEAR: Final = 0.62
"""Dice coefficient of letter triples from which two words are near."""
NEAREST: Final = 4
COMMON: Final = 20_000
"""Names that hold a unit which is passed over where the mention has rarer ones."""
SAME_MEANING: Final = 0.9
"""Weight of a word of the same meaning (`coding_synonyms.toml`)."""


@lru_cache(maxsize=1)
def _listed() -> dict[str, Any]:
    return tomllib.loads((KNOWLEDGE / "coding_synonyms.toml").read_text(encoding="utf-8"))


def classified(text: str) -> str:
    """Return a Chinese term with words as classifications use them, else as it is."""
    for written, word in _listed()["written"]:
        text = text.replace(written, word)
    return text


@lru_cache(maxsize=1)
def _same() -> dict[str, frozenset[str]]:
    groups = _listed()
    found: dict[str, frozenset[str]] = {}
    for line in groups["words"] + groups["pairs"]:
        members = frozenset(terms.form_of(word) for word in line.split())
        for word in members:
            found[word] = found.get(word, frozenset()) | members
    return found


def same_meaning(unit: str) -> frozenset[str]:
    """Return the words of the same meaning, itself among them."""
    return _same().get(unit, frozenset({unit}))


class Index:
    """Which names hold which units. Made once, in under a second."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        cut = units_of_lines(vocabulary.text)
        self.names = cut.names
        self.number = {name: n for n, name in enumerate(cut.names)}
        ids, rows = cut.ids, cut.lines
        order = np.argsort(ids, kind="stable")
        self._rows: NDArray[np.int32] = rows[order]
        self._starts = np.searchsorted(ids[order], np.arange(len(self.names) + 1)).astype(np.int64)
        df = np.diff(self._starts)
        self.idf: NDArray[np.float32] = np.log1p(len(vocabulary) / np.maximum(df, 1)).astype(
            np.float32
        )
        self._weight: NDArray[np.float32] = np.bincount(
            rows, weights=self.idf[ids], minlength=len(vocabulary)
        ).astype(np.float32)

    @property
    def held(self) -> sparse.csc_matrix:
        """How often each name holds each unit, shape (names, units)."""
        ones = np.ones(len(self._rows), dtype=np.float32)
        shape = (len(self.vocabulary), len(self.names))
        return sparse.csc_matrix((ones, self._rows, self._starts), shape=shape)

    def weight_of(self, unit: str) -> float:
        """Return the idf of a unit; that of the rarest for an unknown one."""
        number = self.number.get(unit)
        return float(self.idf.max()) if number is None else float(self.idf[number])

    def weight_of_form(self, form: str) -> float:
        """Return the idf of a word, or of a single Chinese character."""
        if not terms.is_chinese(form):
            return self.weight_of(form)
        count = int(self.characters[min(ord(form[0]), len(self.characters) - 1)])
        return float(np.log1p(self.chinese / max(count, 1)))

    @cached_property
    def characters(self) -> NDArray[np.int64]:
        """How often each character stands in the names, by its code point below 65536."""
        points = np.frombuffer(self.vocabulary.text.encode("utf-32-le"), dtype=np.uint32)
        return np.bincount(np.minimum(points, 0xFFFF), minlength=0x10000)

    @cached_property
    def chinese(self) -> int:
        """How many names hold Chinese characters."""
        of = [n for n, name in enumerate(self.names) if terms.is_chinese(name)]
        held = [self._rows[self._starts[n] : self._starts[n + 1]] for n in of]
        return len(np.unique(np.concatenate(held))) if held else 1

    def shares(self, text: str) -> NDArray[np.float32]:
        """Return the weighted share of units that each name has in common with a text, (names,)."""
        wanted = list(dict.fromkeys(units(text)))
        scores = np.zeros(len(self.vocabulary), dtype=np.float32)
        rarest = min(map(self._count, wanted), default=0)
        for unit in wanted:
            if self._count(unit) > COMMON and rarest <= COMMON:
                continue
            for number, share in self._alike(unit):
                held = self._rows[self._starts[number] : self._starts[number + 1]]
                scores[held] += share * self.idf[number]
        total = sum(self.weight_of(unit) for unit in wanted)
        some = np.flatnonzero(scores)
        scores[some] /= np.maximum(total + self._weight[some] - scores[some], 1e-3)
        return scores

    def _count(self, unit: str) -> int:
        number = self.number.get(unit)
        return 0 if number is None else int(self._starts[number + 1] - self._starts[number])

    def _alike(self, unit: str) -> list[tuple[int, float]]:
        """Return the known units a unit stands for, with what each counts."""
        found = {n: SAME_MEANING for word in same_meaning(unit)
                 if (n := self.number.get(word)) is not None}  # fmt: skip
        if (own := self.number.get(unit)) is not None:
            found[own] = 1.0
        elif not terms.is_chinese(unit):
            found |= dict(self.near(unit))
        return list(found.items())

    def near(self, unit: str) -> list[tuple[int, float]]:
        """Return known words spelled like an unknown one, with the Dice coefficient of triples."""
        return list(_near(self, unit))

    def allowed(self, kinds: Collection[str], systems: Collection[str]) -> NDArray[np.float32]:
        """Return 1 for each name of these kinds and code systems, else 0, (names,)."""
        return _mask(self, tuple(sorted(kinds)), tuple(sorted(systems)))

    @cached_property
    def triples(self) -> dict[str, NDArray[np.int32]]:
        """Which words hold which three letters (word ends count as letters)."""
        found: dict[str, list[int]] = {}
        for number, name in enumerate(self.names):
            if len(name) > 3 and name.isascii() and name.isalpha():
                for triple in triples_of(name):
                    found.setdefault(triple, []).append(number)
        return {triple: np.array(numbers, dtype=np.int32) for triple, numbers in found.items()}


def triples_of(word: str) -> set[str]:
    """Return the runs of three letters of a word, its ends marked."""
    marked = f"^{word}$"
    return {marked[n : n + 3] for n in range(len(marked) - 2)}


def dice(a: str, b: str) -> float:
    """Return the Dice coefficient of the letter triples of two texts, of pairs in Chinese."""
    if terms.is_chinese(a) and terms.is_chinese(b):
        first, second = set(map("".join, pairwise(a))), set(map("".join, pairwise(b)))
    else:
        first, second = triples_of(a), triples_of(b)
    return 2 * len(first & second) / (len(first) + len(second)) if first and second else 0.0


@lru_cache(maxsize=16384)
def _near(index: Index, unit: str) -> tuple[tuple[int, float], ...]:
    if len(unit) < 4 or not unit.isascii():
        return ()
    triples = triples_of(unit)
    held = [index.triples[triple] for triple in triples if triple in index.triples]
    if not held:
        return ()
    numbers, shared = np.unique(np.concatenate(held), return_counts=True)
    scored = sorted(
        (
            (2 * int(n) / (len(triples) + len(index.names[number])), int(number))
            for number, n in zip(numbers.tolist(), shared.tolist(), strict=True)
            if n * 4 >= len(triples)
        ),
        reverse=True,
    )
    return tuple((number, min(share, 1.0)) for share, number in scored[:NEAREST] if share >= NEAR)


@lru_cache(maxsize=64)
def _mask(index: Index, kinds: tuple[str, ...], systems: tuple[str, ...]) -> NDArray[np.float32]:
    vocabulary = index.vocabulary
    kind = np.isin(vocabulary.kind, [KINDS.index(one) for one in kinds])
    system = np.isin(vocabulary.system, [SYSTEMS.index(one) for one in systems])
    mask: NDArray[np.float32] = (kind & system)[vocabulary.concept].astype(np.float32)
    return mask
