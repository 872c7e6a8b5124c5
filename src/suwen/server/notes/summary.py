"""The summary of a case's notes as its page shows it, and its rewriting by a language model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

from suwen.core.codes import Language
from suwen.core.errors import NotFound
from suwen.core.nouns import Reference, canonical, digest_of
from suwen.core.settings import Settings
from suwen.diagnosis.wording import quoted
from suwen.notes.questions import FACTS
from suwen.notes.reading.case import title_of
from suwen.notes.summary.by_problems import SummaryLine, parts
from suwen.notes.summary.overview import Overview
from suwen.notes.summary.rewrite import Rewritten
from suwen.notes.text import Cited
from suwen.server.asking import Asking
from suwen.server.notes.beside import Stretch, named, stretches
from suwen.server.notes.case import Noted, noted
from suwen.server.notes.marks import MOST_CHARACTERS
from suwen.server.notes.view import note_id

ASKED = "rewrite-asked"
"""Act of the decision log: lines of a summary were sent to a language model's server."""


@dataclass(frozen=True)
class PlaceView:
    """One place a line rests on, for its link."""

    anchor: str
    title: str
    words: str
    denies: bool


@dataclass(frozen=True)
class LineView:
    """One line of the summary."""

    text: str
    quoted: bool
    under: bool
    status: str
    places: list[PlaceView]

    @property
    def said(self) -> list[PlaceView]:
        """Places that say so, of a contradiction those that affirm."""
        return [place for place in self.places if not place.denies]

    @property
    def denied(self) -> list[PlaceView]:
        """Places that deny what others affirm."""
        return [place for place in self.places if place.denies]


@dataclass(frozen=True)
class NoteView:
    """A note that lines rest on, cut at the stretches they cite."""

    id: str
    title: str
    language: str
    stretches: list[Stretch]
    cut: bool


@dataclass(frozen=True)
class Summarised:
    """The summary of a case as a person sees it."""

    found: Noted
    overview: Overview

    @property
    def language(self) -> Language:
        """Of the reader."""
        return self.found.asking.language

    @cached_property
    def anchors(self) -> dict[Cited, str]:
        """Return the name of each cited stretch in the page."""
        made: dict[Cited, str] = {}
        for number, record in enumerate(self.overview.notes):
            own = [c.span for line in self.overview.lines for c in line.cited if c.record == record]
            for name, span in named(own, f"n{number}w").items():
                made[Cited(record, span)] = name
        return made

    def parts(self) -> list[tuple[str, str, list[LineView]]]:
        """Return the parts that hold lines: key, title and lines."""
        language, lines = self.language, self.overview.lines
        return [
            (key, title.of(language), own)
            for key, title in parts().items()
            for own in [[self._line(line) for line in lines if line.part == key]]
            if own
        ]

    def _line(self, line: SummaryLine) -> LineView:
        return LineView(
            quoted(line.text.of(self.language), 2000),
            line.quoted,
            line.quoted and bool(line.about),
            line.status,
            [self._place(cited, cited in line.denied) for cited in line.cited],
        )

    def _place(self, cited: Cited, denies: bool) -> PlaceView:
        text = self.overview.notes[cited.record].note.text
        words = quoted(cited.span.of(text), 80)
        title = title_of(self.overview.records[cited.record]) or self.titles[cited.record]
        return PlaceView(self.anchors[cited], quoted(title, 60), words, denies)

    @property
    def titles(self) -> Mapping[Reference, str]:
        """Return what each note is called."""
        return self.found.titles

    def notes(self) -> list[NoteView]:
        """Return the notes that lines rest on, the newest first."""
        views = []
        for record, read in reversed(self.overview.notes.items()):
            own = {name: cited.span for cited, name in self.anchors.items()
                   if cited.record == record}  # fmt: skip
            if own:
                text = read.note.text[:MOST_CHARACTERS]
                views.append(
                    NoteView(
                        note_id(record),
                        self.titles[record],
                        "zh-Hans" if read.note.language == "zh" else "en",
                        stretches(text, own),
                        len(read.note.text) > MOST_CHARACTERS,
                    )
                )
        return views


def summarised(asking: Asking, patient: str) -> Summarised:
    """Open the summary of a case; the store checks and logs it."""
    found = noted(asking, patient)
    return Summarised(found, Overview(found.case, found.facts, found.stored(FACTS)))


def host_of(settings: Settings) -> str:
    """Return the server that rewrites, empty where none is set."""
    return urlsplit(settings.llm_url).netloc if settings.llm_url else ""


@dataclass(frozen=True)
class StatementView:
    """A statement of the model beside the lines it names."""

    text: str
    lines: list[str]
    places: list[PlaceView]


@dataclass(frozen=True)
class RewrittenView:
    """What came of a rewriting, for the page."""

    host: str
    statements: list[StatementView]
    dropped: list[tuple[str, str]]
    problem: str


def rewritten(asking: Asking, patient: str) -> tuple[Summarised, Rewritten]:
    """Send the lines of a summary to the configured model; that it was asked is logged before.

    Raises
    ------
    NotFound
        No model is set, or the summary has no line.
    Denied
        The policy does not let this person decide about this patient.
    """
    settings = asking.bench.settings
    host = host_of(settings)
    made = summarised(asking, patient)
    if not host or not made.overview.lines:
        raise NotFound(
            "no language model is set" if not host else "no line to rewrite",
            "SUWEN_LLM_URL with the address of an OpenAI-compatible server, and notes",
            "ask an administrator",
        )
    texts = [line.text.of(asking.language) for line in made.overview.lines]
    detail = {
        "host": host,
        "model": settings.llm_model,
        "lines": len(texts),
        "digest": digest_of(canonical(texts)),
    }
    asking.access.decide(ASKED, patient, f"Patient/{patient}", detail)
    answer = made.overview.rewritten(asking.language, settings)
    return made, answer or Rewritten()


def rewritten_view(made: Summarised, answer: Rewritten) -> RewrittenView:
    """Return a rewriting as the page shows it."""
    lines = made.overview.lines
    return RewrittenView(
        host_of(made.found.asking.bench.settings),
        [
            StatementView(
                quoted(one.text, 2000),
                [quoted(lines[n - 1].text.of(made.language), 2000) for n in one.lines],
                [made._place(cited, False) for cited in one.cited],
            )
            for one in answer.statements
        ],
        [(quoted(one.text, 2000), one.reason.of(made.language)) for one in answer.dropped],
        answer.problem or "",
    )
