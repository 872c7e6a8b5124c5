"""The first two days of a stay in intensive care, and the numbers that a model reads of them.

Names and canonical units are those of the PhysioNet/Computing in Cardiology Challenge 2012 (Silva
et al., Comput Cardiol 39:245, 2012); codes, limits and groups stand in
`knowledge/icu_variables.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import Text
from suwen.core.nouns import Reference
from suwen.health.facts.measured import MISSING, Variable, variables_in
from suwen.health.readings.doubts import Doubt

Floats = NDArray[np.float64]
HOURS: Final = 48.0
"""Length of the window, from admission to the unit on."""
LATE: Final = 24.0
"""The second day begins here."""
UNITS: Final = ("coronary", "cardiac surgery", "medical", "surgical")
"""Kinds of intensive care units, numbered from 1."""
KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge" / "icu_variables.toml"


@lru_cache(maxsize=1)
def variables() -> Mapping[str, Variable]:
    """Return every variable by its key, read once."""
    return {one.key: one for one in variables_in(KNOWLEDGE)}


@lru_cache(maxsize=1)
def groups() -> Mapping[str, Text]:
    """Return the groups that an answer is explained by, in order."""
    return {
        one["key"]: Text(**one["name"])
        for one in tomllib.loads(KNOWLEDGE.read_text(encoding="utf-8"))["group"]
    }


@dataclass(frozen=True)
class Series:
    """Values of one variable in its unit at hours since admission, both (n,), in order of time."""

    hours: Floats
    values: Floats

    @classmethod
    def of(cls, variable: Variable, hours: Floats, values: Floats) -> Series:
        """Return what is plausible and lies in the window, in order of time."""
        kept = variable.plausible(values) & (hours >= 0) & (hours <= HOURS)
        order = np.argsort(hours[kept], kind="stable")
        return cls(hours[kept][order], values[kept][order])

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Stay:
    """A stay: who, where, and what was measured in the window.

    Parameters
    ----------
    age, male, height
        Years; 1 for a man and 0 for a woman; cm. NaN where unknown.
    unit
        Kind of unit: number in `UNITS` from 1 on, NaN where unknown.
    series
        By key of the variable; those never measured are left out.
    records
        Record of the newest value of each variable that has one.
    inputs
        Every record that anything here was read from.
    ended
        When the window ends, where that is known.
    doubts
        Values of the window that do not count.
    """

    age: float
    male: float
    height: float
    unit: float
    series: Mapping[str, Series] = field(repr=False)
    records: Mapping[str, Reference] = field(default_factory=dict)
    inputs: tuple[Reference, ...] = field(default=(), repr=False)
    ended: datetime | None = None
    doubts: tuple[Doubt, ...] = field(default=(), repr=False)

    @property
    def reach(self) -> float:
        """Hours from admission to the newest value; 0 without any."""
        return max((float(one.hours[-1]) for one in self.series.values() if len(one)), default=0.0)

    @property
    def measured(self) -> int:
        """How many variables have a value."""
        return sum(1 for one in self.series.values() if len(one))

    @cached_property
    def features(self) -> Floats:
        """Return the numbers in the order of `feature_names()`."""
        found = _features(self)
        return np.array([found.get(name, MISSING) for name, _ in _named()], dtype=np.float64)


DERIVED: Final[Mapping[str, str]] = {
    **{"age": "person", "male": "person", "height": "person", "body mass index": "person"},
    **{"weight gain": "person", "kind of unit": "unit"},
    **{"Urine sum": "kidney", "Urine late sum": "kidney", "Urine last 12 h": "kidney"},
    **{"Urine per kg and h": "kidney", "BUN to creatinine": "kidney"},
    **{"shock index": "pressure", "worst shock index": "pressure", "pulse pressure": "pressure"},
    **{"PaO2 to FiO2": "breathing", "worst PaO2 to FiO2": "breathing", "anion gap": "acid"},
    **{"age and coma": "consciousness", "measurements": "unit"},
}
"""Numbers made of more than one series or of none, with the group each is explained with."""


def _slope(hours: Floats, values: Floats) -> float:
    """Return the change an hour of the straight line through the values (least squares)."""
    moved = hours - hours.mean()
    spread = float((moved**2).sum())
    return float((moved * values).sum()) / spread if len(values) > 2 and spread > 1 else MISSING


def _late(hours: Floats, values: Floats, how: Callable[[Floats], np.floating]) -> float:
    late = values[hours >= LATE]
    return float(how(late)) if len(late) else MISSING


STATISTICS: Final[Mapping[str, Callable[[Floats, Floats], float]]] = {
    "n": lambda t, v: float(len(v)),
    "first": lambda t, v: float(v[0]),
    "last": lambda t, v: float(v[-1]),
    "min": lambda t, v: float(v.min()),
    "max": lambda t, v: float(v.max()),
    "mean": lambda t, v: float(v.mean()),
    "sd": lambda t, v: float(v.std()) if len(v) > 1 else MISSING,
    "slope": _slope,
    "hours since": lambda t, v: HOURS - float(t[-1]),
    "newest mean": lambda t, v: float(v[t >= t[-1] - 6].mean()),
    "late mean": lambda t, v: _late(t, v, np.mean),
    "late min": lambda t, v: _late(t, v, np.min),
    "late max": lambda t, v: _late(t, v, np.max),
}
"""What is read of each series, of its hours and values."""


@lru_cache(maxsize=1)
def _named() -> tuple[tuple[str, str], ...]:
    """Return name and group of each number."""
    made = [
        (f"{variable.key} {statistic}", variable.group)
        for variable in variables().values()
        for statistic in STATISTICS
    ]
    return (*made, *DERIVED.items())


def feature_names() -> tuple[str, ...]:
    """Return the names of the numbers of `Stay.features`."""
    return tuple(name for name, _ in _named())


@lru_cache(maxsize=1)
def feature_groups() -> NDArray[np.int64]:
    """Return which group of `groups()` each number is explained with, (n,)."""
    order = list(groups())
    return np.array([order.index(group) for _, group in _named()], dtype=np.int64)


def _features(stay: Stay) -> dict[str, float]:
    found: dict[str, float] = {}
    for key in variables():
        one = stay.series.get(key)
        if one is None or not len(one):
            found[f"{key} n"] = 0.0
            continue
        for statistic, of in STATISTICS.items():
            found[f"{key} {statistic}"] = of(one.hours, one.values)

    def at(name: str) -> float:
        return found.get(name, MISSING)

    weight = at("Weight first")
    found |= {
        "age": stay.age,
        "male": stay.male,
        "height": stay.height,
        "kind of unit": stay.unit,
        "body mass index": weight / (stay.height / 100) ** 2,
        "weight gain": at("Weight last") - weight,
        "BUN to creatinine": at("BUN last") / at("Creatinine last"),
        "shock index": at("HR late mean") / at("SysABP late mean"),
        "worst shock index": at("HR max") / at("SysABP min"),
        "pulse pressure": at("SysABP late mean") - at("DiasABP late mean"),
        "PaO2 to FiO2": at("PaO2 last") / at("FiO2 last"),
        "worst PaO2 to FiO2": at("PaO2 min") / at("FiO2 max"),
        "anion gap": at("Na last") - at("HCO3 last"),
        "age and coma": stay.age * (15 - at("GCS late mean")),
        "measurements": float(sum(len(one) for one in stay.series.values())),
    }
    urine = stay.series.get("Urine")
    if urine is not None and len(urine):
        total = float(urine.values.sum())
        found |= {
            "Urine sum": total,
            "Urine late sum": float(urine.values[urine.hours >= LATE].sum()),
            "Urine last 12 h": float(urine.values[urine.hours >= HOURS - 12].sum()),
            "Urine per kg and h": total / weight / HOURS,
        }
    return found
