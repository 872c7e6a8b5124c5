"""A what-if in words and pictures: both risks, the difference, and what would be assumed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from suwen.core.codes import Language, Text
from suwen.core.nouns import Interval
from suwen.health.risk.causal import drawing
from suwen.health.risk.compared import Compared, Trials
from suwen.health.risk.equation import Answer, Equation, Library
from suwen.health.risk.findings import bands_of, outcome
from suwen.health.risk.reference import disclaimer_of, doi_of
from suwen.server.language import say
from suwen.server.risk.cards import Cited, cited, in_a_hundred, percent_of
from suwen.server.risk.causes_drawn import Causes, causes
from suwen.server.risk.form import shown
from suwen.server.risk.people_drawn import People, people
from suwen.server.spoken import COLONS

WIDE: Final = 10
"""People in a row where two pictures stand side by side."""


@dataclass(frozen=True)
class Side:
    """One of two risks: its value, the limits that are known, the people, and what it is."""

    value: str
    limits: str
    people: People | None
    sentence: str
    chip: str


@dataclass(frozen=True)
class Shown:
    """What is said of a change; without a change of the risk with the values that were typed.

    `causes` is the graph of assumed causes; `lines` say what would have to be assumed to call the
    difference an effect, `note` that it is none.
    """

    title: str
    what: str
    changed: str
    tried: tuple[str, ...]
    before: Side
    after: Side | None = None
    difference: str = ""
    trials: Side | None = None
    trials_source: Cited | None = None
    others: tuple[tuple[str, str, str], ...] = ()
    note: str = ""
    lines: tuple[str, ...] = ()
    causes: Causes | None = None
    sources: tuple[Cited, ...] = ()
    disclaimer: Text | None = None


@dataclass(frozen=True)
class Wording:
    """How answers of one equation are told in a reader's language."""

    rules: Library
    equation: Equation
    language: Language

    def alone(self, answer: Answer, tried: tuple[str, ...]) -> Shown:
        """Return a risk without a change; `tried` are the values in it that were typed."""
        return Shown(
            self.equation.title.of(self.language),
            self._what(),
            "",
            tried,
            self._side(answer),
            disclaimer=disclaimer_of(self.rules, self.equation.key),
        )

    def compared(self, found: Compared, tried: tuple[str, ...]) -> Shown:
        """Return both risks of a what-if, and how they are to be read."""
        rules, language, change = self.rules, self.language, found.change
        outcomes = rules.content["risk_equations"]["outcome"]
        now, then = (
            shown(rules, self.equation, change.changed, one.inputs[change.changed], language)
            for one in (change.before, change.after)
        )
        name = rules.name_of(change.changed).of(language)
        note, *lines = found.lines()
        if found.trials is not None:
            del lines[0]  # Said in numbers of its own.
        return Shown(
            self.equation.title.of(language),
            self._what(),
            f"{name}{COLONS[language]}{now} → {then}",
            tried,
            self._side(change.before),
            self._side(change.after, found.limits, found.limits_shown),
            self._difference(found),
            self._by_trials(found.trials),
            _linked(found.trials.source, doi_of(found.trials.source)) if found.trials else None,
            tuple(
                (
                    Text(**outcomes[key]["name"]).of(language),
                    outcome(rules, key, change.before.values[key]).of(language),
                    outcome(rules, key, change.after.values[key]).of(language),
                )
                for key in change.difference
                if key != found.outcome and key in outcomes
            ),
            note.of(language),
            tuple(one.of(language) for one in lines),
            causes(change.changed, found.assumptions, language) if found.assumptions else None,
            self._sources(found),
            change.disclaimer,
        )

    def _sources(self, found: Compared) -> tuple[Cited, ...]:
        """Return the equation's source, and that of the graph where one is drawn."""
        own = cited(str(self.equation.entry["source"]))
        if found.assumptions is None:
            return (own,)
        return own, _linked(found.assumptions.source, drawing().doi)

    def _what(self) -> str:
        """Return the name of the headline outcome."""
        row = self.rules.content["risk_equations"]["outcome"]
        named = row.get(self.equation.entry["headline"])
        return Text(**named["name"]).of(self.language) if named else ""

    def _side(self, answer: Answer, limits: Interval | None = None, written: str = "") -> Side:
        rules, language = self.rules, self.language
        headline = str(self.equation.entry["headline"])
        value = answer.values[headline]
        short, _ = bands_of(rules, self.equation, answer)
        percent = percent_of(rules, headline)
        low, high = (limits.low, limits.high) if limits else (None, None)
        return Side(
            outcome(rules, headline, value).of(language),
            written,
            people(float(value), low, high, WIDE) if percent else None,
            in_a_hundred(language, float(value), rules, headline) if percent else "",
            short.of(language) if short else "",
        )

    def _difference(self, found: Compared) -> str:
        if isinstance(found.before, str):
            return ""
        moved = float(found.after) - float(found.before)
        if percent_of(self.rules, found.outcome):
            points = f"{moved:+.1f}".replace("-", "−")
            return say(self.language, "%(points)s percentage points", points=points)
        return f"{moved:+g}".replace("-", "−")

    def _by_trials(self, found: Trials | None) -> Side | None:
        if found is None:
            return None
        risk, language = found.risk, self.language
        down = say(
            language,
            "lowered to %(value)s",
            value=shown(self.rules, self.equation, "systolic_bp", found.until, language),
        )
        if found.until > found.wanted:
            down += say(language, " (the aim of the guideline; the effect is not counted beyond)")
        return Side(
            f"{risk.value:.1f}%",
            f"[{risk.low:.1f}%, {risk.high:.1f}%]",
            people(risk.value, risk.low, risk.high, WIDE),
            down,
            "",
        )


def _linked(text: str, doi: str) -> Cited:
    return Cited(text, f"https://doi.org/{doi}" if doi else "")
