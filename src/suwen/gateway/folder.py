"""A folder in: every file is looked at, recognised by its content, and read or refused by name.

Links that lead out of the folder are not followed, and what is read has bounds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path, PurePath
from typing import BinaryIO

from suwen.core.codes import Text
from suwen.core.encodings import decode
from suwen.core.errors import BadInput, NotFound, UnsafeInput
from suwen.core.nouns import digest_of
from suwen.core.settings import settings
from suwen.gateway.dicom_in import DicomReader, read_volume
from suwen.gateway.fhir_in import read_fhir
from suwen.gateway.identity import identify
from suwen.gateway.intake import Intake, Reading, Resource, SourceFile
from suwen.gateway.notes_in import NO_WORDS, read_document, read_note
from suwen.gateway.recognise import UNKNOWN, kind_of
from suwen.gateway.recordings_in import RecordingReader, read_edf_file
from suwen.gateway.storing import store_intake
from suwen.gateway.tables import is_vitals, read_vitals, rows_of
from suwen.notes.reading.document import CDA, HTML, media_type_of

__all__ = ["Given", "read_files", "read_folder", "store_intake"]

FILE_CAP = 50_000
"""Most files read from one folder."""
DEPTH_CAP = 32
"""Deepest folder below the given one that is entered."""
NOTE_CAP = 4 * 1024 * 1024
"""Longest text taken for a note, in bytes."""

_TABLE = Text(
    en="a table whose columns are not known vital signs with a time",
    zh="表格的列不是已知的“时间 + 生命体征”",
)
_LINK = Text(en="a link that leads out of the folder", zh="指向文件夹之外的链接，未读取")
_SPECIAL = Text(en="not a regular file", zh="不是普通文件")
_DEEP = Text(en="too deep below the folder", zh="文件夹层级过深")
_UNREADABLE = Text(en="it cannot be opened", zh="无法打开")
_LARGE = Text(en="larger than SUWEN_MAX_UPLOAD_MB allows", zh="文件超过 SUWEN_MAX_UPLOAD_MB 的限制")
_LONG = Text(en="too long for a note", zh="文本过长，不像病历")


@dataclass(frozen=True)
class Given:
    """One file to be read.

    Parameters
    ----------
    path
        Where it stands among the others; what is beside it may belong to it.
    open
        Opens its content, each time anew.
    refused
        Why it is not to be read, None where it is.
    """

    path: PurePath
    open: Callable[[], BinaryIO] = field(repr=False)
    refused: Text | None = None

    @property
    def name(self) -> str:
        """Its name as it is told to whoever brought it."""
        return self.path.as_posix()

    def load(self) -> bytes:
        """Return its content."""
        with self.open() as file:
            return file.read()


def read_folder(folder: Path, zone: tzinfo | None = None) -> Intake:
    """Read the files of one patient.

    Parameters
    ----------
    folder
        Folder with the files, read with its sub-folders in sorted order; or one file.
    zone
        Time zone of times in tables that name none; None: this machine's.

    Raises
    ------
    NotFound
        There is no such folder or file.
    UnsafeInput
        More than `FILE_CAP` files.
    BadInput
        The files name two different patients, or nothing was understood.
    """
    if not folder.exists():
        raise NotFound("no such folder", "a folder with the files of one patient", "check the path")
    given = (
        Given(
            path.relative_to(folder) if path != folder else Path(path.name),
            _opening(path),
            refused,
        )
        for path, refused in _walk(folder)
    )
    return read_files(given, zone)


def read_files(files: Iterable[Given], zone: tzinfo | None = None) -> Intake:
    """Read the files of one patient, wherever they stand; errors are those of `read_folder`."""
    reading = Reading()
    dicom, recordings = DicomReader(reading), RecordingReader(reading)
    given, digests = list(files), []
    recordings.expect((one.path, one.open) for one in given if not one.refused)
    for one in given:
        if not one.refused and recordings.holds(one.path):
            digests.append(_hold(one, recordings))
            continue
        refused = one.refused
        reason, digest = (refused, "") if refused else _read(one, reading, dicom, zone)
        digests.append(digest)
        if reason is not None:
            reading.refuse(one.name, reason.en, reason.zh)
    dicom.finish()
    recordings.finish()
    return _intake(reading, digests)


def _intake(reading: Reading, digests: list[str]) -> Intake:
    if not reading.resources and not reading.claims:
        raise BadInput(
            "nothing in the folder was understood",
            "DICOM, NIfTI, FHIR R4 JSON, notes (text, RTF, HTML, C-CDA, PDF), tables of vitals or "
            "recordings (EDF, WFDB)",
            "check that it is the right folder; the files' reasons: " + _reasons(reading),
        )
    identity = identify(reading.claims, [blob.digest for blob in reading.blobs] or digests)
    resources = _once(reading)
    blobs = {blob.digest: blob for blob in reading.blobs}
    return Intake(
        identity,
        tuple(resources),
        tuple(blobs.values()),
        tuple(_counted(reading.understood)),
        tuple(reading.not_understood),
    )


def _opening(path: Path) -> Callable[[], BinaryIO]:
    return lambda: path.open("rb")


def _reasons(reading: Reading) -> str:
    """Return why files were not understood, without their names."""
    reasons = dict.fromkeys(text.en.partition(": ")[2] for text in reading.not_understood)
    return "; ".join(list(reasons)[:5]) or "there are no files"


def _walk(folder: Path) -> Iterator[tuple[Path, Text | None]]:
    """Yield each file in sorted order, with the reason where it is not to be read."""
    if not folder.is_dir():
        yield folder, _refused(folder, folder.resolve())
        return
    root = folder.resolve()
    count = 0
    stack = [(folder, 0)]
    while stack:
        here, depth = stack.pop()
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError:
            yield here, _UNREADABLE
            continue
        below = []
        for entry in entries:
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                below.append((path, depth + 1))
                continue
            count += 1
            if count > FILE_CAP:
                raise UnsafeInput(
                    f"a folder of more than {FILE_CAP} files",
                    "the files of one patient",
                    "split it",
                )
            yield path, _refused(path, root)
        if depth >= DEPTH_CAP:
            yield from ((path, _DEEP) for path, _ in below)
            continue
        stack.extend(reversed(below))


def _refused(path: Path, root: Path) -> Text | None:
    try:
        if path.is_symlink() and not path.resolve().is_relative_to(root):
            return _LINK
        if not path.is_file():
            return _SPECIAL
        if path.stat().st_size > settings().max_upload_mb * 1024 * 1024:
            return _LARGE
    except (OSError, RuntimeError):
        return _UNREADABLE
    return None


def _hold(given: Given, recordings: RecordingReader) -> str:
    """Keep one file of a WFDB record; return its digest, empty where it cannot be opened."""
    try:
        digest = digest_of(given.load())
    except OSError:
        return ""
    recordings.add(given.path, SourceFile(given.name, digest, given.load))
    return digest


def _read(
    given: Given, reading: Reading, dicom: DicomReader, zone: tzinfo | None
) -> tuple[Text | None, str]:
    """Read one file; return the reason why it was not understood (or None) and its digest."""
    try:
        data = given.load()
    except OSError:
        return _UNREADABLE, ""
    file = SourceFile(given.name, digest_of(data), given.load)
    kind = kind_of(data)
    if isinstance(kind, Text):
        return kind, file.digest
    if kind != "dicom" and _is_export(file, data, reading, zone):
        return None, file.digest
    if kind == "dicom":
        dicom.add(file, data)
    elif kind == "nifti":
        read_volume(file, data, reading)
    elif kind == "edf":
        read_edf_file(file, data, reading)
    elif kind == "json":
        read_fhir(file, data, reading)
    elif kind == "document":
        return read_document(file, data, reading), file.digest
    else:
        return _text(file, data, reading, zone), file.digest
    return None, file.digest


def _is_export(file: SourceFile, data: bytes, reading: Reading, zone: tzinfo | None) -> bool:
    """Read a device's export; say whether it is one."""
    from suwen.gateway.devices.intake import may_be_export, read_export

    return may_be_export(data) and read_export(file, data, reading, zone)


def _text(file: SourceFile, data: bytes, reading: Reading, zone: tzinfo | None) -> Text | None:
    if len(data) > NOTE_CAP and decode(data[:NOTE_CAP].rpartition(b"\n")[0]) is None:
        return UNKNOWN
    found = decode(data)
    if found is None:
        return UNKNOWN
    if media_type_of(data) in (CDA, HTML):
        return read_document(file, data, reading)
    rows = rows_of(found.text)
    if rows is None and len(data) > NOTE_CAP:
        return _LONG
    if rows is None and not found.is_prose:
        return NO_WORDS
    if rows is None:
        read_note(file, found, reading)
        return None
    if not is_vitals(rows):
        return _TABLE
    read_vitals(file, rows, reading, zone)
    return None


def _once(reading: Reading) -> list[Resource]:
    """Return each resource once; of two with one id and other content, the one updated later."""
    kept: dict[object, Resource] = {}
    out: list[Resource] = []
    for resource in reading.resources:
        if "id" not in resource:
            out.append(resource)
            continue
        key = (resource["resourceType"], resource["id"])
        other = kept.get(key)
        if other is None or _updated(resource) > _updated(other):
            kept[key] = resource
        if other is None or _updated(resource) != _updated(other):
            continue
        if _plain(resource) != _plain(other):
            raise BadInput(
                f"two different {key[0]} resources share one id",
                "one resource an id, or the later one marked by meta.lastUpdated",
                "keep the one that is right",
            )
    return [*kept.values(), *out]


def _updated(resource: Resource) -> str:
    return str((resource.get("meta") or {}).get("lastUpdated", ""))


def _plain(resource: Resource) -> Resource:
    return {name: value for name, value in resource.items() if name != "meta"}


def _counted(texts: list[Text]) -> Iterator[Text]:
    """Yield each text once, with how often it came."""
    counts: dict[Text, int] = {}
    for text in texts:
        counts[text] = counts.get(text, 0) + 1
    for text, count in counts.items():
        times = f"{count} × " if count > 1 else ""
        yield Text(en=times + text.en, zh=times + text.zh)
