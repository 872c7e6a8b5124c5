"""Readable text drawn out of a marked-up original, each character with the place it came from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import Text
from suwen.core.errors import BadInput

Positions = NDArray[np.int64]


class Unreadable(BadInput):
    """A document no note can be read from, and why, in both languages.

    Parameters
    ----------
    reason
        Why, without patient content.
    todo
        What the reader can do now.
    """

    def __init__(self, reason: Text, todo: str = "export the note as text") -> None:
        self.reason = reason
        super().__init__(reason.en, "a readable note", todo)


def refuse(en: str, zh: str, todo: str = "export the note as text") -> Unreadable:
    """Return the error for a document that cannot be read."""
    return Unreadable(Text(en=en, zh=zh), todo)


@dataclass(frozen=True)
class Heading:
    """A heading the markup itself names: characters start..end (none where only a code names it).

    `loinc` and `title` are empty where the markup gives none.
    """

    start: int
    end: int
    loinc: str = ""
    title: str = ""


@dataclass(frozen=True)
class Drawn:
    """What a person would read in a document.

    Parameters
    ----------
    text
        The readable characters.
    origin, ends
        Where each character begins and ends in the decoded original, shape (n,) each; None where
        the text is the original.
    headings
        Headings the markup names, in order.
    """

    text: str
    origin: Positions | None = None
    ends: Positions | None = None
    headings: tuple[Heading, ...] = ()


@dataclass
class Drawing:
    """A `Drawn` in the making: stretches of text are added in the order they are read."""

    _texts: list[str] = field(default_factory=list)
    _starts: list[Positions] = field(default_factory=list)
    _ends: list[Positions] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)
    length: int = 0
    _tail: str = ""

    def copied(self, text: str, start: int) -> None:
        """Add characters that stand in the original as they are, from `start` on."""
        if text:
            places = np.arange(start, start + len(text), dtype=np.int64)
            self._add(text, places, places + 1)

    def stands_for(self, text: str, start: int, end: int) -> None:
        """Add characters that are written otherwise in the original, at start..end."""
        if text:
            places = np.full(len(text), start, dtype=np.int64)
            self._add(text, places, np.full(len(text), end, dtype=np.int64))

    def broken(self, place: int) -> None:
        """End the line here, unless it has just ended."""
        if self.length and not self.ends_with("\n"):
            self.stands_for("\n", place, place)

    def ends_with(self, text: str | tuple[str, ...]) -> bool:
        """Say whether what was added last ends with (one of) these, of at most two characters."""
        return self._tail.endswith(text)

    def since(self, start: int) -> str:
        """Return the characters added from a place on."""
        taken, at = [], self.length
        for text in reversed(self._texts):
            if at <= start:
                break
            at -= len(text)
            taken.append(text)
        return "".join(reversed(taken))[max(0, start - at) :]

    def done(self) -> Drawn:
        """Return what was drawn."""
        nothing = np.zeros(0, np.int64)
        return Drawn(
            "".join(self._texts),
            np.concatenate([nothing, *self._starts]),
            np.concatenate([nothing, *self._ends]),
            tuple(self.headings),
        )

    def _add(self, text: str, starts: Positions, ends: Positions) -> None:
        self._texts.append(text)
        self._starts.append(starts)
        self._ends.append(ends)
        self.length += len(text)
        self._tail = (self._tail + text)[-2:]
