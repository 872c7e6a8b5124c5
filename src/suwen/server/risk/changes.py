"""The what-if of the risk page: what can be typed, and the answer to what was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from suwen.core.errors import BadInput
from suwen.health.advice.task import ADVICE, book_of
from suwen.health.risk.compared import compared
from suwen.health.risk.equation import Answer, Equation, Told
from suwen.health.risk.what_if import modifiable
from suwen.lifecycle import packs
from suwen.server.language import say
from suwen.server.risk.cards import Risks
from suwen.server.risk.form import TO, TRY, Field, Typed, fields, shown, told, weighed
from suwen.server.risk.told import Shown, Wording


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

    @property
    def _height(self) -> float | None:
        """The height in cm; None where none is recorded that can be true."""
        known = self.risks.known.told.get("height")
        return self.risks.rules.valid("height", known) if known is not None else None

    @property
    def _entered(self) -> Typed:
        return weighed(self.typed, self._height)

    def tried(self) -> dict[str, Told]:
        """Return the values that were typed to be tried, by name."""
        rules, language = self.risks.rules, self.risks.language
        names = (*self.asked, *self.equation.assumed)
        found = {name: told(rules, name, TRY, self._entered, language) for name in names}
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
        now, height = answer.inputs, self._height
        return fields(rules, self.equation, names, language, begins, self.typed, now, height)

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
            raise _no_answer(self.risks, self.key, answer)
        return self._wording.alone(answer, self._tried())

    @property
    def _wording(self) -> Wording:
        return Wording(self.risks.rules, self.equation, self.risks.language)

    def _compared(self, factor: str, inputs: Mapping[str, Told]) -> Shown:
        rules, language = self.risks.rules, self.risks.language
        if factor not in modifiable(self.equation):
            raise BadInput(
                "this factor cannot be changed here", "a factor of the list", "choose one"
            )
        value = told(rules, factor, TO, self._entered, language)
        if value is None:
            raise BadInput("no other value was typed", "a value", "type the value to compare with")
        for told_so in (inputs, {**inputs, factor: value}):
            answer = rules.answer(self.key, told_so)
            if not answer.values:
                raise _no_answer(self.risks, self.key, answer)
        book = book_of(packs.current(ADVICE))
        found = compared(self.key, inputs, {factor: value}, rules, book)
        return self._wording.compared(found, self._tried())

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


def _no_answer(risks: Risks, key: str, answer: Answer) -> BadInput:
    """Return the error of an equation without an answer, in the reader's language."""
    language = risks.language
    reasons = [one.of(language).rstrip(".。") for one in risks.rules.reasons(answer)]
    todo = (
        say(language, "type what is missing")
        if answer.missing
        else say(language, "type a value within the range that stands beside its field")
    )
    return BadInput(
        ("；" if language == "zh" else "; ").join(reasons),
        say(language, "values for which %(title)s is valid", title=risks.title(key)),
        todo,
    )
