"""Whether a text is a UCUM unit. Source: the Unified Code for Units of Measure, version 2.1."""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Literal

Verdict = Literal["known", "unknown", "malformed"]

LENGTH_CAP = 200
_ANNOTATION = re.compile(r"\{[\x21-\x7a\x7c\x7e]*\}")
_FACTOR = re.compile(r"\d+")
_SYMBOL = re.compile(r"(?:\[[^\[\]{}()\s]+\]|10[*^]|[A-Za-z%'_])+(?:\[[^\[\]{}()\s]+\])?")
_EXPONENT = re.compile(r"[+-]?\d+")


@lru_cache(maxsize=1)
def _atoms() -> frozenset[str]:
    file = Path(__file__).parents[1] / "knowledge" / "ucum.toml"
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    metric = data["metric"].split()
    prefixed = (prefix + atom for prefix in data["prefixes"].split() for atom in metric)
    return frozenset([*metric, *prefixed, *data["other"].split()])


class _Malformed(Exception):
    pass


class _Reader:
    """Recursive descent over `term = component (("." | "/") component)*`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.known = True

    def take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            return ""
        self.at = match.end()
        return match.group()

    def next_is(self, character: str) -> bool:
        if self.text[self.at : self.at + 1] == character:
            self.at += 1
            return True
        return False

    def term(self, depth: int = 0) -> None:
        if depth > 8:
            raise _Malformed
        self.next_is("/")
        self.component(depth)
        while self.next_is(".") or self.next_is("/"):
            self.component(depth)

    def component(self, depth: int) -> None:
        if self.next_is("("):
            self.term(depth + 1)
            if not self.next_is(")"):
                raise _Malformed
            return
        symbol = self.take(_SYMBOL)
        if symbol:
            self.known = self.known and symbol in _atoms()
            self.take(_EXPONENT)
        elif not self.take(_FACTOR) and self.text[self.at : self.at + 1] != "{":
            raise _Malformed
        self.take(_ANNOTATION)


@lru_cache(maxsize=8192)
def verdict(unit: str) -> Verdict:
    """Return `known`, `unknown` (well formed, an atom not in our list) or `malformed`."""
    if not unit or len(unit) > LENGTH_CAP:
        return "malformed"
    reader = _Reader(unit)
    try:
        reader.term()
    except _Malformed:
        return "malformed"
    if reader.at != len(unit):
        return "malformed"
    return "known" if reader.known else "unknown"
