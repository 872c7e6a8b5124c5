"""Files that somebody sent for a patient, sealed until they were read (`records.sealed_files`).

    uploads = Uploads(store, person, "patient")
    with uploads.receiving(patient) as sent:
        sent.begin("export.zip"); sent.write(data); sent.end()
    files = uploads.files(patient, sent.id)          # opened piece by piece, in any order
    kept = uploads.account(patient, sent.id, {...})  # what became of them; sealed as well
    uploads.drop(patient, sent.id)

They lie in `SUWEN_HOME/uploads/PATIENT/UPLOAD` under numbers; their names, which may tell who it
is, are sealed beside them. Whoever may write the patient's record may send, read and drop them.
What is not read within `KEPT` is removed.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from suwen.core.errors import BadInput, Conflict, NotFound, StorageUnavailable, UnsafeInput
from suwen.core.nouns import canonical
from suwen.records import remarks
from suwen.records.gate import Gate, admit
from suwen.records.holdings import Holdings
from suwen.records.people import Person
from suwen.records.policy import Action
from suwen.records.sealed_files import FileKey, SealedReader, SealedWriter
from suwen.records.vault import PatientKey

FOLDER: Final = "uploads"
NAMES: Final = "names"
KEPT: Final = timedelta(days=7)
MOST_WAITING: Final = 5
"""Most uploads of one patient that wait at a time."""
MOST_FILES: Final = 200
LONGEST_NAME: Final = 200
MIB: Final = 1024 * 1024
_ID: Final = re.compile(r"[a-z2-7]{32}")


@dataclass(frozen=True)
class Limits:
    """How much one upload may bring: bytes of one file and of all of them, and how many files."""

    file: int
    whole: int
    files: int = MOST_FILES


@dataclass(frozen=True)
class Sent:
    """One file as it was sent."""

    name: str
    size: int
    open: Callable[[], BinaryIO] = field(repr=False)
    """Opens it to be read, in any order."""


class Receiving:
    """The files of one upload while they come in, one after the other.

    `forced`: whether each is forced to disk.
    """

    def __init__(
        self, id: str, folder: Path, key: FileKey, limits: Limits, *, forced: bool = True
    ) -> None:
        self.id, self._forced = id, forced
        self.files: list[tuple[str, int]] = []
        self._folder, self._key, self._limits = folder, key, limits
        self._open: SealedWriter | None = None
        self._name = ""
        self._whole = 0

    def begin(self, name: str) -> None:
        """Begin a file.

        Raises
        ------
        UnsafeInput
            There are too many.
        """
        number = len(self.files) + 1
        if number > (most := self._limits.files):
            raise UnsafeInput(f"more than {most} files", f"at most {most}", "send them as one ZIP")
        self._name = Path(name.replace("\\", "/")).name[:LONGEST_NAME] or f"file {number}"
        place = place_of(self.id, number)
        path = self._folder / f"{number:05d}"
        self._open = SealedWriter(path, self._key, place, self._forced)

    def write(self, data: bytes) -> None:
        """Add to the file.

        Raises
        ------
        UnsafeInput
            It, or all of them together, is more than an upload may bring.
        """
        if self._open is None:
            return
        self._open.write(data)
        self._whole += len(data)
        if self._open.size > self._limits.file:
            raise UnsafeInput(
                f"file {len(self.files) + 1} is too large",
                f"at most {self._limits.file // MIB} MiB each",
                "leave it out, or ask an administrator to raise SUWEN_MAX_UPLOAD_MB",
            )
        if self._whole > self._limits.whole:
            raise UnsafeInput(
                "the request is too large",
                f"at most {self._limits.whole // MIB} MiB",
                "send fewer files at a time, or ask an administrator to raise SUWEN_MAX_UPLOAD_MB",
            )

    def end(self) -> None:
        """End the file; one without content is left out, as is a field without a file."""
        if self._open is None:
            return
        self._open.close()
        if self._open.size:
            self.files.append((self._name, self._open.size))
        else:
            (self._folder / f"{len(self.files) + 1:05d}").unlink()
        self._open = None

    def finish(self) -> None:
        """Keep the names of the files: from now on the upload is whole.

        Raises
        ------
        BadInput
            No file, or all are empty.
        """
        if not self.files:
            raise BadInput("no file with content", "the files of one person", "choose a file")
        names = SealedWriter(self._folder / NAMES, self._key, place_of(self.id, 0))
        names.write(canonical(self.files))
        names.close()

    def abandon(self) -> None:
        """Remove everything."""
        if self._open is not None:
            self._open.abandon()
        shutil.rmtree(self._folder, ignore_errors=True)


class Uploads:
    """The acts of one person on files sent for patients, for one purpose.

    All methods raise `Denied` when the policy does not allow them; the denial is logged.
    """

    def __init__(self, store: Holdings, person: Person, purpose: str) -> None:
        admit(store, person, purpose)
        self._store = store
        self._gate = Gate(store, person, purpose)
        self._folder = store.home / FOLDER

    @contextmanager
    def receiving(self, patient: str, limits: Limits) -> Iterator[Receiving]:
        """Take files in while the block runs; with an error in it nothing is left of them.

        Raises
        ------
        Conflict
            Too many uploads of this patient wait already.
        StorageUnavailable
            The folder cannot be made.
        """
        sweep(self._store.home)
        key = self._key(patient, "write")
        if len(self.waiting(patient)) >= MOST_WAITING:
            raise Conflict(
                f"{MOST_WAITING} uploads wait to be read already",
                "fewer at a time",
                "wait for them, or remove those whose question was not answered",
            )
        name = self._store.secrets.new_id()
        folder = self._folder / patient / name
        try:
            folder.mkdir(parents=True, mode=0o700)
        except OSError as error:
            raise StorageUnavailable(
                f"the files could not be kept ({type(error).__name__})",
                "free space in SUWEN_HOME",
                "free some space, send again",
            ) from None
        sent = Receiving(name, folder, key, limits)
        try:
            yield sent
            sent.finish()
            self._log("upload-received", patient, name, sent.files)
        except BaseException:
            sent.abandon()
            raise

    def waits(self, patient: str, upload: str) -> bool:
        """Say whether the files of an upload are there."""
        return bool(_ID.fullmatch(upload)) and upload in self.waiting(patient)

    def files(self, patient: str, upload: str) -> list[Sent]:
        """Return the files of an upload.

        Raises
        ------
        NotFound
            They were read, dropped, or never there.
        IntegrityError
            They are not as they were written.
        """
        key = self._key(patient, "write")
        if not self.waits(patient, upload):
            raise NotFound("the files are not there any more", "files that wait", "send them again")
        folder = self._folder / patient / upload
        with SealedReader(folder / NAMES, key, place_of(upload, 0)) as names:
            listed = json.loads(names.readall() or b"[]")
        return [
            Sent(name, size, opening(folder / f"{number:05d}", key, place_of(upload, number)))
            for number, (name, size) in enumerate(listed, 1)
        ]

    def account(self, patient: str, upload: str, account: Mapping[str, Any], **counts: int) -> str:
        """Keep what became of an upload, sealed, and log it; return the name it is read by.

        `account` is JSON; `counts` stand in the decision log.
        """
        with self._gate.act("write", patient, f"Upload/{upload}") as work:
            key = self._store.vault.patient_key(work.connection, patient)
            text = canonical(account).decode()
            name = remarks.keep(work.connection, key, self._store.secrets, text)
            work.log(self._gate.entry("upload-read", patient, f"Upload/{upload}", counts))
        return name

    def told(self, patient: str, name: str) -> dict[str, Any]:
        """Return what `account` kept, for whoever may read the patient's record; empty: nothing."""
        with self._gate.act("read", patient, f"Patient/{patient}") as work:
            key = self._store.vault.patient_key(work.connection, patient)
            text = remarks.text_of(work.connection, key, name)
        return cast(dict[str, Any], json.loads(text)) if text else {}

    def check(self, patient: str, action: Action = "read") -> None:
        """Raise `Denied` unless this person may do that with the patient's record."""
        self._key(patient, action)

    def drop(self, patient: str, upload: str) -> None:
        """Remove the files of an upload."""
        self._key(patient, "write")
        if self.waits(patient, upload):
            shutil.rmtree(self._folder / patient / upload, ignore_errors=True)

    def _key(self, patient: str, action: Action) -> PatientKey:
        with self._gate.act(action, patient, f"Patient/{patient}") as work:
            return self._store.vault.patient_key(work.connection, patient)

    def waiting(self, patient: str) -> set[str]:
        """Return the uploads of a patient whose files are there."""
        folder = self._folder / patient
        if not self._store.secrets.is_own(patient):
            return set()
        return {one.name for one in folder.iterdir()} if folder.is_dir() else set()

    def _log(self, act: str, patient: str, upload: str, files: list[tuple[str, int]]) -> None:
        detail = {"n": len(files), "bytes": sum(size for _, size in files)}
        with self._gate.act("write", patient, f"Upload/{upload}") as work:
            work.log(self._gate.entry(act, patient, f"Upload/{upload}", detail))


def forget(home: Path, patient: str) -> None:
    """Remove what was sent for a patient whose key was destroyed."""
    shutil.rmtree(home / FOLDER / patient, ignore_errors=True)


def sweep(home: Path) -> int:
    """Remove uploads that nobody had read within `KEPT`; return how many."""
    removed, before = 0, time.time() - KEPT.total_seconds()
    for one in (home / FOLDER).glob("*/*"):
        if one.is_dir() and one.stat().st_mtime < before:
            shutil.rmtree(one, ignore_errors=True)
            removed += 1
    return removed


def place_of(upload: str, number: int) -> str:
    """Return what the pieces of a file are bound to; its names are number 0."""
    return f"upload|{upload}|{number}"


def opening(path: Path, key: FileKey, place: str) -> Callable[[], BinaryIO]:
    """Return what opens a sealed file to be read in any order."""

    def opened() -> BinaryIO:
        return cast(BinaryIO, io.BufferedReader(SealedReader(path, key, place)))

    return opened
