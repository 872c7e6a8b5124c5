"""Word lists of `knowledge/`: names and ordinary words of English, cities; each read once."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge"


def _lines(name: str) -> Iterator[str]:
    for line in (KNOWLEDGE / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line


@lru_cache(maxsize=1)
def english_names() -> Mapping[str, str]:
    """Return flags by name in lower case: m, f, b first name; l surname; w also a word; x rare.

    Rare is what only the list of many countries has: alone it proves nothing.
    """
    found = {}
    for listed, rare in (("names_world.txt", "x"), ("names_en.txt", "")):
        for line in _lines(listed):
            name, _, flags = line.partition(" ")
            found[name] = flags + rare
    return dict.fromkeys(words("english.toml", "more_surnames"), "l") | found


@lru_cache(maxsize=1)
def english_words() -> frozenset[str]:
    """Return ordinary English and clinical words in lower case."""
    return frozenset((*_lines("words_en.txt"), *_lines("words_more.txt")))


@lru_cache(maxsize=1)
def cities() -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """Return cities in lower case, as tuples of words, longest first, by their first word."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for line in _lines("cities.txt"):
        words = tuple(line.replace(".", "").replace("-", " ").split())
        found.setdefault(words[0], []).append(words)
    return {first: tuple(sorted(ways, key=len, reverse=True)) for first, ways in found.items()}


@lru_cache(maxsize=8)
def table(name: str) -> Mapping[str, Any]:
    """Return a TOML file of `knowledge/`."""
    return tomllib.loads((KNOWLEDGE / name).read_text(encoding="utf-8"))


@lru_cache(maxsize=64)
def words(name: str, key: str) -> frozenset[str]:
    """Return a list of words of a TOML file as a set; words are separated by blanks or commas."""
    value = table(name)[key]
    listed = value.replace(",", " ").split() if isinstance(value, str) else value
    return frozenset(listed)
