"""Keys that sign packs and keys that are trusted (Ed25519, RFC 8032).

The private key stays in `SUWEN_HOME/keys/pack-signing.pem`, readable by its owner only; it is
created when the first pack is signed. Trusted are the public keys shipped beside this file in
`trusted/`, those in `SUWEN_HOME/keys/trusted/`, and the owner's own.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from suwen.core.errors import KeyUnavailable
from suwen.core.nouns import digest_of

SHIPPED = Path(__file__).parents[1] / "trusted"
PRIVATE = "pack-signing.pem"
PUBLIC = "pack-signing.pub"


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of the raw public key."""
    return digest_of(key.public_bytes_raw())[:16]


def signing_key(home: Path) -> Ed25519PrivateKey:
    """Return the private key of this installation, created at first use.

    Raises
    ------
    KeyUnavailable
        The file holds no such key, or others may read it.
    """
    path = home / "keys" / PRIVATE
    if not path.exists():
        _create(path)
    if path.stat().st_mode & 0o077:
        raise KeyUnavailable(
            f"the pack-signing key {path} can be read by others",
            "mode 0600",
            "chmod 600 it, and make a new key if anyone may have copied it",
        )
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnavailable(f"{path} holds no usable key", "an Ed25519 private key in PEM")
    public = path.with_name(PUBLIC)
    if not public.exists():
        public.write_bytes(public_pem(key.public_key()))
    return key


def _create(path: Path) -> None:
    """Write a new private key whole or not at all; a key made meanwhile by another stays."""
    path.parent.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.mkdir(exist_ok=True, mode=0o700)
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    descriptor, partial = tempfile.mkstemp(dir=path.parent)  # mode 0600
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    with contextlib.suppress(FileExistsError):
        os.link(partial, path)
    Path(partial).unlink()


def public_pem(key: Ed25519PublicKey) -> bytes:
    """Return the public key as PEM, the form kept in the folders of trusted keys."""
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def trusted_keys(home: Path | None = None) -> dict[str, Ed25519PublicKey]:
    """Return the public keys whose packs are loaded, by fingerprint.

    Raises
    ------
    KeyUnavailable
        A file among them is not an Ed25519 public key.
    """
    files = sorted(SHIPPED.glob("*.pub"))
    if home is not None:
        files += sorted((home / "keys" / "trusted").glob("*.pub"))
        files += [own for own in [home / "keys" / PUBLIC] if own.exists()]
    found = {}
    for path in files:
        try:
            key = serialization.load_pem_public_key(path.read_bytes())
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise KeyUnavailable(
                f"{path} is not a usable public key", "an Ed25519 public key in PEM", "remove it"
            )
        found[fingerprint(key)] = key
    return found


def verifies(
    keys: Mapping[str, Ed25519PublicKey], key: str, signature: bytes, content: bytes
) -> bool:
    """Say whether `signature` over `content` was made by the trusted key of that fingerprint."""
    if key not in keys:
        return False
    try:
        keys[key].verify(signature, content)
    except InvalidSignature:
        return False
    return True
