"""Sections of a note, by its headings in English and Chinese.

A heading is a title of `knowledge/sections.toml` where headings stand: alone on a line, at the
start of a line before a colon, in capitals before a colon inside a paragraph (as in
transcripts), in 【】, or in Chinese before a colon or, for the titles that allow it, at once
before its text. Numbers, bullets and the marks of Markdown may come before it. A line in
capitals that is no known title ends the section before it, unless that has parts of its own (a
plan has problems, an examination has systems).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final

from suwen.core.codes import Language, Text
from suwen.notes.reading.drawn import Heading
from suwen.notes.text import Section

SOURCE: Final = Path(__file__).parents[1] / "knowledge" / "sections.toml"
OTHER: Final = "other"
LONGEST: Final = 70
"""Longest heading, in characters."""
MIN_CAPITALS: Final = 8
MOST_WORDS: Final = 6
WITH_PARTS: Final = frozenset({
    "plan", "assessment_and_plan", "assessment", "physical_examination", "review_of_systems",
    "results", "vital_signs", "procedures", "hospital_course",
})  # fmt: skip
"""Sections that have parts of their own (problems, systems, tests) under their own headings."""
MARK: Final = 16
"""Longest bullet and number before a heading, in characters."""
MIN_LETTERS: Final = 3
"""How many of S, O, A and P a note must head to be written that way."""

_MARK = r"[ \t>*_#•·\-–—]{0,8}(?:\(?(?:\d{1,2}|[IVX]{1,4}|[A-H])[.)、][ \t]*)?[*_]{0,3}"
_LINE = re.compile(
    rf"(?m)^(?P<mark>{_MARK})(?P<title>[A-Za-z][A-Za-z0-9 \t/&,'()-]{{0,{LONGEST}}}+)"
    r"[*_]{0,3}[ \t]*"
    r"(?:(?P<colon>[:：])[*_]{0,3}|(?P<alone>\r?$)|(?P<stop>\.(?=[ \t])))"
)
_DASHED = re.compile(
    r"(?m)^(?P<mark>)(?P<title>[A-Z][A-Z /&,']{2,60}?)[ \t]+(?P<stop>[-–—])(?=[ \t])"
)
_INSIDE = re.compile(r"(?<![A-Za-z\n/&-])(?P<title>[A-Z][A-Z0-9 /&'()-]{1,60}[A-Z)])[ \t]*[:：]")
_CJK_MARK = re.compile(
    r"[ \t\u3000>*_#•·\-]{0,8}"
    r"(?:[（(]?(?:\d{1,2}|[一二三四五六七八九十]{1,3})[)）.、．][ \t\u3000]*)?"
    r"[*_【\[]{0,3}"
)
_AFTER = re.compile(
    r"(?P<box>[】\]])?[ \t\u3000]*[*_]{0,3}[ \t\u3000]*(?P<colon>[:：])[*_]{0,3}"
    r"|(?P<closed>[】\]])[ \t\u3000]*"
    r"|[ \t\u3000]*[*_]{0,3}[ \t\u3000]*(?P<end>\r?$)"
    r"|(?P<gap>[ \t\u3000]+)"
    r"|(?P<joined>[，,、及和与等者史]?)",
    re.MULTILINE,
)
_APART = str.maketrans(dict.fromkeys("&/,_*", " "))
_HAN = re.compile("[\u4e00-\u9fff]")
_PAST = re.compile(r"(?:past|prior|previous) [a-z ]{3,30} history", re.IGNORECASE)
_PAREN = re.compile(r"\([^()]*\)?")


@dataclass(frozen=True)
class Headings:
    """What `sections.toml` says, ready to be looked up."""

    names: Mapping[str, Text]
    loinc: Mapping[str, str]
    english: Mapping[str, str]
    weak: Mapping[str, str]
    chinese: Mapping[str, str]
    in_chinese: re.Pattern[str]
    run_on: frozenset[str]

    def kind_of(self, title: str) -> str:
        """Return the kind a title opens, empty when it is none."""
        if found := self.chinese.get(re.sub(r"[\s\u3000:：【】\[\]]", "", title)):
            return found
        key = normal(title.strip().rstrip(":："))
        return self.english.get(key, "") or self.weak.get(key, "")


def normal(title: str) -> str:
    """Return a title in the form it is looked up by: lower case, its words without `and`."""
    if "(" in title:
        title = _PAREN.sub("", title)
    words = title.lower().translate(_APART).split()
    return " ".join(word for word in words if word != "and")


@cache
def headings() -> Headings:
    """Return the headings of `knowledge/sections.toml`."""
    kinds = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    by: dict[str, dict[str, str]] = {"loinc": {}, "english": {}, "weak": {}, "chinese": {}}
    for kind, entry in kinds.items():
        for name, known in by.items():
            for title in entry.get(name, ()):
                key = normal(title) if name in ("english", "weak") else title
                known.setdefault(key, kind)
    run_on = [title for entry in kinds.values() for title in entry.get("run_on", ())]
    return Headings(
        {kind: Text(**entry["name"]) for kind, entry in kinds.items()},
        by["loinc"], by["english"], by["weak"], by["chinese"],
        _one_of(by["chinese"]), frozenset(run_on),
    )  # fmt: skip


def _one_of(titles: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of any of the titles, longest first, grouped by their first character."""
    by_first: dict[str, list[str]] = {}
    for title in sorted(titles, key=len, reverse=True):
        by_first.setdefault(title[0], []).append(title[1:])
    return re.compile("|".join(f"{first}(?:{'|'.join(rest)})" for first, rest in by_first.items()))


def sections_of(
    text: str, language: Language, given: Iterable[Heading] = ()
) -> tuple[Section, ...]:
    """Return the sections of a note, in order; what stands before the first heading is in none.

    Parameters
    ----------
    text
        The readable characters.
    language
        Headings of the other language are looked for where the text has any of its characters.
    given
        Headings the markup names; they are taken as they are.
    """
    table = headings()
    found = {start: (end, kind) for start, end, kind in _given(table, given)}
    taken = [(start, end) for start, (end, _) in found.items()]
    for start, end, kind in sorted(_recognised(table, text, language)):
        if not any((start < e and s < end) or s == start for s, e in taken):
            found.setdefault(start, (end, kind))
    return tuple(_laid_out(sorted((s, e, k) for s, (e, k) in found.items()), len(text)))


def _given(table: Headings, given: Iterable[Heading]) -> Iterator[tuple[int, int, str]]:
    for heading in given:
        kind = table.loinc.get(heading.loinc, "") or table.kind_of(heading.title)
        yield heading.start, heading.end, kind or OTHER


def _laid_out(found: list[tuple[int, int, str]], length: int) -> Iterator[Section]:
    kept: list[tuple[int, int, str]] = []
    for start, end, kind in found:
        if kept and start < kept[-1][1]:
            continue
        if kind == "" and kept and kept[-1][2] in WITH_PARTS:
            continue
        kept.append((start, end, kind or OTHER))
    stops = [*(start for start, _, _ in kept[1:]), length][: len(kept)]
    for (start, end, kind), stop in zip(kept, stops, strict=True):
        yield Section(start, stop, kind, end)


def _recognised(table: Headings, text: str, language: Language) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and kind of each heading; the kind is empty for an unknown one."""
    yield from _english(table, text)
    if language == "zh" or (not text.isascii() and _HAN.search(text)):
        yield from _chinese(table, text)


def _chinese(table: Headings, text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the Chinese headings: a title where one may begin, and what has to follow it."""
    for match in table.in_chinese.finditer(text):
        title = match[0]
        start = match.start()
        begins = _before(text, start)
        if begins is None:
            continue
        where, start = begins
        after = _AFTER.match(text, match.end())
        if after is None:
            continue
        open_title = title in table.run_on
        if after["closed"]:
            heads = text[match.start() - 1 : match.start()] in ("【", "[")
        elif after["colon"]:
            heads = where != "comma" or open_title
        elif after["end"] is not None or after["gap"]:
            heads = where == "line"
        else:
            heads = open_title and where in ("line", "sentence") and not after["joined"]
        if heads:
            yield start, after.end(), table.chinese[title]


def _before(text: str, at: int) -> tuple[str, int] | None:
    """Return where a title at a place stands (line, sentence, comma) and where its mark begins."""
    if at == 0 or text[at - 1] == "\n":
        return "line", at
    line = text.rfind("\n", max(0, at - MARK), at) + 1
    if (line or at <= MARK) and _CJK_MARK.fullmatch(text, line, at):
        return "line", line
    before = text[at - 1]
    if before in "【[":
        return "sentence", at - 1
    if before in "。；;！？】)） \t\u3000\r":
        return "sentence", at
    return ("comma", at) if before in "，,、" else None


def _english(table: Headings, text: str) -> Iterator[tuple[int, int, str]]:
    letters: dict[str, list[tuple[int, int, str]]] = {}
    for match in chain(_LINE.finditer(text), _DASHED.finditer(text)):
        kind = _kind_of_line(table, match)
        if kind and len(match["title"]) == 1:
            letters.setdefault(kind, []).append((match.start(), match.end(), kind))
        elif kind or (match["stop"] is None and _is_unknown_heading(text, match)):
            yield match.start(), match.end(), kind
    if len(letters) >= MIN_LETTERS:
        yield from chain.from_iterable(letters.values())
    for match in _INSIDE.finditer(text):
        title = match["title"]
        kind = table.english.get(normal(title), "") or _past(title)
        if kind or _is_long(title):
            yield match.start(), match.end(), kind


def _kind_of_line(table: Headings, match: re.Match[str]) -> str:
    """Return the kind a line opens where a known title is written as a heading, else nothing."""
    title = match["title"]
    if match["stop"] and (not title.isupper() or len(title) == 1):
        return ""
    key = normal(title)
    kind = table.english.get(key, "") or _past(title)
    weak = "" if kind else table.weak.get(key, "")
    if not kind and not weak:
        return ""
    mark = match["mark"]
    marked = "#" in mark or "**" in mark
    if match["stop"]:
        return kind
    if kind:
        return kind if title[0].isupper() or marked else ""
    colon = match["colon"] is not None
    return weak if title[0].isupper() and (colon or marked or title.strip().isupper()) else ""


def _past(title: str) -> str:
    """Return the kind of a title like PAST CARDIAC HISTORY."""
    return "past_medical_history" if _PAST.fullmatch(title.strip()) else ""


def _is_long(title: str) -> bool:
    return len(title) >= MIN_CAPITALS and title.count(" ") < MOST_WORDS and " " in title.strip()


def _is_unknown_heading(text: str, match: re.Match[str]) -> bool:
    title = match["title"].strip()
    if "#" in match["mark"] and match["alone"] is not None:
        return True
    if not title.isupper() or len(title) < MIN_CAPITALS or match["mark"].strip():
        return False
    if match["colon"]:
        return _is_long(title)
    before = text[: match.start()].rstrip(" \t")
    return before == "" or before.endswith("\n\n") or before.endswith("\n\r\n")
