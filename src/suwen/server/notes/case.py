"""The notes of a case with what they tell, and the acts of people on single mentions of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import cast

from suwen.core.codes import Code
from suwen.core.errors import BadInput, Conflict, NotFound
from suwen.core.nouns import Case, Finding, Reference
from suwen.notes.coding import synonyms
from suwen.notes.coding.synonyms import LocalSynonyms
from suwen.notes.entities import corrected, corrections
from suwen.notes.entities.corrections import Correction, Meant, Place, Verdict, Wish
from suwen.notes.facts.current import current
from suwen.notes.facts.told import Mention, Told, told
from suwen.notes.questions import ENTITIES, FACTS
from suwen.notes.reading.case import Read, Unread, read_case
from suwen.records import finding_of
from suwen.server.asking import Asking
from suwen.server.case import reports
from suwen.server.case.context import note_title
from suwen.server.case.patients import about
from suwen.server.case.reports import Stored
from suwen.server.language import say
from suwen.server.notes.drafts import MOST_FINDINGS, amend_draft
from suwen.server.notes.view import Scene, anchor_of, note_id

LISTED = 5
"""Notes that are offered to be looked at next."""


@dataclass(frozen=True)
class Noted:
    """The notes of a case as the reader may see them, the newest first."""

    asking: Asking
    case: Case

    @cached_property
    def documents(self) -> list[Read | Unread]:
        """Return every note, and those that cannot be read."""
        return list(reversed(read_case(self.case)))

    @cached_property
    def notes(self) -> dict[Reference, Read]:
        """Return the notes that can be read."""
        return {one.note.record: one for one in self.documents if isinstance(one, Read)}

    @cached_property
    def titles(self) -> dict[Reference, str]:
        """Return what each record of a note calls itself."""
        known = {record.reference: record for record in self.case.records}
        return {
            one: note_title(known[one], self.asking.language) for one in self.notes if one in known
        }

    def stored(self, task: str) -> list[Finding]:
        """Return what a task found in this case, in the order it was stored."""
        patient = self.case.patient
        found = self.asking.access.search("Finding", patient, code=task, limit=MOST_FINDINGS)
        return [finding_of(record) for record in found]

    @cached_property
    def entities(self) -> list[Finding]:
        """Return the mentions that networks found."""
        return self.stored(ENTITIES)

    @cached_property
    def report(self) -> Stored | None:
        """Return the newest report of the case."""
        return reports.latest(self.asking.access, self.case.patient)

    @cached_property
    def found(self) -> list[Finding]:
        """Return the facts as packs found them: by the newest report, else by what is stored."""
        told_there = self.report.report.findings if self.report else ()
        findings = [one for one in told_there if one.task == FACTS and not one.person]
        return current(findings or self.stored(FACTS), self.case.records, self.entities)

    @cached_property
    def local(self) -> LocalSynonyms:
        """Return the local terms as they stand."""
        return synonyms.stored(self.asking.access)

    @cached_property
    def facts(self) -> list[Told]:
        """Return what the notes tell, after what people said of it."""
        return told(self.found, corrections.in_case(self.case), self.entities, self.local)

    @property
    def signed(self) -> bool:
        """Whether the newest report is signed, so that what is said now counts in the next one."""
        return self.report is not None and self.report.report.status == "final"

    def scene(self, note: str = "") -> Scene:
        """Return what facts are shown against, at the note of an id or the newest.

        Raises
        ------
        NotFound
            The case has no such note.
        """
        by_id = {note_id(reference): reference for reference in self.notes}
        if not by_id or (note and note not in by_id):
            raise NotFound(
                "no such note that can be read", "a note of this case", "go back to the case"
            )
        here = by_id[note] if note else next(iter(by_id.values()))
        return Scene(
            self.asking.language,
            f"/cases/{self.case.patient}/notes",
            here,
            self.notes,
            self.titles,
            self.asking.bench.name_of,
        )


def noted(asking: Asking, patient: str) -> Noted:
    """Open the notes of a case; the store checks and logs it."""
    return Noted(asking, asking.access.case(patient))


@dataclass(frozen=True)
class Said:
    """What a person says of a fact on the page.

    Parameters
    ----------
    fact, seen
        Key of the fact, and the versions its judgements stood at: `anchor:version`, by commas.
    where
        Anchor of one place; empty for all.
    meant
        For a correction: how the mention is meant, its code as the fact has it.
    words
        For a correction: the words of the note that the mention should be; empty to keep them.
    code
        For a correction: name or code, None to keep the fact's.
    """

    verdict: str
    fact: str
    seen: str
    where: str = ""
    meant: Meant | None = None
    words: str = ""
    code: str | None = None
    reason: str = ""


def judge(asking: Asking, patient: str, said: Said) -> None:
    """Keep what a person says of a fact: a correction of each mention, and a decision for each.

    Raises
    ------
    Conflict
        The fact, or what was said of it, changed since the person looked.
    BadInput
        What the correction asks for cannot be done.
    Denied
        The policy does not let this person decide here.
    """
    found = noted(asking, patient)
    fact = next((one for one in found.facts if one.key == said.fact), None)
    versions = _versions(said.seen)
    if fact is None or any(
        versions.get(anchor_of(one.place), -1) != (one.judged.version if one.judged else 0)
        for one in fact.mentions
    ):
        raise Conflict(
            "what the notes tell changed since you opened the page",
            "the newest state",
            "reload the page, look at the change and decide again",
        )
    chosen = [one for one in fact.mentions if said.where in ("", anchor_of(one.place))]
    if not chosen:
        raise BadInput("a place where the fact does not stand", "one of the list", "choose again")
    if said.words and len(chosen) > 1:
        raise BadInput(
            "other words for several places at once", "one place", "choose one place, then correct"
        )
    made = tuple(_correction(found, fact, one, said) for one in chosen)
    seen = {one.place: versions[anchor_of(one.place)] for one in chosen}
    corrections.keep(asking.access, patient, Wish(made, seen, fact.finding, fact.pack))
    amend_draft(asking.access, patient)


def _versions(seen: str) -> dict[str, int]:
    pairs = [part.partition(":") for part in seen.split(",") if part]
    return {anchor: int(version) for anchor, _, version in pairs if version.isdecimal()}


def _correction(found: Noted, fact: Told, mention: Mention, said: Said) -> Correction:
    verdict = cast(Verdict, said.verdict)
    how, stands = replace(fact.meant, kind=mention.kind), mention.stands
    if verdict == "accepted" and mention.judged:
        before = mention.judged.correction
        verdict = before.verdict if before.verdict in ("edited", "added") else verdict
        stands = mention.place if before.verdict == "rejected" else stands
    if verdict == "edited" and said.verdict == "edited" and said.meant is not None:
        how = replace(said.meant, code=_code(fact, said))
        stands = _stands(found, mention, said.words)
    return Correction(
        mention.place,
        verdict,
        how,
        stands,
        found.asking.person.id,
        datetime.now(UTC),
        said.reason.strip(),
        _words(found, stands),
        fact.value,
        fact.details,
    )


def _words(found: Noted, place: Place) -> str:
    note = found.notes[place.note].note
    return " ".join(note.shown(place.span).of(note.text).split())


def _code(fact: Told, said: Said) -> Code | None:
    own = fact.meant.code
    same = (own.code, f"{own.system}|{own.code}") if own else ()
    if said.code is None or said.code.strip() in same:
        return own
    return corrections.find_code(said.code) if said.code.strip() else None


def _stands(found: Noted, mention: Mention, words: str) -> Place:
    if not words.strip():
        return mention.stands
    read = found.notes[mention.stands.note]
    span = read.note.shown(mention.stands.span)
    if " ".join(span.of(read.note.text).split()) == " ".join(words.split()):
        return mention.stands
    stored = read.note.stored(corrections.find_words(read.note, words, span))
    return Place(mention.stands.note, stored.start, stored.end)


@dataclass(frozen=True)
class NextNote:
    """A note that waits to be looked at."""

    url: str
    patient: str
    title: str
    unsure: str


def next_notes(asking: Asking) -> list[NextNote]:
    """Return the notes of the reader's patients that are most worth looking at, first of all."""
    access, language = asking.access, asking.language
    found = access.search("DocumentReference", limit=corrected.MOST)
    records = {one.reference: one for one in found}
    people = {one.id: one.content for one in access.search("Patient", limit=corrected.MOST)}
    made = []
    for one in corrected.queue(access, records)[:LISTED]:
        record = records[one.note]
        patient = str(record.content["subject"]["reference"]).rpartition("/")[2]
        made.append(
            NextNote(
                f"/cases/{patient}/notes?note={record.id}",
                about(language, patient, people.get(patient)).name,
                note_title(record, language),
                say(
                    language,
                    "%(unsure)s of %(n)s mentions unsure",
                    unsure=one.unsure,
                    n=one.mentions,
                ),
            )
        )
    return made
