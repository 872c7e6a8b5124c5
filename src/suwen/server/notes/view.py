"""What the page of a note shows: its text cut at what it tells, and the facts beside it.

A stretch of text is the characters of the note, never markup: the templates escape all of it, and
what could not be seen, or would turn the writing round, is shown as a sign of its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from suwen.core.codes import EXPERIENCER, LOINC, PRESENCE, TEMPORALITY, Language
from suwen.core.nouns import Reference, digest_of
from suwen.core.quantities import number, percent, with_unit
from suwen.diagnosis.language import message
from suwen.diagnosis.wording import quoted
from suwen.notes.entities.corrections import TYPES, Meant, Place
from suwen.notes.entities.data import KINDS
from suwen.notes.entities.task import kind_code as entity_code
from suwen.notes.facts.task import kind_code as fact_code
from suwen.notes.facts.told import GROUPS, Mention, Told, about, group_of
from suwen.notes.measures.meaning import meant
from suwen.notes.reading.case import Read
from suwen.notes.text import Span
from suwen.notes.vocabulary.names import (
    DRUGBANK,
    HPO,
    ICD10,
    ICD10_BEIJING,
    ICD10CM,
    MESH,
    OMIM,
)
from suwen.server.language import moment, say
from suwen.server.notes.details import detail

AROUND: Final = 28
"""Characters on each side of a place in the list of places."""
_SPACES: Final = re.compile(r"\s+")
UNSEEN: Final = "\ufffd"
"""Shown for a character that cannot be seen or turns the writing round."""
GROUP_NAMES: Final = {
    "problem": message("Problems"),
    "denied": message("Denied or not found"),
    "family": message("Family and others"),
    "drug": message("Medications"),
    "allergy": message("Allergies"),
    "value": message("Results"),
    "procedure": message("Procedures"),
    "other": message("Other mentions"),
    "unmapped": message("Unmapped: no code fits"),
    "rejected": message("Rejected"),
}
VERDICTS: Final = {
    "accepted": message("Accepted"),
    "edited": message("Corrected"),
    "rejected": message("Rejected"),
    "added": message("Added"),
}
TYPE_NAMES: Final = {
    "allergy": message("Allergy"),
    "value": message("Result"),
    "other": message("Other mention"),
}
SYSTEM_NAMES: Final = {
    HPO: "HPO",
    ICD10: "ICD-10",
    ICD10CM: "ICD-10-CM",
    ICD10_BEIJING: "ICD-10 (北京 v601)",
    MESH: "MeSH",
    OMIM: "OMIM",
    DRUGBANK: "DrugBank",
    LOINC: "LOINC",
}
CHOICES: Final = {
    "presence": (PRESENCE, ("present", "absent", "possible", "conditional", "hypothetical")),
    "temporality": (TEMPORALITY, ("recent", "historical")),
    "experiencer": (EXPERIENCER, ("patient", "family", "other")),
}


@dataclass(frozen=True)
class PlaceView:
    """One place a fact stands at, and what a person said of it."""

    anchor: str
    url: str
    title: str
    before: str
    words: str
    after: str
    verdict: str
    verdict_name: str
    by: str
    reason: str
    seen: str


@dataclass(frozen=True)
class FactView:
    """One fact as its card and the list show it."""

    key: str
    group: str
    style: str
    name: str
    kind_name: str
    status: str
    presence: str
    code: str
    coded: str
    """Code system and code, as a form sends them."""
    system: str
    local: str
    """Who lets its words stand for this code, and since when."""
    value: str
    written: str
    details: list[tuple[str, str]]
    chance: str
    cues: str
    places: list[PlaceView]
    contradicted: bool
    against: list[tuple[str, str]]
    """Address and words of what contradicts it."""
    rejected: bool
    form: Meant
    seen: str
    judged: bool


@dataclass(frozen=True)
class PlaceChoice:
    """A stretch of the readable text with what stands around it; `at` is `start-end`."""

    at: str
    before: str
    words: str
    after: str


@dataclass(frozen=True)
class NoteLink:
    """One note of the case, for choosing."""

    id: str
    title: str
    facts: int
    here: bool


def note_id(reference: Reference) -> str:
    """Return the logical id of a note, by which addresses name it."""
    return reference.split("/")[1]


def anchor_of(place: Place) -> str:
    """Return the name of a place in a page."""
    return f"at-{digest_of(f'{place.note}|{place.start}|{place.end}'.encode())[:16]}"


def visible(text: str) -> str:
    """Return text with what cannot be seen, or reorders the writing, as a sign of its own."""
    return "".join(
        UNSEEN if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf") else c
        for c in text.replace("\r\n", " \n").replace("\r", "\n")
    )


def _line(text: str) -> str:
    """Return text on one line, with the spaces at its ends."""
    return _SPACES.sub(" ", visible(text))


def type_name(language: Language, kind: str) -> str:
    """Return what a type of mention is called."""
    if kind in KINDS:
        return entity_code(kind).name.of(language)
    return say(language, TYPE_NAMES.get(kind, TYPE_NAMES["other"]))


def choices(language: Language) -> dict[str, list[tuple[str, str]]]:
    """Return what a correction may choose: pairs of value and name, by field."""
    made = {
        field: [(value, meant(system, value).name.of(language)) for value in values]
        for field, (system, values) in CHOICES.items()
    }
    made["kind"] = [(kind, type_name(language, kind)) for kind in TYPES]
    return made


@dataclass(frozen=True)
class Scene:
    """What facts are shown against: the notes of the case with their titles, and the reader.

    Parameters
    ----------
    address
        Where the page of the notes stands.
    here
        The note that is shown.
    """

    language: Language
    address: str
    here: Reference
    notes: Mapping[Reference, Read]
    titles: Mapping[Reference, str]
    name_of: Callable[[str], str]

    def words(self, place: Place) -> str:
        """Return the words of the note at a place, on one line."""
        return quoted(self.shown(place).of(self.notes[place.note].note.text))

    def shown(self, place: Place) -> Span:
        """Return where a place lies in the readable text of its note."""
        return self.notes[place.note].note.shown(place.span)


def fact_views(scene: Scene, facts: Sequence[Told]) -> list[FactView]:
    """Return the facts as the page shows them; those of notes that cannot be read are left out."""
    readable = [
        replace(fact, mentions=mentions)
        for fact in facts
        for mentions in [tuple(one for one in fact.mentions if one.stands.note in scene.notes)]
        if mentions
    ]
    views = [_fact(scene, fact) for fact in readable]
    opposed: dict[object, list[FactView]] = defaultdict(list)
    for fact, view in zip(readable, views, strict=True):
        if fact.contradicted:
            opposed[about(fact)].append(view)
    return [
        replace(view, against=[_pointer(o) for o in opposed[about(fact)] if o is not view])
        if fact.contradicted
        else view
        for fact, view in zip(readable, views, strict=True)
    ]


def _pointer(view: FactView) -> tuple[str, str]:
    place = view.places[0]
    words = f"{view.presence} · …{place.before}{place.words}{place.after}…"
    return place.url, f"{place.title} · {words}" if place.title else words


def grouped(language: Language, views: Sequence[FactView]) -> list[tuple[str, str, list[FactView]]]:
    """Return the groups that hold something: key, name and facts."""
    return [
        (key, say(language, GROUP_NAMES[key]), own)
        for key in (*GROUPS, "unmapped", "rejected")
        for own in [[view for view in views if view.group == key]]
        if own
    ]


def style_of(fact: Told) -> str:
    """Return the classes of a fact: its kind, and how it is meant where that is not plain."""
    how = fact.meant
    flags = {
        "denied": how.presence == "absent",
        "unsure": how.presence in ("possible", "conditional", "hypothetical"),
        "past": how.temporality == "historical",
        "family": how.experiencer != "patient",
        "unmapped": how.code is None,
        "clash": fact.contradicted,
        "rejected": fact.rejected,
    }
    return " ".join([f"k-{fact.kind}", *(name for name, on in flags.items() if on)])


def _fact(scene: Scene, fact: Told) -> FactView:
    language, how, code = scene.language, fact.meant, fact.meant.code
    places = [_place(scene, one) for one in fact.mentions]
    name = fact.name.of(language) or scene.words(fact.mentions[0].stands)
    chances = [one.probability for one in fact.mentions if one.probability is not None]
    value = ""
    if fact.value is not None:
        value = with_unit(number(*fact.value), fact.value[1])
    kind = fact.kind if fact.kind != "other" else ""
    words = {one.words for one in places} - {name}
    return FactView(
        key=fact.key,
        group=group_of(fact),
        style=style_of(fact),
        name=quoted(name),
        kind_name=fact_code(kind).name.of(language) if kind else type_name(language, how.kind),
        status=_status(language, how),
        presence=meant(PRESENCE, how.presence).name.of(language),
        code=code.code if code else "",
        coded=f"{code.system}|{code.code}" if code else "",
        local=_local(scene, fact),
        system=SYSTEM_NAMES.get(code.system, quoted(code.system)) if code else "",
        value=value,
        written=" · ".join(sorted(words)),
        details=[detail(language, part, text) for part, text in fact.details],
        chance=percent(min(chances)) if chances else "",
        cues=" · ".join(
            dict.fromkeys(scene.words(one) for one in fact.cues if one.note in scene.notes)
        ),
        places=places,
        contradicted=fact.contradicted,
        against=[],
        rejected=fact.rejected,
        form=replace(how, kind=fact.mentions[0].kind),
        seen=",".join(one.seen for one in places),
        judged=all(one.verdict for one in places),
    )


def _local(scene: Scene, fact: Told) -> str:
    if fact.local is None:
        return ""
    by = f"{scene.name_of(fact.local.person)}, {moment(fact.local.at)}"
    return f"{quoted(fact.local.term)} · {by}"


def place_choice(read: Read, span: Span) -> PlaceChoice:
    """Return a stretch of a note as the form that adds it shows it."""
    text = read.note.text
    return PlaceChoice(
        f"{span.start}-{span.end}",
        _line(text[max(0, span.start - AROUND) : span.start]),
        _line(span.of(text)),
        _line(text[span.end : span.end + AROUND]),
    )


def _status(language: Language, how: Meant) -> str:
    parts = (
        meant(PRESENCE, how.presence),
        meant(TEMPORALITY, how.temporality),
        meant(EXPERIENCER, how.experiencer),
    )
    return " · ".join(part.name.of(language) for part in parts)


def _place(scene: Scene, mention: Mention) -> PlaceView:
    place = mention.stands
    text, span = scene.notes[place.note].note.text, scene.shown(place)
    anchor = anchor_of(mention.place)
    said = mention.judged.correction if mention.judged else None
    here = place.note == scene.here
    return PlaceView(
        anchor=anchor,
        url=f"#{anchor}" if here else f"{scene.address}?note={note_id(place.note)}#{anchor}",
        title="" if here else scene.titles[place.note],
        before=_line(text[max(0, span.start - AROUND) : span.start]),
        words=scene.words(place),
        after=_line(text[span.end : span.end + AROUND]),
        verdict=said.verdict if said else "",
        verdict_name=say(scene.language, VERDICTS[said.verdict]) if said else "",
        by=f"{scene.name_of(said.person)}, {moment(said.at)}" if said else "",
        reason=said.reason if said else "",
        seen=f"{anchor}:{mention.judged.version if mention.judged else 0}",
    )
