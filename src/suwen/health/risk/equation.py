"""The equations of `health.risk`: what each asks for, where it is valid, and its answer.

Which equations there are, their sources and ranges: `knowledge/risk_equations.toml`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.core.quantities import number, with_unit
from suwen.health.early_warning import news2
from suwen.health.facts.published import RULES, Inputs, Table, Value, tables
from suwen.health.risk import framingham, kidney, liver, pce, points, prevent, qrisk3, score2
from suwen.health.risk.units import converted, refused

Formula = Callable[[Table, str, Inputs], dict[str, Value]]
FORMULAS: Final[Mapping[str, Formula]] = {
    "prevent": prevent.answer,
    "pce": pce.answer,
    "score2": score2.answer,
    "qrisk3": qrisk3.answer,
    "framingham": framingham.answer,
    "points": points.answer,
    "kidney": kidney.answer,
    "liver": liver.answer,
    "news2": news2.answer,
}
"""The module of each family; it takes its table, the key of the equation and the inputs."""


@dataclass(frozen=True)
class Quantity:
    """A number with its UCUM unit."""

    value: float
    unit: str


Told = Quantity | bool | str
"""An input as it was recorded."""


@dataclass(frozen=True)
class Answer:
    """What an equation says of one person.

    Parameters
    ----------
    values
        Answers by name; empty where there is none.
    inputs
        What was entered, in the equation's units.
    missing
        Inputs that were needed and are not known.
    outside
        Why the equation is not valid for this person.
    refused
        Inputs that cannot be true as they are recorded, by name, and why.
    assumed
        Inputs taken as absent, because nothing was recorded.
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    inputs: Mapping[str, Value] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    outside: tuple[Text, ...] = ()
    refused: Mapping[str, Text] = field(default_factory=dict)
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Equation:
    """One equation as its source gives it; `entry` is its table in `risk_equations.toml`."""

    key: str
    entry: Mapping[str, Any]

    @property
    def title(self) -> Text:
        """Its name for people."""
        return Text(**self.entry["title"])

    @property
    def required(self) -> tuple[str, ...]:
        """Inputs that have to be known."""
        return (*self.entry["required"], *self.entry.get("asked", ()))

    @property
    def assumed(self) -> tuple[str, ...]:
        """Inputs taken as absent where nothing is recorded."""
        return tuple(self.entry.get("assumed", ()))

    @property
    def names(self) -> tuple[str, ...]:
        """Every input it can use."""
        return (*self.required, *self.assumed, *self.entry.get("optional", ()))

    @property
    def any_of(self) -> tuple[str, ...]:
        """Inputs of which one has to be known."""
        return tuple(self.entry.get("any_of", ()))


class Library:
    """The equations of one set of tables (of a pack, or of the room)."""

    def __init__(self, content: Mapping[str, Table]) -> None:
        self.content = content

    @cached_property
    def equations(self) -> Mapping[str, Equation]:
        """Equations by key."""
        entries = self.content["risk_equations"]["equation"]
        return {key: Equation(key, entry) for entry in entries for key in entry["keys"]}

    def find(self, key: str) -> Equation:
        """Return the equation of that key.

        Raises
        ------
        BadInput
            There is none.
        """
        if key not in self.equations:
            raise BadInput(
                f"no risk equation {key!r}", f"one of {sorted(self.equations)}", "check the name"
            )
        return self.equations[key]

    @cached_property
    def input_names(self) -> Mapping[str, Text]:
        """Names of the inputs for people."""
        rows = self.content["risk_equations"]["input"]
        return {name: Text(**row["name"]) for name, row in rows.items()}

    def name_of(self, name: str) -> Text:
        """Return the name of an input for people."""
        return self.input_names[name]

    def unit_of(self, equation: Equation, name: str) -> str:
        """Return the UCUM unit in which an equation takes an input; empty for flags and choices."""
        own = equation.entry.get("units", {}).get(name)
        return str(own or self.content["risk_equations"]["input"][name].get("unit", ""))

    def valid(self, name: str, told: Told) -> float | None:
        """Return a recorded number in the input's own unit; None where it cannot be true."""
        row = self.content["risk_equations"]["input"][name]
        if not isinstance(told, Quantity) or "quantity" not in row:
            return None
        units, value, unit = self.content["risk_units"], told.value, told.unit
        if refused(units, row["quantity"], self.name_of(name), value, unit) is not None:
            return None
        return converted(units, row["quantity"], value, unit, row["unit"])

    def answer(self, key: str, told: Mapping[str, Told]) -> Answer:
        """Return what the equation of that key says.

        Parameters
        ----------
        key
            The equation.
        told
            Inputs by name as they were recorded; numbers with their unit. What an equation does not
            use is passed over.

        Raises
        ------
        BadInput
            There is no such equation.
        """
        equation = self.find(key)
        inputs, wrong = self._entered(equation, told)
        missing = [name for name in equation.required if name not in inputs]
        if equation.any_of and not any(name in inputs for name in equation.any_of):
            missing.append(equation.any_of[0])
        outside = self._outside(equation, inputs)
        assumed = tuple(name for name in equation.assumed if name not in inputs)
        found = Answer(
            inputs=inputs,
            missing=tuple(missing),
            outside=tuple(outside),
            refused=wrong,
            assumed=assumed,
        )
        if missing or outside or wrong:
            return found
        formula = FORMULAS[equation.entry["family"]]
        entered: dict[str, Value] = {**dict.fromkeys(assumed, False), **inputs}
        values = formula(self.content[equation.entry["table"]], key, entered)
        return Answer(values=values, inputs=inputs, assumed=assumed)

    def reasons(self, answer: Answer) -> list[Text]:
        """Say why an answer holds no values: what cannot be true, what lies outside, what lacks."""
        said = [*answer.refused.values(), *answer.outside]
        names = [self.name_of(name) for name in answer.missing if name not in answer.refused]
        if names:
            en, zh = ", ".join(one.en for one in names), "、".join(one.zh for one in names)
            said.append(Text(en=f"not known: {en}", zh=f"缺少：{zh}"))
        return said

    def _entered(
        self, equation: Equation, told: Mapping[str, Told]
    ) -> tuple[dict[str, Value], dict[str, Text]]:
        """Return the inputs in the equation's units, and those that cannot be true."""
        entered: dict[str, Value] = {}
        wrong: dict[str, Text] = {}
        for given, value in told.items():
            name = given
            if isinstance(value, Quantity):
                recorded = equation.entry.get("as_recorded", {}).get(given, {})
                name = recorded.get(value.unit, given)
            if name not in equation.names:
                continue
            found = self._entry(equation, name, value)
            if isinstance(found, Text):
                wrong[name] = found
            else:
                entered[name] = found
        return entered, wrong

    def _entry(self, equation: Equation, name: str, value: Told) -> Value | Text:
        row = self.content["risk_equations"]["input"][name]
        if "flag" in row:
            return value if isinstance(value, bool) else self._no_such(name)
        if "choices" in row:
            known = isinstance(value, str) and value in row["choices"]
            return str(value) if known else self._no_such(name)
        if not isinstance(value, Quantity):
            return self._no_such(name)
        units = self.content["risk_units"]
        reason = refused(units, row["quantity"], self.name_of(name), value.value, value.unit)
        if reason is not None:
            return reason
        wanted = self.unit_of(equation, name)
        found = converted(units, row["quantity"], value.value, value.unit, wanted)
        return self._no_such(name) if found is None else found

    def _no_such(self, name: str) -> Text:
        said = self.name_of(name)
        return Text(
            en=f"{said.en} is recorded in a way the equation does not know.",
            zh=f"{said.zh}的记录方式无法用于该方程。",
        )

    def _outside(self, equation: Equation, inputs: Inputs) -> list[Text]:
        found = []
        for name, (low, high) in equation.entry.get("range", {}).items():
            value = inputs.get(name)
            if value is None or low <= float(value) <= high:
                continue
            said, unit = self.name_of(name), self.unit_of(equation, name)
            is_now = with_unit(number(float(value)), "" if unit in ("a", "1") else unit)
            found.append(
                Text(
                    en=f"{said.en} {is_now} is outside {low:g} to {high:g}, for which "
                    f"{equation.title.en} is valid.",
                    zh=f"{said.zh} {is_now} 超出{equation.title.zh}的适用范围 {low:g}～{high:g}。",
                )
            )
        return found


@lru_cache(maxsize=4)
def library(paths: tuple[Path, ...] = RULES) -> Library:
    """Return the equations of these files: those of a pack, or by default of the room."""
    return Library(tables(paths))
