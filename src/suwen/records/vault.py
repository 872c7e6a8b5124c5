"""The vault: the keys of one store, as they stand wrapped in its database."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import BindParameter, Connection, Row, bindparam, select, update

from suwen.core.errors import BadInput, IntegrityError, KeyUnavailable, NotFound
from suwen.records.database import Database, Prepared, insert_many
from suwen.records.index import stamp
from suwen.records.keys import KEY_BYTES, Master, MasterKeySource, Secrets, seal, unseal
from suwen.records.tables import data_key, keyring, patient

ROOT = "root"
CACHED = 4096
CHUNK = 400
_NAME: BindParameter[str] = bindparam("name")
_MASTER = Prepared(select(keyring.c.master).with_for_update(read=True))
_LOCK = Prepared(select(patient.c.id).where(patient.c.id == _NAME).with_for_update())
_KEYS = Prepared(
    select(data_key).where(data_key.c.patient == _NAME).order_by(data_key.c.generation)
)


@dataclass(frozen=True)
class PatientKey:
    """The data keys of one patient: the current generation, and older ones still in use."""

    patient: str
    current: int
    ciphers: Mapping[int, AESGCM]

    def seal(self, place: str, plain: bytes) -> bytes:
        """Seal with the current generation."""
        return seal(self.ciphers[self.current], place, plain)

    def unseal(self, generation: int, place: str, sealed: bytes) -> bytes:
        """Open what was sealed with that generation."""
        return unseal(self.cipher(generation), place, sealed)

    def cipher(self, generation: int) -> AESGCM:
        """Return the cipher of a generation.

        Raises
        ------
        IntegrityError
            No such generation: the row was altered.
        """
        try:
            return self.ciphers[generation]
        except KeyError:
            raise IntegrityError(
                f"content names data key {generation} of a patient who has no such key",
                "a generation that exists",
                "restore the database from its backup",
            ) from None


class Vault:
    """Opens the root secret and the data keys with the master key.

    Raises
    ------
    KeyUnavailable
        The master key is missing or is not the one of this store.
    """

    def __init__(self, database: Database, source: MasterKeySource) -> None:
        self._database = database
        self._source = source
        self._cache: dict[tuple[str, int, bytes], AESGCM] = {}
        with database.transaction() as connection:
            database.alone(connection)
            row = connection.execute(select(keyring)).first()
            if row is None:
                self._master = Master(source.load(create=True))
                root = os.urandom(KEY_BYTES)
                connection.execute(
                    keyring.insert().values(
                        id=1,
                        root=self._master.wrap(ROOT, root),
                        master=self._master.fingerprint,
                        created=stamp(datetime.now(UTC)),
                    )
                )
            else:
                self._master = self._fitting(row.master)
                root = self._master.unwrap(ROOT, row.root)
        self.secrets = Secrets(root)

    def _fitting(self, wanted: str) -> Master:
        """Load the master key of that fingerprint, finishing a rotation cut off at its end."""
        try:
            if (master := Master(self._source.load())).fingerprint == wanted:
                return master
        except KeyUnavailable:
            if self._source.spec or not self._source.next.exists():
                raise
        waiting = self._source.load_next()
        if waiting is not None and Master(waiting).fingerprint == wanted:
            self._source.adopt_next()
            return Master(waiting)
        raise KeyUnavailable(
            "the master key does not open this store",
            f"the master key with fingerprint {wanted}",
            "correct SUWEN_MASTER_KEY or restore the key file",
        )

    def _current_master(self, connection: Connection) -> Master:
        """Return the master key now in force; another process may have rotated it."""
        wanted = str(_MASTER(connection).scalar_one())
        if wanted != self._master.fingerprint:
            self._master = self._fitting(wanted)
        return self._master

    def new_patient(self, connection: Connection) -> str:
        """Add a patient with a data key of its own; return the pseudonymous id."""
        name, now = self.secrets.new_id(), stamp(datetime.now(UTC))
        insert_many(connection, patient, [{"id": name, "created": now}])
        self.add_generation(connection, name, 1)
        return name

    def add_generation(self, connection: Connection, name: str, generation: int) -> None:
        """Give a patient a fresh data key."""
        key = os.urandom(KEY_BYTES)
        wrapped = self._current_master(connection).wrap(f"data key|{name}|{generation}", key)
        row = {
            "patient": name,
            "generation": generation,
            "wrapped": wrapped,
            "created": stamp(datetime.now(UTC)),
            "destroyed": None,
        }
        insert_many(connection, data_key, [row])
        self._remember((name, generation, wrapped), AESGCM(key))

    def patient_key(self, connection: Connection, name: str, *, lock: bool = False) -> PatientKey:
        """Return a patient's data keys; with `lock`, other writers of this patient wait.

        Raises
        ------
        NotFound
            No such patient.
        KeyUnavailable
            The patient's key was destroyed.
        """
        if lock:
            _LOCK(connection, name=name)
        rows = _KEYS(connection, name=name).all()
        if not rows:
            raise NotFound("no such patient", "the id of a patient of this store", "check the id")
        if (key := self._patient_key(connection, name, rows)) is None:
            raise KeyUnavailable(
                f"the key of patient {name} was destroyed on purpose",
                "nothing: the content cannot be read again",
                "see the decision log for who did it and when",
            )
        return key

    def patient_keys(
        self, connection: Connection, names: Sequence[str]
    ) -> dict[str, PatientKey | None]:
        """Return the data keys of patients, None for one whose key was destroyed."""
        found: dict[str, PatientKey | None] = {}
        for start in range(0, len(names), CHUNK):
            query = select(data_key).where(data_key.c.patient.in_(names[start : start + CHUNK]))
            ordered = query.order_by(data_key.c.patient, data_key.c.generation)
            for name, rows in groupby(connection.execute(ordered), key=lambda row: row.patient):
                found[name] = self._patient_key(connection, name, list(rows))
        return found

    def _patient_key(
        self, connection: Connection, name: str, rows: Sequence[Row[Any]]
    ) -> PatientKey | None:
        if any(row.wrapped is None for row in rows):
            return None
        ciphers = {
            row.generation: self._cipher(connection, name, row.generation, row.wrapped)
            for row in rows
        }
        return PatientKey(name, rows[-1].generation, ciphers)

    def _cipher(self, connection: Connection, name: str, generation: int, wrapped: bytes) -> AESGCM:
        place = (name, generation, bytes(wrapped))
        if (known := self._cache.get(place)) is not None:
            return known
        master = self._current_master(connection)
        cipher = AESGCM(master.unwrap(f"data key|{name}|{generation}", bytes(wrapped)))
        self._remember(place, cipher)
        return cipher

    def _remember(self, place: tuple[str, int, bytes], cipher: AESGCM) -> None:
        if len(self._cache) >= CACHED:
            self._cache.clear()
        self._cache[place] = cipher

    def destroy(self, connection: Connection, name: str) -> None:
        """Overwrite every data key of a patient with nothing.

        Raises
        ------
        NotFound
            No such patient.
        KeyUnavailable
            The key was destroyed before.
        """
        self.patient_key(connection, name, lock=True)
        connection.execute(
            update(data_key)
            .where(data_key.c.patient == name)
            .values(wrapped=None, destroyed=stamp(datetime.now(UTC)))
        )
        for place in [place for place in self._cache if place[0] == name]:
            self._cache.pop(place, None)

    def rotate_master(self, connection: Connection, key: bytes) -> int:
        """Wrap the root and every data key with another master key, in the caller's transaction.

        Returns the number of data keys. Call `adopt` once the transaction is committed.

        Raises
        ------
        BadInput
            The new key is the one in use.
        """
        connection.execute(select(keyring).with_for_update())
        old, new = self._current_master(connection), Master(key)
        if new.fingerprint == old.fingerprint:
            raise BadInput("the new master key is the one in use", "another key", "make a new one")
        root = old.unwrap(ROOT, connection.execute(select(keyring.c.root)).scalar_one())
        connection.execute(
            update(keyring).values(root=new.wrap(ROOT, root), master=new.fingerprint)
        )
        rows = connection.execute(select(data_key).where(data_key.c.wrapped.is_not(None))).all()
        for row in rows:
            place = f"data key|{row.patient}|{row.generation}"
            connection.execute(
                update(data_key)
                .where(data_key.c.patient == row.patient, data_key.c.generation == row.generation)
                .values(wrapped=new.wrap(place, old.unwrap(place, bytes(row.wrapped))))
            )
        return len(rows)

    def adopt(self, source: MasterKeySource) -> None:
        """Use another source of the master key from now on."""
        source.adopt_next()
        self._source = source
        self._cache.clear()
