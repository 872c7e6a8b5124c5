"""Devices: which may send, and whose readings they are.

A device is bound to one patient by a person who may write that patient's record. Its token is shown
once; the store keeps a keyed hash of it (the token has 256 random bits, so no slow hash is needed).
A revoked device is refused from the next commit on, in every process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from suwen.records.gate import Gate, admit
from suwen.records.people import Person

if TYPE_CHECKING:
    from suwen.records.store import Store


@dataclass(frozen=True)
class Device:
    """A registered device.

    Parameters
    ----------
    id
        Name it sends under (letters, digits and ._@-); it must not tell a patient's name.
    label
        What people call it; sealed in the store.
    seen
        When something of it was last stored; at most 10 seconds old.
    revoked
        When it was revoked, None while it may send.
    refused
        Readings and messages set aside, by state.
    """

    id: str
    patient: str
    label: str
    created: datetime
    seen: datetime | None
    revoked: datetime | None
    refused: dict[str, int]


class Devices:
    """The acts of one person on devices, for one purpose.

    All methods raise `Denied` when the policy does not allow them; the denial is logged.
    """

    def __init__(self, store: Store, person: Person, purpose: str) -> None:
        admit(store, person, purpose)
        self._store = store
        self._gate = Gate(store, person, purpose)

    def add(self, device: str, patient: str, label: str = "") -> str:
        """Bind a new device to a patient; return its token, which is not kept.

        Raises
        ------
        BadInput
            The id cannot be used.
        Conflict
            A device of that id is there already, also where it was revoked: an id is never reused.
        """
        raise NotImplementedError

    def list(self, patient: str | None = None) -> Sequence[Device]:
        """Return the devices of a patient, or of all patients this person may read; by id."""
        raise NotImplementedError

    def renew(self, device: str) -> str:
        """Give a device a new token, which is returned; the old one is worth nothing at once."""
        raise NotImplementedError

    def revoke(self, device: str, reason: str) -> None:
        """Refuse everything the device sends from now on.

        Raises
        ------
        NotFound
            No such device.
        """
        raise NotImplementedError
