"""What the doors of samples share: how much is taken at once, and what a session has opened."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from suwen.core.errors import Busy
from suwen.records import Person, Store
from suwen.records.streams.seen import Streams

AT_ONCE: Final = 16
"""Batches of devices in the server at once: 16 MiB of them at most."""
AT_ONCE_OF_A_DEVICE: Final = 2
RETRY_S: Final = 1.0
MOST_SESSIONS: Final = 5_000


class Turnstile:
    """Lets in so many at once; the others are told to come again. Nothing waits in memory."""

    def __init__(self, most: int = AT_ONCE, most_of_one: int = AT_ONCE_OF_A_DEVICE) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._inside: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def entered(self, name: str) -> Iterator[None]:
        """Be inside while the block runs.

        Raises
        ------
        Busy
            Too many are inside, or too many of this name.
        """
        with self._lock:
            if self._inside[name] >= self._most_of_one:
                raise Busy(RETRY_S, whole=False)
            if self._inside.total() >= self._most:
                raise Busy(RETRY_S)
            self._inside[name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside[name] -= 1
                if not self._inside[name]:
                    del self._inside[name]


class OpenStreams:
    """The `Streams` of each session: a patient's samples are opened once a session."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, Streams] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, token: str, store: Store, person: Person, purpose: str) -> Streams:
        """Return the `Streams` of a session's token.

        Raises
        ------
        Denied
            The person was deactivated or changed role.
        """
        with self._lock:
            found = self._of.get(token)
        if found is None or found.person != person:
            found = Streams(store, person, purpose)
        with self._lock:
            self._of[token] = found
            self._of.move_to_end(token)
            while len(self._of) > MOST_SESSIONS:
                self._of.popitem(last=False)
        return found
