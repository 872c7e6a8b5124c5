"""Cohorts that were made and wait for being fetched, in memory only."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

from suwen.core.errors import NotFound

MOST_KEPT: Final = 8
MOST_BYTES: Final = 64 * 1024 * 1024
"""Bounds of what is kept, over everybody; the newest is kept whatever its size."""


@dataclass(frozen=True)
class Made:
    """A cohort that was made: its files in one ZIP, and its report."""

    content: bytes = field(repr=False)
    report: Mapping[str, Any]


@dataclass
class CohortShelf:
    """What was made and may be fetched by who had it made, the newest few."""

    _kept: OrderedDict[str, tuple[str, Made]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def put(self, person: str, made: Made) -> str:
        """Keep a cohort; return the word it is fetched by."""
        word = secrets.token_urlsafe(24)
        with self._lock:
            self._kept[word] = (person, made)
            while len(self._kept) > MOST_KEPT or self._size() > MOST_BYTES:
                if len(self._kept) == 1:
                    break
                self._kept.popitem(last=False)
        return word

    def _size(self) -> int:
        return sum(len(made.content) for _, made in self._kept.values())

    def get(self, person: str, word: str) -> Made:
        """Return a cohort.

        Raises
        ------
        NotFound
            It is not there any more, or someone else's.
        """
        with self._lock:
            owner, made = self._kept.get(word, ("", None))
        if made is None or owner != person:
            raise NotFound("no such cohort of yours", "one made a moment ago", "make it again")
        return made
