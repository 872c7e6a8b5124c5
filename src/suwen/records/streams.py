"""Streams: what one person may do with the samples of patients.

    streams = Streams(store, person, "treatment")
    streams.put(patient, gathered(readings))                  # duplicates are absorbed
    stretches = streams.read(patient, "8867-4", start, end)   # one a device and unit
    shape = streams.plot(patient, "8867-4", start, end, points=1000)
    now = streams.latest_of_ward(patients)

A reading is known by its channel and its time: the same one again is absorbed, another value at the
same time of the same channel conflicts, and the one stored first stays. Samples are no FHIR
resources; what a task is to answer about is put as Records first.

Who reads a patient's samples is checked each time and logged once an opening: the first time a
`Streams` touches that patient, not with every reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from suwen.core.streams import Channel, Reading, Stretch
from suwen.records.gate import Gate, admit
from suwen.records.people import Person

if TYPE_CHECKING:
    from suwen.records.store import Store


@dataclass(frozen=True)
class Kept:
    """What became of readings that were put.

    Parameters
    ----------
    stored
        New ones.
    absorbed
        Stored before with the same value.
    conflicting
        Stored before with another value, which stays.
    """

    stored: int = 0
    absorbed: int = 0
    conflicting: int = 0

    def __add__(self, other: Kept) -> Kept:
        return Kept(
            self.stored + other.stored,
            self.absorbed + other.absorbed,
            self.conflicting + other.conflicting,
        )


@dataclass(frozen=True)
class Latest:
    """The newest reading of a channel, and when anything of that channel last came in."""

    patient: str
    channel: Channel
    at: datetime
    value: float
    received: datetime


def gathered(readings: Sequence[Reading]) -> list[Stretch]:
    """Return readings in any order as stretches, one a channel, each in order of time."""
    raise NotImplementedError


class Streams:
    """The acts of one person on the samples of patients, for one purpose.

    All methods raise `Denied` when the policy does not allow them (the denial is logged),
    `NotFound` for an unknown patient, `KeyUnavailable` once the patient's key was destroyed, and
    `StorageUnavailable` when nothing could be written. Safe to share between threads.
    """

    def __init__(self, store: Store, person: Person, purpose: str) -> None:
        admit(store, person, purpose)
        self.person = person
        self.purpose = purpose
        self._store = store
        self._gate = Gate(store, person, purpose)

    def put(self, patient: str, stretches: Sequence[Stretch], source: str = "") -> Kept:
        """Store readings of one patient: all in one transaction, or none.

        Parameters
        ----------
        patient
            Whose they are.
        stretches
            In any order; times may repeat and may lie before what is stored.
        source
            What they were read from (the format's name), for the decision log; no patient content.

        Raises
        ------
        BadInput
            A stretch whose times fall, whose lengths differ or with a value that is not finite.
        """
        raise NotImplementedError

    def channels(self, patient: str) -> list[Latest]:
        """Return every channel of a patient with its newest reading, by code."""
        raise NotImplementedError

    def read(self, patient: str, code: str, start: datetime, end: datetime) -> list[Stretch]:
        """Return the readings of one quantity with start <= time < end, a stretch a channel.

        Where readings were thinned (see `records.retention`) the means of a minute or an hour stand
        in their place, at the middle of it.
        """
        raise NotImplementedError

    def plot(
        self, patient: str, code: str, start: datetime, end: datetime, points: int = 1000
    ) -> list[Stretch]:
        """Return the outline of one quantity: at most `points` readings a channel.

        Of each of points/2 equal parts of the time the lowest and the highest reading, where and
        as they are stored: a single spike among 10^7 samples is seen.
        """
        raise NotImplementedError

    def latest(self, patient: str) -> list[Latest]:
        """Return the newest reading of each channel of a patient."""
        raise NotImplementedError

    def latest_of_ward(self, patients: Sequence[str] | None = None) -> dict[str, list[Latest]]:
        """Return the newest reading of each channel of patients; of all this person may read."""
        raise NotImplementedError
