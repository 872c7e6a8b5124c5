"""Files of which nobody knows yet whose they are: sealed into the inbox as they come.

Their names are sealed with them, for a recording names its signal files and whoever sent a file is
told of it by its name; of those that end in a cohort only what tells the format is kept. Whoever
reads the files drops them.
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
from suwen.server.sent.receiving import Renamed, as_sent, receive

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


def numbered(name: str, number: int) -> str:
    """Keep of a file's name the end that tells its format; the rest may name a patient."""
    found = _SUFFIX.search(name)
    return f"{number:05d}{found[1].lower() if found else ''}"


class Staged(NamedTuple):
    """What came with a form: the name of its files in the inbox, and its other fields."""

    name: str
    fields: dict[str, str]


async def stage(request: Request, asking: Asking, renamed: Renamed) -> Staged:
    """Take the files of a form into the inbox, under the names that `renamed` gives them.

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
        fields = await receive(request, sent, renamed)
    return Staged(sent.id, fields)


@asynccontextmanager
async def staged(
    request: Request, asking: Asking, renamed: Renamed = as_sent
) -> AsyncIterator[Staged]:
    """Take the files of a form into the inbox, and drop them when the block ends in an error."""
    found = await stage(request, asking, renamed)
    try:
        yield found
    except BaseException:
        await run_in_threadpool(Inbox(asking.bench.store).drop, found.name)
        raise
