"""A recording as a request opens it: decoded, with what the newest report tells of it."""

from __future__ import annotations

from suwen.core.nouns import Reference
from suwen.diagnosis.problems import shown
from suwen.health.ecg_events import Read
from suwen.server import reports
from suwen.server.asking import Asking
from suwen.server.ecg_shelf import Opened, Told, told


def ecg_of(asking: Asking, patient: str, record: Reference) -> tuple[Opened, Told, Read]:
    """Return a recording and what tasks tell of it; its reading is checked and logged.

    Raises
    ------
    NotFound
        The patient has no such recording.
    """
    shelf, access = asking.bench.ecgs, asking.access
    opened = shelf.open(access, patient, record)
    stored = reports.latest(access, patient)
    said = told(shown(stored.report) if stored else (), opened.recording.record)
    return opened, said, shelf.read(access, patient, opened, said)
