"""A text as the pieces a network reads: word pieces in English, characters in Chinese.

Beside its number every piece has features: whether lists of names hold it, and its shape, which a
network that reads lower-case pieces would not see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from suwen.notes.entities.names import WORD, Names

SHAPES = 8
"""Features of shape: first letter a capital, all capitals, a number, letters and digits, capitals
inside, close to what stands before, close to what stands after, not the first piece of its word."""
WINDOW = 254
"""Most pieces a network reads at once."""
UNKNOWN_PIECE, OPENING, CLOSING, HIDDEN = 100, 101, 102, 103
"""Numbers of the pieces [UNK], [CLS], [SEP] and [MASK] of BERT's vocabularies."""
FIRST, UNKNOWN = 2, 1
"""Numbers of Chinese characters start here; 0 fills up, 1 stands for a rare character."""


@dataclass(frozen=True)
class Pieces:
    """Pieces of one text.

    Parameters
    ----------
    ids
        Number of each piece, (n,).
    start, end
        Characters of the text each piece stands for, (n,).
    features
        (n, d).
    """

    ids: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    features: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)

    def cut(self, low: int, high: int) -> Pieces:
        """Return the pieces low .. high - 1."""
        part = slice(low, high)
        return Pieces(self.ids[part], self.start[part], self.end[part], self.features[part])


Cutter = Callable[[str], Pieces]


def features_of(text: str, names: Names, start: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the features of pieces that start at these characters, (n, d)."""
    found = [(m.start(), m.end(), m.group()) for m in WORD.finditer(text)]
    if not found:
        return np.zeros((len(start), width(names)), dtype=np.float32)
    flags = names.flags([word.lower() for _, _, word in found])
    shape = np.array([_shape(text, *word) for word in found], dtype=np.float32)
    begins = np.array([low for low, _, _ in found])
    word_of = np.maximum(np.searchsorted(begins, start, side="right") - 1, 0)
    inside = (start > begins[word_of]).astype(np.float32)
    return np.column_stack([flags[word_of], shape[word_of], inside])


def width(names: Names) -> int:
    """Return how many features a piece has."""
    return 2 * len(names.lists) + SHAPES


def _shape(text: str, low: int, high: int, word: str) -> tuple[bool, ...]:
    letters, digits = any(map(str.isalpha, word)), any(map(str.isdigit, word))
    return (
        word[0].isupper(),
        word.isupper() and len(word) > 1,
        word.isdigit(),
        letters and digits,
        letters and not (word.islower() or word.isupper() or word[1:].islower()),
        low > 0 and not text[low - 1].isspace(),
        high < len(text) and not text[high].isspace(),
    )


def word_pieces(tokenizer: Tokenizer, names: Names) -> Cutter:
    """Return what cuts a text into the word pieces of a tokenizer."""
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def cut(text: str) -> Pieces:
        found = tokenizer.encode(text, add_special_tokens=False)
        place = np.array(found.offsets, dtype=np.int64).reshape(-1, 2)
        ids = np.array(found.ids, dtype=np.int64)
        return Pieces(ids, place[:, 0], place[:, 1], features_of(text, names, place[:, 0]))

    return cut


def characters(known: Mapping[str, int], names: Names) -> Cutter:
    """Return what cuts a text into characters, white space left out; `known` numbers them."""

    def cut(text: str) -> Pieces:
        kept = [(i, char) for i, char in enumerate(text) if not char.isspace()]
        start = np.array([i for i, _ in kept], dtype=np.int64)
        ids = np.array([known.get(char.lower(), UNKNOWN) for _, char in kept], dtype=np.int64)
        return Pieces(ids, start, start + 1, features_of(text, names, start))

    return cut


def windows(pieces: Pieces, most: int, stops: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return where to cut pieces into windows of at most `most`, after a stop where there is one.

    `stops` says which pieces end a sentence, (n,).
    """
    found, low = [], 0
    while len(pieces) - low > most:
        ends = np.flatnonzero(stops[low + most // 2 : low + most])
        high = low + most // 2 + int(ends[-1]) + 1 if len(ends) else low + most
        found.append((low, high))
        low = high
    if low < len(pieces):
        found.append((low, len(pieces)))
    return found
