"""Values typed into the risk page: the fields that ask for them, and what was typed as inputs.

Nothing typed here is kept. One mistake is told at a time: what was got, what was expected, what to
do, in the reader's language.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from suwen.core.codes import Language, Text
from suwen.core.errors import BadInput
from suwen.core.quantities import number, unit_sign, with_unit
from suwen.diagnosis.language import message
from suwen.health.facts.published import Value
from suwen.health.risk.equation import Equation, Library, Quantity, Told
from suwen.health.risk.units import converted, refused
from suwen.server.language import say
from suwen.server.spoken import COLONS

Typed = Mapping[str, str]
"""A form as it was sent: names of controls and what stands in them."""
TRY: Final = "try-"
TO: Final = "to-"
UNIT: Final = "unit-"
"""Beginnings of the names of controls: a value to try, a factor's other value, a unit of either."""
BMI: Final = "bmi"
KILOGRAM: Final = "kg"
LONGEST: Final = 40
"""Characters of anything that can be typed here."""


FLAGS: Final = {"yes": message("yes"), "no": message("no")}
NUMBERED: Final[Mapping[str, Mapping[str, str]]] = {
    "smoking_category": {
        "1": message("never smoked"),
        "2": message("stopped"),
        "3": message("fewer than 10 a day"),
        "4": message("10 to 19 a day"),
        "5": message("20 or more a day"),
    },
    "ethnicity": {
        "1": message("White or not stated"),
        "2": message("Indian"),
        "3": message("Pakistani"),
        "4": message("Bangladeshi"),
        "5": message("other Asian"),
        "6": message("Black Caribbean"),
        "7": message("Black African"),
        "8": message("Chinese"),
        "9": message("other"),
    },
}
"""Inputs that are numbers of a list: those of QRISK3-2017."""


@dataclass(frozen=True)
class Field:
    """One control of the form.

    `choices` are pairs of value and words; without them it takes a number in one of `units`, pairs
    of UCUM code and sign. `now` is the value as it is, `hint` the range that is valid.
    """

    name: str
    control: str
    words: str
    now: str
    hint: str
    choices: tuple[tuple[str, str], ...]
    units: tuple[tuple[str, str], ...]
    value: str
    unit: str


def fields(
    library: Library,
    equation: Equation,
    names: Sequence[str],
    language: Language,
    begins: str,
    typed: Typed,
    now: Mapping[str, Value],
    height: float | None = None,
) -> list[Field]:
    """Return the controls of some inputs.

    Parameters
    ----------
    library, equation
        What they are inputs of.
    names
        The inputs.
    language
        Of the words.
    begins
        `TRY` or `TO`.
    typed
        What was typed before, to stand there again.
    now
        Values as they are, by name, in the equation's units.
    height
        In cm, where it is known: then a weight may be typed in place of the body mass index.
    """
    form = _Form(library, equation, language, height)
    return [form.field(name, begins, typed, now.get(name)) for name in names]


@dataclass(frozen=True)
class _Form:
    library: Library
    equation: Equation
    language: Language
    height: float | None

    def field(self, name: str, begins: str, typed: Typed, now: Value | None) -> Field:
        """Return the control of one input."""
        units = self._units(name)
        own = self.library.unit_of(self.equation, name)
        return Field(
            name,
            begins + name,
            self.library.name_of(name).of(self.language),
            "" if now is None else self.shown(name, now),
            self._hint(name),
            choices_of(self.library, name, self.language),
            tuple((unit, sign_of(unit)) for unit in units),
            typed.get(begins + name, ""),
            typed.get(f"{UNIT}{begins}{name}", own),
        )

    def shown(self, name: str, now: Value) -> str:
        """Return a value as it is: the words of a choice, or the number with its unit."""
        words = shown(self.library, self.equation, name, now, self.language)
        if name != BMI or self.height is None:
            return words
        return f"{words}, {number(float(now) * _square_metres(self.height))} {KILOGRAM}"

    def _units(self, name: str) -> list[str]:
        row = self.library.content["risk_equations"]["input"][name]
        if "quantity" not in row:
            return []
        own = self.library.unit_of(self.equation, name)
        known = self.library.content["risk_units"]["quantity"][row["quantity"]]["units"]
        more = [KILOGRAM] if name == BMI and self.height is not None else []
        return [own, *(unit for unit in known if unit != own), *more]

    def _hint(self, name: str) -> str:
        limits = self.equation.entry.get("range", {}).get(name)
        if limits is None or choices_of(self.library, name, self.language):
            return ""
        unit = sign_of(self.library.unit_of(self.equation, name))
        low, high = (f"{one:g}" for one in limits)
        return say(
            self.language, "valid: %(low)s to %(high)s", low=low, high=f"{high} {unit}".strip()
        )


def weighed(typed: Typed, height: float | None) -> Typed:
    """Return a form in which a weight that was typed for the body mass index is that index."""
    made = dict(typed)
    for begins in (TRY, TO):
        if height is None or typed.get(f"{UNIT}{begins}{BMI}") != KILOGRAM:
            continue
        value = _number(typed.get(begins + BMI, ""))
        if math.isfinite(value):
            made[begins + BMI] = f"{value / _square_metres(height):.4f}"
            made[f"{UNIT}{begins}{BMI}"] = "kg/m2"
    return made


def _square_metres(height: float) -> float:
    """Return the square of a height in cm."""
    return (height / 100) ** 2


def _number(text: str) -> float:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return math.nan


def shown(library: Library, equation: Equation, name: str, value: Value, language: Language) -> str:
    """Return an input's value in words: a choice by its name, a number with its unit."""
    chosen = dict(choices_of(library, name, language))
    if isinstance(value, bool):
        return chosen["yes" if value else "no"]
    key = value if isinstance(value, str) else f"{value:g}"
    if key in chosen:
        return chosen[key]
    digits = value if isinstance(value, str) else number(value)
    unit = library.unit_of(equation, name)
    return with_unit(digits, unit) if sign_of(unit) else digits


def sign_of(unit: str) -> str:
    """Return the print form of a unit that has to be told; of years and plain numbers nothing."""
    return "" if unit in ("", "1", "a") or unit.startswith("{") else unit_sign(unit)


def choices_of(library: Library, name: str, language: Language) -> tuple[tuple[str, str], ...]:
    """Return what an input can be, where it is one of a list."""
    row = library.content["risk_equations"]["input"][name]
    if "flag" in row:
        return tuple((key, say(language, words)) for key, words in FLAGS.items())
    if name in NUMBERED:
        return tuple((key, say(language, words)) for key, words in NUMBERED[name].items())
    named = library.content["risk_equations"]["choice"]
    return tuple(
        (key, Text(**named[key]).of(language) if key in named else key)
        for key in row.get("choices", ())
    )


def told(library: Library, name: str, begins: str, typed: Typed, language: Language) -> Told | None:
    """Return what was typed for one input; None where nothing was.

    Raises
    ------
    BadInput
        It is no number, in no known unit, or cannot be true of a person; in the reader's language.
    """
    text = typed.get(begins + name, "").strip()[:LONGEST]
    if not text:
        return None
    row = library.content["risk_equations"]["input"][name]
    typed_so = f"{library.name_of(name).of(language)}{COLONS[language]}“{text}”"
    chosen = dict(choices_of(library, name, language))
    if chosen:
        if text not in chosen:
            listed = ("、" if language == "zh" else ", ").join(chosen.values())
            raise BadInput(typed_so, listed, say(language, "choose one of the list"))
        return _of_list(row, text)
    value = _number(text)
    unit = typed.get(f"{UNIT}{begins}{name}", "") or str(row["unit"])
    wrong = refused(
        library.content["risk_units"], row["quantity"], library.name_of(name), value, unit
    )
    if not math.isfinite(value) or wrong is not None:
        got = wrong.of(language) if wrong and math.isfinite(value) else typed_so
        raise BadInput(
            got,
            _possible(library, row, unit, language),
            say(language, "check the number and its unit"),
        )
    return Quantity(value, unit)


def _of_list(row: Mapping[str, Any], text: str) -> Told:
    if "flag" in row:
        return text == "yes"
    return text if "choices" in row else Quantity(float(text), "1")


def _possible(library: Library, row: Mapping[str, Any], unit: str, language: Language) -> str:
    """Return what a living person can have, in the unit that was chosen."""
    units = library.content["risk_units"]
    quantity = units["quantity"][row["quantity"]]
    chosen = unit if unit in quantity["units"] else quantity["base"]
    ends = [
        converted(units, row["quantity"], end, quantity["base"], chosen)
        for end in quantity["possible"]
    ]
    low, high = (number(float(end or 0.0)) for end in ends)
    return say(
        language, "a number, %(low)s to %(high)s", low=low, high=f"{high} {sign_of(chosen)}".strip()
    )
