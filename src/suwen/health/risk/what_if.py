"""What a risk equation would say with one factor at another value.

The difference is between two groups of people, as the equation found them: an association, not the
effect of changing the factor in one person. Treatments are left out, since who is treated differs
in much else: an equation adds risk for a treated blood pressure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.health.risk.equation import Answer, Equation, Library, Quantity, Told, library
from suwen.health.risk.reference import disclaimer_of

MODIFIABLE: Final = (
    "systolic_bp",
    "total_cholesterol",
    "hdl_cholesterol",
    "cholesterol_hdl_ratio",
    "hba1c",
    "bmi",
    "waist",
    "current_smoker",
    "smoking_category",
    "physical_activity_30min_daily",
    "vegetables_fruit_berries_daily",
    "alcohol_8_or_more_drinks_per_week",
)
"""Inputs of the equations that a person can change."""
FLAGS: Final = {"yes": True, "true": True, "no": False, "false": False}
ASSOCIATION: Final = Text(
    en="The difference is an association in the people the equation was made from; it is not the "
    "effect that a change would have in this person.",
    zh="该差值反映建模人群中的关联，并非改变该因素对此人的因果效应。",
)


@dataclass(frozen=True)
class WhatIf:
    """An equation's answers with and without a change.

    Parameters
    ----------
    equation
        Its key.
    changed
        The input at another value.
    before, after
        The answers.
    difference
        After minus before, of each numeric outcome, in its own unit (of risks: percentage points).
    note
        What the difference is not.
    disclaimer
        What has to stand beside every displayed answer of this equation; mostly nothing.
    """

    equation: str
    changed: str
    before: Answer
    after: Answer
    difference: Mapping[str, float]
    note: Text = ASSOCIATION
    disclaimer: Text | None = None


def modifiable(equation: Equation) -> list[str]:
    """Return the inputs of an equation that a person can change."""
    return [name for name in MODIFIABLE if name in equation.names]


def what_if(
    equation: str,
    inputs: Mapping[str, Told],
    change: Mapping[str, Told],
    rules: Library | None = None,
) -> WhatIf:
    """Return an equation's answers as a person is and with one factor at another value.

    Parameters
    ----------
    equation
        The key of the equation.
    inputs
        What is recorded, by name; numbers with their unit.
    change
        One of `MODIFIABLE` and its other value.
    rules
        The equations; by default those of the room.

    Raises
    ------
    BadInput
        There is no such equation, the change is not of exactly one modifiable input it uses, or
        one of the two has no answer.
    """
    known = rules or library()
    found = known.find(equation)
    usable = modifiable(found)
    if len(change) != 1 or next(iter(change)) not in usable:
        raise BadInput(
            f"a change of {', '.join(change) or 'nothing'}",
            f"one of: {', '.join(usable) or 'nothing, this equation has no modifiable input'}",
            "change one factor at a time",
        )
    before = _answer(known, equation, inputs)
    after = _answer(known, equation, {**inputs, **change})
    difference = {
        name: float(value) - float(before.values[name])
        for name, value in after.values.items()
        if not isinstance(value, bool | str)
    }
    changed = next(iter(change))
    words = disclaimer_of(known, equation)
    return WhatIf(equation, changed, before, after, difference, disclaimer=words)


def told(rules: Library, written: Sequence[str]) -> dict[str, Told]:
    """Return inputs written as `name=value`: `sex=female`, `diabetes=yes`, `age=50 a`.

    Raises
    ------
    BadInput
        One is not written so, is no input of the equations, or is a number without its unit.
    """
    return dict(_told(rules, one) for one in written)


def _told(rules: Library, written: str) -> tuple[str, Told]:
    name, _, value = (part.strip() for part in written.partition("="))
    row = rules.content["risk_equations"]["input"].get(name)
    if row is None or not value:
        raise BadInput(f"{written!r}", "NAME=VALUE of an input of the equations", "check the name")
    if "flag" in row:
        if value not in FLAGS:
            raise BadInput(f"{written!r}", "yes or no", f"write {name}=yes or {name}=no")
        return name, FLAGS[value]
    if "choices" in row:
        return name, value
    digits, _, unit = value.partition(" ")
    try:
        return name, Quantity(float(digits), unit.strip() or ("1" if row["unit"] == "1" else ""))
    except ValueError:
        raise BadInput(
            f"{written!r}", "a number and its UCUM unit", f"write {name}=NUMBER {row['unit']}"
        ) from None


def _answer(rules: Library, equation: str, inputs: Mapping[str, Told]) -> Answer:
    answer = rules.answer(equation, inputs)
    if not answer.values:
        raise BadInput(
            f"{equation} has no answer: {' '.join(one.en for one in rules.reasons(answer))}",
            "inputs for which the equation is valid",
            "see its required inputs and ranges in knowledge/risk_equations.toml",
        )
    return answer
