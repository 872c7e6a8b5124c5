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

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection

from suwen.core.errors import BadInput
from suwen.core.streams import Channel, Reading, Stretch, ticks
from suwen.records import acts
from suwen.records.gate import Gate, admit
from suwen.records.people import Person, bonds
from suwen.records.sample_places import number_of
from suwen.records.streams import sample_reading
from suwen.records.streams.sample_reading import Latest, Piece
from suwen.records.streams.sample_writing import Kept, Lot, Writer
from suwen.records.vault import PatientKey

if TYPE_CHECKING:
    from suwen.records.store import Store

POINTS: Final = (2, 100_000)
"""Fewest and most readings of an outline."""
EVER: Final = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""All of time."""


def gathered(readings: Sequence[Reading]) -> list[Stretch]:
    """Return readings in any order as stretches, one a channel, each in order of time."""
    import numpy as np

    by_channel: dict[Channel, list[tuple[int, float]]] = {}
    for reading in readings:
        by_channel.setdefault(reading.channel, []).append((reading.tick, reading.value))
    found = []
    for channel, pairs in by_channel.items():
        pairs.sort()
        at, values = zip(*pairs, strict=True)
        found.append(Stretch(channel, np.array(at, np.int64), np.array(values, np.float64)))
    return found


class Streams:
    """The acts of one person on the samples of patients, for one purpose.

    All methods raise `Denied` when the policy does not allow them (the denial is logged),
    `NotFound` for an unknown patient, `KeyUnavailable` once the patient's key was destroyed, and
    `StorageUnavailable` when nothing could be written. Safe to share between threads.

    Raises
    ------
    Denied
        The purpose is not in the policy, or the person was deactivated or changed role.
    """

    def __init__(self, store: Store, person: Person, purpose: str) -> None:
        admit(store, person, purpose)
        self.person = person
        self.purpose = purpose
        self._store = store
        self._gate = Gate(store, person, purpose)
        self._logged: set[str] = set()

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
            Times and values of different lengths, or a value that is not finite.
        """
        lots = [Lot(patient, s.channel, s.at, s.values) for s in stretches if len(s)]
        now = ticks(datetime.now(UTC))
        with self._gate.act("write", patient, f"Patient/{patient}") as work:
            key = self._store.vault.patient_key(work.connection, patient, lock=True)
            secrets = self._store.secrets
            kept = Writer(work.connection, secrets, {patient: key}, now).put(lots).kept
            if kept.stored:
                detail = {"n": kept.stored, "channels": len(lots), "source": source}
                entry = self._gate.entry("readings-put", patient, f"Patient/{patient}", detail)
                work.log(entry)
        return kept

    def read(self, patient: str, code: str, start: datetime, end: datetime) -> list[Stretch]:
        """Return the readings of one quantity with start <= time < end, a stretch a channel.

        Where readings were thinned (see `records.streams.retention`) the means of minutes or hours
        stand in their place, each at the middle of its time.
        """
        span = _span(start, end)
        with self._opened(patient) as (connection, key):
            return [
                Stretch(channel, *sample_reading.whole(connection, key, number, *span))
                for number, channel in self._channels(connection, key, code)
            ]

    def plot(
        self, patient: str, code: str, start: datetime, end: datetime, points: int = 1000
    ) -> list[Stretch]:
        """Return the outline of one quantity: at most `points` readings a channel.

        Of each of points/2 equal parts of the time the lowest and the highest reading, where and
        as they are stored: a single spike among 10^7 samples is seen.

        Raises
        ------
        BadInput
            Fewer or more points than `POINTS`.
        """
        if not POINTS[0] <= points <= POINTS[1]:
            raise BadInput(f"{points} points", f"{POINTS[0]} to {POINTS[1]}", "correct it")
        span = _span(start, end)
        with self._opened(patient) as (connection, key):
            return [
                Stretch(channel, *sample_reading.outline(connection, key, number, span, points))
                for number, channel in self._channels(connection, key, code)
            ]

    def read_channel(
        self, patient: str, channel: Channel, start: datetime, end: datetime
    ) -> Stretch:
        """Return the readings of one channel with start <= time < end, as `read` does."""
        span = _span(start, end)
        with self._opened(patient) as (connection, key):
            number = number_of(self._store.secrets, patient, channel)
            return Stretch(channel, *sample_reading.whole(connection, key, number, *span))

    def pieces(
        self,
        patient: str,
        wanted: Callable[[Channel], bool],
        start: datetime = EVER[0],
        end: datetime = EVER[1],
    ) -> dict[Channel, list[Piece]]:
        """Return where the chunks of the wanted channels lie, by channel, no reading opened."""
        span = _span(start, end)
        with self._opened(patient) as (connection, key):
            return {
                channel: sample_reading.pieces(connection, number, *span)
                for number, channel in sample_reading.channels(connection, key)
                if wanted(channel)
            }

    def latest(self, patient: str) -> list[Latest]:
        """Return every channel of a patient with its newest reading, by code, unit and device."""
        with self._opened(patient) as (connection, key):
            return sample_reading.latest(connection, {patient: key})

    def latest_of_ward(self, patients: Sequence[str] | None = None) -> dict[str, list[Latest]]:
        """Return `latest` of patients; of all this person may read where none are named.

        Patients whose key was destroyed are left out.
        """
        vault = self._store.vault
        if patients is None:
            with self._gate.act("list", "", "Patient") as work:
                patients = self._gate.readable(work.connection)
        else:
            self._check_all(patients)
        with self._store.database.transaction(reading=True) as connection:
            keys = vault.patient_keys(connection, sorted(set(patients)))
            open_keys = {name: key for name, key in keys.items() if key is not None}
            found: dict[str, list[Latest]] = {name: [] for name in patients if name in open_keys}
            for each in sample_reading.latest(connection, open_keys):
                found[each.patient].append(each)
        self._log(sorted(found))
        return found

    def _check_all(self, patients: Sequence[str]) -> None:
        """Raise `Denied`, logged, unless all of `patients` may be read."""
        with self._store.database.transaction(reading=True) as connection:
            readable = set(self._gate.readable(connection))
        for patient in patients:
            if patient not in readable:
                with self._gate.act("read", patient, f"Patient/{patient}"):
                    pass

    @contextmanager
    def _opened(self, patient: str) -> Iterator[tuple[Connection, PatientKey]]:
        """Check that the patient may be read, log the opening, and yield what reading takes."""
        with self._store.database.transaction(reading=True) as connection:
            bound = bonds(connection, self.person, patient)[patient]
            allowed = self._gate.allows("read", bound)
        if not allowed:
            with self._gate.act("read", patient, f"Patient/{patient}"):
                pass
        with self._store.database.transaction(reading=True) as connection:
            key = self._store.vault.patient_key(connection, patient)
            self._log([patient])
            yield connection, key

    def _log(self, patients: Sequence[str]) -> None:
        """Log the opening of those patients that this `Streams` had not opened yet."""
        new = [name for name in patients if name not in self._logged]
        if not new:
            return
        with self._store.work() as work:
            if len(new) == 1:
                subject = f"Patient/{new[0]}"
                work.log(self._gate.entry("streams-opened", new[0], subject, {}))
            else:
                detail = acts.many([f"Patient/{name}" for name in new])
                work.log(self._gate.entry("streams-opened", "", "Patient", detail))
        self._logged.update(new)

    def _channels(
        self, connection: Connection, key: PatientKey, code: str
    ) -> list[tuple[int, Channel]]:
        return sample_reading.of_code(connection, self._store.secrets, key, code)


def _span(start: datetime, end: datetime) -> tuple[int, int]:
    """Return a time's first and last microsecond.

    Raises
    ------
    BadInput
        A moment without a zone, or an end before the start.
    """
    if start.tzinfo is None or end.tzinfo is None or end < start:
        raise BadInput("no usable span of time", "start before end, with their zones", "correct it")
    return ticks(start), ticks(end)


__all__ = ["Kept", "Latest", "Streams", "gathered"]
