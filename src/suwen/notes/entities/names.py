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
from functools import lru_cache
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

    The second is that of the run without a last `s`; runs past the end have none (0). A checksum of
    two texts in a row follows from those of each and the length of the second, so that all runs of
    one length are summed at once.
    """
    whole = [word.encode() for word in words]
    single = [one[:-1] if len(one) > 3 and one.endswith(b"s") else one for one in whole]
    sums = np.zeros((len(words), LONGEST, 2), dtype=np.uint32)
    for form, own in enumerate((whole, single)):
        sums[:, 0, form] = [zlib.crc32(one) for one in own]
    sizes = np.array([[len(one) + 1 for one in own] for own in (whole, single)])
    if not len(words):
        return sums
    tails = np.array(
        [[zlib.crc32(b" " + one) for one in own] for own in (whole, single)], dtype=np.uint32
    )
    known, which = np.unique(sizes, return_inverse=True)
    moved = np.array([_moved(size) for size in known.tolist()]).reshape(-1)
    place = which.reshape(sizes.shape) * 1024
    for k in range(1, min(LONGEST, len(words))):
        before = sums[:-k, k - 1, 0]
        at = place[:, k:]
        sums[:-k, k] = (
            tails[:, k:]
            ^ moved[at + (before & 0xFF)]
            ^ moved[at + (256 + (before >> 8 & 0xFF))]
            ^ moved[at + (512 + (before >> 16 & 0xFF))]
            ^ moved[at + (768 + (before >> 24))]
        ).T
    return sums


@lru_cache(maxsize=256)
def _moved(size: int) -> NDArray[np.uint32]:
    """Return what each byte of a CRC-32 becomes when `size` bytes follow, (4, 256).

    The CRC is linear: so it is known from what each of its 32 bits becomes (zlib, crc32_combine).
    """
    zeros = bytes(size)
    bits = [zlib.crc32(zeros, 1 << bit) ^ zlib.crc32(zeros) for bit in range(32)]
    table = np.zeros((4, 256), dtype=np.uint32)
    for bit, moved in enumerate(bits):
        byte, place = divmod(bit, 8)
        table[byte, (np.arange(256) >> place & 1).astype(bool)] ^= np.uint32(moved)
    return table
