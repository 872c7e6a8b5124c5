"""Files of a form taken in as they come: sealed on disk piece by piece, never whole in memory.

Reference: RFC 7578 (multipart/form-data).
"""

from __future__ import annotations

from collections.abc import Callable
from email.message import Message
from typing import Final

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from suwen.core.errors import BadInput
from suwen.records.uploads import Receiving

LONGEST_HEAD: Final = 16 * 1024
"""Bytes of the head of one part."""
MOST_FIELDS: Final = 20
LONGEST_FIELDS: Final = 64 * 1024
"""Bytes of all fields that are no file."""
Renamed = Callable[[str, int], str]


class _Form:
    """Hands the files of a form to `Receiving`, and keeps its other fields, which are short."""

    def __init__(self, sent: Receiving, renamed: Renamed) -> None:
        self._sent, self._renamed = sent, renamed
        self.fields: dict[str, str] = {}
        self._field: str | None = None
        self._text = bytearray()
        self._kept = 0
        self._head: list[tuple[str, str]] = []
        self._name, self._value = bytearray(), bytearray()
        self._size = 0
        self.ended = False

    def callbacks(self) -> dict[str, Callable[..., None]]:
        """Return what the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._add(self._name, data[start:end]),
            "on_header_value": lambda data, start, end: self._add(self._value, data[start:end]),
            "on_header_end": self._header,
            "on_headers_finished": self._headed,
            "on_part_data": self._data,
            "on_part_end": self._part,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._head, self._size = [], 0

    def _add(self, to: bytearray, data: bytes) -> None:
        self._size += len(data)
        if self._size > LONGEST_HEAD:
            raise _no_form()
        to += data

    def _header(self) -> None:
        self._head.append((self._name.decode("latin-1").lower(), self._value.decode("latin-1")))
        self._name, self._value = bytearray(), bytearray()

    def _headed(self) -> None:
        _, options = parse_options_header(dict(self._head).get("content-disposition", ""))
        self._field = None
        if b"filename" in options:
            name = options[b"filename"].decode("utf-8", "replace")
            self._sent.begin(self._renamed(name, len(self._sent.files) + 1))
        elif b"name" in options and len(self.fields) < MOST_FIELDS:
            self._field = options[b"name"].decode("utf-8", "replace")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._field is None:
            self._sent.write(data[start:end])
            return
        self._kept += end - start
        if self._kept > LONGEST_FIELDS:
            raise _no_form()
        self._text += data[start:end]

    def _part(self) -> None:
        if self._field is None:
            self._sent.end()
            return
        self.fields[self._field] = self._text.decode("utf-8", "replace")
        self._field, self._text = None, bytearray()

    def _end(self) -> None:
        self.ended = True


def as_sent(name: str, number: int) -> str:
    """Keep the name of a file."""
    return name


async def receive(request: Request, sent: Receiving, renamed: Renamed = as_sent) -> dict[str, str]:
    """Take in the files of a multipart form; return its other fields.

    Parameters
    ----------
    request
        Whose body is the form.
    sent
        Where the files go.
    renamed
        Under which name a file is kept, by the name it was sent with and its number.

    Raises
    ------
    BadInput
        It is no such form, or ends before its end.
    UnsafeInput
        Too many or too large files.
    StorageUnavailable
        The disk is full.
    """
    head = Message()
    head["content-type"] = request.headers.get("content-type", "")
    boundary = head.get_boundary()
    if head.get_content_type() != "multipart/form-data" or not boundary:
        raise _no_form()
    form = _Form(sent, renamed)
    parser = MultipartParser(boundary.encode("latin-1"), form.callbacks())  # type: ignore[arg-type]
    try:
        async for piece in request.stream():
            if piece:
                await run_in_threadpool(parser.write, piece)
    except MultipartParseError:
        raise _no_form() from None
    if not form.ended:
        raise BadInput(
            "the files broke off before their end", "the whole upload", "send them again"
        )
    return form.fields


def _no_form() -> BadInput:
    return BadInput("no multipart form", "multipart/form-data with files", "send the files so")
