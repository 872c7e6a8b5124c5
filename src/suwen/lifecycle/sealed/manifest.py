"""The manifest and signature of a pack: every byte of the folder is accounted for.

`MANIFEST.json` lists the SHA-256 and size of every other file; `SIGNATURE.json` holds an Ed25519
signature over the manifest's bytes. One changed, added or missing byte and the pack is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from suwen.core.errors import IntegrityError
from suwen.core.nouns import digest_of
from suwen.lifecycle.sealed.keys import fingerprint, verifies

MANIFEST = "MANIFEST.json"
SIGNATURE = "SIGNATURE.json"
TODO = "do not use this pack; install it again from its source, or train it again"
_BLOCK = 1 << 20


def _digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def _files(folder: Path) -> dict[str, Path]:
    """Return the files below `folder` by relative path, without manifest and signature.

    Raises
    ------
    IntegrityError
        A link or a special file stands there: its target is not covered by the manifest.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise IntegrityError(f"{name} in the pack {folder.name} is a link", "plain files", TODO)
        if path.is_file() and name not in (MANIFEST, SIGNATURE):
            found[name] = path
    return found


def seal(folder: Path, key: Ed25519PrivateKey) -> str:
    """Write manifest and signature of `folder`; return the SHA-256 of the manifest."""
    content = {
        "format": 1,
        "files": {
            name: {"sha256": _digest(path), "bytes": path.stat().st_size}
            for name, path in _files(folder).items()
        },
    }
    manifest = (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()
    signature = {
        "key": fingerprint(key.public_key()),
        "signature": base64.b64encode(key.sign(manifest)).decode(),
    }
    (folder / MANIFEST).write_bytes(manifest)
    (folder / SIGNATURE).write_text(json.dumps(signature, indent=1) + "\n")
    return digest_of(manifest)


@dataclass(frozen=True)
class Files:
    """The files of a pack as they were signed; without `listed` (a draft) nothing is compared."""

    folder: Path
    listed: Mapping[str, Mapping[str, Any]] | None = None

    def read(self, name: str) -> bytes:
        """Return the bytes of a file, compared with the manifest again.

        A pack is verified when it is loaded, its weights are opened later: what is opened is what
        was signed even when the folder changed in between.

        Raises
        ------
        IntegrityError
            The file is not what was signed.
        """
        data = (self.folder / name).read_bytes()
        if self.listed is not None and self.listed.get(name, {}).get("sha256") != digest_of(data):
            raise IntegrityError(
                f"{name} of the pack {self.folder.name} was changed after signing",
                "the file as it was signed",
                TODO,
            )
        return data


def verify(folder: Path, keys: Mapping[str, Ed25519PublicKey]) -> tuple[str, Files]:
    """Check signature and every file; return the SHA-256 of the manifest, and the files.

    Raises
    ------
    IntegrityError
        Something is missing, added, changed, a link, or not signed by a trusted key.
    """
    name = folder.name
    try:
        manifest = (folder / MANIFEST).read_bytes()
        signature = json.loads((folder / SIGNATURE).read_bytes())
        key, signed = signature["key"], base64.b64decode(signature["signature"], validate=True)
    except FileNotFoundError as missing:
        file = Path(str(missing.filename)).name
        raise IntegrityError(
            f"the pack {name} has no {file}",
            "a signed pack",
            "if you made it yourself: read its card and run `suwen packs sign`; else install it "
            "again from its source",
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        raise IntegrityError(
            f"{SIGNATURE} of the pack {name} cannot be read", "a signature", TODO
        ) from None
    if not (isinstance(key, str) and verifies(keys, key, signed, manifest)):
        known = "is trusted but the signature does not fit" if key in keys else "is not trusted"
        raise IntegrityError(
            f"the pack {name} is signed with the key {str(key)[:16]!r}, which {known}",
            f"one of the trusted keys ({', '.join(sorted(keys)) or 'there is none'})",
            "if you know the signer: let them send what `suwen packs key` prints, and save it as "
            "SUWEN_HOME/keys/trusted/NAME.pub",
        )
    listed = json.loads(manifest)["files"]
    _check_files(folder, listed)
    return digest_of(manifest), Files(folder, listed)


def _check_files(folder: Path, listed: Mapping[str, Mapping[str, Any]]) -> None:
    present = _files(folder)
    for file in sorted(set(listed) | set(present)):
        if file not in present:
            problem = "is missing"
        elif file not in listed:
            problem = "was added after signing"
        elif present[file].stat().st_size != listed[file]["bytes"]:
            problem = "has another size than when it was signed"
        elif _digest(present[file]) != listed[file]["sha256"]:
            problem = "was changed after signing"
        else:
            continue
        raise IntegrityError(
            f"{file} of the pack {folder.name} {problem}", "the file as it was signed", TODO
        )
