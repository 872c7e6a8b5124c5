"""What a device can measure, in which unit it is kept, and what a living person can show.

The vital signs are those of `knowledge/vital_signs.toml`; what only devices measure stands in
`knowledge/device_quantities.toml` in the same form.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from suwen.gateway.vitals import Vital, plain_name, plain_unit, vital_of, vocabulary

_GLUCOSE_MASS = frozenset({"2339-0", "41653-7", "2345-7", "14745-4"})
"""LOINC codes of blood glucose by mass: the same quantity as `glucose`, told apart by the unit."""
_ALSO = {
    "8480-6": "systolic",
    "8462-4": "diastolic",
    "3141-9": "weight",
    "8331-1": "temperature",
    "41950-7": "steps_day",
} | dict.fromkeys(_GLUCOSE_MASS, "glucose")
"""LOINC codes of a quantity that its own entry does not name (method, mass instead of moles)."""


@dataclass(frozen=True)
class Quantities:
    """All quantities by key, by every name they are called, and by LOINC code."""

    by_key: Mapping[str, Vital]
    by_name: Mapping[str, str]
    by_code: Mapping[str, str]
    spellings: Mapping[str, str]

    def canonical(self, key: str, value: float, unit: str) -> float | None:
        """Return a value in the unit the quantity is kept in; None when the unit is not known.

        A quantity that is measured in one unit alone may come without it.
        """
        quantity = self.by_key[key]
        if not unit:
            return value if quantity.assume else None
        return quantity.canonical(value, self.spellings.get(plain_unit(unit), unit))


@lru_cache(maxsize=1)
def quantities() -> Quantities:
    """Return the knowledge files, read once."""
    path = Path(__file__).parents[1] / "knowledge" / "device_quantities.toml"
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    known = vocabulary()
    by_key = dict(known.vitals)
    by_name = dict(known.names)
    for entry in data["vital"]:
        by_key[entry["key"]] = vital_of(entry)
        by_name.update(dict.fromkeys(map(plain_name, entry["names"]), entry["key"]))
        by_name[plain_name(entry["key"])] = entry["key"]
    by_code = {code: one.key for one in by_key.values() for code, _ in one.codes}
    return Quantities(by_key, by_name, _ALSO | by_code, data["spellings"])


def clinical(key: str) -> bool:
    """Say whether it is a vital sign that belongs into a record, measured now and then."""
    return key in vocabulary().vitals
