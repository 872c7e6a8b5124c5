"""The risks of a case as cards: the value, its category, the people of a picture, every input.

A card shows what the signed pack answers; the same answer was stored and logged before it is shown
to the care team.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

from suwen.core.codes import Language, Text
from suwen.core.nouns import Case, RecordValue
from suwen.diagnosis.language import message
from suwen.health.risk import findings as risk_findings
from suwen.health.risk.equation import Answer, Equation, Library
from suwen.health.risk.facts import Applied, Facts, applied, facts_of
from suwen.health.risk.records import observed_at
from suwen.health.risk.reference import Beside, beside, disclaimer_of
from suwen.health.risk.task import RISK, library_of
from suwen.health.risk.what_if import modifiable
from suwen.lifecycle import packs
from suwen.server.language import say
from suwen.server.risk.form import shown
from suwen.server.risk.people_drawn import People, people

DOI: Final = re.compile(r"(?:, )?doi (10\.\S+?)(?=,? |,|$)")
FIRST: Final = ("score2", "prevent", "pce", "qrisk3", "framingham")
"""Families in which the risk that a patient sees is looked for."""
DEFAULT: Final = "PREVENT_2023_base_10y"
"""The equation that is offered where the record asks for none."""


@dataclass(frozen=True)
class Cited:
    """A source, and where it is found; no address where none is known."""

    text: str
    url: str


@dataclass(frozen=True)
class Origin:
    """Where a value came from: words and the address of the record."""

    text: str
    url: str


@dataclass(frozen=True)
class Entered:
    """An input of an equation: its name, the value as the equation took it, and its records."""

    name: str
    value: str
    origins: tuple[Origin, ...]


@dataclass(frozen=True)
class Aside:
    """Whom the makers of an equation set beside a person."""

    name: str
    value: str
    people: People
    source: Cited


@dataclass(frozen=True)
class Card:
    """One risk, score or stage.

    `sentence` and `people` stand only with a risk in percent; `aside` where the makers name
    somebody of the same age; `why` is the category with the guideline it is from.
    """

    key: str
    title: str
    value: str
    what: str
    chip: str
    why: str
    sentence: str
    people: People | None
    aside: Aside | None
    others: tuple[tuple[str, str], ...]
    dated: str
    inputs: tuple[Entered, ...]
    assumed: tuple[str, ...]
    unsettled: tuple[str, ...]
    population: str
    source: Cited
    disclaimer: Text | None
    changeable: bool


@dataclass(frozen=True)
class Gap:
    """An equation without an answer: why, and what is missing (the input and its name)."""

    key: str
    title: str
    reasons: tuple[str, ...]
    missing: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Risks:
    """What published equations say of a case, in a reader's language."""

    case: Case
    language: Language
    rules: Library
    known: Facts
    found: Applied

    @cached_property
    def cards(self) -> list[Card]:
        """Return the answers, in the order of the equations."""
        return [self.card(one.equation) for one in self.found.answered]

    @cached_property
    def first(self) -> Card | None:
        """Return the ten-year risk that somebody who is no clinician sees first."""
        keys = [one.equation for one in self.found.answered if "30y" not in one.equation]
        by_family = {self.rules.find(key).entry["family"]: key for key in reversed(keys)}
        key = next((by_family[one] for one in FIRST if one in by_family), None)
        return self.card(key) if key else None

    @property
    def others(self) -> list[Card]:
        """Return the other cards."""
        return [card for card in self.cards if self.first is None or card.key != self.first.key]

    def gaps(self) -> list[Gap]:
        """Return the equations without an answer, and why."""
        open_ = [self._gap(one.equation) for one in self.found.unanswered]
        barred = [
            Gap(key, self.title(key), (why,), ())
            for key, state in self.found.barred.items()
            if (why := risk_findings.why_barred(self.rules, state).of(self.language))
        ]
        return open_ + barred

    def offered(self) -> list[tuple[str, str]]:
        """Return the equations in which something can be tried, and their titles."""
        answered = (one.equation for one in self.found.answered)
        keys = [key for key in answered if modifiable(self.rules.find(key))]
        keys += [one.equation for one in self.found.unanswered]
        return [(key, self.title(key)) for key in keys or [DEFAULT]]

    def title(self, key: str) -> str:
        """Return the name of an equation."""
        return self.rules.find(key).title.of(self.language)

    def card(self, key: str) -> Card:
        """Return the card of an equation that answers."""
        equation, answer = self.rules.find(key), self.rules.answer(key, self.known.told)
        headline = str(equation.entry["headline"])
        short, full = risk_findings.bands_of(self.rules, equation, answer)
        worded = isinstance(answer.values[headline], str)
        told = self._outcomes(answer)
        value = short.of(self.language) if worded and short else told.get(headline, ("", ""))[1]

        def named(inputs: Iterable[str]) -> tuple[str, ...]:
            return tuple(self.rules.name_of(name).of(self.language) for name in inputs)

        return Card(
            key,
            self.title(key),
            value,
            "" if worded else told[headline][0],
            short.of(self.language) if short and not worded else "",
            " ".join(one.of(self.language) for one in full),
            *self._drawn(equation, answer),
            tuple(pair for name, pair in told.items() if name != headline),
            self._dated(answer),
            self._entered(equation, answer),
            named(one for one in answer.assumed if one not in self.known.suspected),
            named(one for one in equation.names if one in self.known.suspected),
            Text(**equation.entry["population"]).of(self.language),
            cited(str(equation.entry["source"])),
            disclaimer_of(self.rules, key),
            bool(modifiable(equation)),
        )

    def _drawn(self, equation: Equation, answer: Answer) -> tuple[str, People | None, Aside | None]:
        """Return the sentence, the people and whom the makers set beside; of a risk in percent."""
        headline = str(equation.entry["headline"])
        if not percent_of(self.rules, headline):
            return "", None, None
        risk = float(answer.values[headline])
        found = beside(self.rules, equation.key, self.known.told)
        return (
            in_a_hundred(self.language, risk, self.rules, headline),
            people(risk),
            self._aside(found, headline) if found else None,
        )

    def _aside(self, found: Beside, headline: str) -> Aside:
        risk = float(found.answer.values[headline])
        value = risk_findings.outcome(self.rules, headline, risk).of(self.language)
        source = Cited(found.source, found.url)
        return Aside(found.name.of(self.language), value, people(risk), source)

    def _outcomes(self, answer: Answer) -> dict[str, tuple[str, str]]:
        rows = self.rules.content["risk_equations"]["outcome"]
        return {
            name: (
                Text(**rows[name]["name"]).of(self.language),
                risk_findings.outcome(self.rules, name, value).of(self.language),
            )
            for name, value in answer.values.items()
            if name in rows
        }

    def _recorded(self, equation: Equation, name: str) -> Sequence[RecordValue]:
        """Return the records behind an input, which may be recorded under another name."""
        row = equation.entry.get("as_recorded", {})
        names = [name, *(given for given, units in row.items() if name in units.values())]
        return next((self.known.sources[one] for one in names if one in self.known.sources), ())

    def _entered(self, equation: Equation, answer: Answer) -> tuple[Entered, ...]:
        return tuple(
            Entered(
                self.rules.name_of(name).of(self.language),
                shown(self.rules, equation, name, value, self.language),
                tuple(self._origin(one) for one in self._recorded(equation, name)),
            )
            for name, value in answer.inputs.items()
        )

    def _origin(self, source: RecordValue) -> Origin:
        kind, name = source.record.split("/")[:2]
        words = (
            source.note.of(self.language)
            if source.note
            else say(self.language, RECORDED.get(kind, kind))
        )
        return Origin(words, f"/cases/{self.case.patient}/records/{kind}/{name}")

    def _dated(self, answer: Answer) -> str:
        """Return the days of the values that an answer rests on."""
        used = {one.record for name in answer.inputs for one in self.known.sources.get(name, ())}
        times = [
            when
            for record in self.case.of("Observation")
            if record.reference in used and (when := observed_at(record.content)) is not None
        ]
        return days(self.language, times)

    def _gap(self, key: str) -> Gap:
        answer = self.rules.answer(key, self.known.told)
        missing = tuple(name for name in answer.missing if name not in answer.refused)
        reasons = (*answer.refused.values(), *answer.outside)
        return Gap(
            key,
            self.title(key),
            tuple(one.of(self.language) for one in reasons),
            tuple((name, self.rules.name_of(name).of(self.language)) for name in missing),
        )


RECORDED: Final[Mapping[str, str]] = {
    "Patient": message("Personal details"),
    "Condition": message("Known condition"),
    "MedicationStatement": message("Medication"),
    "MedicationRequest": message("Medication"),
    "Observation": message("Measured value"),
}


def risks_of(case: Case, language: Language) -> Risks:
    """Return what the equations of the pack in force say of a case."""
    rules = library_of(packs.current(RISK))
    known = facts_of(case, rules)
    return Risks(case, language, rules, known, applied(known, rules))


def percent_of(rules: Library, outcome: str) -> bool:
    """Say whether an answer is a risk in percent."""
    row = rules.content["risk_equations"]["outcome"].get(outcome, {})
    return bool(row.get("unit") == "%")


def in_a_hundred(language: Language, risk: float, rules: Library, outcome: str) -> str:
    """Return a risk in percent as people of a hundred."""
    name = Text(**rules.content["risk_equations"]["outcome"][outcome]["name"])
    what = name.inside().of(language)
    if risk < 1:
        return say(
            language,
            "In fewer than 1 of 100 people with these values: %(what)s.",
            what=what,
        )
    return say(
        language,
        "In about %(count)s of 100 people with these values: %(what)s.",
        count=int(risk + 0.5),
        what=what,
    )


def cited(source: str) -> Cited:
    """Return a source with the address of its digital object identifier."""
    found = DOI.search(source)
    if found is None:
        return Cited(source, "")
    return Cited(DOI.sub("", source), f"https://doi.org/{found[1]}")


def days(language: Language, times: Sequence[datetime]) -> str:
    """Return the day, or the first and the last day, of some moments; nothing of none."""
    if not times:
        return ""
    first, last = f"{min(times):%Y-%m-%d}", f"{max(times):%Y-%m-%d}"
    if first == last:
        return say(language, "Values of %(day)s", day=last)
    return say(language, "Values of %(first)s to %(last)s", first=first, last=last)
