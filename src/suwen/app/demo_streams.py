"""What the devices of the demo patients send: two weeks that are past, then a reading each second.

Drawn, not measured. One patient stays well, one gets worse over some minutes, and of one the
monitor falls silent, so that the board, its alerts and its watchdog have something to show.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import SuwenError
from suwen.core.settings import Settings
from suwen.core.streams import MICROSECONDS, Channel, Reading, Stretch, ticks
from suwen.records import Person, Store
from suwen.records.streams import Streams, gathered
from suwen.records.wards import Ward, Wards

WARD: Final = Ward("demo", "Demo ward", budget=12.0)
DAYS: Final = 14
STEP_S: Final = 600
"""How far back the past goes, and seconds between its readings."""
MONITOR, WATCH = "demo-monitor", "demo-watch"
QUANTITIES: Final[dict[str, tuple[str, float, float, float]]] = {
    "8867-4": ("/min", 72.0, 7.0, 40.0),
    "59408-5": ("%", 97.0, -0.6, -8.0),
    "9279-1": ("/min", 14.0, 1.5, 13.0),
    "8310-5": ("Cel", 36.7, 0.25, 1.6),
    "8480-6": ("mm[Hg]", 128.0, 6.0, -26.0),
    "8462-4": ("mm[Hg]", 79.0, 4.0, -14.0),
}
"""LOINC code: unit, usual value, how far it swings over a day, how far it moves as one worsens."""
PATHS: Final = ("well", "worse", "silent")
WORSE_S: Final = 600.0
SILENT_S: Final = 45.0
"""Seconds until the second patient is as ill as can be, and until the third monitor is silent."""


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
    for place, code in enumerate(("8867-4", "59408-5", "9279-1")):
        unit, usual, swing, _ = QUANTITIES[code]
        noise = _noise(index, 10 * seed + place)
        values = np.round(usual + seed + swing * (turn + 0.5 * noise), 0)
        found.append(Stretch(Channel(code, unit, WATCH), at, np.minimum(values, _most(unit))))
    return found


def present(path: str, seed: int, since: datetime, now: datetime) -> list[Reading]:
    """Return what a monitor sends at a moment, `since` the start; nothing once it is silent."""
    passed = (now - since).total_seconds()
    if path == "silent" and passed > SILENT_S:
        return []
    worse = min(1.0, passed / WORSE_S) if path == "worse" else 0.0
    index = np.array([ticks(now) // MICROSECONDS], dtype=np.int64)
    found = []
    for place, (code, (unit, usual, swing, fall)) in enumerate(QUANTITIES.items()):
        moved = usual + seed * (unit != "Cel") + worse * fall
        value = moved + 0.3 * swing * float(_noise(index, 10 * seed + place)[0])
        digits = 1 if unit == "Cel" else 0
        value = min(round(value, digits), _most(unit))
        found.append(Reading(Channel(code, unit, MONITOR), now, value))
    return found


def _most(unit: str) -> float:
    return 100.0 if unit == "%" else float("inf")


def prepare(store: Store, person: Person, patients: Sequence[str]) -> None:
    """Define the ward, put the patients in it, and store what their watches sent."""
    wards, streams = Wards(store, person, "treatment"), Streams(store, person, "treatment")
    wards.define(WARD)
    now = datetime.now(UTC)
    for seed, patient in enumerate(patients):
        wards.place(patient, WARD.id, bed=str(seed + 1))
        streams.put(patient, past(seed, now), "demo")


@contextmanager
def feeding(chosen: Settings, person: Person, patients: Sequence[str]) -> Iterator[None]:
    """Send a reading of each quantity and patient every second meanwhile."""
    stop = threading.Event()

    def feed() -> None:
        since = datetime.now(UTC)
        with Store.open(chosen) as store:
            streams = Streams(store, person, "treatment")
            while not stop.wait(1.0):
                now = datetime.now(UTC).replace(microsecond=0)
                for seed, patient in enumerate(patients):
                    path = PATHS[seed] if seed < len(PATHS) else PATHS[0]
                    sent = present(path, seed, since - timedelta(seconds=1), now)
                    try:
                        streams.put(patient, gathered(sent), "demo")
                    except SuwenError:
                        stop.wait(1.0)

    thread = threading.Thread(target=feed, name="suwen-demo-feed", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(5)
