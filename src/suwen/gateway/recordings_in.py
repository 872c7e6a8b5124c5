"""Recordings in (EDF, BDF, WFDB): checked by reading them, kept as the files they came in.

A WFDB record is a header (`.hea`) and the signal files it names beside it. The header is found by
its ending, as the format prescribes, and by its content; so that a signal file, which looks like
nothing at all, is taken for what its header says and for nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import PurePath, PurePosixPath
from typing import BinaryIO, Final

from suwen.core.errors import BadInput
from suwen.core.nouns import digest_of
from suwen.gateway.dicom_in import document
from suwen.gateway.identity import DICOM_ID, meaningful, name_forms
from suwen.gateway.intake import Claim, Reading, Resource, SourceFile
from suwen.health.signals.recording import (
    ECG,
    ECG_RECORDING,
    EDF,
    WFDB_HEADER,
    WFDB_SIGNAL,
    Lead,
    read_recording,
)
from suwen.health.signals.recording_edf import patient_field
from suwen.health.signals.recording_wfdb import HEAD_CAP, is_header, read_header

HEADER: Final = ".hea"
OTHER_RECORDING: Final = {"text": "Recording of signals"}
_MONTHS: Final = (
    "JAN",
    "FEB",
    "MAR",
    "APR",
    "MAY",
    "JUN",
    "JUL",
    "AUG",
    "SEP",
    "OCT",
    "NOV",
    "DEC",
)


class RecordingReader:
    """Collects headers and their signal files, then puts each record together."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._headers: dict[PurePath, tuple[str, ...]] = {}
        self._files: dict[PurePath, SourceFile] = {}

    def expect(self, files: Iterable[tuple[PurePath, Callable[[], BinaryIO]]]) -> None:
        """Look at the headers among files (path, how to open it): so their signals are known."""
        for path, opened in files:
            if path.suffix.lower() == HEADER and (names := _named(opened)) is not None:
                self._headers[path] = names

    def holds(self, path: PurePath) -> bool:
        """Say whether a file is a header, or a signal file that one beside it names."""
        return path in self._headers or any(
            path.parent == header.parent and path.name in names
            for header, names in self._headers.items()
        )

    def add(self, path: PurePath, file: SourceFile) -> None:
        """Keep one of the files that `holds` knows."""
        self._files[path] = file

    def finish(self) -> None:
        """Add each record, or the reason why not; a signal file without a whole record too."""
        told: set[PurePath] = set()
        for header in self._headers:
            if header in self._files:
                told |= self._record(header)
        for path, file in self._files.items():
            if path not in told:
                self._reading.refuse(
                    file.name,
                    "a signal file of a record that was not read",
                    "所属记录未能读取的信号文件",
                )

    def _record(self, header: PurePath) -> set[PurePath]:
        """Add one record; return the files that have been spoken of."""
        head = self._files[header]
        paths = [header.with_name(name) for name in self._headers[header]]
        there = [path for path in paths if path in self._files]
        try:
            contents = {path.name: self._files[path].load() for path in [header, *there]}
            start, leads = read_recording(contents, header.name)
        except BadInput as error:
            self._reading.refuse(head.name, _why(error), f"WFDB 记录无法读取：{error.got}。")
            return {header, *there}
        files = [(head, WFDB_HEADER), *((self._files[path], WFDB_SIGNAL) for path in there)]
        whole = digest_of("".join(file.digest for file, _ in files).encode())
        record = document(head, WFDB_HEADER, _kind(leads), whole)
        record["content"] = [_content(file, media) for file, media in files]
        self._reading.blobs += [file.blob(media) for file, media in files]
        _keep(record, start, leads, "WFDB", self._reading)
        return {header, *there}


def read_edf_file(file: SourceFile, data: bytes, reading: Reading) -> None:
    """Add one EDF or BDF file, or the reason why not."""
    try:
        start, leads = read_recording({file.name: data}, file.name)
    except BadInput as error:
        reading.refuse(file.name, _why(error), f"EDF 无法读取：{error.got}。")
        return
    if (claim := claim_of_edf(file.name, data)).says_who or claim.birth_date:
        reading.claims.append(claim)
    reading.blobs.append(file.blob(EDF))
    _keep(document(file, EDF, _kind(leads), file.digest), start, leads, "EDF", reading)


def claim_of_edf(file: str, data: bytes) -> Claim:
    """Return what the head of an EDF+ file says about the patient: code, sex, birth date, name."""
    parts = (patient_field(data).split() + ["X"] * 4)[:4]
    code, sex, birth, name = ("" if part.upper() == "X" else part for part in parts)
    return Claim(
        file,
        "EDF header",
        frozenset({(DICOM_ID, code)} if meaningful(code) else ()),
        name_forms(name.replace("_", " ")),
        _birth(birth),
        {"F": "female", "M": "male"}.get(sex.upper(), ""),
        "",
        {"name": [{"text": name.replace("_", " ")}]} if meaningful(name) else None,
    )


def _named(opened: Callable[[], BinaryIO]) -> tuple[str, ...] | None:
    """Return the signal files a header names; None where it is no header."""
    try:
        with opened() as file:
            data = file.read(HEAD_CAP + 1)
        if not is_header(data):
            return None
        return tuple(name for name in read_header(data).files if PurePosixPath(name).name == name)
    except OSError:
        return None
    except BadInput:
        return ()


def _keep(
    record: Resource, start: datetime | None, leads: list[Lead], form: str, reading: Reading
) -> None:
    if start is not None:
        record["context"] = {"period": {"start": start.date().isoformat()}}
    reading.resources.append(record)
    seconds = max(lead.seconds for lead in leads)
    names = ", ".join(lead.name for lead in leads[:6]) + (" ..." if len(leads) > 6 else "")
    reading.accept(
        f"{form} recording of {len(leads)} signal(s), {_length(seconds)}: {names}",
        f"{form} 记录，{len(leads)} 路信号，{_length(seconds)}：{names}",
    )


def _length(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _kind(leads: Sequence[Lead]) -> Resource:
    return dict(ECG_RECORDING if any(lead.kind == ECG for lead in leads) else OTHER_RECORDING)


def _content(file: SourceFile, media: str) -> Resource:
    return {"attachment": {"contentType": media, "url": f"blob/{file.digest}", "title": file.name}}


def _why(error: BadInput) -> str:
    return f"{error.got}; expected {error.expected}."


def _birth(text: str) -> str:
    """Return the birth date of an EDF+ head (`02-MAY-1951`) as YYYY-MM-DD, empty without one."""
    parts = text.upper().split("-")
    try:
        day = datetime(int(parts[2]), _MONTHS.index(parts[1]) + 1, int(parts[0]))
    except (IndexError, ValueError):
        return ""
    return day.date().isoformat()
