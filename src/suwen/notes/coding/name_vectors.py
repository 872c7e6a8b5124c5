"""Names as vectors: names of one thing lie near each other, also where they share no word.

A name is the sum of the vectors of its units (`notes.coding.units`), a unit the sum of the vectors
of its letter runs and of itself, brought to length one; a misspelt word keeps most of its runs, and
a Chinese pair holds its two characters. The vectors were fitted on the synonyms of the vocabulary
alone, in both languages at once (`notes.coding.name_vectors_fit`). The order of words plays no
part.

Source: Bojanowski, Grave, Joulin, Mikolov, "Enriching word vectors with subword information", TACL
2017;5:135-146 (a word as the sum of its letter runs).
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from suwen.core.errors import IntegrityError
from suwen.notes.coding.units import checksums, units
from suwen.notes.vocabulary import terms
from suwen.notes.vocabulary.names import KNOWLEDGE

if TYPE_CHECKING:
    from suwen.notes.coding.index import Index

FILE: Final = KNOWLEDGE / "name_vectors.npz"
RUNS: Final = (3, 4)
"""Letters of the runs that a Latin word is cut into, its ends marked."""
TAIL: Final = 8192
"""Last rows of the table, shared by the runs and units that have none of their own."""
_COLUMNS: Final = ("keys", "table", "scale")


Floats = NDArray[np.floating[Any]]


class Parts(NamedTuple):
    """What units are summed from: numbers of letter runs, and the place of the unit, (n,) each."""

    numbers: NDArray[np.uint32]
    of: NDArray[np.int64]


def parts(words: Sequence[str]) -> Parts:
    """Return the runs of units: those of a Latin word and itself, a Chinese pair and its two."""
    latin = np.array([not terms.is_chinese(word) for word in words], dtype=bool)
    marked = [f"^{word}$" if own else word for word, own in zip(words, latin, strict=True)]
    points = np.frombuffer("".join(marked).encode("utf-32-le"), dtype=np.uint32)
    length = np.array([len(word) for word in marked], dtype=np.int64)
    start = np.cumsum(length) - length
    places = np.arange(len(words))
    cut = [(start, start + length, places)]
    for run in (1, *RUNS):
        held = (length > run) & (latin == (run > 1))
        many = np.where(held, length - run + 1, 0)
        of = np.repeat(places, many)
        first = start[of] + np.arange(len(of)) - np.repeat(np.cumsum(many) - many, many)
        cut.append((first, first + run, of))
    starts, ends, own = (np.concatenate(column) for column in zip(*cut, strict=True))
    numbers = checksums(points, starts, ends) >> np.uint64(32)
    return Parts(numbers.astype(np.uint32), own)


class Encoder:
    """Turns names into vectors.

    Parameters
    ----------
    columns
        `keys`, the numbers of the parts that have a row of their own, sorted, (n,); `table`, the
        rows of those parts and after them `TAIL` shared ones, 8 bits a value, (n + TAIL, d);
        `scale`, what a row is multiplied by, (n + TAIL,).
    """

    def __init__(self, columns: Mapping[str, NDArray[Any]]) -> None:
        missing = [name for name in _COLUMNS if name not in columns]
        if missing:
            raise IntegrityError(f"vectors without {missing[0]}", "every column", "reinstall suwen")
        self.keys: NDArray[np.uint32] = columns["keys"]
        if not len(self.keys) + TAIL == len(columns["table"]) == len(columns["scale"]):
            raise IntegrityError("vectors of uneven columns", "a row a key", "reinstall suwen")
        scale = columns["scale"].astype(np.float32)
        self.table: NDArray[np.float32] = columns["table"] * scale[:, None]

    @classmethod
    def load(cls, path: Path = FILE) -> Encoder:
        """Read the vectors of a file.

        Raises
        ------
        IntegrityError
            The file is missing, cut short, or holds no vectors.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                return cls({name: stored[name] for name in stored.files})
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise IntegrityError(
                f"the vectors of names cannot be read ({type(error).__name__})",
                "the file as installed",
                "reinstall suwen",
            ) from None

    def rows(self, numbers: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Return the row of the table for each number of a part."""
        return rows_of(self.keys, numbers)

    def sums(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of units, shape (n, d), of any length."""
        cut = parts(words)
        shape = (len(words), len(self.table))
        ones = np.ones(len(cut.of), dtype=np.float32)
        found: NDArray[np.float32] = (
            sparse.csr_matrix((ones, (cut.of, self.rows(cut.numbers))), shape=shape) @ self.table
        )
        return found

    def of(self, text: str) -> NDArray[np.float32]:
        """Return the vector of a name, shape (d,); zeros for one that holds no unit."""
        words = units(text)
        if not words:
            return np.zeros(self.table.shape[1], dtype=np.float32)
        held = self.rows(parts(words).numbers)
        found: NDArray[np.float32] = to_length_one(self.table[held].sum(axis=0)[None])[0]
        return found


class Names:
    """The vectors of all names of a vocabulary, made in about a second."""

    def __init__(self, encoder: Encoder, index: Index) -> None:
        self.encoder = encoder
        self.index = index
        self.vectors = to_length_one(index.held @ encoder.sums(index.names))

    def cosines(self, text: str) -> NDArray[np.float32]:
        """Return how like a text each name is, shape (rows,), 1 for the same units."""
        found: NDArray[np.float32] = self.vectors @ self.encoder.of(text)
        return found

    def meant(self, words: Sequence[str], rows: Sequence[int]) -> tuple[Floats, Floats]:
        """Return how much of a mention each name means, and how much of it the mention, (rows,).

        A unit is meant as much as its vector is like the likest one of the other side (negative
        counts as 0); units weigh what they tell, their idf.

        Parameters
        ----------
        words
            The units of the mention, at least one.
        rows
            Names, each with a unit.
        """
        own = [units(self.index.vocabulary.surface(row)) for row in rows]
        place: dict[str, int] = {}
        for word in chain(words, *own):
            place.setdefault(word, len(place))
        vectors = to_length_one(self.encoder.sums(list(place)))
        weight = np.array([self.index.weight_of(word) for word in place])
        mine = np.array([place[word] for word in words])
        its = np.array([place[word] for word in chain(*own)])
        starts = np.cumsum([0, *map(len, own)])[:-1]
        like = np.maximum(vectors[mine] @ vectors[its].T, 0.0)
        mention = weight[mine] @ np.maximum.reduceat(like, starts, axis=1) / weight[mine].sum()
        held = np.add.reduceat(weight[its], starts)
        return mention, np.add.reduceat(weight[its] * like.max(axis=0), starts) / held


def rows_of(keys: NDArray[np.uint32], numbers: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return the place of each number among sorted keys, or one of the `TAIL` places after them."""
    place = np.searchsorted(keys, numbers)
    known = keys[np.minimum(place, len(keys) - 1)] == numbers
    return np.where(known, place, len(keys) + numbers % TAIL).astype(np.int64)


def to_length_one(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors, shape (n, d), of length one; zeros stay zeros."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: NDArray[np.float32] = vectors / np.maximum(length, 1e-6)
    return found


@lru_cache(maxsize=1)
def installed() -> Encoder:
    """Return the encoder Suwen ships, read once."""
    return Encoder.load()
