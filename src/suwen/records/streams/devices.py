"""Devices: which may send, and whose readings they are.

A device is bound to one patient by a person who may write that patient's record. Its token is shown
once; the store keeps a keyed hash of it (the token has 256 random bits, so no slow hash is needed).
A revoked device is refused from the next commit on, in every process. An id is never used again.
"""

from __future__ import annotations

import hmac
import re
import secrets as random
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, func, select, update

from suwen.core.errors import BadInput, Conflict, NotFound
from suwen.records import acts, remarks
from suwen.records.gate import Gate, admit
from suwen.records.index import stamp
from suwen.records.keys import Secrets
from suwen.records.people import Person
from suwen.records.policy import Action
from suwen.records.tables import device as table
from suwen.records.tables import stream_tally

if TYPE_CHECKING:
    from suwen.records.store import Store

DEVICE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,47}")
TOKEN_BYTES: Final = 32
TOKEN_CHARACTERS: Final = 200
"""Longest token that is looked at."""
MANY: Final = 400


@dataclass(frozen=True)
class Device:
    """A registered device.

    Parameters
    ----------
    id
        Name it sends under (letters, digits and ._@-); it must not tell a patient's name.
    seen
        When something of it was last stored; at most 10 seconds old.
    revoked
        When it was revoked, None while it may send.
    refused
        Readings and messages set aside, by state.
    """

    id: str
    patient: str
    created: datetime
    seen: datetime | None
    revoked: datetime | None
    refused: dict[str, int]


class Devices:
    """The acts of one person on devices, for one purpose.

    All methods raise `Denied` when the policy does not allow them; the denial is logged.

    Raises
    ------
    Denied
        The purpose is not in the policy, or the person was deactivated or changed role.
    """

    def __init__(self, store: Store, person: Person, purpose: str) -> None:
        admit(store, person, purpose)
        self._store = store
        self._gate = Gate(store, person, purpose)

    def add(self, device: str, patient: str) -> str:
        """Bind a new device to a patient; return its token, which is not kept.

        Raises
        ------
        BadInput
            The id cannot be used.
        Conflict
            A device of that id is there already, be it revoked.
        """
        if not DEVICE_ID.fullmatch(device):
            raise BadInput(
                "the device's id cannot be used", "letters, digits and ._@- (at most 48)", ""
            )
        token = random.token_urlsafe(TOKEN_BYTES)
        with self._gate.act("write", patient, f"Device/{device}") as work:
            self._store.vault.patient_key(work.connection, patient)
            if work.connection.execute(select(table.c.id).where(table.c.id == device)).first():
                raise Conflict(
                    f"a device {device!r} is there already",
                    "a new id; that of a revoked device is not used again",
                    "choose another, or give the device a new token",
                )
            work.connection.execute(
                table.insert().values(
                    id=device,
                    patient=patient,
                    token=hashed(self._store.secrets, token),
                    created=stamp(datetime.now(UTC)),
                )
            )
            work.log(self._gate.entry("device-added", patient, f"Device/{device}", {}))
        return token

    def list(self, patient: str | None = None) -> list[Device]:
        """Return the devices of a patient, or of all patients this person may read; by id."""
        with self._gate.act("list" if patient is None else "read", patient or "", "Device") as work:
            query = select(table).order_by(table.c.id)
            if patient is not None:
                query = query.where(table.c.patient == patient)
            mine = {patient} if patient else set(self._gate.readable(work.connection))
            rows = [row for row in work.connection.execute(query) if row.patient in mine]
            refused = counted(work.connection, [row.id for row in rows])
            detail = acts.many([f"Device/{row.id}" for row in rows])
            work.log(self._gate.entry("list", patient or "", "Device", detail))
        return [device_of(row, refused.get(row.id, {})) for row in rows]

    def renew(self, device: str) -> str:
        """Give a device a new token, which is returned; the old one is worth nothing at once.

        Raises
        ------
        NotFound
            No such device, or it was revoked.
        """
        token = random.token_urlsafe(TOKEN_BYTES)
        patient = self._patient(device)
        with self._gate.act("write", patient, f"Device/{device}") as work:
            values = {"token": hashed(self._store.secrets, token)}
            if not _change(work.connection, device, values):
                raise NotFound("the device was revoked", "one that may send", "add a new one")
            work.log(self._gate.entry("device-renewed", patient, f"Device/{device}", {}))
        return token

    def revoke(self, device: str, reason: str) -> None:
        """Refuse everything the device sends from now on.

        Raises
        ------
        NotFound
            No such device, or it was revoked already.
        """
        revoke(self._store, self._gate, device, reason, "write")

    def _patient(self, device: str) -> str:
        return patient_of(self._store, device)


def revoke(store: Store, gate: Gate, device: str, reason: str, action: Action) -> None:
    """Revoke a device in the name of a gate's person, who may do `action` for its patient.

    Raises
    ------
    NotFound
        No such device, or it was revoked already.
    """
    acts.check_reason(reason)
    patient = patient_of(store, device)
    with gate.act(action, patient, f"Device/{device}") as work:
        if not _change(work.connection, device, {"revoked": stamp(datetime.now(UTC))}):
            raise NotFound("the device was revoked already", "one that may send", "")
        key = store.vault.patient_key(work.connection, patient)
        detail = remarks.sealed(work.connection, key, store.secrets, {"reason": reason})
        work.log(gate.entry("device-revoked", patient, f"Device/{device}", detail))


def patient_of(store: Store, device: str) -> str:
    """Return whose readings a device sends.

    Raises
    ------
    NotFound
        No such device.
    """
    with store.database.transaction(reading=True) as connection:
        found = connection.execute(select(table.c.patient).where(table.c.id == device)).scalar()
    if found is None:
        raise NotFound("no such device", "the id of a registered device", "list them")
    return str(found)


def hashed(secrets: Secrets, token: str) -> str:
    """Return what the store keeps of a token."""
    return secrets.hashed(f"device token|{token}")


def fits(secrets: Secrets, token: str, kept: str) -> bool:
    """Whether a token is the one of which `kept` is stored."""
    return len(token) <= TOKEN_CHARACTERS and hmac.compare_digest(hashed(secrets, token), kept)


def registered(connection: Connection, devices: Collection[str]) -> dict[str, Any]:
    """Return the rows of those of `devices` that are registered, by id."""
    names, found = sorted(devices), dict[str, Any]()
    for start in range(0, len(names), MANY):
        query = select(table).where(table.c.id.in_(names[start : start + MANY]))
        found |= {row.id: row for row in connection.execute(query)}
    return found


def _change(connection: Connection, device: str, values: dict[str, Any]) -> bool:
    query = update(table).where(table.c.id == device, table.c.revoked.is_(None))
    return connection.execute(query.values(**values)).rowcount == 1


def counted(connection: Connection, devices: Collection[str]) -> dict[str, dict[str, int]]:
    """Return how much was set aside of devices, by state."""
    c, found = stream_tally.c, dict[str, dict[str, int]]()
    query = select(c.device, c.state, func.sum(c.count).label("total")).group_by(c.device, c.state)
    for row in connection.execute(query):
        if row.device in devices:
            found.setdefault(row.device, {})[row.state] = int(row.total)
    return found


def device_of(row: Any, refused: dict[str, int]) -> Device:
    """Return the device of a row, with what of it was set aside."""
    created = datetime.fromisoformat(row.created)
    seen, revoked = (
        datetime.fromisoformat(text) if text else None for text in (row.seen, row.revoked)
    )
    return Device(row.id, row.patient, created, seen, revoked, refused)
