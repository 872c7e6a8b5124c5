"""Keys: the master key and its sources, the root secret, and one data key a patient.

The master key wraps a random root secret and every patient's data key. The root never changes, so
the keyed hashes, file names and log seals derived from it (HKDF-SHA-256, RFC 5869) survive a change
of master key. Content is sealed with AES-256-GCM (NIST SP 800-38D, random 96-bit nonce); the
associated data names the place of the content, so sealed rows cannot be exchanged.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import shlex
import subprocess
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from suwen.core.errors import IntegrityError, KeyUnavailable, StorageUnavailable

KEY_BYTES = 32
NONCE_BYTES = 12
FAMILY_BYTES, BODY_BYTES, CHECK_BYTES = 4, 10, 6
"""An own id: what the ids of one patient share, what tells them apart, and a keyed check."""
ID_CHARACTERS = 32
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_SHIFTS = tuple(range(5 * ID_CHARACTERS - 10, -1, -10))
"""Base32 (RFC 4648) of an own id, two characters at a time: less than half of `base64`'s time."""
COMMAND_SECONDS = 60
_LOOSE = 0o077


class MasterKeySource:
    """Where the master key comes from.

    Parameters
    ----------
    spec
        Empty: `keys/master.key` in `home`, made with mode 0600 when the store is new;
        `env:NAME`: that variable; `command:PROGRAM ARGUMENTS`: what it prints (no shell).
        Each holds 32 bytes in base64.
    home
        SUWEN_HOME.
    """

    def __init__(self, spec: str, home: Path) -> None:
        self.spec = spec
        self.file = home / "keys" / "master.key"
        self.next = home / "keys" / "master.key.next"

    def load(self, *, create: bool = False) -> bytes:
        """Return the 32 bytes of the master key.

        Raises
        ------
        KeyUnavailable
            The source holds no key, a malformed one, or its file may be read by others.
        """
        kind, _, rest = self.spec.partition(":")
        if not self.spec:
            if create and not self.file.exists():
                _write_key(self.file, os.urandom(KEY_BYTES))
            return self._from_file(self.file)
        if kind == "env" and rest:
            if (value := os.environ.get(rest)) is None:
                raise KeyUnavailable(
                    f"the variable {rest} is not set", "the master key in base64", "set it"
                )
            return _decoded(value, f"the variable {rest}")
        if kind == "command" and rest:
            return _decoded(_output(rest), "the output of the master key command")
        raise KeyUnavailable(
            "SUWEN_MASTER_KEY has an unknown form",
            "nothing, env:NAME or command:PROGRAM ARGUMENTS",
            "correct SUWEN_MASTER_KEY",
        )

    def load_next(self) -> bytes | None:
        """Return the key a rotation left waiting beside the key file, if any."""
        return self._from_file(self.next) if not self.spec and self.next.exists() else None

    def prepare(self) -> bytes:
        """Write a fresh key beside the key file, for a rotation that is about to begin."""
        self.next.unlink(missing_ok=True)
        _write_key(self.next, os.urandom(KEY_BYTES))
        return self._from_file(self.next)

    def adopt_next(self) -> None:
        """Put the waiting key in the place of the key file (atomic)."""
        if self.next.exists():
            self.next.replace(self.file)
            _sync_folder(self.file.parent)

    def _from_file(self, path: Path) -> bytes:
        try:
            mode = path.stat().st_mode
            if mode & _LOOSE:
                raise KeyUnavailable(
                    f"the key file {path.name} may be read by other users ({mode & 0o777:04o})",
                    "mode 0600",
                    f"chmod 600 the file {path.name} in the folder keys of SUWEN_HOME",
                )
            return _decoded(path.read_text("ascii"), f"the key file {path.name}")
        except (OSError, UnicodeDecodeError) as error:
            raise KeyUnavailable(
                f"the key file {path.name} cannot be read ({type(error).__name__})",
                "the file that was made with this store",
                "restore the folder keys of SUWEN_HOME from its backup",
            ) from None


def _write_key(path: Path, key: bytes) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(key) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, path)  # Unlike a rename, never replaces the key of a faster process.
        except FileExistsError:
            pass
        finally:
            part.unlink()
        _sync_folder(path.parent)
    except OSError as error:
        raise StorageUnavailable(
            f"the key file cannot be written ({type(error).__name__})",
            "a writable SUWEN_HOME",
            "free space or correct its rights",
        ) from None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _decoded(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyUnavailable(
            f"{where} holds no usable key", "32 bytes in base64", "correct the key source"
        )
    return key


def _output(command: str) -> str:
    try:
        done = subprocess.run(
            shlex.split(command), capture_output=True, timeout=COMMAND_SECONDS, check=True
        )
        return done.stdout.decode("ascii")
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise KeyUnavailable(
            f"the master key command failed ({type(error).__name__})",
            "a program that prints the key in base64",
            "run it by hand and correct SUWEN_MASTER_KEY",
        ) from None


def fingerprint(master: bytes) -> str:
    """Return 16 hexadecimal digits that tell master keys apart without revealing them."""
    return hmac.digest(master, b"suwen master key", "sha256").hex()[:16]


def seal(key: AESGCM, place: str, plain: bytes) -> bytes:
    """Return nonce and ciphertext of `plain`, bound to `place`."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + key.encrypt(nonce, plain, place.encode())


def unseal(key: AESGCM, place: str, sealed: bytes) -> bytes:
    """Return what was sealed at `place`.

    Raises
    ------
    IntegrityError
        The bytes were changed, belong to another place, or were sealed with another key.
    """
    try:
        return key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode())
    except (InvalidTag, ValueError):
        raise IntegrityError(
            "stored content does not open with its key at its place",
            "the bytes that were written there",
            "restore the store from its backup and run `suwen audit verify`",
        ) from None


class Master:
    """The master key in use: wraps and unwraps other keys."""

    def __init__(self, key: bytes) -> None:
        self.fingerprint = fingerprint(key)
        self._cipher = AESGCM(key)

    def wrap(self, place: str, secret: bytes) -> bytes:
        """Return `secret` sealed for `place`."""
        return seal(self._cipher, place, secret)

    def unwrap(self, place: str, wrapped: bytes) -> bytes:
        """Return the secret wrapped for `place`.

        Raises
        ------
        KeyUnavailable
            Wrapped by another master key.
        """
        try:
            return unseal(self._cipher, place, wrapped)
        except IntegrityError:
            raise KeyUnavailable(
                "the master key does not open this store",
                "the master key the store was made with or last rotated to",
                "correct SUWEN_MASTER_KEY or restore the key file",
            ) from None


class _Mac:
    """HMAC-SHA-256 (RFC 2104) under one key, whose two padded blocks are hashed only once."""

    BLOCK = 64

    def __init__(self, key: bytes) -> None:
        block = key.ljust(self.BLOCK, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in block))

    def __call__(self, *parts: bytes) -> bytes:
        """Return the 32 bytes for the parts, one after the other."""
        inner = self._inner.copy()
        for part in parts:
            inner.update(part)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()


class Secrets:
    """What is derived from the root secret: keyed hashes, own ids, file names, seals."""

    def __init__(self, root: bytes) -> None:
        self._index = _Mac(_derived(root, "index"))
        self._ids = _Mac(_derived(root, "ids"))
        self._names = _Mac(_derived(root, "file names"))
        self._log = _Mac(_derived(root, "decision log"))
        self.people = AESGCM(_derived(root, "people"))
        self.jobs = AESGCM(_derived(root, "jobs"))
        self.inbox = AESGCM(_derived(root, "inbox"))
        self.letters = AESGCM(_derived(root, "letters"))
        self.pseudonyms = AESGCM(_derived(root, "pseudonyms"))
        self._projects = _Mac(_derived(root, "projects"))
        self.hashed = lru_cache(maxsize=65536)(self._hashed)
        self._family = lru_cache(maxsize=4096)(self._family_of)

    def _hashed(self, text: str) -> str:
        return self._index(text.encode()).hex()[:32]

    def content_digest(self, data: bytes) -> str:
        """Return a keyed hash of content: tells equal from different, reveals nothing else."""
        return self._index(b"content\0", data).hex()[:32]

    def project(self, name: str) -> bytes:
        """Return the 32 secret bytes of a project of de-identified data."""
        return self._projects(name.encode())

    def file_name(self, text: str) -> str:
        """Return the name of a file, 64 hexadecimal digits that say nothing of its content."""
        return self._names(text.encode()).hex()

    def log_seal(self, text: str) -> str:
        """Return the HMAC of a head of the decision log."""
        return self._log(text.encode()).hex()

    def new_id(self) -> str:
        """Return a fresh random id of the store's own form."""
        return self._own(os.urandom(FAMILY_BYTES + BODY_BYTES))

    def local_id(self, patient: str, resource_type: str, given: str) -> str:
        """Return the store's own id for an id given from outside; an own id stays as it is.

        The ids of one patient begin alike, so that a bundle touches few pages of an index.
        """
        if self.is_own(given):
            return given
        text = f"{patient}|{resource_type}|{given}"
        body = self._ids(text.encode())[:BODY_BYTES]
        return self._own(self._family(patient) + body)

    def is_own(self, given: str) -> bool:
        """Whether `given` is an id this store made (48-bit check)."""
        if len(given) != ID_CHARACTERS:
            return False
        try:
            raw = base64.b32decode(given.upper())
        except ValueError:
            return False
        return hmac.compare_digest(self._own(raw[:-CHECK_BYTES]), given)

    def _family_of(self, patient: str) -> bytes:
        return self._ids(f"family|{patient}".encode())[:FAMILY_BYTES]

    def _own(self, body: bytes) -> str:
        check = self._ids(b"check\0", body)[:CHECK_BYTES]
        number = int.from_bytes(body + check, "big")
        return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def _derived(root: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"suwen {purpose}".encode()).derive(root)
