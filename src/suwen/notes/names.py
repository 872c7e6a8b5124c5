"""Which words of a text stand in lists of names (chemicals, diseases), as flags for a network.

A list is kept as the sorted 32-bit checksums of its entries: no text, no order, a few bytes a name.
About one word sequence in ten thousand is taken for a name by accident, which a network that reads
the flags as a hint can bear. Entries are words in lower case, one space between.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

WORD = re.compile(r"[A-Za-z0-9]+|[\u3400-\u9fff]|[^\sA-Za-z0-9]")
"""A word of a list: letters and digits, one Chinese character, or one other character."""
LONGEST = 10
"""Words of the longest entry."""
FLAGS = 2
"""Flags of a list on each word: it begins a name, it goes on with one."""


def entry(name: str) -> str:
    """Return a name as it stands in a list."""
    return " ".join(WORD.findall(name.lower()))


def checksum(entry: str) -> int:
    """Return the CRC-32 of an entry; that of more words goes on from that of fewer."""
    return zlib.crc32(entry.encode())


@dataclass(frozen=True)
class Names:
    """Lists of names by their own name, each an ascending array of checksums (uint32)."""

    lists: Mapping[str, NDArray[np.uint32]]

    @classmethod
    def of(cls, lists: Mapping[str, Iterable[str]]) -> Names:
        """Build from names as people write them; those of more than `LONGEST` words are left."""
        made = {}
        for key, names in lists.items():
            entries = {entry(name) for name in names}
            kept = [checksum(one) for one in entries if 0 < len(one.split(" ")) <= LONGEST]
            made[key] = np.unique(np.array(kept, dtype=np.uint32))
        return cls(made)

    def to_bytes(self) -> bytes:
        """Return the lists as `.npz`: each as the gaps between its checksums, byte by byte."""
        target = io.BytesIO()
        gaps: dict[str, Any] = {
            name: np.diff(sums, prepend=np.uint32(0)).astype("<u4").view(np.uint8).reshape(-1, 4).T
            for name, sums in self.lists.items()
        }
        planes: dict[str, Any] = {name: np.ascontiguousarray(each) for name, each in gaps.items()}
        np.savez_compressed(target, **planes)
        return target.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Names:
        """Read what `to_bytes` wrote."""
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            rows = {name: stored[name] for name in sorted(stored.files)}
        gaps = {
            name: np.ascontiguousarray(each.T).view("<u4").ravel() for name, each in rows.items()
        }
        return cls({name: np.cumsum(each, dtype=np.uint32) for name, each in gaps.items()})

    def flags(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return which words begin a name and which go on with one, longest name first.

        Parameters
        ----------
        words
            Words in lower case as `WORD` parts them, n.

        Returns
        -------
        ndarray
            (n, FLAGS a list), in the order of the lists. Of an English word its plural counts too.
        """
        sums = _running(words)
        found = np.zeros((len(words), FLAGS * len(self.lists)), dtype=np.float32)
        for column, known in enumerate(self.lists.values()):
            hit = (known[np.searchsorted(known, sums) % len(known)] == sums).any(-1)
            reach = np.where(hit.any(1), LONGEST - hit[:, ::-1].argmax(1), 0)
            place = 0
            while place < len(words):
                length = int(reach[place])
                if length:
                    found[place, FLAGS * column] = 1
                    found[place + 1 : place + length, FLAGS * column + 1] = 1
                place += max(length, 1)
        return found


def _running(words: Sequence[str]) -> NDArray[np.uint32]:
    """Return the checksums of the runs of 1 .. LONGEST words from each word on, (n, LONGEST, 2).

    The second is that of the run without a last `s`; runs past the end repeat the last one.
    """
    encoded = [word.encode() for word in words]
    sums = np.zeros((len(words), LONGEST, 2), dtype=np.uint32)
    for i in range(len(words)):
        value, row = 0, sums[i]
        for k in range(LONGEST):
            if i + k >= len(words):
                row[k:] = 0
                break
            word = encoded[i + k]
            before = zlib.crc32(b" ", value) if k else 0
            value = zlib.crc32(word, before)
            single = len(word) > 3 and word.endswith(b"s")
            row[k] = value, zlib.crc32(word[:-1], before) if single else value
    return sums
