"""What somebody at the bedside measured or saw: one set of vital signs as Observations.

Monitors tell neither whether a patient is alert nor whether oxygen is given; without both NEWS2 is
a range. Nothing is taken as normal that was not entered.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from suwen.core.codes import SNOMED, Language
from suwen.core.errors import BadInput
from suwen.core.quantities import number, unit_sign
from suwen.diagnosis.language import message
from suwen.health.early_warning import vital_set
from suwen.health.facts.measured import Variable
from suwen.server.language import say
from suwen.server.ward.vital_signs import quantity, vital_sign

FLOW: Final = "oxygen_flow"
AIR, GIVEN = "air", "oxygen"


STATES: Final = {
    "A": message("alert"),
    "C": message("newly confused"),
    "V": message("responds to voice"),
    "P": message("responds to pain"),
    "U": message("unresponsive"),
}
"""Levels of consciousness as NEWS2 has them."""


def fields(language: Language) -> list[tuple[str, str, str, float, float]]:
    """Return what can be measured: key, name, unit, and the limits of a living person."""
    known = vital_set.variables()
    return [
        (key, one.name.of(language), unit_sign(one.unit), one.low, one.high)
        for key in (*vital_set.DIRECT, FLOW)
        if (one := known[key])
    ]


def states(language: Language) -> list[tuple[str, str]]:
    """Return the levels of consciousness with their names."""
    return [(key, say(language, name)) for key, name in STATES.items()]


def observations(
    typed: Mapping[str, str], patient: str, by: str, language: Language
) -> list[dict[str, Any]]:
    """Return one Observation for each thing that was entered, all of this moment.

    Parameters
    ----------
    typed
        By `vital_set.DIRECT` and `oxygen_flow` a number in the unit shown; `consciousness` a key of
        `STATES`; `oxygen` either `air` or `oxygen`. Empty: not entered.
    patient, by
        Of whom, and who measured.
    language
        Of the error.

    Raises
    ------
    BadInput
        Nothing was entered, a value is no number or none of a living person, or oxygen without its
        flow; everything that is wrong is told at once.
    """
    values, state = _entered(typed, language)
    known = vital_set.variables()
    at, who = datetime.now(UTC), [{"display": by}]
    found = [
        vital_sign(
            patient, one.codes[0], at, performer=who, valueQuantity=quantity(value, one.unit)
        )
        for one, value in ((known[key], value) for key, value in values.items())
    ]
    if state:
        table = vital_set.rules()["consciousness"]
        coding = {"system": SNOMED, "code": table[state][0], "display": STATES[state]}
        level = {"coding": [coding]}
        found.append(
            vital_sign(patient, table["loinc"][0], at, performer=who, valueCodeableConcept=level)
        )
    return found


def _entered(typed: Mapping[str, str], language: Language) -> tuple[dict[str, float], str]:
    """Return the numbers that were entered, in their units, and the level of consciousness."""
    known, wrong = vital_set.variables(), list[str]()
    values = {
        key: _read(known[key], text, language, wrong)
        for key in (*vital_set.DIRECT, FLOW)
        if (text := typed.get(key, "").strip())
    }
    oxygen, state = typed.get("oxygen", ""), typed.get("consciousness", "")
    if oxygen == GIVEN and FLOW not in values:
        wrong.append(say(language, message("oxygen is given: its flow in L/min is missing")))
    if oxygen == AIR and values.setdefault(FLOW, 0.0):
        wrong.append(say(language, message("air, and a flow of oxygen: only one of them can be")))
    if state and state not in STATES:
        wrong.append(say(language, message("a level of consciousness is A, C, V, P or U")))
    if wrong:
        raise BadInput("; ".join(wrong), "what was measured, in the unit shown", "correct it")
    if not values and not state:
        raise BadInput("nothing was entered", "at least one value", "enter what was measured")
    return values, state


def _read(variable: Variable, text: str, language: Language, wrong: list[str]) -> float:
    """Return a number; what is wrong with it is added to `wrong`."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = math.nan
    if not variable.low <= value <= variable.high:
        limits = f"{number(variable.low)}–{number(variable.high)} {unit_sign(variable.unit)}"
        colon = "：" if language == "zh" else ": "
        wrong.append(f"{variable.name.of(language)}{colon}{text[:20]} ({limits})")
    return value
