"""Written forms of the names and numbers of a crowd, and whose they are, in few bytes each.

A form is kept as 64 bits of its keyed hash (Python's SipHash, another key in every process),
sorted, beside the number of its owner: some 15 bytes where a dictionary of sets takes 400. With 10
million forms one wrong hit is expected in a trillion look-ups; it takes something out of a text
that could have stayed.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

import numpy as np

from suwen.privacy.subjects.known_index import FORMS, Index, beginnings

_MASK: Final = (1 << 64) - 1
_ROOM: Final = 2
"""Fewest slots of the filter a form; most are twice as many."""


class Forms:
    """Forms with their owners, filled once (`add`), then closed and looked up in."""

    def __init__(self) -> None:
        self._hashes, self._owners = array("Q"), array("I")
        self._filter = bytearray(1)

    def __len__(self) -> int:
        return len(self._hashes)

    def add(self, form: str, owner: int) -> None:
        """Put a form in."""
        self._hashes.append(hash(form) & _MASK)
        self._owners.append(owner)

    def cut(self, length: int) -> None:
        """Forget the forms after the first so many put in."""
        del self._hashes[length:], self._owners[length:]

    def closed(self) -> Forms:
        """Return these forms, sorted, each once an owner: they can be looked up."""
        hashes = np.array(self._hashes, np.uint64)
        owners = np.array(self._owners, np.uint32)
        order = np.lexsort((owners, hashes))
        hashes, owners = hashes[order], owners[order]
        fresh = np.ones(len(order), np.bool_)
        fresh[1:] = (hashes[1:] != hashes[:-1]) | (owners[1:] != owners[:-1])
        made = Forms()
        made._hashes.frombytes(hashes[fresh].tobytes())
        made._owners.frombytes(owners[fresh].tobytes())
        slots = np.zeros(1 << (_ROOM * len(made)).bit_length(), np.uint8)
        slots[hashes & np.uint64(len(slots) - 1)] = 1
        made._filter = bytearray(slots.tobytes())
        return made

    def __contains__(self, form: object) -> bool:
        return self._place(hash(form) & _MASK) is not None

    def get(self, form: str) -> frozenset[int] | None:
        """Return the owners of a form, None when it is nobody's."""
        wanted = hash(form) & _MASK
        place = self._place(wanted)
        if place is None:
            return None
        end = place
        while end < len(self._hashes) and self._hashes[end] == wanted:
            end += 1
        return frozenset(self._owners[place:end])

    def _place(self, wanted: int) -> int | None:
        """Return where a hash stands first."""
        if not self._filter[wanted & (len(self._filter) - 1)]:
            return None
        place = bisect_left(self._hashes, wanted)
        found = place < len(self._hashes) and self._hashes[place] == wanted
        return place if found else None


def crowd_index(forms: Iterable[tuple[int, str, str]]) -> Index:
    """Return the index of the forms of many people: owner, table (`FORMS`) and form of each."""
    tables = {name: Forms() for name in FORMS}
    words, pairs, heads = Forms(), Forms(), Forms()
    lengths: set[int] = set()
    longest = 0
    for owner, table, form in forms:
        tables[table].add(form, owner)
        if table == "names":
            for word in form.split():
                words.add(word, 0)
        elif table == "chinese":
            pairs.add(form[:2], 0)
            lengths.add(len(form))
        elif table == "numbers":
            longest = max(longest, len(form))
            for head in beginnings(form):
                heads.add(head, 0)
    names, chinese, parts, numbers = (tables[name].closed() for name in FORMS)
    marks = (words.closed(), pairs.closed(), heads.closed())
    return Index(names, chinese, parts, numbers, *marks, tuple(sorted(lengths)), longest)
