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

from suwen.core.codes import LOINC, SUWEN, Text
from suwen.core.nouns import Case, Reference

CELSIUS: Final = "Cel"
FAHRENHEIT: Final = "[degF]"
MISSING: Final = float("nan")
STATE: Final = f"{SUWEN}/reading-state"
"""Extension of an Observation that was made of a stream: the state of the reading there."""
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

    def in_unit(self, value: float, unit: str) -> float | None:
        """Return a value in its unit; None where `unit` is another quantity's or unknown."""
        if self.unit == CELSIUS and unit == FAHRENHEIT:
            return (value - 32) / 1.8
        factor = self.units.get(unit)
        return None if factor is None else value * factor


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


class Claim(NamedTuple):
    """What an Observation claims: a value in a unit, by a device, with the state of its stream."""

    variable: str
    code: str
    unit: str
    value: float
    at: datetime
    device: str
    state: str
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


def claims_of(case: Case, variables: Mapping[str, Variable]) -> Iterator[Claim]:
    """Yield what the Case's Observations claim of these variables, components too.

    Values without a clear moment are passed over.
    """
    by_code = {code: one for one in variables.values() for code in one.codes}
    for record in case.of("Observation"):
        content = record.content
        at = moment(content.get("effectiveDateTime"))
        if at is None or content.get("status") in NOT_SAID:
            continue
        device = str(content.get("device", {}).get("display", ""))
        for part in (content, *content.get("component", ())):
            found, quantity = _coded(part, by_code), part.get("valueQuantity", {})
            value = quantity.get("value")
            if found is None or not isinstance(value, int | float) or isinstance(value, bool):
                continue
            code, variable = found
            unit = str(quantity.get("code") or quantity.get("unit") or "")
            state = _state(content)
            yield Claim(variable.key, code, unit, float(value), at, device, state, record.reference)


def values_of(case: Case, variables: Mapping[str, Variable]) -> Iterator[Value]:
    """Yield every value of these variables in the Case's Observations, in their units.

    Values without a clear moment or in a unit that is not known are passed over.
    """
    for one in claims_of(case, variables):
        value = variables[one.variable].in_unit(one.value, one.unit)
        if value is not None:
            yield Value(one.variable, one.at, value, one.record)


def _coded(part: Mapping[str, Any], by_code: Mapping[str, Variable]) -> tuple[str, Variable] | None:
    for coding in part.get("code", {}).get("coding", ()):
        code = str(coding.get("code"))
        if coding.get("system") == LOINC and code in by_code:
            return code, by_code[code]
    return None


def _state(content: Mapping[str, Any]) -> str:
    """Return the state that a reading had in its stream, empty where it had none."""
    for extension in content.get("extension", ()):
        if extension.get("url") == STATE:
            return str(extension.get("valueCode", ""))
    return ""


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
