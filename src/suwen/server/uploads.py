"""Files of a new case: written to a private folder under names that say nothing, then a job.

The job reads the folder into the encrypted store and removes it.
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Annotated, BinaryIO

from fastapi import Depends, Request
from starlette.datastructures import UploadFile

from suwen.core.errors import BadInput, StorageUnavailable, UnsafeInput
from suwen.server.middleware import MIB

MOST_FILES = 5_000
PIECE = MIB
_SUFFIX = re.compile(r"(\.nii\.gz|\.[A-Za-z0-9]{1,8})$")


def stage(home: Path, files: Sequence[tuple[str, BinaryIO]], limit_mb: int) -> Path:
    """Copy the files into a fresh private folder of the inbox and return it.

    Parameters
    ----------
    home
        SUWEN_HOME.
    files
        Name as sent (only its suffix is kept) and content.
    limit_mb
        Largest single file, in MiB.

    Raises
    ------
    BadInput
        No file, or an empty one.
    UnsafeInput
        Too many files, or one is too large.
    StorageUnavailable
        The disk is full.
    """
    if not files:
        raise BadInput("no file", "the files of one patient", "choose at least one file")
    if len(files) > MOST_FILES:
        raise UnsafeInput(
            f"{len(files)} files", f"at most {MOST_FILES}", "send fewer files at a time"
        )
    folder = home / "inbox" / secrets.token_hex(16)
    try:
        folder.mkdir(parents=True, mode=0o700)
        for number, (name, source) in enumerate(files, 1):
            _copy(source, folder / f"{number:05d}{suffix(name)}", number, limit_mb * MIB)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise StorageUnavailable(
            "the files could not be kept", "free space in SUWEN_HOME", "free some space, send again"
        ) from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


async def sent_files(request: Request) -> AsyncIterator[list[tuple[str, BinaryIO]]]:
    """Yield name and content of the files of a form, held in memory or unnamed temporary files.

    Raises
    ------
    BadInput
        The request is no multipart form.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise BadInput("no multipart form", "multipart/form-data with files", "send the files so")
    async with request.form(max_files=MOST_FILES, max_fields=10) as form:
        sent = form.getlist("files")
        yield [(one.filename or "", one.file) for one in sent if isinstance(one, UploadFile)]


Sent = Annotated[list[tuple[str, BinaryIO]], Depends(sent_files)]
FORM_SCHEMA = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "minItems": 1,
                        }
                    },
                }
            }
        },
    }
}
"""What the API's description says of an upload."""


def suffix(name: str) -> str:
    """Return the end of a file's name that tells its format; the rest may name a patient."""
    found = _SUFFIX.search(name)
    return found[1].lower() if found else ""


def _copy(source: BinaryIO, target: Path, number: int, limit: int) -> None:
    size = 0
    with target.open("xb") as sink:
        while piece := source.read(PIECE):
            size += len(piece)
            if size > limit:
                raise UnsafeInput(
                    f"file {number} is too large",
                    f"at most {limit // MIB} MiB each",
                    "leave it out, or ask an administrator to raise SUWEN_MAX_UPLOAD_MB",
                )
            sink.write(piece)
    target.chmod(0o600)
    if not size:
        raise BadInput(f"file {number} is empty", "files with content", "leave it out")
