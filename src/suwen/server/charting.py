"""What somebody at the bedside measured or saw: one set of vital signs as Observations.

Monitors tell neither whether a patient is alert nor whether oxygen is given; without both NEWS2 is
a range. Nothing is taken as normal that was not entered.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from suwen.core.codes import LOINC, SNOMED, UCUM, Language
from suwen.core.errors import BadInput
from suwen.core.quantities import number, unit_sign
from suwen.health import vital_set
from suwen.health.measured import Variable
from suwen.server.language import say

CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
RESPONSIVENESS: Final = "67775-7"
MEASURED: Final = ("respiratory_rate", "spo2", "systolic_bp", "pulse", "temperature")
FLOW: Final = "oxygen_flow"
AIR, GIVEN = "air", "oxygen"


def message(text: str) -> str:
    """Mark a text for translation where it stands as data."""
    return text


STATES: Final = {
    "A": ("248234008", message("alert")),
    "C": ("130987000", message("newly confused")),
    "V": ("300202002", message("responds to voice")),
    "P": ("450847001", message("responds to pain")),
    "U": ("422768004", message("unresponsive")),
}
"""Level of consciousness as NEWS2 has it, with its SNOMED CT code."""


def fields(language: Language) -> list[tuple[str, str, str, float, float]]:
    """Return what can be measured: key, name, unit, and the limits of a living person."""
    known = vital_set.variables()
    return [
        (key, one.name.of(language), unit_sign(one.unit), one.low, one.high)
        for key in (*MEASURED, FLOW)
        if (one := known[key])
    ]


def states(language: Language) -> list[tuple[str, str]]:
    """Return the levels of consciousness with their names."""
    return [(key, say(language, name)) for key, (_, name) in STATES.items()]


def observations(
    typed: Mapping[str, str], by: str, language: Language, now: datetime | None = None
) -> list[dict[str, Any]]:
    """Return one Observation for each thing that was entered.

    Parameters
    ----------
    typed
        By `MEASURED` and `oxygen_flow` a number in the unit shown; `consciousness` a key of
        `STATES`; `oxygen` either `air` or `oxygen`. Empty: not entered.
    by
        Who measured.
    language
        Of the error.
    now
        When it was measured.

    Raises
    ------
    BadInput
        Nothing was entered, a value is no number or none of a living person, or oxygen without its
        flow; everything that is wrong is told at once.
    """
    at = (now or datetime.now(UTC)).isoformat()
    known, made = vital_set.variables(), []
    wrong: list[str] = []
    for key in MEASURED:
        if text := typed.get(key, "").strip():
            made.append(_read(known[key], text, language, wrong))
    oxygen, flow = typed.get("oxygen", ""), typed.get(FLOW, "").strip()
    if oxygen == AIR and not flow:
        made.append((known[FLOW], 0.0))
    elif oxygen == GIVEN and not flow:
        wrong.append(say(language, message("oxygen is given: its flow in L/min is missing")))
    elif flow and oxygen == AIR:
        wrong.append(say(language, message("air, and a flow of oxygen: only one of them can be")))
    elif flow:
        made.append(_read(known[FLOW], flow, language, wrong))
    state = typed.get("consciousness", "")
    if state and state not in STATES:
        wrong.append(say(language, message("a level of consciousness is A, C, V, P or U")))
    if wrong:
        raise BadInput("; ".join(wrong), "what was measured, in the unit shown", "correct it")
    found = [_quantity(variable, value, at, by) for variable, value in made]
    if state:
        found.append(_state(state, at, by))
    if not found:
        raise BadInput("nothing was entered", "at least one value", "enter what was measured")
    return found


def _read(
    variable: Variable, text: str, language: Language, wrong: list[str]
) -> tuple[Variable, float]:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = math.nan
    if not variable.low <= value <= variable.high:
        limits = f"{number(variable.low)}–{number(variable.high)} {unit_sign(variable.unit)}"
        colon = "：" if language == "zh" else ": "
        wrong.append(f"{variable.name.of(language)}{colon}{text[:20]} ({limits})")
    return variable, value


def _quantity(variable: Variable, value: float, at: str, by: str) -> dict[str, Any]:
    unit = {"value": value, "unit": variable.unit, "system": UCUM, "code": variable.unit}
    return _made(variable.codes[0], at, by) | {"valueQuantity": unit}


def _state(state: str, at: str, by: str) -> dict[str, Any]:
    code, words = STATES[state]
    coding = [{"system": SNOMED, "code": code, "display": words}]
    return _made(RESPONSIVENESS, at, by) | {"valueCodeableConcept": {"coding": coding}}


def _made(code: str, at: str, by: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": "vital-signs"}]}],
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "effectiveDateTime": at,
        "performer": [{"display": by}],
    }
