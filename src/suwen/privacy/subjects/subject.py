"""One subject key: the same pseudonym, tokens, UIDs and date shift in every format of one patient.

Everything is derived from the key by HKDF-SHA-256 (RFC 5869) and HMAC-SHA-256 (RFC 2104), so a
note, a DICOM series and an HL7 message of one patient still line up after they were de-identified
apart from each other, and nobody without the key can undo or repeat it. The key itself is kept by
the caller; whoever throws it away makes the data anonymous.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Final
from uuid import UUID

from suwen.core.errors import BadInput

KEY_BYTES: Final = 16
"""Fewest bytes of a key: 128 bits."""
LONGEST_SHIFT: Final = 365
"""Most days that dates are moved back by."""
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U, so that a pseudonym can be read out and typed."""


@dataclass(frozen=True)
class Subject:
    """Whom data are about, known by a secret key only.

    Parameters
    ----------
    key
        At least 16 secret bytes, one key a subject. See `of` for keys from one project secret.

    Raises
    ------
    BadInput
        The key is shorter.
    """

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.key, bytes) or len(self.key) < KEY_BYTES:
            raise BadInput(
                "a subject key that can be guessed",
                f"at least {KEY_BYTES} secret bytes",
                "make one with secrets.token_bytes(32) and keep it apart from the data",
            )

    @classmethod
    def of(cls, secret: bytes, patient: str) -> Subject:
        """Return the subject of a patient's identifier under the secret of a project.

        The same patient gets the same key again without a table of keys; under another secret,
        another one, so that two released data sets cannot be joined.
        """
        if not patient:
            raise BadInput(
                "a subject without an identifier", "the patient's identifier in the store"
            )
        return cls(_derived(cls(secret).key, b"subject|" + patient.encode(), 32))

    @cached_property
    def pseudonym(self) -> str:
        """A name for the subject: `S-` and 12 characters (60 bits) that say nothing about them."""
        number = int.from_bytes(_derived(self.key, b"pseudonym", 8))
        return "S-" + "".join(_ALPHABET[number >> 5 * i & 31] for i in range(12))

    @cached_property
    def shift(self) -> timedelta:
        """By how much dates move: 1 to 365 whole days back, the intervals stay.

        Back, because a date in the future would say how far it was moved at the least.
        """
        number = int.from_bytes(_derived(self.key, b"shift", 8))
        return timedelta(days=-(1 + number % LONGEST_SHIFT))

    def uid(self, original: str) -> str:
        """Return the DICOM UID that stands for another (PS3.5 B.2: `2.25.` and a UUID).

        The UUID is of version 8 (RFC 9562): 122 bits of the keyed hash.
        """
        raw = bytearray(self._mac("uid", original.strip("\0 "))[:16])
        raw[6] = raw[6] & 0x0F | 0x80
        raw[8] = raw[8] & 0x3F | 0x80
        return f"2.25.{UUID(bytes=bytes(raw)).int}"

    def token(self, kind: str, original: str) -> str:
        """Return 16 hexadecimal digits that stand for an identifier of a kind (HMAC-SHA-256).

        The same identifier gets the same token in every format; written differently it is another.
        """
        return self._mac(kind, original).hex()[:16]

    def draws(self, kind: str, original: str) -> Iterator[int]:
        """Return endless numbers below 2**32 that only the key and the original decide."""
        seed = self._mac(f"draws|{kind}", original)
        count = 0
        while True:
            block = hashlib.sha256(seed + count.to_bytes(8)).digest()
            for start in range(0, len(block), 4):
                yield int.from_bytes(block[start : start + 4])
            count += 1

    def _mac(self, kind: str, original: str) -> bytes:
        tag = len(kind).to_bytes(2) + kind.encode() + original.encode("utf-8", "surrogatepass")
        return hmac.digest(self._tokens, tag, "sha256")

    @cached_property
    def _tokens(self) -> bytes:
        return _derived(self.key, b"tokens", 32)


def _derived(key: bytes, purpose: bytes, length: int) -> bytes:
    """Return up to 32 bytes of HKDF-SHA-256 without salt (RFC 5869, one block).

    Two calls of HMAC: the library's HKDF takes ten times as long, and a table may have a million
    people.
    """
    extracted = hmac.digest(bytes(32), key, "sha256")
    return hmac.digest(extracted, b"suwen privacy|" + purpose + b"\1", "sha256")[:length]
