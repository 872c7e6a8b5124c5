"""The what-if of the risk page: what can be changed, and both risks with how to read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Interval
from suwen.health.advice import ADVICE, book_of
from suwen.health.risk_compared import Compared, Trials, compared
from suwen.health.risk_equation import Answer, Equation, Told
from suwen.health.risk_findings import bands_of, outcome
from suwen.health.risk_what_if import modifiable
from suwen.lifecycle import packs
from suwen.server.causes_drawn import Causes, causes
from suwen.server.language import say
from suwen.server.people_drawn import People, people
from suwen.server.risk_cards import Risks, in_a_hundred, percent_of
from suwen.server.risk_form import TO, TRY, Field, Typed, fields, shown, told
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
    trials_source: str = ""
    others: tuple[tuple[str, str, str], ...] = ()
    note: str = ""
    lines: tuple[str, ...] = ()
    causes: Causes | None = None
    disclaimer: str = ""


@dataclass(frozen=True)
class Trial:
    """The what-if of one equation about one case, with what was typed.

    Parameters
    ----------
    risks
        What the equations say of the case.
    key
        The equation.
    typed
        The form as it was sent; empty before anything was typed.
    """

    risks: Risks
    key: str
    typed: Typed

    @property
    def equation(self) -> Equation:
        """The equation."""
        return self.risks.rules.find(self.key)

    @cached_property
    def recorded(self) -> Answer:
        """Return what the equation says of what is recorded."""
        return self.risks.rules.answer(self.key, self.risks.known.told)

    @property
    def asked(self) -> list[str]:
        """The inputs that stand in the way of an answer: missing, not to be true, or outside."""
        ranges = self.equation.entry.get("range", {})
        inputs = self.recorded.inputs
        outside = [
            name
            for name, (low, high) in ranges.items()
            if name in inputs and not low <= float(inputs[name]) <= high
        ]
        return list(dict.fromkeys((*self.recorded.missing, *self.recorded.refused, *outside)))

    def tried(self) -> dict[str, Told]:
        """Return the values that were typed to be tried, by name."""
        rules, language = self.risks.rules, self.risks.language
        names = (*self.asked, *self.equation.assumed)
        found = {name: told(rules, name, TRY, self.typed, language) for name in names}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def inputs(self) -> dict[str, Told]:
        """What is recorded, and over it what was typed."""
        return {**self.risks.known.told, **self.tried()}

    def try_fields(self) -> list[Field]:
        """Return the controls of what is missing."""
        return self._fields(self.asked, TRY, self.recorded)

    def absent_fields(self) -> list[Field]:
        """Return the controls of what is taken as absent."""
        return self._fields([*self.recorded.assumed], TRY, Answer())

    def factor_fields(self) -> list[Field]:
        """Return the controls of what can be changed, with the value each has now."""
        try:
            answer = self.risks.rules.answer(self.key, self.inputs)
        except BadInput:  # What was typed is told to be wrong beside the form.
            answer = self.recorded
        names = [name for name in modifiable(self.equation) if name in answer.inputs]
        return self._fields(names, TO, answer)

    def _fields(self, names: list[str], begins: str, answer: Answer) -> list[Field]:
        rules, language = self.risks.rules, self.risks.language
        return fields(rules, self.equation, names, language, begins, self.typed, answer.inputs)

    def shown(self, factor: str = "") -> Shown | None:
        """Return the risk with what was typed, and after the change of `factor`.

        None where there is no answer yet and nothing was typed.

        Raises
        ------
        BadInput
            Something typed cannot be used, or the equation has no answer with it.
        """
        rules, inputs = self.risks.rules, self.inputs
        if factor:
            return self._compared(factor, inputs)
        answer = rules.answer(self.key, inputs)
        if not answer.values:
            if not self.tried():
                return None
            raise self._no_answer(answer)
        return Shown(
            self.risks.title(self.key),
            self._what(),
            "",
            self._tried(),
            self._side(answer),
            disclaimer=rules.disclaimer(self.key),
        )

    def _compared(self, factor: str, inputs: Mapping[str, Told]) -> Shown:
        rules, language = self.risks.rules, self.risks.language
        if factor not in modifiable(self.equation):
            raise BadInput(
                "this factor cannot be changed here", "a factor of the list", "choose one"
            )
        value = told(rules, factor, TO, self.typed, language)
        if value is None:
            raise BadInput("no other value was typed", "a value", "type the value to compare with")
        for told_so in (inputs, {**inputs, factor: value}):
            answer = rules.answer(self.key, told_so)
            if not answer.values:
                raise self._no_answer(answer)
        book = book_of(packs.current(ADVICE))
        return self._of(compared(self.key, inputs, {factor: value}, rules, book))

    def _no_answer(self, answer: Answer) -> BadInput:
        """Return the error of an equation without an answer, in the reader's language."""
        language = self.risks.language
        reasons = [one.of(language).rstrip(".。") for one in self.risks.rules.reasons(answer)]
        todo = (
            say(language, "type what is missing")
            if answer.missing
            else say(language, "type a value within the range that stands beside its field")
        )
        return BadInput(
            ("；" if language == "zh" else "; ").join(reasons),
            say(language, "values for which %(title)s is valid", title=self.risks.title(self.key)),
            todo,
        )

    def _of(self, found: Compared) -> Shown:
        rules, language, change = self.risks.rules, self.risks.language, found.change
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
            self.risks.title(self.key),
            self._what(),
            f"{name}{COLONS[language]}{now} → {then}",
            self._tried(),
            self._side(change.before),
            self._side(change.after, found.limits, found.limits_shown),
            self._difference(found),
            self._by_trials(found.trials),
            found.trials.source if found.trials else "",
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
            change.disclaimer,
        )

    def _what(self) -> str:
        """Return the name of the headline outcome."""
        row = self.risks.rules.content["risk_equations"]["outcome"]
        named = row.get(self.equation.entry["headline"])
        return Text(**named["name"]).of(self.risks.language) if named else ""

    def _side(self, answer: Answer, limits: Interval | None = None, written: str = "") -> Side:
        rules, language = self.risks.rules, self.risks.language
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
        if percent_of(self.risks.rules, found.outcome):
            points = f"{moved:+.1f}".replace("-", "−")
            return say(self.risks.language, "%(points)s percentage points", points=points)
        return f"{moved:+g}".replace("-", "−")

    def _by_trials(self, found: Trials | None) -> Side | None:
        if found is None:
            return None
        risk, language = found.risk, self.risks.language
        down = say(
            language,
            "lowered to %(value)s",
            value=shown(self.risks.rules, self.equation, "systolic_bp", found.until, language),
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

    def _tried(self) -> tuple[str, ...]:
        """Return what was typed to be tried, in words."""
        rules, language = self.risks.rules, self.risks.language
        answer = rules.answer(self.key, self.inputs)
        return tuple(
            f"{rules.name_of(name).of(language)} "
            f"{shown(rules, self.equation, name, answer.inputs[name], language)}"
            for name in self.tried()
            if name in answer.inputs
        )
