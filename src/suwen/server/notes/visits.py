"""The notes of a case's visits: drafted, changed, confirmed; and how the page shows one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from suwen.core.codes import Language
from suwen.core.errors import Conflict, Denied, NotFound
from suwen.core.nouns import Case
from suwen.diagnosis.language import message
from suwen.notes.dialogue.draft import ORDER
from suwen.notes.dialogue.talk import Turn, turns_of
from suwen.notes.reading.sections import headings
from suwen.notes.reading.visit_marks import is_talk
from suwen.notes.summary.sheet import SPEAKERS
from suwen.notes.text import Span
from suwen.notes.visits import visit
from suwen.notes.visits.records import RESOURCE, NoteLine, VisitNote, note_of, notes_in
from suwen.notes.visits.visit import Wanted
from suwen.server.asking import Asking
from suwen.server.language import moment, say
from suwen.server.notes.beside import Stretch, named, stretches

STATUSES: Final = {
    "": message("not saved"),
    "preliminary": message("draft"),
    "final": message("confirmed"),
    "entered-in-error": message("withdrawn"),
}


MOST_LISTED: Final = 10
"""Notes of visits that the page of a case lists."""


@dataclass(frozen=True)
class TurnView:
    """One turn of the talk, cut at the stretches that lines rest on."""

    number: int
    anchor: str
    speaker: str
    who: str
    stretches: list[Stretch]


@dataclass(frozen=True)
class LineView:
    """One line of the note: `cites` are pairs of an anchor in the talk and what it is called."""

    id: str
    section: str
    text: str
    made: str
    by: str
    cites: list[tuple[str, str]]


@dataclass(frozen=True)
class Opened:
    """A note, or a draft nobody kept yet, with the talk it is of."""

    asking: Asking
    talk: str
    lines: Sequence[NoteLine]
    note: VisitNote | None = None

    @property
    def language(self) -> Language:
        """Of the reader."""
        return self.asking.language

    @cached_property
    def turns(self) -> list[Turn]:
        """Return the turns of the talk."""
        return turns_of(self.talk)

    @cached_property
    def names(self) -> dict[Span, str]:
        """Return the name of each stretch that lines rest on."""
        spans = named([span for line in self.lines for span in line.spans], "t")
        return {span: name for name, span in spans.items()}

    @property
    def kept(self) -> VisitNote:
        """Return the note.

        Raises
        ------
        NotFound
            Nobody kept it yet.
        """
        if self.note is None:
            raise NotFound("a draft that nobody kept", "a note of this case", "save the draft")
        return self.note

    def values(self) -> dict[str, Any]:
        """Return what the page shows of it."""
        note = self.note
        status = note.status if note else ""
        return {
            "note": note.id if note else "",
            "note_version": note.version if note else 0,
            "status": status,
            "status_name": say(self.language, STATUSES[status]),
            "begun": self._by(note.person, note.begun) if note else "",
            "attested": self._by(note.attested_by, note.attested_at)
            if note and note.attested_at
            else "",
            "talk": self.talk,
            "talk_language": "zh-Hans" if note and note.language == "zh" else "en",
            "turns": self._turns(),
            "sections": self._sections(),
            "kinds": [(kind, headings().names[kind].of(self.language)) for kind in ORDER],
        }

    def _by(self, person: str, at: Any) -> str:
        return f"{self.asking.bench.name_of(person)}, {moment(at)}"

    def _turns(self) -> list[TurnView]:
        spans = {name: span for span, name in self.names.items()}
        return [
            TurnView(
                number,
                f"turn-{number}",
                turn.speaker,
                SPEAKERS[turn.speaker].of(self.language),
                stretches(self.talk, spans, turn),
            )
            for number, turn in enumerate(self.turns, 1)
        ]

    def _sections(self) -> list[tuple[str, str, list[LineView]]]:
        names = headings().names
        return [
            (kind, names[kind].of(self.language), own)
            for kind in ORDER
            for own in [[self._line(line) for line in self.lines if line.section == kind]]
            if own
        ]

    def _line(self, line: NoteLine) -> LineView:
        return LineView(
            line.id,
            line.section,
            line.text,
            line.made,
            self.asking.bench.name_of(line.person) if line.person else "",
            [(self.names[span], self._label(span)) for span in line.spans],
        )

    def _label(self, span: Span) -> str:
        number = next(
            (n for n, turn in enumerate(self.turns, 1) if turn.start <= span.start < turn.end), 0
        )
        return say(self.language, "turn %(n)s", n=number)


def may_work(asking: Asking) -> None:
    """Refuse whoever does not treat patients: talk and drafts are theirs alone.

    Raises
    ------
    Denied
        The person is no clinician and no nurse.
    """
    if not asking.may["act"]:
        raise Denied(
            "drafts of visits are for those who treat the patient",
            "a clinician or a nurse of the care team",
            "ask your clinician for the confirmed note",
        )


def drafted(asking: Asking, talk: str) -> Opened:
    """Return the draft of a talk, kept nowhere."""
    may_work(asking)
    return Opened(asking, talk, visit.drafted(talk))


def listed(asking: Asking, patient: str) -> list[VisitNote]:
    """Return the notes of the visits of a case, the newest first."""
    may_work(asking)
    return notes_in(asking.access.case(patient).of(RESOURCE))


@dataclass(frozen=True)
class RowView:
    """A note in the list of a case's visits."""

    id: str
    begun: str
    by: str
    lines: int
    status: str
    status_name: str
    attested: str


def rows(asking: Asking, notes: Iterable[VisitNote]) -> list[RowView]:
    """Return notes as a list shows them."""
    language, name_of = asking.language, asking.bench.name_of
    return [
        RowView(
            note.id,
            moment(note.begun),
            name_of(note.person),
            len(note.lines),
            note.status,
            say(language, STATUSES[note.status]),
            f"{name_of(note.attested_by)}, {moment(note.attested_at)}" if note.attested_at else "",
        )
        for note in notes
    ]


def standing(asking: Asking, case: Case) -> list[RowView]:
    """Return the notes of a case's visits that were not withdrawn, the newest first.

    Nothing for whoever does not treat the patient: a confirmed note is among the notes.
    """
    if not asking.may["act"]:
        return []
    notes = notes_in(case.of(RESOURCE))
    return rows(asking, [note for note in notes if note.status != "entered-in-error"][:MOST_LISTED])


def opened(asking: Asking, patient: str, name: str) -> Opened:
    """Open a note of a case with its talk.

    Raises
    ------
    NotFound
        The case has no such note.
    """
    may_work(asking)
    case = asking.access.case(patient)
    record = next((one for one in case.of(RESOURCE) if one.id == name), None)
    note = note_of(record) if record else None
    if note is None:
        raise NotFound("no such note of a visit", "a note of this case", "go back to the case")
    return Opened(asking, _talk_of(case, note), note.lines, note)


def _talk_of(case: Case, note: VisitNote) -> str:
    name = note.talk.split("/")[1]
    for record in case.of("DocumentReference"):
        if record.id == name and is_talk(record.content):
            url = str(record.content["content"][0]["attachment"]["url"])
            return case.blob(url.removeprefix("blob/")).decode()
    raise NotFound("the talk of the note is not in the case", "the talk it was drafted from", "")


def keep(asking: Asking, patient: str, talk: str, wanted: Sequence[Wanted] | None) -> VisitNote:
    """Keep a draft with its talk, changed as the person wants; None keeps it as it was made."""
    made = drafted(asking, talk).lines
    if wanted is not None:
        made = visit.changed(made, wanted, asking.person.id)
    return visit.keep(asking.access, patient, talk, made)


@dataclass(frozen=True)
class Wish:
    """What a person wants of a draft they saw in `version`: its lines, and whether it is right."""

    version: int
    lines: Sequence[Wanted]
    confirm: bool = False


def change(asking: Asking, patient: str, found: Opened, wish: Wish) -> VisitNote:
    """Change a draft as the person wants, and confirm it if they do.

    Raises
    ------
    Conflict
        Somebody changed the note since the person looked at it.
    """
    note = _seen(found, wish.version)
    lines = visit.changed(note.lines, wish.lines, asking.person.id)
    changed = visit.change(asking.access, patient, note, lines)
    return visit.confirm(asking.access, patient, changed) if wish.confirm else changed


def withdraw(asking: Asking, patient: str, found: Opened, version: int, reason: str) -> VisitNote:
    """Withdraw a note, or reject a draft."""
    return visit.withdraw(asking.access, patient, _seen(found, version), reason)


def _seen(found: Opened, version: int) -> VisitNote:
    note = found.kept
    if note.version != version:
        raise Conflict(
            "the note changed since you opened it",
            "the newest version",
            "reload the page, look at the change and decide again",
        )
    return note
