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
        Matches at every place where one of the patterns may, and may at others.
    """

    patterns: Sequence[re.Pattern[str]]
    begins: re.Pattern[str]

    def finditers(self, text: str) -> list[list[re.Match[str]]]:
        """Return the matches of each pattern, in order, none overlapping another of its own."""
        places = [match.start() for match in self.begins.finditer(text)]
        return [_matches(pattern, text, places) for pattern in self.patterns]


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
    groups: dict[str, list[str]] = {}
    others: list[str] = []
    for one in (_GROUP.sub("(?:", part) for whole in alternatives for part in parts(whole)):
        if one[0].isalnum() and one[1:2] not in _QUANTIFIED:
            groups.setdefault(one[0], []).append(one[1:])
        else:
            others.append(one)
    grouped = [f"{first}(?:{'|'.join(rest)})" for first, rest in groups.items()]
    return f"(?:{'|'.join([*grouped, *others])})"


def parts(expression: str) -> Iterator[str]:
    """Yield the alternatives of an expression: what `|` parts outside of brackets."""
    depth = begun = 0
    for match in re.finditer(r"\\.|[\[\]()|]", expression):
        depth += (match[0] in ("(", "[")) - (match[0] in (")", "]"))
        if match[0] == "|" and not depth:
            yield expression[begun : match.start()]
            begun = match.end()
    yield expression[begun:]
