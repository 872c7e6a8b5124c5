"""Files too large to be held in memory, sealed while they are written and opened piece by piece.

A file is the generation of its key (8 bytes) and pieces of `PIECE` plain bytes, the last one
shorter or empty, each sealed with AES-256-GCM. The associated data names the file, the number of
the piece and whether it is the last, so pieces cannot be dropped, repeated or reordered: the STREAM
construction (Hoang, Reyhanitabar, Rogaway, Vizar, CRYPTO 2015) with random nonces.
"""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path
from typing import Final, Protocol

from suwen.core.errors import IntegrityError, StorageUnavailable
from suwen.records.keys import NONCE_BYTES

PIECE: Final = 1024 * 1024
HEAD: Final = 8
SEALED: Final = PIECE + NONCE_BYTES + 16
"""Bytes of a whole piece on disk: nonce, content, tag."""


class FileKey(Protocol):
    """What seals a file: a patient's keys, or one made for a few files."""

    @property
    def current(self) -> int:
        """Generation that seals."""
        ...

    def seal(self, place: str, plain: bytes) -> bytes:
        """Seal with the current generation."""
        ...

    def unseal(self, generation: int, place: str, sealed: bytes) -> bytes:
        """Open what was sealed with that generation."""
        ...


class SealedWriter:
    """Writes one file; nothing of it is ever on disk in the clear. Close it to make it whole.

    Parameters
    ----------
    path, key, place
        Where it stands, what seals it, and what its pieces are bound to.
    forced
        Whether closing waits for the disk, so that not even a power failure loses it.

    Raises
    ------
    StorageUnavailable
        The file cannot be made.
    """

    def __init__(self, path: Path, key: FileKey, place: str, forced: bool = True) -> None:
        self._key, self._place, self._forced = key, place, forced
        self._waiting = bytearray()
        self._number = 0
        self.size = 0
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._file = os.fdopen(handle, "wb")
            self._file.write(key.current.to_bytes(HEAD, "big"))
        except OSError as error:
            raise _full(error) from None

    def write(self, data: bytes) -> None:
        """Add bytes; whole pieces go to disk at once.

        Raises
        ------
        StorageUnavailable
            The disk is full.
        """
        self._waiting += data
        self.size += len(data)
        while len(self._waiting) > PIECE:
            self._put(bytes(self._waiting[:PIECE]), last=False)
            del self._waiting[:PIECE]

    def close(self) -> None:
        """Write the last piece and close the file.

        Raises
        ------
        StorageUnavailable
            The disk is full.
        """
        self._put(bytes(self._waiting), last=True)
        try:
            self._file.flush()
            if self._forced:
                os.fsync(self._file.fileno())
            self._file.close()
        except OSError as error:
            raise _full(error) from None

    def abandon(self) -> None:
        """Close the file as it is: it cannot be read."""
        self._file.close()

    def _put(self, piece: bytes, last: bool) -> None:
        sealed = self._key.seal(_place(self._place, self._number, last), piece)
        self._number += 1
        try:
            self._file.write(sealed)
        except OSError as error:
            raise _full(error) from None


class SealedReader(io.RawIOBase):
    """Reads one file, in any order; one piece at a time is in memory."""

    def __init__(self, path: Path, key: FileKey, place: str) -> None:
        super().__init__()
        self._key, self._place = key, place
        self._at = 0
        self._held, self._piece = -1, b""
        try:
            self._file = path.open("rb")
            self._generation = int.from_bytes(self._file.read(HEAD), "big")
            body = path.stat().st_size - HEAD
        except OSError:
            raise _gone() from None
        self._last = max(0, -(-body // SEALED) - 1)
        overhead = (self._last + 1) * (SEALED - PIECE)
        if body < overhead:
            raise _gone()
        self.size = body - overhead

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read in any order."""
        return True

    def tell(self) -> int:
        """Return where reading goes on."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go on reading elsewhere; return where."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise OSError(errno.EINVAL, "a place before the file")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: object, /) -> int:
        """Fill a buffer as far as the piece at hand goes; return how many bytes.

        Raises
        ------
        IntegrityError
            The file is not as it was written.
        """
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        if self._at >= self.size or not len(view):
            return 0
        number, start = divmod(self._at, PIECE)
        part = self._of(number)[start : start + len(view)]
        view[: len(part)] = part
        self._at += len(part)
        return len(part)

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._file.close()
        super().close()

    def _of(self, number: int) -> bytes:
        if number != self._held:
            self._file.seek(HEAD + number * SEALED)
            place = _place(self._place, number, number == self._last)
            sealed = self._file.read(SEALED)
            self._piece = self._key.unseal(self._generation, place, sealed)
            self._held = number
        return self._piece


def _place(place: str, number: int, last: bool) -> str:
    return f"{place}|{number}|{int(last)}"


def _full(error: OSError) -> StorageUnavailable:
    return StorageUnavailable(
        f"the files could not be kept ({type(error).__name__})",
        "free space in SUWEN_HOME",
        "free some space, send again",
    )


def _gone() -> IntegrityError:
    return IntegrityError(
        "a file that was sent is not there any more", "the file as it was sent", "send it again"
    )
