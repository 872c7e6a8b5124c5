"""Files of which nobody knows yet whose they are: sealed into the inbox as they come.

Of a file's name only what tells its format is kept. Whoever reads the files drops them.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from fastapi import Request
from fastapi.concurrency import contextmanager_in_threadpool, run_in_threadpool

from suwen.records.inbox import Inbox
from suwen.records.uploads import Limits
from suwen.server.asking import Asking
from suwen.server.middleware import MIB
from suwen.server.sent.receiving import receive

MOST_FILES: Final = 5_000
WHOLE_FACTOR: Final = 2
"""A whole upload may be this many times the largest single file."""
_SUFFIX = re.compile(r"(\.nii\.gz|\.[A-Za-z0-9]{1,8})$")
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


class Staged(NamedTuple):
    """What came with a form: the name of its files in the inbox, and its other fields."""

    name: str
    fields: dict[str, str]


async def stage(request: Request, asking: Asking) -> Staged:
    """Take the files of a form into the inbox.

    Raises
    ------
    BadInput
        No multipart form, no file, or all are empty.
    UnsafeInput
        Too many files, or too large ones.
    StorageUnavailable
        The disk is full.
    """
    file = asking.bench.settings.max_upload_mb * MIB
    taking = Inbox(asking.bench.store).receiving(Limits(file, WHOLE_FACTOR * file, MOST_FILES))
    async with contextmanager_in_threadpool(taking) as sent:
        fields = await receive(request, sent, lambda name, number: f"{number:05d}{suffix(name)}")
    return Staged(sent.id, fields)


@asynccontextmanager
async def staged(request: Request, asking: Asking) -> AsyncIterator[Staged]:
    """Take the files of a form into the inbox, and drop them when the block ends in an error."""
    found = await stage(request, asking)
    try:
        yield found
    except BaseException:
        await run_in_threadpool(Inbox(asking.bench.store).drop, found.name)
        raise
