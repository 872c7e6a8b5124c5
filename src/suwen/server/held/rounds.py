"""Rounds: whose score is asked for next while somebody keeps a board's scores fresh.

However many boards are open, a patient is scored once in `EVERY_S`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

EVERY_S: Final = 300.0


class Rounds:
    """When each patient was last scored from a board of this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()

    def due(self, patients: Sequence[str]) -> str:
        """Return the patient who waits longest for a score, now taken; empty where none is due."""
        now = self._clock()
        with self._lock:
            waiting = [one for one in patients if now - self._last.get(one, -EVERY_S) >= EVERY_S]
            if not waiting:
                return ""
            chosen = min(waiting, key=lambda one: self._last.get(one, -EVERY_S))
            self._last[chosen] = now
            return chosen
