"""What Observations of a Case measure: variables as data, values in one unit with their time."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import LOINC, Text
from suwen.core.nouns import Case, Reference

CELSIUS: Final = "Cel"
FAHRENHEIT: Final = "[degF]"
MISSING: Final = float("nan")
NOT_SAID: Final = ("entered-in-error", "cancelled", "unknown")
"""Status of Observations that say nothing."""


@dataclass(frozen=True)
class Variable:
    """One thing that is measured again and again.

    Parameters
    ----------
    key, name
        Its short name, its name for people.
    unit, codes, units
        UCUM unit of its values, LOINC codes, and factors from other units to it.
    low, high
        Limits of what a living person shows.
    group
        What it is explained with.
    also
        Other series of a data set that measure the same (cuff beside catheter).
    """

    key: str
    name: Text
    unit: str
    codes: tuple[str, ...]
    units: Mapping[str, float]
    low: float
    high: float
    group: str = ""
    also: tuple[str, ...] = ()

    def plausible(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say which values a living person can show."""
        return (values >= self.low) & (values <= self.high)


def variables_in(path: Path) -> list[Variable]:
    """Return the variables of a knowledge file, its `[[variable]]` tables."""
    return [
        Variable(
            **entry
            | {
                "name": Text(**entry["name"]),
                "codes": tuple(entry["codes"]),
                "also": tuple(entry.get("also", ())),
                "units": {str(unit): float(factor) for unit, factor in entry["units"]},
            }
        )
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["variable"]
    ]


class Value(NamedTuple):
    """One measured value."""

    variable: str
    at: datetime
    value: float
    record: Reference


def moment(text: object) -> datetime | None:
    """Return a FHIR instant; None for one without a time of day or without its zone."""
    if not isinstance(text, str) or "T" not in text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def values_of(case: Case, variables: Mapping[str, Variable]) -> Iterator[Value]:
    """Yield every value of these variables in the Case's Observations, components too.

    Values without a clear moment or in a unit that is not known are passed over.
    """
    by_code = {code: one for one in variables.values() for code in one.codes}
    for record in case.of("Observation"):
        content = record.content
        at = moment(content.get("effectiveDateTime"))
        if at is None or content.get("status") in NOT_SAID:
            continue
        for part in (content, *content.get("component", ())):
            variable = _variable(part, by_code)
            value = None if variable is None else _value(variable, part.get("valueQuantity", {}))
            if variable is not None and value is not None:
                yield Value(variable.key, at, value, record.reference)


def _variable(part: Mapping[str, Any], by_code: Mapping[str, Variable]) -> Variable | None:
    for coding in part.get("code", {}).get("coding", ()):
        if coding.get("system") == LOINC and (found := by_code.get(str(coding.get("code")))):
            return found
    return None


def _value(variable: Variable, quantity: Mapping[str, Any]) -> float | None:
    """Return a quantity in the variable's unit; None where its unit is another one or unknown."""
    value, unit = quantity.get("value"), str(quantity.get("code") or quantity.get("unit") or "")
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    if variable.unit == CELSIUS and unit == FAHRENHEIT:
        return (float(value) - 32) / 1.8
    factor = variable.units.get(unit)
    return None if factor is None else float(value) * factor


def age_at(born: object, at: datetime) -> float:
    """Return completed years at a moment from a FHIR date; NaN for none. Half a year is July 1."""
    try:
        year, month, day = (int(part) for part in (*str(born).split("-"), "7", "1")[:3])
    except ValueError:
        return MISSING
    return float(at.year - year - ((at.month, at.day) < (month, day)))


def age_and_sex(case: Case, at: datetime) -> tuple[float, float]:
    """Return age in years at a moment, and 1 for a man, 0 for a woman; NaN where unknown."""
    for record in case.of("Patient"):
        content = record.content
        male = {"male": 1.0, "female": 0.0}.get(str(content.get("gender")), MISSING)
        return age_at(content.get("birthDate"), at), male
    return MISSING, MISSING
