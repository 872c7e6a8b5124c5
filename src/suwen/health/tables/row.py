"""One row of a table about a person: columns as data, values in one unit, the records behind them.

What the models learnt from tables share (`health.heart_disease`, `health.diabetes`,
`health.survival`). A value that is not known is NaN and stays so: nothing is filled in.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import Text
from suwen.core.nouns import Reference
from suwen.core.quantities import number, with_unit
from suwen.health.facts.measured import MISSING
from suwen.health.icu.stay import variables

Floats = NDArray[np.float64]
YES: Final = Text(en="yes", zh="是")
NO: Final = Text(en="no", zh="否")
LIKE: Final = ("unit", "codes", "units", "low", "high")
"""What a column takes from the variable of intensive care that it is `like`."""
AGE: Final = "age"
MALE: Final = "male"
"""Columns that the person fills."""


@dataclass(frozen=True)
class Column:
    """One column.

    Parameters
    ----------
    key, name, group
        Its short name, its name for people, what it is explained with.
    unit, low, high
        UCUM unit; limits of what is believed, both included.
    codes, units, days
        LOINC codes, factors from other units, how old the newest value may be.
    cuts
        When given, the column is the number of them that the measured value is larger than.
    choices, words
        The number of each code of an answer in words, and how each number is called.
    yes
        Whether it is 1 for yes and 0 for no.
    """

    key: str
    name: Text
    group: str
    low: float
    high: float
    unit: str = "1"
    codes: tuple[str, ...] = ()
    units: Mapping[str, float] = field(default_factory=dict)
    days: int = 365
    cuts: tuple[float, ...] = ()
    choices: Mapping[str, float] = field(default_factory=dict)
    words: Mapping[float, Text] = field(default_factory=dict)
    yes: bool = False

    @property
    def counted(self) -> bool:
        """Whether it is a measured number, and neither a kind nor a yes or no."""
        return not (self.words or self.yes or self.cuts)

    def believed(self, values: Any) -> Any:
        """Say which values lie within the limits; NaN does not."""
        return (values >= self.low) & (values <= self.high)

    def said(self, value: float) -> Text:
        """Return a value in words."""
        if value in self.words:
            return self.words[value]
        if not self.counted and value in (0.0, 1.0):
            return YES if value else NO
        shown = with_unit(number(value), "" if self.unit in ("a", "1") else self.unit)
        return Text(en=shown, zh=shown)


@dataclass(frozen=True)
class TableRow:
    """One person in the columns of a table.

    Parameters
    ----------
    numbers, there
        Values in the order of the columns, 0 where not known, and where they are, (columns,).
    age, male
        Years, and 1 for a man, 0 for a woman; NaN where not recorded.
    records
        The record behind each column, empty where none, (columns,); of an example none at all.
    also
        Other records that decide the answer.
    states
        What else is known of the person, by name (`diabetes`).
    unused
        Columns with a recorded value that cannot be believed, by number, with the value.
    until
        How long an answer stands; None: until something else is recorded.
    """

    numbers: Floats = field(repr=False)
    there: NDArray[np.bool_] = field(repr=False)
    age: float = MISSING
    male: float = MISSING
    records: tuple[Reference, ...] = ()
    also: tuple[Reference, ...] = ()
    states: tuple[str, ...] = ()
    unused: tuple[tuple[int, float], ...] = ()
    until: datetime | None = None

    @property
    def values(self) -> Floats:
        """Values in the order of the columns, NaN where not known, (columns,)."""
        return np.where(self.there, self.numbers, MISSING)

    @property
    def known(self) -> int:
        """How many values are known."""
        return int(self.there.sum())

    def changed(self, values: Floats) -> TableRow:
        """Return the row with other values, NaN where not known."""
        there = np.isfinite(values)
        return replace(self, numbers=np.where(there, values, 0.0), there=there)


@dataclass(frozen=True)
class Columns:
    """The columns of one table, their groups by key with the name of each."""

    all: tuple[Column, ...]
    groups: Mapping[str, Text]

    def __len__(self) -> int:
        return len(self.all)

    @property
    def keys(self) -> tuple[str, ...]:
        """Short names in order."""
        return tuple(one.key for one in self.all)

    @property
    def group_of(self) -> NDArray[np.int64]:
        """Number of the group of each column, (columns,)."""
        order = list(self.groups)
        return np.array([order.index(one.group) for one in self.all], dtype=np.int64)

    def row(self, told: Mapping[str, float], **more: Any) -> TableRow:
        """Return the row of what is told; what lies outside the limits is left out."""
        values = np.array([told.get(key, MISSING) for key in self.keys], dtype=np.float64)
        inside = np.array(
            [one.believed(value) for one, value in zip(self.all, values, strict=True)]
        )
        unused = tuple(
            (int(k), float(values[k])) for k in np.flatnonzero(~inside & np.isfinite(values))
        )
        person = {AGE: told.get(AGE, MISSING), MALE: told.get(MALE, MISSING)}
        kept = np.where(inside, values, 0.0)
        return TableRow(kept, inside, **(person | more), unused=unused)


def columns_in(path: Path) -> Columns:
    """Return the columns of a knowledge file: its `[[group]]` and `[[column]]` tables."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    groups = {entry["key"]: Text(**entry["name"]) for entry in content["group"]}
    return Columns(tuple(_column(entry) for entry in content["column"]), groups)


def _column(entry: Mapping[str, Any]) -> Column:
    given = dict(entry)
    choices: Sequence[Mapping[str, Any]] = given.pop("choice", ())
    if like := given.pop("like", ""):
        given = {name: getattr(variables()[like], name) for name in LIKE} | given
    if choices or given.get("yes"):
        given = {"low": 0.0, "high": 1.0 if not choices else float(len(choices))} | given
    return Column(
        **given
        | {
            "name": Text(**given["name"]),
            "codes": tuple(given.get("codes", ())),
            "cuts": tuple(given.get("cuts", ())),
            "units": {str(unit): float(factor) for unit, factor in _pairs(given.get("units", ()))},
            "choices": {code: float(one["value"]) for one in choices for code in one["codes"]},
            "words": {float(one["value"]): Text(en=one["en"], zh=one["zh"]) for one in choices},
        }
    )


def _pairs(units: Any) -> Any:
    return units.items() if isinstance(units, Mapping) else units
