"""A summary or a draft as a sheet: sections of lines, each with the places it was made from.

One form for both, so that text, Markdown, JSON and FHIR (`composition`) are written once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from suwen.core.codes import Language, Text
from suwen.core.nouns import Record, Reference
from suwen.notes.dialogue.draft import ORDER, Line
from suwen.notes.dialogue.talk import Turn
from suwen.notes.reading.case import Read, title_of
from suwen.notes.reading.sections import headings
from suwen.notes.summary.by_problems import SummaryLine, part_codes, parts
from suwen.notes.text import Cited

SUMMARY: Final = Text(en="Summary of the notes", zh="病历摘要")
DRAFT: Final = Text(en="Draft note of the visit", zh="就诊记录草稿")
NOTICE: Final = Text(
    en="Extractive: every line stands in its source. Decision support, to be confirmed by a "
    "clinician.",
    zh="摘取式：每行均有原文出处。辅助决策用途，须由临床医师确认。",
)
SPEAKERS: Final = {
    "clinician": Text(en="Clinician", zh="医生"),
    "patient": Text(en="Patient", zh="患者"),
    "family": Text(en="Family", zh="家属"),
}
UNNAMED: Final = Text(en="Note", zh="病历")
TALK: Final = Text(en="Talk of the visit", zh="就诊对话")


@dataclass(frozen=True)
class Source:
    """A note or a talk that lines rest on."""

    record: Reference
    title: Text


@dataclass(frozen=True)
class Place:
    """Characters start..end of the stored original of a source.

    Parameters
    ----------
    source
        Its number on the sheet, from 0.
    words
        What stands there.
    label
        Of a talk, the turn and who speaks.
    denies
        Whether it says the opposite of the other places of its line.
    """

    source: int
    start: int
    end: int
    words: str
    label: Text | None = None
    denies: bool = False


@dataclass(frozen=True)
class Item:
    """One line. `under` one line that it follows; `status` is how a fact is meant."""

    text: Text
    places: tuple[Place, ...]
    quoted: bool = False
    under: bool = False
    status: str = ""
    findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """A section: its key, title, LOINC code (empty: none) and lines."""

    key: str
    title: Text
    loinc: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Sheet:
    """A whole summary or draft."""

    title: Text
    parts: tuple[Part, ...]
    sources: tuple[Source, ...]


def sheet_of_summary(
    lines: Sequence[SummaryLine], notes: Sequence[Read], records: Mapping[Reference, Record]
) -> Sheet:
    """Return a summary with its notes as sources.

    Parameters
    ----------
    lines
        As `summary.summarise` returns them.
    notes
        The notes they were made from, oldest first.
    records
        The records of the notes, for their titles.
    """
    items: dict[str, list[Item]] = {}
    for line in lines:
        items.setdefault(line.part, []).append(
            Item(
                line.text,
                places_of(notes, line.cited, line.denied),
                line.quoted,
                line.quoted and bool(line.about),
                line.status,
                line.findings,
            )
        )
    codes = part_codes()
    return Sheet(
        SUMMARY,
        tuple(
            Part(key, title, codes[key], tuple(items[key]))
            for key, title in parts().items()
            if key in items
        ),
        tuple(Source(read.note.record, _title(records, read)) for read in notes),
    )


def places_of(
    notes: Sequence[Read], cited: Sequence[Cited], denied: Sequence[Cited] = ()
) -> tuple[Place, ...]:
    """Return where stretches of notes stand in the stored originals."""
    numbers = {read.note.record: number for number, read in enumerate(notes)}
    places = []
    for one in cited:
        number = numbers[one.record]
        stored = notes[number].note.stored(one.span)
        words = " ".join(one.span.of(notes[number].note.text).split())
        places.append(Place(number, stored.start, stored.end, words, denies=one in denied))
    return tuple(places)


def _title(records: Mapping[Reference, Record], read: Read) -> Text:
    record = records.get(read.note.record)
    title = title_of(record) if record else ""
    return Text(en=title, zh=title) if title else UNNAMED


def sheet_of_draft(
    lines: Sequence[Line], talk: str, turns: Sequence[Turn], source: Source | None = None
) -> Sheet:
    """Return a draft with the talk as its source.

    Parameters
    ----------
    lines
        As `dialogue.draft` returns them.
    talk, turns
        The talk and its turns.
    source
        The record of the talk, if it has one.
    """
    names = headings().names
    codes = {kind: code for code, kind in reversed(list(headings().loinc.items()))}
    items: dict[str, list[Item]] = {}
    for line in lines:
        places = tuple(
            Place(0, span.start, span.end, span.of(talk), _turn(turns, span.start))
            for span in line.spans
        )
        items.setdefault(line.section, []).append(Item(line.text, places, status=line.way))
    return Sheet(
        DRAFT,
        tuple(
            Part(kind, names[kind], codes.get(kind, ""), tuple(items[kind]))
            for kind in ORDER
            if kind in items
        ),
        (source or Source("", TALK),),
    )


def turn_label(number: int, turn: Turn) -> Text:
    """Return what a turn is called: its number, from 1, and who speaks."""
    who = SPEAKERS[turn.speaker]
    return Text(en=f"turn {number + 1}, {who.en.lower()}", zh=f"第{number + 1}轮，{who.zh}")


def _turn(turns: Sequence[Turn], position: int) -> Text | None:
    return next(
        (turn_label(n, turn) for n, turn in enumerate(turns) if turn.start <= position < turn.end),
        None,
    )


def as_text(sheet: Sheet, language: Language, markdown: bool = False) -> str:
    """Return a sheet as text, or as Markdown; each line names its sources by number and place."""
    head, sub, bullet = ("# ", "## ", "- ") if markdown else ("", "", "  ")
    rows = [f"{head}{sheet.title.of(language)}", "", NOTICE.of(language)]
    for part in sheet.parts:
        rows += ["", f"{sub}{part.title.of(language)}"]
        for item in part.items:
            shown = item.text.of(language)
            shown = f"“{shown}”" if item.quoted else shown
            shown = _plain(shown) if markdown else shown
            indent = "  " if item.under else ""
            places = f" [{_cited(item, sheet, language)}]" if item.places else ""
            rows.append(f"{indent}{bullet}{shown}{places}")
    rows += ["", f"{sub}{Text(en='Sources', zh='出处').of(language)}"]
    for number, source in enumerate(sheet.sources, 1):
        title = source.title.of(language)
        title = _plain(title) if markdown else title
        rows.append(f"{bullet}{number}: {title}{f' ({source.record})' if source.record else ''}")
    return "\n".join(rows) + "\n"


def _plain(text: str) -> str:
    """Return a text in which Markdown finds no markup of its own."""
    for sign in "\\`*_[]<>#":
        text = text.replace(sign, f"\\{sign}")
    return text


def _cited(item: Item, sheet: Sheet, language: Language) -> str:
    """Return the places of a line: the number of the source, characters, and the turn of a talk."""
    several = len(sheet.sources) > 1
    against = Text(en="denied ", zh="否认 ").of(language)
    return "; ".join(
        f"{against if place.denies else ''}{f'{place.source + 1}:' if several else ''}"
        f"{place.start}-{place.end}{f' {place.label.of(language)}' if place.label else ''}"
        for place in item.places
    )


def as_json(sheet: Sheet) -> dict[str, Any]:
    """Return a sheet as plain values, every text in both languages."""
    return {
        "title": sheet.title.model_dump(),
        "notice": NOTICE.model_dump(),
        "sources": [
            {"record": source.record, "title": source.title.model_dump()}
            for source in sheet.sources
        ],
        "sections": [
            {
                "key": part.key,
                "title": part.title.model_dump(),
                "loinc": part.loinc,
                "lines": [_item(item) for item in part.items],
            }
            for part in sheet.parts
        ],
    }


def _item(item: Item) -> dict[str, Any]:
    return {
        "text": item.text.model_dump(),
        "status": item.status,
        "quoted": item.quoted,
        "findings": list(item.findings),
        "sources": [
            {
                "source": place.source,
                "start": place.start,
                "end": place.end,
                "words": place.words,
                "denies": place.denies,
                **({"turn": place.label.model_dump()} if place.label else {}),
            }
            for place in item.places
        ],
    }
