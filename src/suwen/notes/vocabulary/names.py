"""The vocabulary: 300,000 names of problems, drugs, tests, procedures and body parts with codes.

One file, `knowledge/vocabulary.npz`, made by `notes.vocabulary.build` from free sources; what each
source asks for (licence, version, attribution) is `Vocabulary.sources`. A name is a row; rows of
one concept share its number. Rows are found by the key of their bag of tokens
(`notes.vocabulary.terms`).
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import LOINC, SUWEN, Code, Text
from suwen.core.errors import IntegrityError
from suwen.notes.vocabulary import terms

KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge"
FILE: Final = KNOWLEDGE / "vocabulary.npz"
HPO: Final = "http://human-phenotype-ontology.org"
ICD10: Final = "http://hl7.org/fhir/sid/icd-10"
ICD10CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"
ICD10_BEIJING: Final = f"{SUWEN}/icd-10-beijing-v601"
MESH: Final = "http://id.nlm.nih.gov/mesh"
OMIM: Final = "http://www.omim.org"
DRUGBANK: Final = "http://www.drugbank.ca"
PROCEDURE: Final = f"{SUWEN}/procedure"
ANATOMY: Final = f"{SUWEN}/anatomy"
WORD: Final = f"{SUWEN}/word"
SYSTEMS: Final = (HPO, ICD10, ICD10CM, ICD10_BEIJING, MESH, OMIM, DRUGBANK, LOINC, PROCEDURE,
                  ANATOMY, WORD)  # fmt: skip
"""Code systems by their number in the file."""
KINDS: Final = ("problem", "drug", "test", "procedure", "anatomy", "word", "heading")
"""What a concept is, by its number in the file; `word` is a Chinese medical word without a code,
`heading` a MeSH descriptor that may be anything."""

PREFERRED, CASED, UNMATCHED, LOOSE = 1, 2, 4, 8
"""Flags of a row: the concept's own name; an abbreviation, found only as it is written; an
everyday word, never looked for in texts; a name that is broader, narrower or only related."""
_LOADED: Final = ("surfaces", "key", "concept", "source", "flags", "codes", "system", "kind",
                  "english", "chinese", "sources")  # fmt: skip


class Entry(NamedTuple):
    """One name of one concept."""

    term: str
    kind: str
    system: str
    code: str
    source: str
    flags: int
    concept: int


@dataclass(frozen=True)
class Source:
    """Where names come from, and what has to be said of it wherever they are shown."""

    name: str
    version: str
    licence: str
    attribution: str


class Vocabulary:
    """The names of the file, as columns.

    Parameters
    ----------
    columns
        The arrays of the file: one element a row for `key`, `concept`, `source` and `flags`; one
        element a concept for `system`, `kind`, `english` and `chinese` (rows of its own names, -1
        for none); UTF-8 bytes, parted by line feeds, for `surfaces` and `codes`.
    """

    def __init__(self, columns: dict[str, NDArray[Any]]) -> None:
        missing = [name for name in _LOADED if name not in columns]
        if missing:
            raise IntegrityError(f"a vocabulary without {missing[0]}", "every column", "reinstall")
        self._surfaces = columns["surfaces"].tobytes()
        self._ends = np.flatnonzero(columns["surfaces"] == 10).astype(np.int32)
        self._codes = columns["codes"].tobytes().decode().split("\n")
        self.concept: NDArray[np.int32] = columns["concept"]
        self.source: NDArray[np.uint8] = columns["source"]
        self.flags: NDArray[np.uint8] = columns["flags"]
        self.system: NDArray[np.uint8] = columns["system"]
        self.kind: NDArray[np.uint8] = columns["kind"]
        self._own = {"en": columns["english"], "zh": columns["chinese"]}
        self.sources = tuple(
            Source(**one) for one in json.loads(columns["sources"].tobytes().decode())
        )
        if not len(self.concept) == len(self._ends) == len(columns["key"]):
            raise IntegrityError("a vocabulary of uneven columns", "one element a row", "reinstall")
        order = np.argsort(columns["key"], kind="stable")
        self._order: NDArray[np.int32] = order.astype(np.int32)
        self.keys: NDArray[np.uint32] = columns["key"][order]
        self._keys = self.keys.data

    @classmethod
    def load(cls, path: Path = FILE) -> Vocabulary:
        """Read the vocabulary of a file.

        Raises
        ------
        IntegrityError
            The file is missing, cut short, or no vocabulary.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                columns = {name: stored[name] for name in stored.files}
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise IntegrityError(
                f"the vocabulary cannot be read ({type(error).__name__})",
                "the file as installed",
                "reinstall suwen",
            ) from None
        return cls(columns)

    def __len__(self) -> int:
        return len(self.concept)

    def surface(self, row: int) -> str:
        """Return the name of a row as its source writes it."""
        start = int(self._ends[row - 1]) + 1 if row else 0
        return self._surfaces[start : int(self._ends[row])].decode()

    @cached_property
    def text(self) -> str:
        """All names, parted by line feeds."""
        return self._surfaces.decode()

    def rows_of(self, key: int) -> list[int]:
        """Return the rows with a key (by chance also one of another bag), in the file's order."""
        low = bisect_left(self._keys, key)
        found: list[int] = self._order[low : bisect_right(self._keys, key, low)].tolist()
        return found

    def has_keys(self, keys: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Say of each key, shape (n,), whether a row has it."""
        places = np.searchsorted(self.keys, keys)
        known: NDArray[np.bool_] = self.keys[np.minimum(places, len(self.keys) - 1)] == keys
        return known

    def named(self, term: str) -> list[int]:
        """Return the rows whose names are one with `term`."""
        forms = terms.forms(term)
        wanted = terms.bag_of(forms)
        rows = self.rows_of(terms.key_of_forms(forms)) if forms else []
        return [row for row in rows if terms.bag(self.surface(row)) == wanted]

    def entry(self, row: int) -> Entry:
        """Return a row."""
        concept = int(self.concept[row])
        return Entry(
            self.surface(row),
            KINDS[self.kind[concept]],
            SYSTEMS[self.system[concept]],
            self._codes[concept],
            self.sources[self.source[row]].name,
            int(self.flags[row]),
            concept,
        )

    def code_of(self, concept: int) -> str:
        """Return the code of a concept within its system."""
        return self._codes[concept]

    def system_of(self, concept: int) -> str:
        """Return the code system of a concept."""
        return SYSTEMS[self.system[concept]]

    def display(self, concept: int) -> Text:
        """Return the names of a concept; where a language has none, that of the other."""
        rows = {language: int(own[concept]) for language, own in self._own.items()}
        english = self.surface(rows["en"]) if rows["en"] >= 0 else ""
        chinese = self.surface(rows["zh"]) if rows["zh"] >= 0 else ""
        return Text(en=english or chinese, zh=chinese or english)

    def concepts(self, system: str, code: str) -> list[int]:
        """Return the concepts of a code."""
        return self._by_code.get((system, code), [])

    def as_code(self, concept: int) -> Code:
        """Return a concept as the Code other rooms take."""
        return Code(
            system=self.system_of(concept), code=self._codes[concept], name=self.display(concept)
        )

    @cached_property
    def _by_code(self) -> dict[tuple[str, str], list[int]]:
        found: dict[tuple[str, str], list[int]] = {}
        for concept, code in enumerate(self._codes[: len(self.system)]):
            found.setdefault((self.system_of(concept), code), []).append(concept)
        return found


@lru_cache(maxsize=1)
def installed() -> Vocabulary:
    """Return the vocabulary Suwen ships, read once."""
    return Vocabulary.load()
