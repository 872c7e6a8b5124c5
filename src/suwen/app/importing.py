"""The import of device exports for the command line."""

from __future__ import annotations

from suwen.app.diagnose import PURPOSE
from suwen.app.services import operator
from suwen.cli import ImportRequest
from suwen.core.settings import Settings, settings
from suwen.gateway.devices.files import sources
from suwen.gateway.devices.importing import Imported, import_readings
from suwen.gateway.devices.record import observed
from suwen.gateway.devices.times import zone_of
from suwen.records import Store
from suwen.records.streams import Streams


def import_devices(request: ImportRequest, home: Settings | None = None) -> Imported:
    """Store the readings of a file or folder of one patient, as whoever holds the machine.

    Raises
    ------
    NotFound
        There is no such file, folder or patient.
    BadInput
        The zone is not known, or there are too many files.
    """
    zone = zone_of(request.zone) if request.zone else None
    with Store.open(home or settings()) as store:
        person = operator(store)
        access = store.session(person, PURPOSE)
        stored = access.read(f"Patient/{request.patient}").content
        streams = Streams(store, person, PURPOSE)
        files = sources(request.path, zone)
        born = str(stored.get("birthDate", ""))
        done = import_readings(files, request.patient, streams, born=born)
        observed(done, request.patient, streams, lambda made: access.put(made, request.patient))
    return done
