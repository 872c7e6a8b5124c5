"""Sentences of a note in English and Chinese.

A sentence ends at 。！？； and at a full stop, question or exclamation mark that no abbreviation,
number or initial explains; at a blank line; and at the end of a line, unless the line was only
wrapped. Commas never end one. `knowledge/sentences.toml` says which words keep their full stop.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from suwen.notes.text import Section, Span

SOURCE: Final = Path(__file__).parents[1] / "knowledge" / "sentences.toml"
WRAPPED: Final = 45
"""Shortest line that may have been wrapped, in characters."""
NEARLY_FULL: Final = 0.75
"""A wrapped line is at least this long, as a share of the longest line beside it."""

_END = re.compile(
    r"[。！？；.?!;\r\n \t](?:"  # one class first: Python's engine skips to the next of these
    r"(?<=[。！？；])[。！？；]*[”’）)」』\"']*"
    r"|(?P<stop>(?<=[.?!])[.?!]*[\"'”’)\]]*)(?=\s|$|,[A-Z0-9 ])"
    r"|(?P<semicolon>(?<=;))(?=[\u4e00-\u9fff])"
    r"|(?P<lines>(?:(?<=\n)|(?<=\r)\n|(?<=[ \t])[ \t]*\r?\n)(?:[ \t]*\r?\n)*))"
)
_WORD = re.compile(r"[A-Za-z][A-Za-z./]*$")
_ITEM = re.compile(
    r"[ \t]*(?:[-–—•*·●○▪■►>]+\s|\(?\d{1,2}[.)、][^\d]|\(?[a-zA-Z][.)]\s"
    r"|[（(]?[一二三四五六七八九十]{1,3}[)）、.])"
)
_NUMBERED = re.compile(r"(?:^|\n|[.;:](?:\s+,?|,)|\()[ \t]*(?:\d{1,2}|[A-Za-z])$")
_NAMED = re.compile(r"(?:\.|\b(?:Dr|Mr|Mrs|Ms)|[A-Z][a-z]+)[. ]*[A-Z]$")
_BEGINS = re.compile(r"\s+(?:He|She|It|The|There|They|His|Her|This|No|Patient|I|We|On|In|At|A)\s")
_FOLLOWS_SMALL = re.compile(r"\s*[a-z0-9]")
_NEXT_ITEM = re.compile(r"\s+\d{1,2}[.)]\s")
_ANY = re.compile(r"\w")
_EDGE = " \t\r\n\f\u3000,"
_CLOSED = tuple(".?!:;。！？；：")
_SEAM = 24
"""How far back the word before a full stop is looked at, in characters."""


@cache
def _abbreviations() -> tuple[frozenset[str], frozenset[str]]:
    known = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    return frozenset(known["never"]["words"]), frozenset(known["before_small_letter"]["words"])


def sentences_of(text: str, sections: Sequence[Section] = ()) -> tuple[Span, ...]:
    """Return the sentences of a note, in order; headings of sections are in none.

    Parameters
    ----------
    text
        The readable characters.
    sections
        Sections of the text; a sentence ends where they do.
    """
    if not text:
        return ()
    pieces, at = [], 0
    for section in sections:
        pieces += [(at, section.start), (section.heading_end, section.end)]
        at = section.end
    pieces.append((at, len(text)))
    return tuple(s for start, end in pieces if start < end for s in _within(text, start, end))


def _within(text: str, start: int, end: int) -> Iterator[Span]:
    at = start
    for match in _END.finditer(text, start, end):
        if match["lines"] is not None:
            if not _breaks(text, match, start, end):
                continue
        elif match["stop"] is not None and not _stops(text, match, end):
            continue
        if found := _trimmed(text, at, match.end()):
            yield found
        at = match.end()
    if found := _trimmed(text, at, end):
        yield found


def _trimmed(text: str, start: int, end: int) -> Span | None:
    """Return the stretch without white space at its ends, None where it has no letter or digit."""
    piece = text[start:end]
    shown = piece.lstrip(_EDGE)
    begun = end - len(shown)
    shown = shown.rstrip(_EDGE)
    if not _ANY.search(shown):
        return None
    return Span(begun, begun + len(shown))


def _stops(text: str, match: re.Match[str], end: int) -> bool:
    """Say whether a full stop, question or exclamation mark ends a sentence."""
    at = match.start()
    if text[at] != ".":
        return True
    head = text[max(0, at - _SEAM) : at]
    if head[-1:].isdigit():
        return not _NUMBERED.search(head)
    word = _WORD.search(head)
    if word is None:
        return True
    known = word[0].lower()
    never, before_small = _abbreviations()
    if len(known) > 5 or (len(known) > 2 and known not in never and known not in before_small):
        if "." not in known:
            return len(known) > 3 or not _FOLLOWS_SMALL.match(text, match.end(), end)
    elif len(known) == 1 and word[0].isupper():
        return not _NUMBERED.search(head) and (
            not _initial(head) or bool(_BEGINS.match(text, match.end(), end))
        )
    if known in never:
        return False
    if _NEXT_ITEM.match(text, match.end(), end):
        return True
    return not _FOLLOWS_SMALL.match(text, match.end(), end)


def _initial(head: str) -> bool:
    """Say whether a single capital is an initial: a name or another initial stands before it."""
    return bool(_NAMED.search(head))


def _breaks(text: str, match: re.Match[str], start: int, end: int) -> bool:
    """Say whether the end of a line ends a sentence: always, unless the line was wrapped."""
    if match[0].count("\n") > 1 or match.end() >= end:
        return True
    begin = text.rfind("\n", start, match.start()) + 1
    line = text[max(begin, start) : match.start()]
    stop = text.find("\n", match.end(), end)
    following = text[match.end() : end if stop < 0 else stop]
    if not line.strip() or line.rstrip().endswith(_CLOSED) or _ITEM.match(following):
        return True
    if "\t" in line or "\t" in following:
        return True
    first = following.lstrip()[:1]
    if first.islower() or (first and first in ",.;:)%，。；、）"):
        return _ITEM.match(line) is not None and len(line) < WRAPPED and not first.islower()
    if line.rstrip().endswith((",", "，", "、")):
        return len(line) < WRAPPED / 2
    return len(line) < WRAPPED or len(line) < NEARLY_FULL * len(following)
