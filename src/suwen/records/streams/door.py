"""The door devices come in by: who sends is verified, what is sent is judged, kept or set aside.

One transaction takes many messages; they are acknowledged after it. Whatever cannot be stored is
counted by state and kept sealed (`records.streams.set_aside`), so it never blocks what comes behind
it:

    unknown-device    no device of that id is registered
    wrong-token       the token is not the device's
    revoked           the device was revoked (a stolen token ends here)
    key-destroyed     the patient's key was destroyed
    malformed         no message, or no reading, of the form in `core.device_messages`
    not-a-number      NaN, an infinite number or none
    future            later than `Judgement.ahead` from now: a clock that runs ahead
    past              older than `Judgement.behind`: a clock that was reset
    conflicting       another value is stored for that channel and time
    late              of a time whose readings were thinned already
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sqlalchemy import bindparam, select, update

from suwen.core.device_messages import Block, Said, said_in
from suwen.core.errors import Conflict
from suwen.core.streams import Channel, Stretch, ticks
from suwen.records.database import Prepared
from suwen.records.index import stamp
from suwen.records.log import Act
from suwen.records.streams import devices, sample_reading, set_aside
from suwen.records.streams.sample_reading import Silent
from suwen.records.streams.sample_writing import Kept, Lot, Put, Writer
from suwen.records.streams.samples import MANY
from suwen.records.streams.set_aside import Letter
from suwen.records.tables import device as device_table
from suwen.records.tables import patient as patient_table
from suwen.records.work import Work

if TYPE_CHECKING:
    from suwen.core.settings import Settings
    from suwen.records.store import Store
    from suwen.records.vault import PatientKey

Listener = Callable[[str, Sequence[Stretch]], None]
"""Called with a patient and what was newly stored of them, once it is committed."""
Deriver = Callable[[Sequence[Block]], list[Block]]
"""Returns what the blocks of one message tell beside themselves; it depends on nothing else."""
TRIES: Final = 3
SEEN: Final = timedelta(seconds=10)
"""How old the time may be at which a device was last seen."""
_SEEN = Prepared(
    update(device_table)
    .where(device_table.c.id == bindparam("device"))
    .values(seen=bindparam("at"))
)


@dataclass(frozen=True)
class Message:
    """What a device sent: the id it gives, the bytes, and the token where these do not hold it."""

    device: str
    payload: bytes
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Outcome:
    """What became of messages that were received together.

    Parameters
    ----------
    kept
        Readings stored, absorbed and conflicting.
    refused
        How many readings (for a message as a whole: 1) were set aside, by state.
    """

    kept: Kept
    refused: Mapping[str, int]


@dataclass(frozen=True)
class Judgement:
    """How far from now the time of a reading may lie."""

    ahead: timedelta = timedelta(minutes=2)
    behind: timedelta = timedelta(days=366)

    @classmethod
    def of(cls, settings: Settings) -> Judgement:
        """Return what the settings say."""
        ahead = timedelta(seconds=settings.stream_ahead_s)
        return cls(ahead, timedelta(days=settings.stream_behind_days))


class Door:
    """Receives messages of devices into one store. Safe to share between threads.

    Parameters
    ----------
    store, judgement
        Where readings go, and which times are believed.
    derive
        What is stored beside what a message says, in the same transaction.
    """

    def __init__(
        self, store: Store, judgement: Judgement | None = None, derive: Deriver | None = None
    ) -> None:
        self._store = store
        self._judgement = judgement or Judgement()
        self._derive = derive
        self._listeners: list[Listener] = []
        self._days: set[tuple[str, str]] = set()
        """Devices and days whose sending stands in the decision log."""

    def listen(self, listener: Listener) -> None:
        """Call `listener` with what each commit stored, in the thread that received it.

        What it raises is written to the program's log and keeps nothing from being acknowledged.
        """
        self._listeners.append(listener)

    def receive(self, messages: Sequence[Message]) -> Outcome:
        """Judge and store messages in one transaction.

        Raises
        ------
        StorageUnavailable
            Nothing was stored and nothing may be acknowledged: try again.
        """
        said = [(message, self._heard(message)) for message in messages]
        for tries_left in reversed(range(TRIES)):
            try:
                put, refused = self._commit(said)
                break
            except Conflict:  # Another process counted the same state of the same day first.
                if not tries_left:
                    raise
        self._tell(put)
        return Outcome(put.kept, refused)

    def _heard(self, message: Message) -> Said:
        said = said_in(message.payload)
        if self._derive is not None and said.blocks:
            said.blocks += self._derive(said.blocks)
        return said

    def _commit(self, said: Sequence[tuple[Message, Said]]) -> tuple[Put, Mapping[str, int]]:
        with self._store.work() as work:
            batch = _Batch(self._store, work, self._judgement, datetime.now(UTC))
            batch.admit(said)
            put = batch.store(telling=bool(self._listeners))
            days = batch.log(self._days)
        self._days |= days
        return put, batch.refused

    def times(self, patients: Sequence[str] | None = None) -> list[Silent]:
        """Return when each channel last spoke, without opening any content."""
        with self._store.database.transaction(reading=True) as connection:
            return sample_reading.times(connection, patients)

    def _tell(self, put: Put) -> None:
        told: dict[str, list[Stretch]] = {}
        for patient, stretch in put.new:
            told.setdefault(patient, []).append(stretch)
        for patient, stretches in told.items():
            for listener in self._listeners:
                try:
                    listener(patient, stretches)
                except Exception as error:  # noqa: BLE001  readings are stored whoever listens
                    kind = type(error).__name__
                    logging.getLogger("suwen.streams").error("a listener failed: %s", kind)


class _Batch:
    """The messages of one commit."""

    def __init__(self, store: Store, work: Work, judgement: Judgement, now: datetime) -> None:
        self._store = store
        self._work = work
        self._now = now
        self._low = ticks(now - judgement.behind)
        self._high = ticks(now + judgement.ahead)
        self._few: dict[tuple[str, str, str], tuple[list[int], list[float]]] = {}
        self._many: list[Lot] = []
        self._letters: list[Letter] = []
        self._rows: dict[str, Any] = {}
        self._keys: dict[str, PatientKey | None] = {}
        self._stored: set[str] = set()

    @property
    def refused(self) -> Counter[str]:
        """How much was set aside, by state."""
        counted: Counter[str] = Counter()
        for letter in self._letters:
            counted[letter.state] += letter.readings
        return counted

    def admit(self, messages: Iterable[tuple[Message, Said]]) -> None:
        """Verify who sent each message, and judge its readings."""
        messages = list(messages)
        connection = self._work.connection
        self._rows = devices.registered(connection, {message.device for message, _ in messages})
        patients = sorted({row.patient for row in self._rows.values()})
        if not self._store.database.sqlite:
            for start in range(0, len(patients), MANY):
                c = patient_table.c
                part = select(c.id).where(c.id.in_(patients[start : start + MANY]))
                connection.execute(part.order_by(c.id).with_for_update())
        self._keys = self._store.vault.patient_keys(connection, patients)
        for message, said in messages:
            state = self._state_of(message, said)
            if state:
                self._refuse_message(message, said, state)
            else:
                self._judge(message.device, said)

    def _state_of(self, message: Message, said: Said) -> str:
        row = self._rows.get(message.device)
        if row is None:
            return "unknown-device"
        if not devices.fits(self._store.secrets, message.token or said.token, row.token):
            return "wrong-token"
        if self._keys.get(row.patient) is None:
            return "key-destroyed"
        return "revoked" if row.revoked is not None else ""

    def _refuse_message(self, message: Message, said: Said, state: str) -> None:
        """Set a whole message aside, without its token."""
        text = message.payload[: set_aside.LONGEST].decode("utf-8", "replace")
        for token in filter(None, (said.token, message.token)):
            text = text.replace(token, "")
        known = message.device in self._rows and state != "key-destroyed"
        self._letters.append(Letter(message.device if known else "", state, text))

    def _judge(self, device: str, said: Said) -> None:
        for point in said.points:
            if self._low <= point.tick <= self._high:
                at, values = self._few.setdefault((device, point.code, point.unit), ([], []))
                at.append(point.tick)
                values.append(point.value)
            else:
                state = "future" if point.tick > self._high else "past"
                self._letters.append(Letter(device, state, point._asdict()))
        for block in said.blocks:
            future, past = block.at > self._high, block.at < self._low
            for state, bad in (("future", future), ("past", past)):
                if bad.any():
                    readings = _listed(block.code, block.unit, block.at[bad], block.values[bad])
                    self._letters.append(Letter(device, state, readings, int(bad.sum())))
            good = ~(future | past)
            if good.any():
                channel = Channel(block.code, block.unit, device)
                patient = self._rows[device].patient
                self._many.append(Lot(patient, channel, block.at[good], block.values[good]))
        for fault in said.faults:
            self._letters.append(Letter(device, fault.state, fault.said, fault.readings))

    def store(self, telling: bool) -> Put:
        """Store what was judged good, and set the rest aside."""
        lots = [*self._lots(), *self._many]
        keys = {name: key for name, key in self._keys.items() if key is not None}
        connection, secrets = self._work.connection, self._store.secrets
        put = Put()
        if lots:
            put = Writer(connection, secrets, keys, ticks(self._now), telling).put(lots)
        for lot, state in put.aside:
            channel = lot.channel
            readings = _listed(channel.code, channel.unit, lot.at, lot.values)
            self._letters.append(Letter(channel.device, state, readings, len(lot.at)))
        patients = {name: row.patient for name, row in self._rows.items()}
        set_aside.keep(self._store, connection, self._letters, patients, self._now)
        self._stored = {lot.channel.device for lot in lots}
        old = stamp(self._now - SEEN)
        seen = [
            {"device": name, "at": stamp(self._now)}
            for name in self._stored
            if (self._rows[name].seen or "") < old
        ]
        _SEEN.many(connection, seen)
        return put

    def _lots(self) -> Iterator[Lot]:
        for (device, code, unit), (at, values) in self._few.items():
            yield Lot(self._rows[device].patient, Channel(code, unit, device), at, values)

    def log(self, known: set[tuple[str, str]]) -> set[tuple[str, str]]:
        """Log who sent, once a device and day; return the devices and days that are logged now."""
        day = self._now.date().isoformat()
        new = sorted(name for name in self._stored if (name, day) not in known)
        if new:
            self._work.log_all(
                [
                    Act(
                        *(f"device/{name}", "device-sent", self._rows[name].patient),
                        *(f"Device/{name}", "treatment", {"day": day}),
                        key=f"device-sent|{name}|{day}",
                    )
                    for name in new
                ]
            )
        return {(name, day) for name in new}


def _listed(code: str, unit: str, at: Any, values: Any) -> dict[str, Any]:
    return {
        "code": code,
        "unit": unit,
        "ticks": np.asarray(at).tolist(),
        "values": np.asarray(values).tolist(),
    }


__all__ = ["Deriver", "Door", "Judgement", "Listener", "Message", "Outcome", "Silent"]
