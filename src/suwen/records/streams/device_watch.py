"""What comes of devices: what was set aside of them, and an administrator's hand on all of them.

Whoever cares for patients sees the counts and the messages of their devices. An administrator, for
the purpose of administration, sees every device by its id and its patient's pseudonym, and what no
known device sent; may read what was set aside, to find out what is wrong with a device; and may
revoke one. Each opening of messages stands in the decision log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from suwen.core.errors import Denied
from suwen.records import acts
from suwen.records.gate import Gate, admit
from suwen.records.people import Person
from suwen.records.streams import devices, set_aside
from suwen.records.streams.devices import Device, device_of
from suwen.records.streams.set_aside import Kept
from suwen.records.tables import device as table
from suwen.records.tables import stream_tally

if TYPE_CHECKING:
    from suwen.records.store import Store

MOST: Final = 200
"""Messages shown at a time."""


@dataclass(frozen=True)
class Count:
    """How many readings or messages of a device (empty: unknown ones) were set aside as what.

    `patient` is empty for unknown devices; `last` is the day (UTC) it last happened.
    """

    device: str
    patient: str
    state: str
    count: int
    last: str


class DeviceWatch:
    """What one person may see of devices beyond sending, for one purpose.

    All methods raise `Denied` when the policy does not allow them; the denial is logged.
    """

    def __init__(self, store: Store, person: Person, purpose: str) -> None:
        admit(store, person, purpose)
        self._store = store
        self._gate = Gate(store, person, purpose)
        self._manages = self._gate.allows("manage", frozenset())

    def devices(self) -> list[Device]:
        """Return every device of the store, by id; for administrators."""
        with self._gate.act("manage", "", "Device") as work:
            rows = work.connection.execute(select(table).order_by(table.c.id)).all()
            refused = devices.counted(work.connection, [row.id for row in rows])
            detail = acts.many([f"Device/{row.id}" for row in rows])
            work.log(self._gate.entry("list", "", "Device", detail))
        return [device_of(row, refused.get(row.id, {})) for row in rows]

    def revoke(self, device: str, reason: str) -> None:
        """Refuse everything a device sends from now on; for administrators.

        Raises
        ------
        NotFound
            No such device, or it was revoked already.
        """
        devices.revoke(self._store, self._gate, device, reason, "manage")

    def counts(self) -> list[Count]:
        """Return what was set aside, the newest and then the most first.

        Of the devices of patients this person may read; for an administrator of all, those nobody
        knows included.
        """
        c = stream_tally.c
        query = select(
            c.device, c.state, func.sum(c.count).label("n"), func.max(c.day).label("last")
        ).group_by(c.device, c.state)
        with self._gate.act("manage" if self._manages else "list", "", "Device") as work:
            patients = dict(work.connection.execute(select(table.c.id, table.c.patient)).all())
            mine = None if self._manages else set(self._gate.readable(work.connection))
            rows = work.connection.execute(query).all()
        found = [
            Count(row.device, str(patients.get(row.device, "")), row.state, int(row.n), row.last)
            for row in rows
        ]
        seen = [one for one in found if mine is None or one.patient in mine]
        return sorted(seen, key=lambda one: (one.last, one.count), reverse=True)

    def messages(self, device: str, state: str, most: int = MOST) -> Sequence[Kept]:
        """Return what was set aside of a device as what, the newest first.

        An empty `device`: of unknown ones, for administrators. Beyond the limit of a day they are
        only counted, and after `SUWEN_STREAM_REFUSED_DAYS` forgotten.

        Raises
        ------
        NotFound
            No such device.
        KeyUnavailable
            The patient's key was destroyed.
        """
        patient = devices.patient_of(self._store, device) if device else ""
        if not patient and not self._manages:
            raise Denied("messages of unknown devices", "an administrator", "ask one")
        subject = f"Device/{device}"
        with self._gate.act("manage" if self._manages else "read", patient, subject) as work:
            connection = work.connection
            key = self._store.vault.patient_key(connection, patient) if patient else None
            found = set_aside.newest(self._store, connection, key, (device, state), most)
            detail = {"state": state, "n": len(found)}
            work.log(self._gate.entry("set-aside-read", patient, subject, detail))
        return found
