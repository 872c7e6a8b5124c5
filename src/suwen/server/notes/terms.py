"""Local terms and the queue of unmapped ones, as a person of the workbench meets them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import Final

from suwen.core.codes import Code, Language
from suwen.core.errors import BadInput
from suwen.diagnosis.language import message
from suwen.diagnosis.wording import quoted
from suwen.notes.coding import synonyms
from suwen.notes.coding.ranked import Context, coder
from suwen.notes.coding.synonyms import LocalSynonyms, Synonym, key_of
from suwen.notes.entities import corrections
from suwen.notes.entities.corrections import Place
from suwen.notes.facts import unmapped
from suwen.notes.facts.told import Told
from suwen.notes.facts.unmapped import Unmapped
from suwen.notes.reading.case import Read, read_record
from suwen.server.asking import Asking
from suwen.server.case.context import note_title
from suwen.server.case.patients import about
from suwen.server.language import moment, say
from suwen.server.notes.drafts import change_terms
from suwen.server.notes.view import SYSTEM_NAMES, anchor_of, note_id, place_choice

CONTEXTS: Final = 5
"""Places of a term that are shown."""
CANDIDATES: Final = 5
"""Codes that are offered for a term."""


KIND_NAMES: Final = {
    "problem": message("Problem or symptom"),
    "drug": message("Medication or allergy"),
    "procedure": message("Procedure"),
    "test": message("Test"),
    "anatomy": message("Body part"),
}
CHANGES: Final = {
    "mapped": message("mapped"),
    "removed": message("removed"),
    "undone": message("change undone"),
    "imported": message("imported"),
}


@dataclass(frozen=True)
class TermView:
    """A local term, or what waits for a code."""

    term: str
    kind: str
    kind_name: str
    count: int = 0
    cases: int = 0
    code: str = ""
    system: str = ""
    name: str = ""
    by: str = ""


@dataclass(frozen=True)
class ContextView:
    """Where a term is said."""

    url: str
    patient: str
    title: str
    before: str
    words: str
    after: str


@dataclass(frozen=True)
class CandidateView:
    """A code a term may stand for; `coded` as a form sends it."""

    coded: str
    code: str
    system: str
    name: str


@dataclass(frozen=True)
class ChangeView:
    """A version of the local terms and what made it."""

    version: int
    what: str
    term: str
    by: str
    undoable: bool


@dataclass(frozen=True)
class Terms:
    """The local terms and the queue, as this person may see them."""

    asking: Asking

    @cached_property
    def local(self) -> LocalSynonyms:
        """Return the local terms as they stand."""
        return synonyms.stored(self.asking.access)

    @cached_property
    def facts(self) -> dict[str, list[Told]]:
        """Return what the notes tell of each patient this person may see."""
        return unmapped.facts_of_all(self.asking.access)

    @cached_property
    def queue(self) -> list[Unmapped]:
        """Return what waits for a code."""
        return unmapped.queue(self.facts)

    def waiting(self, wanted: str = "") -> list[TermView]:
        """Return what waits for a code; with `wanted` only terms that hold these words."""
        words = wanted.strip().casefold()
        return [
            TermView(
                one.term,
                one.kind,
                kind_name(self.asking.language, one.kind),
                one.count,
                len(one.patients),
            )
            for one in self.queue
            if words in one.term.casefold()
        ]

    def mapped(self) -> list[TermView]:
        """Return the local terms with their codes and who said so."""
        language = self.asking.language
        return [
            TermView(
                one.term,
                one.kind,
                kind_name(language, one.kind),
                code=one.code.code,
                system=system_name(one.code),
                name=one.code.name.of(language),
                by=self._by(one.person, one.at),
            )
            for one in self.local
        ]

    def changes(self) -> list[ChangeView]:
        """Return the versions of the local terms, the newest first; undone are single terms."""
        found = synonyms.history(self.asking.access)
        language = self.asking.language
        newest: set[synonyms.Key] = set()
        made = []
        for one in found:
            change = one.change
            if change is None:
                continue
            key = key_of(change.term, change.kind) if change.term else None
            made.append(
                ChangeView(
                    one.version,
                    say(language, CHANGES[change.what]),
                    change.term,
                    self._by(change.person, change.at),
                    key is not None and key not in newest,
                )
            )
            newest |= {key} if key else {key_of(each.term, each.kind) for each in one}
        return made

    def _by(self, person: str, at: datetime) -> str:
        return f"{self.asking.bench.name_of(person)}, {moment(at)}"

    def find(self, term: str, kind: str) -> Unmapped:
        """Return what waits under a term; nothing is said anywhere of one that does not wait."""
        key = key_of(term, kind)
        return next(
            (one for one in self.queue if key_of(one.term, one.kind) == key),
            Unmapped(term, kind, ()),
        )

    def contexts(self, one: Unmapped) -> list[ContextView]:
        """Return where a term is said, in the notes this person may see."""
        access, language = self.asking.access, self.asking.language
        chosen = one.places[:CONTEXTS]
        made = []
        for patient in dict.fromkeys(owner for owner, _ in chosen):
            places = [place for owner, place in chosen if owner == patient]
            case = access.case(patient)
            people = case.of("Patient")
            name = about(language, patient, people[-1].content if people else None).name
            for record in case.records:
                own = [place for place in places if place.note == record.reference]
                read = read_record(case, record) if own else None
                if isinstance(read, Read):
                    title = note_title(record, language)
                    made += [_context(patient, name, title, read, place) for place in own]
        return made

    def candidates(self, term: str, kind: str) -> list[CandidateView]:
        """Return codes that are like a term, the likeliest first."""
        found = coder().candidates(term, kind, Context())
        codes = [one.as_code() for one in found[:CANDIDATES]]
        return [
            CandidateView(
                f"{one.system}|{one.code}",
                one.code,
                system_name(one),
                one.name.of(self.asking.language),
            )
            for one in codes
        ]


def _context(patient: str, name: str, title: str, read: Read, place: Place) -> ContextView:
    shown = place_choice(read, read.note.shown(place.span))
    address = f"/cases/{patient}/notes?note={note_id(place.note)}#{anchor_of(place)}"
    return ContextView(address, name, title, shown.before, shown.words, shown.after)


def kind_name(language: Language, kind: str) -> str:
    """Return what a kind of terms is called."""
    return say(language, KIND_NAMES[kind]) if kind in KIND_NAMES else kind


def system_name(code: Code) -> str:
    """Return the short name of a code's system."""
    return SYSTEM_NAMES.get(code.system, quoted(code.system.rpartition("/")[2]))


def map_term(asking: Asking, term: str, kind: str, named: str) -> int:
    """Let a term stand for a code from now on; return in how many cases it is told so now.

    Raises
    ------
    BadInput
        The vocabulary has no such code, or the term cannot be coded.
    Denied
        The policy does not let this person change what the house calls things.
    Conflict
        Someone else changed the terms at the same moment.
    """
    if not named.strip():
        raise BadInput("no code for the term", "a name or a code", "choose one of the list")
    code = corrections.find_code(named)
    words = " ".join(term.split())
    added = Synonym(words, kind, code, asking.person.id, synonyms.now())
    return change_terms(asking.access, lambda now: now.mapped(added)).cases


def remove_term(asking: Asking, term: str, kind: str) -> int:
    """Let a term stand for nothing of its own again.

    Raises
    ------
    NotFound, Denied, Conflict
        It is no local term; as for `map_term`.
    """
    person, at = asking.person.id, synonyms.now()
    return change_terms(asking.access, lambda now: now.removed(term, kind, person, at)).cases


def undo(asking: Asking, version: int) -> int:
    """Take back what made a version of the terms.

    Raises
    ------
    NotFound, Conflict, Denied
        There is no such version, its term was changed since; as for `map_term`.
    """
    changed = synonyms.undone(asking.access, version, asking.person.id, synonyms.now())
    return change_terms(asking.access, lambda _: changed).cases


def bring_in(asking: Asking, others: LocalSynonyms) -> int:
    """Take over the terms of another house.

    Raises
    ------
    Denied, Conflict
        As for `map_term`.
    """
    person, at = asking.person.id, synonyms.now()
    imported = partial(synonyms.imported, others=others, person=person, at=at)
    return change_terms(asking.access, imported).cases
