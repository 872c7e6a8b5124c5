"""What files say of their patients, kept on disk and joined into persons.

A million claims are gigabytes as Python objects. Here they stand in a file without a name, which is
gone whatever ends the program, and some 80 bytes of each in memory. Claims that share a handle
(`people.handles`) stand side by side once the handles' hashes are sorted; only those are read again
and compared.
"""

from __future__ import annotations

import json
import os
import tempfile
import weakref
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.privacy.people import Claim, contradict, handles
from suwen.privacy.subjects.forms import Forms
from suwen.privacy.subjects.known import Known

CROWD: Final = 100
"""A number by which so many different people are called is nobody's."""
COMPARED: Final = 1024
"""Claims held at a time while those that share a handle are compared."""
_MASK: Final = (1 << 64) - 1

_Who = tuple[frozenset[str], str]
"""Names and birth date: two claims that agree in both cannot contradict each other."""


class Claims:
    """Claims in the order they were made.

    Parameters
    ----------
    folder
        Where the file without a name is made; by default where temporary files are.

    Raises
    ------
    OSError
        The disk is full or cannot be written.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - it lives as long as this
        weakref.finalize(self, self._file.close)
        self._ends = array("Q", [0])
        self._handles, self._holders = array("Q"), array("I")
        self._keys, self._files = Forms(), array("I")

    @classmethod
    def of(cls, claims: Iterable[Claim]) -> Claims:
        """Return some claims."""
        made = cls()
        for one in claims:
            made.add(one)
        return made

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, one: Claim) -> None:
        """Keep a claim."""
        line = _written(one)
        self._file.write(line)
        for sure, handle in handles(one):
            self._handles.append(hash(handle) & (_MASK - 1) | sure)
            self._holders.append(len(self))
        self._keys.add(f"{one.file}|{one.key}", len(self))
        self._files.append(one.file)
        self._ends.append(self._ends[-1] + len(line))

    def cut(self, length: int) -> None:
        """Forget the claims after the first so many."""
        del self._ends[length + 1 :]
        self._file.seek(self._ends[-1])
        self._file.truncate()
        while self._holders and self._holders[-1] >= length:
            self._holders.pop()
            self._handles.pop()
        self._keys.cut(length)
        del self._files[length:]

    def keys(self) -> Forms:
        """Return the claims of each `file|key`."""
        return self._keys.closed()

    def files(self) -> Sequence[int]:
        """Return the file of each claim."""
        return self._files

    def __getitem__(self, number: int) -> Claim:
        start, end = self._ends[number : number + 2]
        return _read(os.pread(self._file.fileno(), end - start, start))

    def __iter__(self) -> Iterator[Claim]:
        self._file.flush()
        return (self[number] for number in range(len(self)))

    def groups(self) -> Groups:
        """Return which claims are about one person, persons in the order they are first named."""
        self._file.flush()
        root = np.arange(len(self), dtype=np.uint32)
        claim = lru_cache(maxsize=COMPARED)(self.__getitem__)
        for sure, holders in self._shared():
            for i, j in _alike(holders, None if sure else claim):
                root[_find(root, i)] = _find(root, j)
        while (nearer := root[root]).tobytes() != root.tobytes():
            root = nearer
        return Groups.of(root)

    def _shared(self) -> Iterator[tuple[bool, list[int]]]:
        """Yield the claims of each handle that several have, and whether it joins for sure."""
        hashes = np.array(self._handles, np.uint64)
        if not len(hashes):
            return
        order = np.argsort(hashes, kind="stable")
        hashes, holders = hashes[order], np.array(self._holders, np.uint32)[order]
        bounds = np.flatnonzero(np.r_[True, hashes[1:] != hashes[:-1], True])
        for run in np.flatnonzero(np.diff(bounds) > 1):
            start, end = bounds[run], bounds[run + 1]
            yield bool(hashes[start] & np.uint64(1)), holders[start:end].tolist()


def _alike(
    holders: Sequence[int], claim: Callable[[int], Claim] | None
) -> Iterator[tuple[int, int]]:
    """Yield the pairs of claims that one handle joins; without `claim` it joins all for sure."""
    if claim is None:
        yield from ((i, holders[0]) for i in holders[1:])
        return
    met: dict[_Who, int] = {}
    for i in holders:
        one = claim(i)
        who = (one.names, one.birth)
        same = [met[who]] if who in met else list(met.values()) if len(met) < CROWD else []
        for j in same:
            if not contradict(claim(j), one):
                yield i, j
        met.setdefault(who, i)


def _find(root: NDArray[np.uint32], i: int) -> int:
    while root[i] != i:
        root[i] = root[root[i]]
        i = int(root[i])
    return i


class Groups:
    """Persons: claims by their numbers.

    Parameters
    ----------
    person
        Of each claim, (n,): the number of the person, persons in the order they are first named.
    """

    def __init__(self, person: NDArray[np.uint32]) -> None:
        self._person = array("I", person.tobytes())
        order = np.argsort(person, kind="stable").astype(np.uint32)
        self._order = array("I", order.tobytes())
        count = int(person.max()) + 1 if len(person) else 0
        ends = np.searchsorted(person[order], np.arange(count + 1)).astype(np.uint32)
        self._ends = array("I", ends.tobytes())

    @classmethod
    def of(cls, root: NDArray[np.uint32]) -> Groups:
        """Return the groups of claims that have the same root, (n,)."""
        _, first, inverse = np.unique(root, return_index=True, return_inverse=True)
        return cls(np.argsort(np.argsort(first)).astype(np.uint32)[inverse])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def person(self, claim: int) -> int:
        """Return the person of a claim."""
        return self._person[claim]

    def claims(self, person: int) -> list[int]:
        """Return the claims about a person."""
        start, end = self._ends[person : person + 2]
        return self._order[start:end].tolist()


def _written(one: Claim) -> bytes:
    known = one.known
    parts = (one.numbers, one.names, known.names, known.numbers, known.others)
    fields = (one.file, one.key, one.birth, one.row, *map(list, parts))
    return json.dumps(fields).encode()


def _read(line: bytes) -> Claim:
    file, key, birth, row, *parts = json.loads(line)
    numbers, names, *known = map(frozenset, parts)
    return Claim(file, key, numbers, names, birth, row, Known(*known))
