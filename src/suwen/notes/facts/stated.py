"""Facts as a summary needs them: named in words, with what belongs to them, and where they stand.

Made of `told.Told`, so that what people corrected is in a summary at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from suwen.core.codes import Text
from suwen.core.nouns import Reference
from suwen.core.quantities import number, with_unit
from suwen.notes.facts.told import Told
from suwen.notes.measures.wording import detail
from suwen.notes.reading.case import Read
from suwen.notes.text import Cited

DETAILS: Final = {
    "drug": ("dose", "route", "frequency", "as-needed", "duration"),
    "problem": ("time",),
}
"""What belongs to a fact of a kind, in reading order."""

SURE: Final = 0.5
"""Least probability of a mention without a code that stands in a summary."""


@dataclass(frozen=True)
class Stated:
    """One fact, as `summary.Stated` asks for it."""

    key: str
    name: Text
    detail: Text
    kind: str
    presence: str
    temporality: str
    experiencer: str
    cited: tuple[Cited, ...]
    finding: str


def stated(facts: Iterable[Told], notes: Mapping[Reference, Read]) -> list[Stated]:
    """Return the facts that stand, in the order they come.

    Rejected mentions state nothing; words that no vocabulary knows and no network is sure of are on
    the page of the notes, not here.

    Parameters
    ----------
    facts
        As `told.told` returns them.
    notes
        The notes they are said in, by record; a mention in another note is left out.
    """
    made = []
    for fact in facts:
        cited = tuple(
            Cited(one.stands.note, notes[one.stands.note].note.shown(one.stands.span))
            for one in fact.mentions
            if one.stands.note in notes
        )
        if fact.rejected or not cited or fact.kind == "other" or _doubtful(fact):
            continue
        code, how = fact.meant.code, fact.meant
        name = _name(fact, cited[0], notes)
        key = f"{code.system}|{code.code}" if code else name.en.lower()
        made.append(
            Stated(
                key,
                name,
                _detail(fact),
                fact.kind,
                how.presence,
                how.temporality,
                how.experiencer,
                cited,
                fact.finding,
            )
        )
    return made


def _doubtful(fact: Told) -> bool:
    """Say whether nothing speaks for a fact: no code, no network that is sure, no person."""
    known = [one.probability for one in fact.mentions]
    sure = any(chance is None or chance >= SURE for chance in known)
    return fact.meant.code is None and not sure and not any(one.judged for one in fact.mentions)


def _name(fact: Told, first: Cited, notes: Mapping[Reference, Read]) -> Text:
    if fact.name.en:
        return fact.name
    words = " ".join(first.span.of(notes[first.record].note.text).split())
    return Text(en=words, zh=words)


def _detail(fact: Told) -> Text:
    """Return what belongs to a fact in words: its value, or dose, route and frequency."""
    known = dict(fact.details)
    if fact.value is not None:
        shown = known.get("comparator", "") + with_unit(number(*fact.value), fact.value[1])
        return Text(en=shown, zh=shown)
    parts = [detail(part, known[part]) for part in DETAILS.get(fact.kind, ()) if part in known]
    return joined(parts, " ", " ")


def joined(parts: Sequence[Text], en: str, zh: str) -> Text:
    """Return texts as one, each once, with the separator of each language."""
    return Text(
        en=en.join(dict.fromkeys(part.en for part in parts if part.en)),
        zh=zh.join(dict.fromkeys(part.zh for part in parts if part.zh)),
    )
