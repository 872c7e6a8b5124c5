"""What the room reads: a text with its language, sections and sentences, all by character offsets.

Offsets count characters of `Note.text`, end exclusive. `Note.stored` says where a stretch of it
lies in the stored original, which is what Evidence points to: the same place for plain text,
elsewhere where markup was left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from suwen.core.nouns import Reference

Language = Literal["en", "zh"]


@dataclass(frozen=True, order=True)
class Span:
    """Characters start..end of a text, end exclusive."""

    start: int
    end: int

    def overlaps(self, other: Span) -> bool:
        """Say whether both have a character in common."""
        return self.start < other.end and other.start < self.end

    def of(self, text: str) -> str:
        """Return the characters."""
        return text[self.start : self.end]


@dataclass(frozen=True, order=True)
class Section(Span):
    """A part of a note under one heading; `kind` is a key of `knowledge/sections.toml`."""

    kind: str
    heading_end: int
    """Where the heading ends and the body begins."""


@dataclass(frozen=True, order=True)
class Mention(Span):
    """Something named in a text; `kind` is a type of `notes.entities` (problem, drug ...)."""

    kind: str


@dataclass(frozen=True, order=True)
class Cited:
    """A stretch of the text of the note read from `record`."""

    record: Reference
    span: Span


@dataclass(frozen=True)
class Note:
    """A readable text and its parts, in the order they stand.

    Parameters
    ----------
    text
        The readable characters.
    language
        Of most of its characters.
    record
        The record the text was read from; empty for a text that is in no store.
    sections, sentences
        Neither overlaps another; sentences end where sections do.
    origin, ends
        Where each character of `text` begins and ends in the decoded stored original, shape (n,)
        each (an entity or control word is longer than what it stands for); None where text and
        original are the same.
    day
        The day the note is of in ISO 8601, as its record has it; empty where it is not known.
    """

    text: str
    language: Language
    record: Reference = ""
    sections: tuple[Section, ...] = ()
    sentences: tuple[Span, ...] = ()
    origin: NDArray[np.int64] | None = None
    ends: NDArray[np.int64] | None = None
    day: str = ""

    def stored(self, span: Span) -> Span:
        """Return where a stretch of the text lies in the decoded stored original."""
        if self.origin is None or span.start >= span.end:
            return span
        last = span.end - 1
        end = self.origin[last] + 1 if self.ends is None else self.ends[last]
        return Span(int(self.origin[span.start]), int(end))

    def shown(self, stored: Span) -> Span:
        """Return the stretch of the text that lies in a stretch of the stored original."""
        if self.origin is None:
            return stored
        last = self.origin + 1 if self.ends is None else self.ends
        return Span(
            int(np.searchsorted(last, stored.start, side="right")),
            int(np.searchsorted(self.origin, stored.end, side="left")),
        )

    def section_at(self, position: int) -> str:
        """Return the kind of the section a character stands in, empty outside of all."""
        for section in self.sections:
            if section.start <= position < section.end:
                return section.kind
        return ""
