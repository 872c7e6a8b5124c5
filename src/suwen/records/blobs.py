"""Blobs: bytes in files of their own, sealed in chunks, under names that say nothing.

A file is a 7-byte random prefix followed by chunks of 4 MiB, each AES-256-GCM with the nonce
prefix | chunk number (4 bytes) | last flag (1 byte), so chunks cannot be dropped, repeated or
reordered: the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizar, CRYPTO 2015). The
associated data is the blob's place (patient and address). Files are written beside their place,
fsynced, then renamed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from suwen.core.errors import IntegrityError, StorageUnavailable

CHUNK = 4 * 1024 * 1024
TAG = 16
PREFIX = 7
STALE_SECONDS = 3600
"""An unfinished file older than this belongs to a process that died."""


def sealed(key: AESGCM, place: str, data: bytes) -> Iterable[bytes]:
    """Yield the sealed form of `data`, piece by piece."""
    prefix = os.urandom(PREFIX)
    yield prefix
    view, chunks = memoryview(data), max(1, -(-len(data) // CHUNK))
    for number in range(chunks):
        nonce = _nonce(prefix, number, number == chunks - 1)
        piece = view[number * CHUNK : (number + 1) * CHUNK]
        yield key.encrypt(nonce, piece, place.encode())


def opened(key: AESGCM, place: str, stored: bytes) -> bytes:
    """Return the data of a sealed form.

    Raises
    ------
    IntegrityError
        The file was changed, cut, or belongs to another place.
    """
    prefix, view = stored[:PREFIX], memoryview(stored)[PREFIX:]
    chunks = max(1, -(-len(view) // (CHUNK + TAG)))
    try:
        return b"".join(
            key.decrypt(
                _nonce(prefix, number, number == chunks - 1),
                view[number * (CHUNK + TAG) : (number + 1) * (CHUNK + TAG)],
                place.encode(),
            )
            for number in range(chunks)
        )
    except (InvalidTag, ValueError):
        raise IntegrityError(
            "a stored blob is not the bytes that were written",
            "the file as it was written",
            "restore the folder blobs of SUWEN_HOME from its backup",
        ) from None


def _nonce(prefix: bytes, number: int, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([last])


class BlobFolder:
    """The folder that holds the files of all blobs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """Return where the file of that name stands."""
        return self.folder / name[:2] / name[2:]

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        """Write a file durably, or not at all.

        Raises
        ------
        StorageUnavailable
            The disk is full or cannot be written; nothing is left behind.
        """
        path = self.path(name)
        part = path.with_name(f"{path.name}.{os.getpid()}-{time.monotonic_ns()}.part")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            self._sync(path.parent)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise StorageUnavailable(
                f"a blob cannot be written ({type(error).__name__}); nothing was written",
                "a disk with room for it",
                "free space on the disk of SUWEN_HOME, then try again",
            ) from None

    def read(self, name: str) -> bytes:
        """Return the bytes of a file.

        Raises
        ------
        IntegrityError
            The file is gone.
        StorageUnavailable
            The file cannot be read.
        """
        try:
            return self.path(name).read_bytes()
        except FileNotFoundError:
            raise IntegrityError(
                "the file of a stored blob is missing",
                "the file that was written",
                "restore the folder blobs of SUWEN_HOME from its backup",
            ) from None
        except OSError as error:
            raise StorageUnavailable(
                f"a blob cannot be read ({type(error).__name__})", "a readable disk", "check it"
            ) from None

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; one that is gone already is no error."""
        for name in names:
            try:
                self.path(name).unlink(missing_ok=True)
            except OSError as error:
                raise StorageUnavailable(
                    f"a blob cannot be removed ({type(error).__name__})", "a writable disk", ""
                ) from None

    def sweep(self, known: set[str]) -> int:
        """Remove what no entry of the store names and no living writer can still own.

        Returns the number of files removed.
        """
        removed, limit = 0, time.time() - STALE_SECONDS
        for path in self.folder.glob("??/*"):
            if path.parent.name + path.name not in known and path.stat().st_mtime < limit:
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    @staticmethod
    def _sync(folder: Path) -> None:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
