"""What the watches of the demo patients sent in the last two weeks: drawn, not measured.

What their monitors send while the demo runs is in `demo_ward`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.streams import MICROSECONDS, Channel, Stretch
from suwen.records import Person, Store
from suwen.records.streams.seen import Streams

DAYS: Final = 14
STEP_S: Final = 600
"""How far back the past goes, and seconds between its readings."""
WATCH: Final = "demo-watch"
QUANTITIES: Final[dict[str, tuple[str, float, float]]] = {
    "8867-4": ("/min", 72.0, 7.0),
    "59408-5": ("%", 97.0, -0.6),
    "9279-1": ("/min", 14.0, 1.5),
}
"""LOINC code: unit, usual value, and how far it swings over a day."""


def _noise(index: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Return numbers in [-1, 1) that follow from index and seed alone, (n,)."""
    turned = np.sin(index % 1_000_003 * 12.9898 + seed * 78.233) * 43758.5453
    return np.asarray(2 * (turned - np.floor(turned)) - 1, dtype=np.float64)


def past(seed: int, now: datetime) -> list[Stretch]:
    """Return what a watch sent in the last `DAYS`, on fixed times: sent again it is the same."""
    last = int(now.timestamp()) // STEP_S
    index = np.arange(last - DAYS * 86_400 // STEP_S, last, dtype=np.int64)
    at = index * (STEP_S * MICROSECONDS)
    turn = np.sin(2 * np.pi * (index * STEP_S % 86_400) / 86_400 - 2.1)
    found = []
    for place, (code, (unit, usual, swing)) in enumerate(QUANTITIES.items()):
        noise = _noise(index, 10 * seed + place)
        values = np.round(usual + seed + swing * (turn + 0.5 * noise), 0)
        found.append(Stretch(Channel(code, unit, WATCH), at, np.minimum(values, _most(unit))))
    return found


def _most(unit: str) -> float:
    return 100.0 if unit == "%" else float("inf")


def remember(store: Store, person: Person, patients: Sequence[str]) -> None:
    """Store what the patients' watches sent; once more it is absorbed."""
    streams, now = Streams(store, person, "treatment"), datetime.now(UTC)
    for seed, patient in enumerate(patients):
        streams.put(patient, past(seed, now), "demo")
