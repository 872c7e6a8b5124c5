"""An extractive summary by problems: every line is a stretch of a note or a normalised fact.

Nothing is worded freely: a fact's line is its name in a fixed phrase of `knowledge/summary.toml`, a
note's line is a sentence as it stands. Each cites where it comes from. A problem is followed by the
sentences of the assessment and plan that name it. What one note affirms and another denies is said
to be a contradiction, once, with both places.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

from suwen.core.codes import Text
from suwen.notes.text import Cited, Note, Span

SOURCE: Final = Path(__file__).parent / "knowledge" / "summary.toml"
MOST_SENTENCES: Final = 2
"""Sentences that follow one problem."""
MOST_PLANS: Final = 8
"""Sentences of plans that name no problem."""
ADVISING: Final = ("assessment", "plan", "assessment_and_plan", "discharge_instructions")


class Stated(Protocol):
    """A normalised fact: what the summary needs to know of one."""

    @property
    def key(self) -> str:
        """What makes two statements be about one thing: the code, or the folded name."""

    @property
    def name(self) -> Text:
        """Name of the thing with what belongs to it (dose, value and unit)."""

    @property
    def kind(self) -> str:
        """Type of `notes.entities`: problem, drug, laboratory ..."""

    @property
    def presence(self) -> str:
        """One of present, absent, possible, conditional and hypothetical."""

    @property
    def temporality(self) -> str:
        """Recent or historical."""

    @property
    def experiencer(self) -> str:
        """Patient, family or other."""

    @property
    def cited(self) -> Sequence[Cited]:
        """Where it is said."""


@dataclass(frozen=True)
class SummaryLine:
    """One line, and where it comes from.

    Parameters
    ----------
    text
        A fact in its fixed phrase, or a sentence as it stands (then the same in both languages).
    part
        A key of `[parts]` in `knowledge/summary.toml`.
    cited
        What it rests on; never empty.
    about
        Key of the fact it belongs to; empty for sentences that name none.
    quoted
        The words of a note, as they stand.
    """

    text: Text
    part: str
    cited: tuple[Cited, ...]
    about: str = ""
    quoted: bool = False


@cache
def _wording() -> Mapping[str, Any]:
    return tomllib.loads(SOURCE.read_text(encoding="utf-8"))


def parts() -> Mapping[str, Text]:
    """Return the parts of a summary with their titles, in order."""
    return {name: Text(**one["title"]) for name, one in _wording()["parts"].items()}


def summarise(notes: Sequence[Note], facts: Sequence[Stated]) -> tuple[SummaryLine, ...]:
    """Return the summary of the notes of one patient.

    Parameters
    ----------
    notes
        The notes, oldest first; `Note.record` tells them apart.
    facts
        What was found in them.
    """
    order = list(parts())
    used: set[Cited] = set()
    lines: list[SummaryLine] = []
    for group in _grouped(facts):
        line = _line(group)
        lines.append(line)
        if line.part == "problems":
            lines += _followers(notes, group, used)
    lines += _plans(notes, used)
    return tuple(sorted(lines, key=lambda line: order.index(line.part)))


def _grouped(facts: Sequence[Stated]) -> list[list[Stated]]:
    """Return the facts about one thing of one person together, in the order they first come."""
    groups: dict[tuple[str, str, str], list[Stated]] = {}
    for fact in facts:
        if fact.cited:
            groups.setdefault((fact.kind, fact.key, fact.experiencer), []).append(fact)
    return list(groups.values())


def _line(group: Sequence[Stated]) -> SummaryLine:
    said = {fact.presence for fact in group}
    name = group[-1].name
    status, part = _status(group, said)
    wording = _wording()["wording"][status]
    text = Text(en=wording["en"].format(name=name.en), zh=wording["zh"].format(name=name.zh))
    cited = tuple(dict.fromkeys(place for fact in group for place in fact.cited))
    return SummaryLine(text, part, cited, group[0].key)


def _status(group: Sequence[Stated], said: set[str]) -> tuple[str, str]:
    """Return the phrase and the part of what is said of one thing."""
    first = group[0]
    if first.experiencer != "patient":
        return ("family", "family") if first.experiencer == "family" else ("other", "family")
    if {"present", "absent"} <= said:
        return "contradiction", "problems"
    part = str(_wording()["kinds"].get(first.kind, "problems"))
    for status in ("present", "possible", "conditional", "hypothetical", "absent"):
        if status not in said:
            continue
        if status == "absent":
            return status, "absent"
        past = all(fact.temporality == "historical" for fact in group)
        if status == "present" and past and part == "problems":
            return "historical", "history"
        return status, part
    return "present", part


def _followers(
    notes: Sequence[Note], group: Sequence[Stated], used: set[Cited]
) -> Iterator[SummaryLine]:
    """Yield the sentences of assessments and plans that name the problem, newest note first."""
    found = 0
    for note in reversed(notes):
        names = {
            place.span for fact in group for place in fact.cited if place.record == note.record
        }
        for sentence in note.sentences:
            if found == MOST_SENTENCES:
                return
            if note.section_at(sentence.start) not in ADVISING:
                continue
            cited = Cited(note.record, sentence)
            if cited in used or not any(sentence.overlaps(name) for name in names):
                continue
            if any(sentence == name for name in names):
                continue
            used.add(cited)
            found += 1
            yield _quoted(note, sentence, "problems", group[0].key)


def _plans(notes: Sequence[Note], used: set[Cited]) -> Iterator[SummaryLine]:
    found = 0
    for note in reversed(notes):
        for sentence in note.sentences:
            kind = note.section_at(sentence.start)
            cited = Cited(note.record, sentence)
            if kind not in ("plan", "discharge_instructions") or cited in used:
                continue
            if found == MOST_PLANS:
                return
            found += 1
            yield _quoted(note, sentence, "plan", "")


def _quoted(note: Note, sentence: Span, part: str, about: str) -> SummaryLine:
    words = " ".join(sentence.of(note.text).split())
    return SummaryLine(Text(en=words, zh=words), part, (Cited(note.record, sentence),), about, True)
