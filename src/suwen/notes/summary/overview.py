"""The summary of a case's notes with everything that a page, a file or a program shows of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

from suwen.core.codes import Language, Text
from suwen.core.errors import SuwenError
from suwen.core.nouns import Case, Finding, Record, Reference
from suwen.core.settings import Settings
from suwen.notes.coding.synonyms import LocalSynonyms
from suwen.notes.entities import corrections
from suwen.notes.facts.current import current
from suwen.notes.facts.fhir import Resource
from suwen.notes.facts.stated import Stated, stated
from suwen.notes.facts.told import Told, told
from suwen.notes.reading.case import Read, Unread, read_case
from suwen.notes.summary.by_problems import SummaryLine, summarise
from suwen.notes.summary.composition import Document, bundle
from suwen.notes.summary.rewrite import Rewritten, rewritten
from suwen.notes.summary.sheet import Item, Part, Sheet, places_of, sheet_of_summary

REWRITTEN: Final = Text(
    en="Rewritten by a language model; every statement is supported by the lines it names",
    zh="由语言模型改写；每句均有所引原文支持",
)
DROPPED: Final = Text(
    en="Statements of the language model that were dropped", zh="语言模型给出而被舍弃的语句"
)
FAILED: Final = Text(en="The language model gave no usable answer", zh="语言模型未给出可用答复")


@dataclass(frozen=True)
class Overview:
    """A summary and what it was made from.

    Parameters
    ----------
    case
        The case whose notes it is of.
    told
        What they tell, after people's corrections.
    findings
        The findings behind that.
    """

    case: Case
    told: Sequence[Told]
    findings: Sequence[Finding]

    @cached_property
    def documents(self) -> list[Read | Unread]:
        """Return every note of the case, oldest first, and those that cannot be read."""
        return read_case(self.case)

    @cached_property
    def notes(self) -> dict[Reference, Read]:
        """Return the notes that can be read."""
        return {one.note.record: one for one in self.documents if isinstance(one, Read)}

    @cached_property
    def unread(self) -> list[Unread]:
        """Return the notes that cannot be read; nothing of them is in the summary."""
        return [one for one in self.documents if isinstance(one, Unread)]

    @cached_property
    def facts(self) -> list[Stated]:
        """Return the facts as the summary states them."""
        return stated(self.told, self.notes)

    @cached_property
    def lines(self) -> tuple[SummaryLine, ...]:
        """Return the summary."""
        return summarise([one.note for one in self.notes.values()], self.facts)

    @cached_property
    def records(self) -> dict[Reference, Record]:
        """Return the records of the notes."""
        return {one.reference: one for one in self.case.records if one.reference in self.notes}

    @cached_property
    def sheet(self) -> Sheet:
        """Return the summary with its sources."""
        return sheet_of_summary(self.lines, list(self.notes.values()), self.records)

    def rewritten(self, language: Language, config: Settings | None = None) -> Rewritten | None:
        """Return the summary rewritten by the configured model, None where none is configured.

        The lines leave this machine for that model's server.
        """
        notes = [one.note for one in self.notes.values()]
        return rewritten(self.lines, notes, language, config)

    def rewriting(self, one: Rewritten, language: Language) -> tuple[Part, ...]:
        """Return what came of a rewriting as parts of a sheet: what was kept, and why not."""
        notes = list(self.notes.values())

        def same(text: str) -> Text:
            return Text(en=text, zh=text)

        kept = tuple(Item(same(s.text), places_of(notes, s.cited)) for s in one.statements)
        gone = tuple(
            Item(Text(en=f"{d.text} ({d.reason.en})", zh=f"{d.text}（{d.reason.zh}）"), ())
            for d in one.dropped
        )
        failed = (Item(same(one.problem), ()),) if one.problem else ()
        parts = ((REWRITTEN, kept), (DROPPED, gone), (FAILED, failed))
        return tuple(Part(title.en, title, "", items) for title, items in parts if items)

    def fhir(self, recorded: datetime, language: Language) -> Resource:
        """Return the summary as a FHIR document with its notes and facts."""
        people = self.case.of("Patient")
        wanted = {one for line in self.lines for one in line.findings}
        return bundle(
            self.sheet,
            {name: self._document(record) for name, record in self.records.items()},
            [one for one in self.findings if one.id in wanted],
            recorded,
            language,
            people[-1].content if people else None,
        )

    def _document(self, record: Record) -> Document:
        """Return a note with the original that offsets count in, where the store has it."""
        read = self.notes[record.reference]
        blob = next((one for one in read.inputs if one.startswith("blob/")), "")
        try:
            return Document(record.content, self.case.blob(blob) if blob else None)
        except SuwenError:
            return Document(record.content)


def overview(
    case: Case, findings: Iterable[Finding], local: LocalSynonyms | None = None
) -> Overview:
    """Return the overview of a case from everything that was found in its notes.

    Parameters
    ----------
    case
        The case.
    findings
        Of `notes.facts` and `notes.entities`; others are passed over.
    local
        The local terms as they stand; None leaves the codes as they were found.
    """
    known = list(findings)
    facts = current(known, case.records, known)
    return Overview(case, told(facts, corrections.in_case(case), known, local), facts)
