"""The row of a table that a Case records: newest values within their validity, with their records.

Values are read as those of the risk equations are (`health.risk.records`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import numpy as np

from suwen.core.nouns import Case, Reference
from suwen.health.facts.measured import CELSIUS, FAHRENHEIT, MISSING, age_and_sex
from suwen.health.risk.equation import Quantity, Told
from suwen.health.risk.facts import rules
from suwen.health.risk.records import Reading, observed
from suwen.health.tables.row import AGE, MALE, Column, Columns, TableRow

SAID: Final[Mapping[str, float]] = {
    **dict.fromkeys(("373066001", "Y", "yes", "true"), 1.0),
    **dict.fromkeys(("373067005", "N", "no", "false"), 0.0),
}
"""Codes of a yes or no (SNOMED CT, HL7 v2 0136)."""


def row_of(
    case: Case,
    columns: Columns,
    more: Mapping[str, tuple[float, Reference]] | None = None,
    also: tuple[Reference, ...] = (),
    states: tuple[str, ...] = (),
    valid: timedelta | None = None,
) -> TableRow:
    """Return the row that a Case records.

    Parameters
    ----------
    case, columns
        What is read, and what for.
    more
        Columns read otherwise (from conditions, from the stay), each with its record.
    also, states
        Kept in the row.
    valid
        How long after the newest value an answer stands.
    """
    by_key = {one.key: one for one in columns.all}
    told: dict[str, float] = {}
    behind: dict[str, Reference] = {}
    person = next((one.reference for one in case.of("Patient")), "")
    for key, value in zip((AGE, MALE), age_and_sex(case, case.at), strict=True):
        told[key], behind[key] = value, person
    for key, (value, record) in (more or {}).items():
        told[key], behind[key] = value, record
    newest = []
    for key, (value, reading) in _observed(case, by_key).items():
        told[key], behind[key] = value, reading.source.record
        newest.append(reading.when)
    return columns.row(
        told,
        also=also,
        states=states,
        until=max(newest) + valid if valid is not None and newest else None,
        records=tuple(
            behind.get(key, "") if np.isfinite(told.get(key, MISSING)) else ""
            for key in columns.keys
        ),
    )


def _observed(case: Case, by_key: Mapping[str, Column]) -> dict[str, tuple[float, Reading]]:
    """Return the newest value of each column that can be read, in its unit."""
    asked = {key: {"codes": one.codes, "days": one.days} for key, one in by_key.items()}
    table: dict[str, Any] = {**rules(), "observed": asked}
    names = {key: one.name for key, one in by_key.items()}
    found = {}
    for key, readings in observed(case, table, names).items():
        for reading in reversed(readings):
            value = value_of(by_key[key], reading.told)
            if value is not None:
                found[key] = value, reading
                break
    return found


def value_of(column: Column, told: Told) -> float | None:
    """Return what was told as the number of a column; None where it cannot be read."""
    if isinstance(told, bool):
        return float(told) if column.yes else None
    if isinstance(told, str):
        return column.choices.get(told) if column.choices else SAID.get(told)
    return _number(column, told)


def _number(column: Column, told: Quantity) -> float | None:
    if (column.unit, told.unit) == (CELSIUS, FAHRENHEIT):
        return (told.value - 32) / 1.8
    factor = 1.0 if told.unit == column.unit else column.units.get(told.unit)
    if factor is None:
        return None
    value = told.value * factor
    return float(sum(value > cut for cut in column.cuts)) if column.cuts else value
