"""An extractive summary by problems: every line is a stretch of a note or a normalised fact.

Nothing is worded freely: a fact's line is its name in a fixed phrase of `knowledge/summary.toml`, a
note's line is a sentence as it stands. Each cites where it comes from. A problem is followed by the
sentences of the assessment and plan that name it as being so. What one note affirms and another
denies is said to be a contradiction, first of all, with the places of both sides. Problems that an
assessment names come before those that stand elsewhere.
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

SOURCE: Final = Path(__file__).parents[1] / "knowledge" / "summary.toml"
MOST_SENTENCES: Final = 2
"""Sentences that follow one problem."""
ALONE: Final = 4
"""Characters of a sentence beside the problem's name that say nothing more: a number, a stop."""
MOST_PLANS: Final = 8
"""Sentences of plans that name no problem."""
NOT_SO: Final = ("conditional", "hypothetical")
"""How a thing is meant that the patient does not have: a sentence on it is about no problem."""
ADVISING: Final = ("assessment", "plan", "assessment_and_plan", "discharge_instructions")


class Stated(Protocol):
    """A normalised fact: what the summary needs to know of one."""

    @property
    def key(self) -> str:
        """What makes two statements be about one thing: the code, or the folded name."""

    @property
    def name(self) -> Text:
        """Name of the thing."""

    @property
    def detail(self) -> Text:
        """What belongs to it: dose and frequency, value and unit, since when; may be empty."""

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

    @property
    def finding(self) -> str:
        """Id of the finding it comes from; empty where there is none."""


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
    status
        Key of its phrase in `knowledge/summary.toml`; empty for a quotation.
    denied
        Of a contradiction, the places among `cited` that deny.
    findings
        Ids of the findings of the facts it is about.
    name
        Name of the fact it belongs to; None for sentences that name none.
    """

    text: Text
    part: str
    cited: tuple[Cited, ...]
    about: str = ""
    quoted: bool = False
    status: str = ""
    denied: tuple[Cited, ...] = ()
    findings: tuple[str, ...] = ()
    name: Text | None = None


@cache
def _wording() -> Mapping[str, Any]:
    return tomllib.loads(SOURCE.read_text(encoding="utf-8"))


def parts() -> Mapping[str, Text]:
    """Return the parts of a summary with their titles, in order."""
    return {name: Text(**one["title"]) for name, one in _wording()["parts"].items()}


def part_codes() -> Mapping[str, str]:
    """Return the LOINC code of each part."""
    return {name: str(one["loinc"]) for name, one in _wording()["parts"].items()}


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
    for group in sorted(_grouped(facts), key=lambda group: _rank(notes, group)):
        line = _line(group)
        lines.append(line)
        if line.part == "problems":
            lines += _followers(notes, line, _so(group), used)
    lines += _plans(notes, used)
    return tuple(sorted(lines, key=lambda line: order.index(line.part)))


def _grouped(facts: Sequence[Stated]) -> list[list[Stated]]:
    """Return the facts about one thing of one person together, in the order they first come."""
    groups: dict[tuple[str, str, str], list[Stated]] = {}
    for fact in facts:
        if fact.cited:
            groups.setdefault((fact.kind, fact.key, fact.experiencer), []).append(fact)
    return list(groups.values())


def _rank(notes: Sequence[Note], group: Sequence[Stated]) -> int:
    """Return how far down a thing stands: what the notes disagree on and assess comes first."""
    status, _ = _status(group)
    if status == "contradiction":
        return 0
    known = {note.record: note for note in notes}
    assessed = any(
        known[place.record].section_at(place.span.start) in ADVISING
        for place in _so(group)
        if place.record in known
    )
    return (1 if assessed else 2) + 2 * (status != "present")


def _so(group: Sequence[Stated]) -> list[Cited]:
    """Return where a thing is said, but not where it is only imagined ("return if ...")."""
    return [place for fact in group if fact.presence not in NOT_SO for place in fact.cited]


def _line(group: Sequence[Stated]) -> SummaryLine:
    status, part = _status(group)
    wording = {**_wording()["wording"], **_wording().get(group[0].kind, {})}[status]
    name = _named(group)
    name = (
        name if wording["en"].startswith("{name}") or ": {name}" in wording["en"] else name.inside()
    )
    return SummaryLine(
        Text(en=wording["en"].format(name=name.en), zh=wording["zh"].format(name=name.zh)),
        part,
        tuple(dict.fromkeys(place for fact in group for place in fact.cited)),
        group[0].key,
        status=status,
        denied=tuple(
            place
            for fact in group
            if status == "contradiction" and fact.presence == "absent"
            for place in fact.cited
        ),
        findings=tuple(dict.fromkeys(fact.finding for fact in group if fact.finding)),
        name=group[0].name,
    )


def _named(group: Sequence[Stated]) -> Text:
    """Return the name of a thing with all that belongs to it; a denial needs the name alone."""
    name = group[0].name
    wanted = [fact.detail for fact in group if fact.presence != "absent"]
    more = Text(
        en="; ".join(dict.fromkeys(one.en for one in wanted if one.en)),
        zh="；".join(dict.fromkeys(one.zh for one in wanted if one.zh)),
    )
    if not more.en:
        return name
    form = _wording()["detailed"].get(group[0].kind, _wording()["detailed"]["other"])
    return Text(**{
        language: form[language].format(name=name.of(language), more=more.of(language))
        for language in ("en", "zh")
    })  # fmt: skip


def _status(group: Sequence[Stated]) -> tuple[str, str]:
    """Return the phrase and the part of what is said of one thing."""
    first, said = group[0], {fact.presence for fact in group}
    if first.experiencer != "patient":
        denied = "_absent" if said == {"absent"} else ""
        return f"{first.experiencer}{denied}", "family"
    part = str(_wording()["kinds"].get(first.kind, "problems"))
    now = {fact.presence for fact in group if fact.temporality == "recent"}
    if {"present", "absent"} <= now:
        return "contradiction", part
    for status in ("present", "possible", "conditional", "hypothetical"):
        if status not in said:
            continue
        past = all(fact.temporality == "historical" for fact in group)
        if status == "present" and past and part == "problems":
            return "historical", "history"
        return status, part
    return "absent", part if part == "allergies" else "absent"


def _followers(
    notes: Sequence[Note], line: SummaryLine, places: Sequence[Cited], used: set[Cited]
) -> Iterator[SummaryLine]:
    """Yield the sentences of assessments and plans that name the problem, newest note first."""
    found = 0
    for note in reversed(notes):
        names = [place.span for place in places if place.record == note.record]
        for sentence in note.sentences:
            if found == MOST_SENTENCES:
                return
            if note.section_at(sentence.start) not in ADVISING:
                continue
            cited = Cited(note.record, sentence)
            if cited in used or not any(sentence.overlaps(name) for name in names):
                continue
            if any(_only(name, sentence) for name in names):
                continue
            used.add(cited)
            found += 1
            yield _quoted(note, sentence, "problems", line)


def _only(name: Span, sentence: Span) -> bool:
    """Say whether a sentence is a name and no more than a number or a stop beside it."""
    inside = sentence.start <= name.start and name.end <= sentence.end
    return inside and (sentence.end - sentence.start) - (name.end - name.start) <= ALONE


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
            yield _quoted(note, sentence, "plan", None)


def _quoted(note: Note, sentence: Span, part: str, about: SummaryLine | None) -> SummaryLine:
    words = " ".join(sentence.of(note.text).split())
    return SummaryLine(
        Text(en=words, zh=words),
        part,
        (Cited(note.record, sentence),),
        about.about if about else "",
        quoted=True,
        findings=about.findings if about else (),
        name=about.name if about else None,
    )
