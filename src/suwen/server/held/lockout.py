"""Slow down guessing: after some failures a name or an address has to wait, longer each time.

Source: NIST SP 800-63B (rev. 4) section 3.2.2, rate limiting of failed authentication attempts.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from suwen.core.errors import TooManyAttempts

FIRST_DELAY_S = 15.0
LONGEST_DELAY_S = 15 * 60.0
FORGET_AFTER_S = 24 * 3600.0
MOST_KEYS = 10_000


@dataclass
class _Failures:
    count: int = 0
    last: float = 0.0
    until: float = 0.0


class Lockout:
    """Counts failures by key; from `free` failures on, each one doubles the wait.

    Parameters
    ----------
    free
        Failures that cost nothing.
    clock
        Monotonic seconds; a test passes its own.
    """

    def __init__(self, free: int = 5, clock: Callable[[], float] = time.monotonic) -> None:
        self._free = free
        self._clock = clock
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, key: str) -> None:
        """Let `key` try.

        Raises
        ------
        TooManyAttempts
            The wait is not over; nothing may be verified meanwhile, not even the right password.
        """
        with self._lock:
            entry = self._failures.get(key)
            wait = entry.until - self._clock() if entry else 0.0
        if wait > 0:
            raise TooManyAttempts(wait)

    def failed(self, key: str) -> None:
        """Count one failure of `key`."""
        now = self._clock()
        with self._lock:
            entry = self._failures.pop(key, _Failures())
            if now - entry.last > FORGET_AFTER_S:
                entry = _Failures()
            entry.count += 1
            entry.last = now
            over = entry.count - self._free
            if over >= 0:
                entry.until = now + min(FIRST_DELAY_S * 2**over, LONGEST_DELAY_S)
            self._failures[key] = entry
            while len(self._failures) > MOST_KEYS:
                self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget the failures of `key`."""
        with self._lock:
            self._failures.pop(key, None)
