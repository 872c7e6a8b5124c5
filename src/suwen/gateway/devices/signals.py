"""Recordings of signals (EDF, BDF, WFDB) among files that somebody sent for a patient.

They go into the record as the files they came in, as from a folder; everything else is handed on.
Their bytes are held until they are stored, so there is a bound to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from suwen.core.errors import UnsafeInput
from suwen.core.nouns import digest_of
from suwen.gateway.devices.sample import Source
from suwen.gateway.identity import claim_of_patient, disagreement
from suwen.gateway.intake import Reading, SourceFile
from suwen.gateway.recordings_in import RecordingReader, claim_of_edf, read_edf_file
from suwen.gateway.storing import about
from suwen.health.signals.recording_edf import HEAD, is_edf
from suwen.records import Access

CAP: Final = 256 * 1024 * 1024
"""Most bytes of the recordings of one upload: about two days of three leads."""
_NUMBER: Final = "the patient identifier ("
"""What two claims differ in where one numbering says nothing of the other."""


class Recordings:
    """Collects the recordings among files.

    Parameters
    ----------
    person
        The FHIR Patient whose they are said to be; a recording that contradicts it is refused.
    """

    def __init__(self, person: Mapping[str, Any]) -> None:
        self.reading = Reading()
        self._claim = claim_of_patient("", dict(person))
        self._reader = RecordingReader(self.reading)
        self._held = 0

    def expect(self, files: Iterable[Source]) -> None:
        """Look through all files for headers, so that their signal files are known."""
        self._reader.expect((Path(one.name), one.open) for one in files)

    def others(self, files: Iterable[Source]) -> Iterator[Source]:
        """Take the recordings out of the files and yield the others."""
        for one in files:
            path = Path(one.name)
            named = self._reader.holds(path)
            if not named and not _edf(one):
                yield one
                continue
            try:
                data = self._whole(one)
            except UnsafeInput as error:
                self.reading.refuse(one.name, f"{error.got}; {error.todo}", "记录过大；请分次上传")
                continue
            file = SourceFile(one.name, digest_of(data), lambda data=data: data)  # type: ignore[misc]
            if named:
                self._reader.add(path, file)
            else:
                self._edf(file, data)

    def store(self, access: Access, patient: str) -> int:
        """Put what was collected into the patient's record; return how many recordings."""
        self._reader.finish()
        blobs = {one.digest: one for one in self.reading.blobs}
        for blob in blobs.values():
            access.put_blobs(patient, [(blob.checked(), blob.media_type)])
        if self.reading.resources:
            made = [about(one, f"Patient/{patient}") for one in self.reading.resources]
            access.put(made, patient)
        return len(self.reading.resources)

    def _edf(self, file: SourceFile, data: bytes) -> None:
        """Add one EDF file, unless it names somebody else."""
        differ = disagreement(self._claim, claim_of_edf(file.name, data))
        if fields := [one for one in differ if not one.startswith(_NUMBER)]:
            self.reading.refuse(
                file.name,
                f"it names somebody who differs from this patient in {', '.join(fields)}",
                "文件中写明的人与该患者不符",
            )
            return
        read_edf_file(file, data, self.reading)

    def _whole(self, one: Source) -> bytes:
        if self._held + one.size > CAP:
            raise UnsafeInput(
                f"recordings of more than {CAP >> 20} MiB", "shorter ones", "send them in parts"
            )
        with one.open() as file:
            data = file.read(CAP - self._held + 1)
        self._held += len(data)
        return data


def _edf(one: Source) -> bool:
    try:
        with one.open() as file:
            return is_edf(file.read(HEAD))
    except OSError:
        return False
