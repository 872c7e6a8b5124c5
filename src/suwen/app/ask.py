"""One task asked of the files of one patient, stored and logged like a diagnosis."""

from __future__ import annotations

from pathlib import Path

from suwen.app.diagnose import PURPOSE, answer
from suwen.app.services import operator
from suwen.cli import Answered
from suwen.core import registry
from suwen.core.settings import Settings, settings
from suwen.gateway.folder import read_folder
from suwen.gateway.storing import store_intake
from suwen.lifecycle.logged import finding_ids
from suwen.notes.reading.case import notes_of
from suwen.records import Store


def ask(name: str, path: Path, home: Settings | None = None) -> Answered:
    """Store what a file or folder holds and answer one task on it, with the tasks it builds on.

    The same files again are the same patient with the same findings, logged once.

    Raises
    ------
    NotFound
        There is no such task, or no such file or folder.
    BadInput
        Nothing there was understood, or it is of two patients.
    """
    registry.find(name)
    with Store.open(home or settings()) as store:
        intake = read_folder(path)
        access = store.session(operator(store), PURPOSE)
        patient = store_intake(access, intake)
        findings = answer(access, patient, name)
        wanted = {finding.id for finding in findings}
        entries = store.log.entries(patient=patient)
        return Answered(
            patient,
            tuple(findings),
            {read.note.record: read.original for read in notes_of(access.case(patient))},
            tuple(text.en for text in intake.not_understood),
            tuple(one.sequence for one in entries if not wanted.isdisjoint(finding_ids(one))),
        )
