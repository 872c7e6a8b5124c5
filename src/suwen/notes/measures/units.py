"""Units as notes write them, and values in the canonical UCUM unit of their test.

A mass concentration becomes an amount-of-substance concentration by the molar mass of the test
(`knowledge/laboratory.toml`); HbA1c in mmol/mol becomes per cent by the master equation of IFCC and
NGSP (Hoelzel et al., Clin Chem 2004;50:166-174: NGSP % = 0.09148 x IFCC + 2.152).
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from suwen.core.errors import BadInput
from suwen.notes.vocabulary.names import KNOWLEDGE

NGSP_SLOPE: Final = 0.09148
NGSP_OFFSET: Final = 2.152
DIVALENT: Final = frozenset({"calcium", "magnesium"})
"""Tests in which one mmol is two meq."""
SIGNIFICANT: Final = 6


@dataclass(frozen=True)
class Unit:
    """A UCUM unit (or one of our own in braces, for market units), its dimension and factor."""

    ucum: str
    dimension: str
    factor: float


@dataclass(frozen=True)
class Test:
    """One laboratory test or vital sign as `knowledge/laboratory.toml` has it."""

    key: str
    loinc: str
    unit: str
    low: float
    high: float
    en: tuple[str, ...]
    zh: tuple[str, ...]
    mass: str = ""
    molar: float | None = None
    vital: bool = False
    only_values: tuple[str, ...] = ()
    __test__ = False  # It is no test of pytest's.


@dataclass(frozen=True)
class _Table:
    units: dict[str, Unit] = field(default_factory=dict)
    written: dict[str, Unit] = field(default_factory=dict)
    assumed: dict[str, str] = field(default_factory=dict)


@lru_cache(maxsize=1)
def _table() -> _Table:
    data = tomllib.loads((KNOWLEDGE / "units.toml").read_text(encoding="utf-8"))
    table = _Table(assumed=data["assumed_en"])
    for ucum, entry in data["ucum"].items():
        unit = Unit(ucum, entry["dimension"], entry["factor"])
        table.units[ucum] = unit
        for written in [*entry["written"], ucum]:
            table.written[written.replace(" ", "").lower()] = unit
    return table


@lru_cache(maxsize=1)
def tests() -> dict[str, Test]:
    """Return every test by its key."""
    data = tomllib.loads((KNOWLEDGE / "laboratory.toml").read_text(encoding="utf-8"))
    return {
        key: _test(key, {k: tuple(v) if isinstance(v, list) else v for k, v in one.items()})
        for key, one in data.items()
    }


def _test(key: str, entry: dict[str, Any]) -> Test:
    return Test(key=key, **entry)


def unit_of(written: str) -> Unit | None:
    """Return the unit of a way to write it, None for an unknown one."""
    table = _table()
    return table.units.get(written) or table.written.get(re.sub(r"\s+", "", written).lower())


def assumed_unit(test: Test, language: str, value: float) -> Unit:
    """Return the unit a value without one is taken to be in."""
    table = _table()
    ucum = table.assumed.get(test.key, test.unit) if language == "en" else test.unit
    if test.key == "temperature":
        ucum = "Cel" if value < 50 else "[degF]"
    return table.units[ucum]


@lru_cache(maxsize=1)
def pattern() -> str:
    """Return the regular expression of a unit, longest way to write it first."""
    ways = sorted(_table().written, key=len, reverse=True)
    spaced = (r"\s?".join(re.escape(part) for part in _parts(way)) for way in ways)
    return "|".join(f"{way}(?![A-Za-z])" if way[-1].isalpha() else way for way in spaced)


def _parts(way: str) -> list[str]:
    """Return the pieces of a written unit between which a space may stand."""
    return [part for part in re.split(r"(?<=[/×*])|(?=/)|(?<=per)|(?<=beats)", way) if part]


def convert(value: float, unit: Unit, test: Test) -> float | None:
    """Return a value in the canonical unit of its test; None where the unit is not one of it."""
    if unit.ucum == test.unit:
        return value
    found = _converted(value, unit, test)
    return None if found is None else rounded(found)


def written_in(value: float, unit: Unit, test: Test) -> str:
    """Return the shortest number that means a canonical value when it stands with a unit.

    Empty where there is none: the unit is not one of the test.
    """
    zero, one = _converted(0.0, unit, test), _converted(1.0, unit, test)
    if zero is None or one is None or one == zero:
        return ""
    number = (value - zero) / (one - zero)
    for digits in range(2, 2 * SIGNIFICANT):
        shown = f"{number:.{digits}g}"
        if "e" not in shown and convert(float(shown), unit, test) == rounded(value):
            return shown
    return ""


def _converted(value: float, unit: Unit, test: Test) -> float | None:
    """Return a value in the canonical unit, unrounded: of every unit a linear function."""
    target = _table().units.get(test.unit)
    if target is None:
        raise BadInput(f"the test {test.key} has an unknown unit", "a unit of units.toml", "")
    if unit.ucum == target.ucum:
        return value
    if target.ucum == "Cel" and unit.ucum == "[degF]":
        return (value - 32) * 5 / 9
    if test.key == "hba1c" and unit.ucum == "mmol/mol":
        return NGSP_SLOPE * value + NGSP_OFFSET
    factor = unit.factor / 2 if unit.ucum == "meq/L" and test.key in DIVALENT else unit.factor
    if unit.dimension == target.dimension != "temperature":
        return value * factor / target.factor
    if {unit.dimension, target.dimension} == {"mass concentration", "substance concentration"}:
        if test.molar is None:
            return None
        by = 1 / test.molar if target.dimension.startswith("substance") else test.molar
        return value * factor * by / target.factor
    arbitrary = {"catalytic concentration", "arbitrary concentration"}
    if {unit.dimension, target.dimension} == arbitrary:
        return value * factor / target.factor
    return None


def rounded(value: float) -> float:
    """Return a value with as many digits as are compared."""
    return float(f"{value:.{SIGNIFICANT}g}")
