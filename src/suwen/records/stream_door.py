"""The door devices come in by: who sends is verified, what is sent is judged, kept or set aside.

One transaction takes many messages: a message is acknowledged after it. Whatever cannot be stored
is counted by state and kept sealed (`stream_refused`), so it never blocks what comes behind it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from suwen.core.streams import Stretch
from suwen.records.streams import Kept

if TYPE_CHECKING:
    from suwen.records.store import Store

Listener = Callable[[str, Sequence[Stretch]], None]
"""Called with a patient and what was newly stored of them, once it is committed."""


@dataclass(frozen=True)
class Message:
    """What a device sent: the id and token it gives, and the bytes of its message."""

    device: str
    token: str
    payload: bytes


@dataclass(frozen=True)
class Outcome:
    """What became of one message.

    Parameters
    ----------
    kept
        Readings stored, absorbed and conflicting.
    refused
        How many readings (or the message as a whole: 1) were set aside, by state.
    """

    kept: Kept = field(default_factory=Kept)
    refused: Counter[str] = field(default_factory=Counter)


class Silent(NamedTuple):
    """A channel by its times alone, which are no content: what a watchdog looks at."""

    patient: str
    channel: str
    """Keyed name of the channel; `Streams.latest` tells what it is of."""
    at: datetime
    received: datetime


class Door:
    """Receives messages of devices into one store. Safe to share between threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Call `listener` with what each commit stored, in the thread that received it."""
        self._listeners.append(listener)

    def receive(self, messages: Sequence[Message]) -> list[Outcome]:
        """Judge and store messages in one transaction; return what became of each, in order.

        Raises
        ------
        StorageUnavailable
            Nothing was stored, nothing may be acknowledged: try again.
        """
        raise NotImplementedError

    def times(self, patients: Sequence[str] | None = None) -> list[Silent]:
        """Return when each channel last spoke, without opening any content."""
        raise NotImplementedError


__all__ = ["Door", "Listener", "Message", "Outcome", "Silent"]
