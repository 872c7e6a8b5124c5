"""Is what a note names there, denied, possible; now or before; the patient's or a relative's?

Rules in data decide (`knowledge/assertion_en.toml`, `assertion_zh.toml`, both read for every note,
so that mixed notes are understood); what stands here is how far a trigger reaches. For each mention
and axis the nearest trigger in whose scope it lies decides; without one the section does; without
that the mention is present, recent and the patient's.

References: Chapman et al., J Biomed Inform 34:301, 2001 (NegEx); Harkema et al., J Biomed Inform
42:839, 2009 (ConText); Uzuner et al., JAMIA 18:552, 2011 (the i2b2 2010 values of presence).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice, pairwise
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from suwen.core.errors import BadInput
from suwen.notes.assertion.triggers import (
    AXES,
    ENDS,
    NOTHING,
    Lexicon,
    Rule,
    Trigger,
    Words,
    read,
    words_of,
)
from suwen.notes.folding import Folded, fold
from suwen.notes.text import Note, Span

KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge"
RULES: Final = tuple(KNOWLEDGE / f"assertion_{language}.toml" for language in ("en", "zh"))
Presence = Literal["present", "absent", "possible", "conditional", "hypothetical"]
Temporality = Literal["recent", "historical"]
Experiencer = Literal["patient", "family", "other"]
DECIDED: Final = ("presence", "temporality", "experiencer")
BREAK: Final = re.compile(r"[.!?](?=\s|$)|[。!?;\n]")
"""Ends of sentences where a note comes without its sentences."""
COMMA: Final = ","
_FIRST: Final = attrgetter("first")
LONGEST_LIST: Final = 80
"""Words that a list of mentions between a trigger and one of them may have."""
HEADING_WORDS: Final = 4
"""Words that a heading has at most."""


@dataclass(frozen=True)
class Assertion:
    """What is said of a mention, and the triggers (or the heading) that decided it."""

    mention: Span
    presence: Presence = "present"
    temporality: Temporality = "recent"
    experiencer: Experiencer = "patient"
    evidence: tuple[Span, ...] = ()


@dataclass(frozen=True)
class _Sentence:
    """Words first..last, and the triggers in it by axis, in order."""

    first: int
    last: int
    brackets: bool = False
    marks: Mapping[str, list[Trigger]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Place:
    """The words first..last of a mention."""

    span: Span
    first: int
    last: int


@lru_cache(maxsize=1)
def rules() -> Lexicon:
    """Return the shipped rules of both languages."""
    return read(RULES)


def assertions(
    note: Note, mentions: Sequence[Span], lexicon: Lexicon | None = None
) -> list[Assertion]:
    """Say of each mention whether it is there, when, and whose it is, in the order given.

    Parameters
    ----------
    note
        The text; its sentences and sections are used where it has them, else found by rule.
    mentions
        What is named in the text. Give all at once: a list of them carries a negation further.
    lexicon
        Rules to use instead of the shipped ones.

    Raises
    ------
    BadInput
        A mention does not lie in the text.
    """
    for one in mentions:
        if not 0 <= one.start < one.end <= len(note.text):
            raise BadInput(
                f"a mention of characters {one.start} to {one.end} in a text of {len(note.text)}",
                "mentions that lie in the text",
                "give offsets into Note.text, end exclusive",
            )
    if not mentions:
        return []
    chosen = lexicon or rules()
    folded = fold(note.text)
    found = _Reading(note, folded, mentions, chosen).decide()
    if folded.hiding:
        parted = _Reading(note, fold(note.text, " "), mentions, chosen).decide()
        found = [_joined(one, other) for one, other in zip(found, parted, strict=True)]
    return found


def _joined(one: Assertion, other: Assertion) -> Assertion:
    """Return the first reading with what only the second saw (hidden characters)."""
    seen = {axis: getattr(other, axis) for axis in DECIDED if getattr(one, axis) == AXES[axis][0]}
    return replace(one, **seen, evidence=tuple(sorted({*one.evidence, *other.evidence})))


def _adjoining(marks: Iterable[Trigger]) -> list[Trigger]:
    """Return the rules of the first phrase of some; none where it ends scopes."""
    found: list[Trigger] = []
    for one in marks:
        if one.rule.value == ENDS or (found and one.first != found[0].first):
            break
        found.append(one)
    return found


def _stronger(before: Trigger | None, after: Trigger | None, place: _Place) -> Trigger | None:
    """Return which of the triggers at both sides decides.

    What is merely there or there under a condition gives way (`no effusion is present`, `no chest
    pain on exertion`, `has a cough that resolved`), and so does a question with its answer
    (`testing for BK virus is negative`); else the nearer one decides.
    """
    if before is None or after is None:
        return before or after
    weak = [one.rule.value for one in (before, after)]
    for value in ("present", "recent", "patient", "conditional"):
        if value in weak and weak[0] != weak[1]:
            return after if weak[0] == value else before
    if weak == ["possible", "absent"]:
        return after
    return before if place.first - before.last <= after.first - place.last else after


def _backwards(marks: Sequence[Trigger], end: int) -> Iterator[Trigger]:
    for at in range(end - 1, -1, -1):
        yield marks[at]


def _leaves_brackets(between: Sequence[str], any_there: bool) -> bool:
    """Say whether a bracket that was opened before some words closes in them."""
    return any_there and ")" in between and "(" not in between[: between.index(")")]


class _Reading:
    """One reading of a note: its words, sentences, triggers and headings."""

    def __init__(
        self, note: Note, folded: Folded, mentions: Sequence[Span], lexicon: Lexicon
    ) -> None:
        self.note, self.settings = note, lexicon.settings
        self.words = words_of(folded)
        self.listing = frozenset(self.settings.get("list_words", ()))
        self.normal = frozenset(self.settings.get("normal_words", ()))
        self.stated = tuple(self.settings.get("stated_words", ()))
        self.places = [self._place(one) for one in mentions]
        self.owner = [0] * (len(self.words.words) + 1)
        for number, place in enumerate(self.places, start=1):
            self.owner[place.first : place.last] = [number] * (place.last - place.first)
        firsts = self._firsts(folded)
        found = lexicon.find(self.words.words, self.owner, firsts)
        headings = self._headings(found, firsts)
        self.headings = [] if note.sections else headings
        self.titles = {at for one in headings for at in range(one.first, one.last)}
        self.firsts = sorted(firsts.union(one.first for one in headings))
        bounds = list(zip(self.firsts, [*self.firsts[1:], len(self.words.words)], strict=True))
        self.hollow = {
            at for one in found if one.rule.value == NOTHING for at in range(one.first, one.last)
        }
        self.sentences = self._sentences(found, bounds)

    def _place(self, span: Span) -> _Place:
        start, end = span.start, span.end
        origin = self.words.folded.origin
        if origin is not None:
            start, end = (int(np.searchsorted(origin, at)) for at in (start, end))
        first = bisect_right(self.words.ends, start)
        return _Place(span, first, max(first + 1, bisect_left(self.words.starts, end)))

    def _firsts(self, folded: Folded) -> set[int]:
        """Return the first word of each sentence."""
        if self.note.sentences:
            cuts = [one.start for one in self.note.sentences]
            if folded.origin is not None:
                cuts = [int(np.searchsorted(folded.origin, cut)) for cut in cuts]
        else:
            cuts = [one.end() for one in BREAK.finditer(folded.text)]
        return {0, *(bisect_left(self.words.starts, cut) for cut in cuts)}

    def _headings(self, found: Iterable[Trigger], firsts: set[int]) -> list[Trigger]:
        """Return the headings: before a colon, or at the start of a sentence and before a dash.

        Other words before a colon at the start of a sentence are a heading of no known kind.
        """
        words = self.words.words
        known = {
            one.first: one
            for one in found
            if one.rule.axis == "section"
            and one.last < len(words)
            and (words[one.last] == ":" or (words[one.last] == "-" and one.first in firsts))
        }
        begins = [*sorted(firsts), len(words)]
        for first, following in pairwise(begins):
            last = min(first + 1 + HEADING_WORDS, following)
            if first not in known and ":" in words[first + 1 : last]:
                known[first] = Trigger(first, words.index(":", first), Rule("section", ""))
        return [known[first] for first in sorted(known)]

    def _sentences(
        self, found: Iterable[Trigger], bounds: list[tuple[int, int]]
    ) -> list[_Sentence]:
        words = self.words.words
        sentences = [
            _Sentence(first, last, ")" in words[first:last], {axis: [] for axis in DECIDED})
            for first, last in bounds
        ]
        for one in found:
            axis = one.rule.axis
            if axis == "section" or one.rule.value == NOTHING or one.first in self.titles:
                continue
            if self._swallowed(one) and not one.rule.inside:
                continue
            sentence = sentences[bisect_right(self.firsts, one.first) - 1]
            sentence.marks[axis].append(one)
        return sentences

    def _swallowed(self, one: Trigger) -> bool:
        """Say whether a trigger is a part of a mention (`无力`, `non-tender`)."""
        number = self.owner[one.first]
        return number > 0 and self.owner[one.last - 1] == number

    def decide(self) -> list[Assertion]:
        """Return the assertion of each mention."""
        return [self._of(place) for place in self.places]

    def _of(self, place: _Place) -> Assertion:
        sentence = self.sentences[bisect_right(self.firsts, place.first) - 1]
        values: dict[str, Any] = {}
        evidence: set[Span] = set()
        by_section = self._by_section(place)
        for axis in reversed(DECIDED):
            marks = sentence.marks[axis]
            one = self._nearest(place, marks, sentence) if marks else None
            if one and one.rule.over and values.get("temporality") == "historical":
                one = None  # `had tuberculosis, now cured` is not `never had tuberculosis`
            if one:
                values[axis] = one.rule.value
                evidence.add(self._span(one))
            elif axis in by_section:
                values[axis], where = by_section[axis]
                evidence.add(where)
        return Assertion(place.span, **values, evidence=tuple(sorted(evidence)))

    def _span(self, one: Trigger) -> Span:
        words = self.words
        return words.folded.span(words.starts[one.first], words.ends[one.last - 1])

    def _by_section(self, place: _Place) -> dict[str, tuple[str, Span]]:
        kind, where = "", Span(0, 0)
        if self.note.sections:
            for section in self.note.sections:
                if section.start <= place.span.start < section.end:
                    kind, where = section.kind, Span(section.start, section.heading_end)
        else:
            for one in self.headings:
                if one.first > place.first:
                    break
                kind, where = one.rule.value, self._span(one)
        said: Mapping[str, str] = self.settings.get("sections", {}).get(kind, {})
        return {axis: (value, where) for axis, value in said.items()}

    def _nearest(
        self, place: _Place, marks: Sequence[Trigger], sentence: _Sentence
    ) -> Trigger | None:
        """Return the trigger that decides about a mention, if any reaches it."""
        before = after = None
        words = self.words.words
        at = bisect_left(marks, place.first, key=_FIRST)
        for one in marks[at:]:
            if one.first >= place.last:
                break
            if one.rule.inside and one.last <= place.last:
                return one
        for one in _adjoining(
            one
            for one in _backwards(marks, at)
            if not self._swallowed(one)
            and not _leaves_brackets(words[one.last : place.first], sentence.brackets)
        ):
            if one.rule.side != "after" and self._reaches(one, place, sentence):
                before = one
                break
        later = islice(marks, at, None)
        for one in _adjoining(
            one for one in later if one.last > place.last and not self._swallowed(one)
        ):
            if one.rule.side != "before" and self._reaches(one, place, sentence):
                after = one
                break
        if before and after and after.rule.value == AXES[after.rule.axis][0]:
            between = words[before.last : place.first]
            if COMMA in between and not self.listing.intersection(between):
                before = None  # `no fever, tuberculin test is positive`: a new clause
        return _stronger(before, after, place)

    def _reaches(self, one: Trigger, place: _Place, sentence: _Sentence) -> bool:
        """Say whether the scope of a trigger next to a mention goes as far as the mention."""
        forward = one.first < place.first
        start, end = (one.last, place.first) if forward else (place.last, one.first)
        rule: Rule = one.rule
        if end - start > rule.reach and (
            rule.commas != "bare"
            or end - start > LONGEST_LIST
            or self._strange(start, end) > rule.reach
        ):
            return False
        words = self.words.words
        commas = [at for at in range(start, end) if words[at] == COMMA]
        if not commas:
            return True
        if rule.commas == "none" or (forward and self._speaks_for_itself(place)):
            return False
        if rule.commas == "any":
            return True
        first, last = (commas[0], self._tail(place.last, sentence)) if forward else (start, end)
        return not self._strange(first, last)

    def _strange(self, first: int, last: int) -> int:
        """Return how many words of first..last are of no list of mentions; brackets aside."""
        words, depth, found = self.words.words, 0, 0
        for at in range(first, last):
            depth += (words[at] == "(") - (words[at] == ")")
            listed = self.owner[at] or words[at] == COMMA or words[at] in self.listing
            found += not (listed or depth > 0 or words[at] == ")" or at in self.hollow)
        return found

    def _speaks_for_itself(self, place: _Place) -> bool:
        """Say whether a mention is a statement after a comma: all is well, or something is not.

        `alert`, `神志清楚`, `腱反射减弱`; but not `肿大`, which wants the name before it.
        """
        inside = self.words.words[place.first : place.last]
        if not self.normal.isdisjoint(inside):
            return True
        joined = "".join(inside)
        if joined.isascii():
            return False
        says = joined not in self.stated and joined.endswith(self.stated)
        return says or any(word in joined for word in self.normal)

    def _tail(self, at: int, sentence: _Sentence) -> int:
        """Return where the part of the sentence between commas that holds a word ends."""
        words: Words = self.words
        while at < sentence.last and words.words[at] not in (COMMA, ".", "。", ";"):
            at += 1
        return at
