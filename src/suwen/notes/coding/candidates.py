"""Names a mention may stand for, and what speaks for each: equal, alike by words, alike by vectors.

A mention is read as it stands, as what its text defines it to be, without side and degree, and,
when nothing else is known of it, as what inventories say an abbreviation may mean. Where a reading
is a name, that is all; else the names with the most units in common (`notes.coding.index`) and the
names whose vectors are nearest (`notes.coding.name_vectors`) are looked at together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.notes.coding import name_vectors
from suwen.notes.coding.index import Index, classified, dice, same_meaning
from suwen.notes.coding.name_vectors import Names
from suwen.notes.coding.units import units
from suwen.notes.vocabulary import abbreviations, terms
from suwen.notes.vocabulary.names import CASED, LOOSE, PREFERRED, Vocabulary

SHORTLIST: Final = 24
"""Names alike by words, and as many alike by vectors, that are looked at closely."""
READINGS: Final = 3
"""Readings of which names alike are looked for."""
FEATURES: Final = (
    "same_bag", "same_surface", "share", "mention_covered", "name_covered", "letters", "same_head",
    "annotated", "own", "preferred", "loose", "other_case", "defined", "inventory", "heading",
    "cosine_lead", "mention_meant", "name_meant", "chinese", "bias",
)  # fmt: skip
_ALSO: Final = {"problem": ("problem", "heading"), "drug": ("drug", "heading")}
_SIDES: Final = re.compile(
    r"^(?:左侧?|右侧?|双侧?|两侧?|单侧|急性|慢性|轻度|中度|重度|反复|间断|阵发性|持续性|明显|轻微)+(?=..)"
)
_SEVERITY: Final = re.compile(
    r"^(?:(?:mild|moderate|severe|massive|marked|significant|intermittent|occasional|persistent|"
    r"worsening|left|right|bilateral|history of|some|any|new|recent|recurrent|acute|chronic)\s+)+",
    re.IGNORECASE,
)  # fmt: skip
_NUMBERS: Final = str.maketrans({"一": "1", "二": "2", "三": "3"})
Left = Callable[[int], bool]
"""Says of a row that it is to be passed over."""


@dataclass(frozen=True)
class Reading:
    """One way to read a mention, and what that way is worth to the model."""

    text: str
    defined: float = 0.0
    inventory: float = 0.0


class Alike(NamedTuple):
    """A name beside a reading of a mention.

    `share` is the weighted share of units in common; `cosine` that of the vectors, and
    `cosine_lead` what it lacks to that of the nearest name; `mention_meant` and `name_meant` how
    much of either the other means (`Names.meant`).
    """

    row: int
    reading: Reading
    share: float = 1.0
    cosine: float = 1.0
    cosine_lead: float = 0.0
    mention_meant: float = 1.0
    name_meant: float = 1.0


class Finder:
    """Finds names of a vocabulary that a mention may stand for.

    Parameters
    ----------
    vocabulary
        Whose names are looked at.
    vectors
        Whether names alike by vectors are looked at; else all that is said of vectors is 0.
    """

    def __init__(self, vocabulary: Vocabulary, vectors: bool = True) -> None:
        self.vocabulary = vocabulary
        self.vectors = vectors

    @cached_property
    def index(self) -> Index:
        """Names by the units they hold, made at the first mention that is no name itself."""
        return Index(self.vocabulary)

    @cached_property
    def names(self) -> Names:
        """Names by their vectors, made with the index."""
        return Names(name_vectors.installed(), self.index)

    def alike(
        self, text: str, kind: str, systems: Sequence[str], long: str = "", left: Left | None = None
    ) -> list[Alike]:
        """Return names to be looked at, of each reading; those that are equal go alone.

        `long` is what the text defines the mention to be; rows that are `left` are passed over.
        """
        readings = readings_of(text, long)
        kinds = _ALSO.get(kind, (kind,))
        found: list[Alike] = []
        for reading in readings:
            found += [Alike(row, reading) for row in self._same(reading.text, kinds, systems, left)]
            if any(not self.vocabulary.flags[one.row] & LOOSE for one in found):
                return found
        if not found and not long:
            for sense in abbreviations.senses(text)[:4] if len(text) <= 8 else ():
                reading = Reading(sense.long, inventory=max(sense.share, 0.05))
                rows = self._same(sense.long, kinds, systems, left)
                found += [Alike(row, reading) for row in rows]
        for reading in readings[:READINGS]:
            found += self._like(reading, kinds, systems, left)
        return found

    def _same(
        self, text: str, kinds: Sequence[str], systems: Sequence[str], left: Left | None
    ) -> list[int]:
        rows = [row for row in self.vocabulary.named(text) if left is None or not left(row)]
        entries = [(row, self.vocabulary.entry(row)) for row in rows]
        return [row for row, one in entries if one.kind in kinds and one.system in systems]

    def _like(
        self, reading: Reading, kinds: Sequence[str], systems: Sequence[str], left: Left | None
    ) -> list[Alike]:
        words = units(reading.text)
        if not words:
            return []
        allowed = self.index.allowed(kinds, systems)
        shares = self.index.shares(reading.text) * allowed
        if not self.vectors:
            return [Alike(row, reading, float(shares[row]), 0.0, 0.0, 0.0, 0.0)
                    for row in _first(shares, left)]  # fmt: skip
        cosines = self.names.cosines(reading.text) * allowed
        rows = list(dict.fromkeys(_first(shares, left) + _first(cosines, left)))
        best = cosines[rows].max(initial=0.0)
        mention, name = self.names.meant(words, rows) if rows else (cosines[:0], cosines[:0])
        columns = (shares[rows], cosines[rows], best - cosines[rows], mention, name)
        return [
            Alike(row, reading, *values)
            for row, *values in zip(rows, *(column.tolist() for column in columns), strict=True)
        ]

    def features(self, one: Alike) -> dict[str, float]:
        """Return the features of a name as an answer to a reading of a mention."""
        entry, reading = self.vocabulary.entry(one.row), one.reading
        same = terms.bag(entry.term) == terms.bag(reading.text)
        mine, its = ((), ()) if same else (terms.forms(reading.text), terms.forms(entry.term))
        low, name = reading.text.lower(), entry.term.lower()
        return {
            "same_bag": float(same),
            "same_surface": float(low == name),
            "share": one.share,
            "mention_covered": 1.0 if same else self._covered(mine, its),
            "name_covered": 1.0 if same else self._covered(its, mine),
            "letters": 1.0 if same else dice(low, name),
            "same_head": float(same or bool(mine and its and mine[-1] == its[-1])),
            "annotated": float(entry.source == "annotated"),
            "own": float(entry.source.startswith("own")),
            "preferred": float(bool(entry.flags & PREFERRED)),
            "loose": float(bool(entry.flags & LOOSE)),
            "other_case": float(bool(entry.flags & CASED) and entry.term != reading.text),
            "defined": reading.defined,
            "inventory": reading.inventory,
            "heading": float(entry.kind == "heading"),
            "cosine_lead": one.cosine_lead,
            "mention_meant": one.mention_meant,
            "name_meant": one.name_meant,
            "chinese": float(terms.is_chinese(reading.text)),
            "bias": 1.0,
        }

    def _covered(self, held: Sequence[str], by: Sequence[str]) -> float:
        """Return the weighted share of forms that the others hold, spelling errors allowed."""
        total = covered = 0.0
        for form in held:
            weight = self.index.weight_of_form(form)
            total += weight
            covered += weight * max((_alike(form, other) for other in by), default=0.0)
        return covered / total if total else 0.0


def _first(values: NDArray[np.float32], left: Left | None) -> list[int]:
    """Return the rows of the `SHORTLIST` highest values above 0, highest first."""
    many = SHORTLIST if left is None else 2 * SHORTLIST
    rows = np.argpartition(-values, many)[:many] if len(values) > many else np.arange(len(values))
    rows = rows[values[rows] > 0]
    order = rows[np.lexsort((rows, -values[rows]))].tolist()
    return [row for row in order if left is None or not left(row)][:SHORTLIST]


@lru_cache(maxsize=65536)
def _alike(form: str, other: str) -> float:
    if form == other:
        return 1.0
    if other in same_meaning(form):
        return 0.9
    near = dice(form, other) if len(form) > 3 and len(other) > 3 else 0.0
    return near if near >= 0.5 else 0.0


def readings_of(text: str, long: str = "") -> list[Reading]:
    """Return the ways to read a mention: as it stands, its long form, without side and degree.

    Chinese also with its numbers as figures, and with the words of classifications.
    """
    found = [Reading(text)]
    if long:
        found.insert(0, Reading(long, defined=1.0))
    chinese = terms.is_chinese(text)
    bare = (_SIDES if chinese else _SEVERITY).sub("", text)
    if bare != text:
        found.append(Reading(bare))
    if chinese and (counted := text.translate(_NUMBERS)) != text:
        found.append(Reading(counted))
    if chinese and (other := classified(bare)) != bare:
        found.append(Reading(other))
    return found
