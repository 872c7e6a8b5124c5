"""The inbox: files of a patient nobody knows yet, sealed until they were read.

    inbox = Inbox(store)
    with inbox.receiving(limits) as sent:
        sent.begin("00001.dcm"); sent.write(data); sent.end()
    files = inbox.files(sent.id)          # opened piece by piece, in any order
    inbox.drop(sent.id)

Whose files they are is known once they are read, so no patient's key can seal them. Each sending
has a random data key of its own, which lies beside its files, wrapped with a key of the store's
root secret: without the master key nothing of it opens. Dropping overwrites the wrapped key before
the files are removed. What is not read within `KEPT` is removed. Thousands of images are not each
forced to disk: after a power failure a sending may have to be sent again, and its job says so.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from suwen.core.errors import NotFound, StorageUnavailable
from suwen.records.keys import KEY_BYTES, seal, unseal
from suwen.records.sealed_files import SealedReader
from suwen.records.uploads import KEPT, NAMES, Limits, Receiving, Sent, opening, place_of

if TYPE_CHECKING:
    from suwen.records.store import Store

FOLDER: Final = "inbox"
KEY: Final = "key"
_ID: Final = re.compile(r"[a-z2-7]{32}")


class _Key:
    """The data key of one sending; it has one generation."""

    current = 1

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, place: str, plain: bytes) -> bytes:
        return seal(self._cipher, place, plain)

    def unseal(self, generation: int, place: str, sealed: bytes) -> bytes:
        return unseal(self._cipher, place, sealed)


class Inbox:
    """The sendings of one store. Who may send, and for whom they are read, is asked elsewhere."""

    def __init__(self, store: Store) -> None:
        self._secrets = store.secrets
        self._folder = store.home / FOLDER

    @contextmanager
    def receiving(self, limits: Limits) -> Iterator[Receiving]:
        """Take files in while the block runs; with an error in it nothing is left of them.

        Raises
        ------
        BadInput
            No file, or all are empty.
        StorageUnavailable
            The folder or its key cannot be written.
        """
        self.sweep()
        name = self._secrets.new_id()
        folder = self._folder / name
        sent = Receiving(name, folder, self._new_key(name, folder), limits, forced=False)
        try:
            yield sent
            sent.finish()
        except BaseException:
            _forget(folder)
            sent.abandon()
            raise

    def files(self, name: str) -> list[Sent]:
        """Return the files of a sending.

        Raises
        ------
        NotFound
            They were dropped, or never there.
        IntegrityError
            They are not as they were written.
        """
        folder = self._folder / name
        if not _ID.fullmatch(name) or not (folder / KEY).is_file():
            raise NotFound("the files are not there any more", "files that wait", "send them again")
        wrapped = (folder / KEY).read_bytes()
        key = _Key(unseal(self._secrets.inbox, _place_of_key(name), wrapped))
        with SealedReader(folder / NAMES, key, place_of(name, 0)) as names:
            listed = json.loads(names.readall() or b"[]")
        return [
            Sent(named, size, opening(folder / f"{number:05d}", key, place_of(name, number)))
            for number, (named, size) in enumerate(listed, 1)
        ]

    def drop(self, name: str) -> None:
        """Destroy the key of a sending and remove its files; gone already: nothing."""
        if _ID.fullmatch(name):
            _forget(self._folder / name)
            shutil.rmtree(self._folder / name, ignore_errors=True)

    def sweep(self) -> int:
        """Remove what nobody had read within `KEPT`; return how many sendings."""
        removed, before = 0, time.time() - KEPT.total_seconds()
        for one in self._folder.glob("*"):
            if one.is_dir() and one.stat().st_mtime < before:
                _forget(one)
                shutil.rmtree(one, ignore_errors=True)
                removed += 1
        return removed

    def _new_key(self, name: str, folder: Path) -> _Key:
        key = os.urandom(KEY_BYTES)
        try:
            folder.mkdir(parents=True, mode=0o700)
            handle = os.open(folder / KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(seal(self._secrets.inbox, _place_of_key(name), key))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise StorageUnavailable(
                f"the files could not be kept ({type(error).__name__})",
                "free space in SUWEN_HOME",
                "free some space, send again",
            ) from None
        return _Key(key)


def _forget(folder: Path) -> None:
    """Overwrite the wrapped key of a sending where it stands, then remove it."""
    path = folder / KEY
    with suppress(OSError):
        with path.open("r+b") as file:
            file.write(b"\0" * path.stat().st_size)
            file.flush()
            os.fsync(file.fileno())
        path.unlink()


def _place_of_key(name: str) -> str:
    return f"inbox|{name}"
