"""What the person who asks works with: devices, wards, and the desk of a ward."""

from __future__ import annotations

from suwen.core.errors import Denied
from suwen.health.alerts.trial import Desk
from suwen.records.alerts.wards import Wards
from suwen.records.streams.devices import Devices
from suwen.server.asking import PURPOSES, Asking


def devices_of(asking: Asking) -> Devices:
    """Return the person's way to devices."""
    return Devices(asking.bench.store, asking.person, PURPOSES[asking.person.role])


def wards_for(asking: Asking) -> Wards:
    """Return what the person may do with wards."""
    return Wards(asking.bench.store, asking.person, PURPOSES[asking.person.role])


def desk_of(asking: Asking) -> Desk:
    """Return what the person works with.

    Raises
    ------
    Denied
        The role cares for nobody.
    """
    if not asking.may["act"]:
        raise Denied("the ward is for those who care for patients", "a clinician or nurse", "")
    return Desk.of(asking.bench.store, asking.person, PURPOSES[asking.person.role])
