"""Several regular expressions looked for in one walk over a text.

Most places of a text begin no expression. One walk finds the places where any may begin; only there
each is tried. What is found is what `finditer` of each would find.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_GROUP: Final = re.compile(r"\(\?P<\w+>")
_QUANTIFIED: Final = frozenset("?*+{")


@dataclass(frozen=True)
class Expressions:
    """Expressions that are looked for together.

    Parameters
    ----------
    patterns
        None matches an empty stretch.
    begins
        One of them matches at every place where one of the patterns may; they may at others.
    any_case
        Whether the patterns pass over case; `begins` is looked for in small letters then.
    """

    patterns: Sequence[re.Pattern[str]]
    begins: Sequence[re.Pattern[str]]
    any_case: bool = False

    def finditers(self, text: str) -> list[list[re.Match[str]]]:
        """Return the matches of each pattern, in order, none overlapping another of its own."""
        read = small(text) if self.any_case else text
        places = sorted({one.start() for begin in self.begins for one in begin.finditer(read)})
        return [_matches(pattern, text, places) for pattern in self.patterns]


def small(text: str) -> str:
    """Return a text in small letters, each character where it stood, a long s as an s."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(one.lower() if len(one.lower()) == 1 else one for one in text)
    return lower.replace("ſ", "s")


def _matches(pattern: re.Pattern[str], text: str, places: Sequence[int]) -> list[re.Match[str]]:
    found: list[re.Match[str]] = []
    end = 0
    for place in places:
        if place >= end and (match := pattern.match(text, place)):
            found.append(match)
            end = match.end()
    return found


def any_of(alternatives: Iterable[str]) -> str:
    """Return an expression of alternatives, grouped by the letter they begin with.

    Where no alternative begins with a letter none is tried. Those of one letter keep their order;
    what begins with no letter or digit of its own (a class, a group) comes last. Groups lose their
    names, so that the same name may stand in several.
    """
    groups, others = _by_letter(alternatives)
    grouped = [f"{first}(?:{'|'.join(rest)})" for first, rest in groups.items()]
    return f"(?:{'|'.join([*grouped, *others])})"


def beginnings(alternatives: Iterable[str]) -> str:
    """Return an expression of the first characters of alternatives in small letters.

    It matches where a word begins, or what is no Latin letter. Every branch begins with a letter of
    its own, so that Python's engine skips from one such letter to the next.

    Raises
    ------
    ValueError
        An alternative begins with no letter.
    """
    groups, others = _by_letter(alternatives)
    if others:
        raise ValueError(f"an expression that begins with no letter: {others[0]!r}")
    return "|".join(
        f"{first}{f'(?<![a-z]{first})' if first.isascii() and first.isalpha() else ''}"
        f"(?={'|'.join(rest)})"
        for first, rest in groups.items()
    )


def _by_letter(alternatives: Iterable[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Return what follows each first letter, and alternatives that begin with none."""
    groups: dict[str, list[str]] = {}
    others: list[str] = []
    for one in (_GROUP.sub("(?:", part) for whole in alternatives for part in parts(whole)):
        if one[0].isalnum() and one[1:2] not in _QUANTIFIED:
            groups.setdefault(one[0], []).append(one[1:])
        else:
            others.append(one)
    return groups, others


def parts(expression: str) -> Iterator[str]:
    """Yield the alternatives of an expression: what `|` parts outside of brackets."""
    depth = begun = 0
    for match in re.finditer(r"\\.|[\[\]()|]", expression):
        depth += (match[0] in ("(", "[")) - (match[0] in (")", "]"))
        if match[0] == "|" and not depth:
            yield expression[begun : match.start()]
            begun = match.end()
    yield expression[begun:]
