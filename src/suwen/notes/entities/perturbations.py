"""What is written otherwise and means the same: abbreviations in full, values in other units.

For the robustness card of what reads notes; labels are carried along. A value keeps its canonical
value exactly, or stays as it is. What is written instead is data (`knowledge/perturbations.toml`).

References: Grossman Liu et al., Sci Data 8:149, 2021 (senses of clinical abbreviations); UCUM 2.1.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from suwen.core.codes import Language
from suwen.core.encodings import language_of
from suwen.lifecycle.robust.text_changes import Edit, edited
from suwen.notes.measures import units, values
from suwen.notes.measures.values import Value
from suwen.notes.text import Span
from suwen.notes.vocabulary import abbreviations
from suwen.notes.vocabulary.names import KNOWLEDGE

SURE: Final = 0.9
"""Share of its uses that one sense of an abbreviation must have."""
SHORT: Final = re.compile(r"(?<![\w/-])[A-Z][A-Za-z]{0,5}[A-Z](?![\w/-])")
INTRODUCED: Final = re.compile(rf"[(（]({SHORT.pattern})[)）;,，]")
NUMERAL: Final = re.compile(r"[IVX]+")
AROUND: Final = 60
"""Characters on each side of a value in which another one could be read differently."""
NUMBER: Final = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")


@dataclass(frozen=True)
class _Written:
    units: Mapping[str, Mapping[Language, Sequence[str]]]
    shown: Mapping[str, str]
    chinese: Mapping[str, str]
    short: re.Pattern[str]


@lru_cache(maxsize=1)
def _written() -> _Written:
    data = tomllib.loads((KNOWLEDGE / "perturbations.toml").read_text(encoding="utf-8"))
    swaps: dict[str, Mapping[Language, Sequence[str]]] = {}
    for one in data["unit"]:
        for unit in one["of"]:
            swaps[unit] = {"en": one["by"], "zh": one.get("by_zh", one["by"])}
    chinese: dict[str, Any] = data["zh"]
    # A full name may hold its short one (脑梗 in 脑梗死): what goes on to it is left alone.
    ways = (
        re.escape(short) + (f"(?!{re.escape(full[len(short)])})" if full.startswith(short) else "")
        for short, full in chinese.items()
    )
    return _Written(swaps, data["written"], chinese, re.compile("|".join(ways)))


def abbreviated(text: str) -> list[Edit]:
    """Return the abbreviations of a text with what they stand for, in order.

    By what the text defines, else by the one sense that nearly all uses have. One that the text
    introduces in brackets, in a way that is not understood, means something else: it is left alone.
    """
    defined = abbreviations.defined(text)
    defined |= {short: "" for short in INTRODUCED.findall(text) if short not in defined}
    found = [
        Edit(match.start(), match.end(), full)
        for match in SHORT.finditer(text)
        if (full := _full(match.group(), defined))
    ]
    chinese = _written()
    found += [
        Edit(match.start(), match.end(), chinese.chinese[match.group()])
        for match in chinese.short.finditer(text)
    ]
    return list(_apart(found))


def _full(short: str, defined: Mapping[str, str]) -> str:
    if short in defined:
        return defined[short]
    if NUMERAL.fullmatch(short):
        return ""
    senses = abbreviations.senses(short)
    return senses[0].long if senses and senses[0].share >= SURE else ""


def in_other_units(text: str) -> list[Edit]:
    """Return the values of a text as they read in another unit, in order."""
    language: Language = language_of(text)
    found = [
        edit
        for value in values.find(text, language)
        if value.test != "diastolic" and (edit := _swapped(text, value, language))
    ]
    return list(_apart(found))


def _swapped(text: str, value: Value, language: Language) -> Edit | None:
    """Return a value in the first other unit of its test that says exactly the same."""
    unit = units.unit_of(value.unit) if value.unit else None
    if unit is None or value.canonical is None or value.flags or value.high is not None:
        return None
    test = units.tests()[value.test]
    for ucum in _written().units.get(unit.ucum, {}).get(language, ()):
        other = units.unit_of(ucum)
        if other is None or other.ucum == unit.ucum:
            continue
        new = _numbers(value.number.of(text), unit, other, test)
        if new:
            edit = Edit(value.number.start, value.number.end, f"{new} {_shown(ucum)}")
            if _same(text, edit, value.span, language):
                return edit
    return None


def _numbers(written: str, unit: units.Unit, other: units.Unit, test: units.Test) -> str:
    """Return the numbers of a value (two of a blood pressure) in another unit; empty: not exact."""
    parts = []
    for number in NUMBER.findall(written.partition(_unit_words(written))[0] or written):
        canonical = units.convert(float(number.replace(",", "")), unit, test)
        shown = units.written_in(canonical, other, test) if canonical is not None else ""
        if not shown:
            return ""
        parts.append(shown)
    return "/".join(parts)


def _unit_words(written: str) -> str:
    """Return the unit behind the numbers: from its first letter on, a power of ten included."""
    match = re.search(r"[^\d.,/／\s].*", written)
    return match.group() if match else "\0"


def _shown(ucum: str) -> str:
    return _written().shown.get(ucum, ucum)


def _same(text: str, edit: Edit, about: Span, language: Language) -> bool:
    """Say whether the values near an edit are read alike with it."""
    low, high = max(0, about.start - AROUND), edit.end + AROUND
    before = text[low:high]
    after = text[low : edit.start] + edit.new + text[edit.end : high]
    return _canonical(before, language) == _canonical(after, language)


def _canonical(text: str, language: Language) -> list[tuple[str, float, str]]:
    return [
        (one.test, units.rounded(one.canonical), one.canonical_unit)
        for one in values.find(text, language)
        if one.canonical is not None
    ]


def _apart(edits: Sequence[Edit]) -> Iterator[Edit]:
    """Yield edits in order, of overlapping ones the first."""
    end = 0
    for one in sorted(edits):
        if one.start >= end:
            yield one
            end = one.end


IN_FULL: Final = edited("abbreviations in full [% of abbreviations]", (25, 50, 100), abbreviated)
OTHER_UNITS: Final = edited("other units [% of values]", (50, 100), in_other_units)
