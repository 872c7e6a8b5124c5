"""Which format a file has, told by its content, and the samples in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final, NamedTuple

from suwen.core.errors import BadInput
from suwen.gateway.devices import (
    apple,
    csv_in,
    fhir_readings,
    fit,
    fitbit,
    gatt_in,
    googlefit,
    ihealth,
    openmhealth,
    vendors_past,
    withings,
)
from suwen.gateway.devices.sample import MALFORMED, Problems, Samples, Source

HEAD: Final = 1 << 16
"""Bytes that are looked at to tell the format."""
LINE_CAP: Final = 1 << 24
"""Longest line of a file with one JSON object a line, in bytes."""
_FIT: Final = b".FIT"
_APPLE: Final = re.compile(rb"<!DOCTYPE\s+HealthData\b|<HealthData[\s>]")
Read = Callable[[Source, Problems], Samples]


class UnknownFormat(BadInput):
    """The file is no known export of a device: a licence, a picture, something else."""


class Format(NamedTuple):
    """A format by its name, and how a file of it is read."""

    name: str
    read: Read


class _Json(NamedTuple):
    name: str
    claims: Callable[[object], bool]
    samples: Callable[[Any, Source, Problems], Samples]
    in_lines: bool
    check: Callable[[Any, Problems], None] | None = None
    """Looks through a whole file for whose it is, before anything of it is taken."""


_FORMATS: Final = (
    _Json("Bluetooth GATT", gatt_in.claims, gatt_in.samples, True),
    _Json("FHIR R4", fhir_readings.claims, fhir_readings.samples, True, fhir_readings.one_person),
    _Json("Open mHealth", openmhealth.claims, openmhealth.samples, True),
    _Json("Withings", withings.claims, withings.samples, False),
    _Json("iHealth", ihealth.claims, ihealth.samples, False),
    _Json("Fitbit", fitbit.claims, fitbit.samples, False),
    _Json("Google Fit", googlefit.claims, googlefit.samples, False),
    _Json("Jawbone, Misfit, Moves or RunKeeper", vendors_past.claims, vendors_past.samples, False),
)
NAMES: Final = ("Apple Health", "Garmin FIT", "CSV", *(one.name for one in _FORMATS))


def format_of(source: Source) -> Format:
    """Return the format of a file.

    Raises
    ------
    UnknownFormat
        It is none of the known ones.
    BadInput
        It is JSON that is not well formed.
    UnsafeInput
        A JSON file that is too large to be read as a whole.
    """
    with source.open() as file:
        head = file.read(HEAD)
    if head[8:12] == _FIT:
        return Format("Garmin FIT", fit.samples)
    plain = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if plain.startswith(b"<"):
        if _APPLE.search(head):
            return Format("Apple Health", apple.samples)
    elif plain[:1] in (b"{", b"["):
        return _json(source, plain)
    elif csv_in.claims(head):
        return Format("CSV", csv_in.samples)
    if head[:2] == b"PK" or head[:2] == b"\x1f\x8b":
        raise BadInput("a compressed file", "the files in it", "unpack it")
    raise _unknown()


def _unknown() -> UnknownFormat:
    return UnknownFormat(
        "a file that is no known export of a device", f"one of {', '.join(NAMES)}", "check the file"
    )


def _json(source: Source, head: bytes) -> Format:
    """Return the format of a JSON file: one value, or one a line."""
    first, _, rest = head.partition(b"\n")
    if head[:1] == b"{" and rest.lstrip()[:1] == b"{":
        try:
            document = parsed(first)
        except BadInput:
            document = None
        if document is not None:
            one = _one(document, in_lines=True)
            return Format(one.name, lambda s, p: _of_lines(one, s, p))
    document = parsed(source.whole())
    one = _one(document, in_lines=False)
    return Format(one.name, lambda s, p: _of_value(one, document, s, p))


def _of_lines(one: _Json, source: Source, problems: Problems) -> Samples:
    if one.check is not None:
        one.check(_lines(source, Problems()), problems)
    yield from one.samples(_lines(source, problems), source, problems)


def _of_value(one: _Json, document: Any, source: Source, problems: Problems) -> Samples:
    if one.check is not None:
        one.check(document, problems)
    yield from one.samples(document, source, problems)


def _one(document: object, in_lines: bool) -> _Json:
    for one in _FORMATS:
        if (one.in_lines or not in_lines) and one.claims(document):
            return one
    raise _unknown()


def parsed(data: bytes) -> Any:
    """Return the value of a JSON text.

    Raises
    ------
    BadInput
        It is not well formed, not UTF-8, or nested too deeply.
    """
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise BadInput("JSON that is not well formed", "a whole JSON file", "export it") from None


def _lines(source: Source, problems: Problems) -> Iterator[Any]:
    """Yield the value of each line that is one."""
    with source.open() as file:
        for place, line in enumerate(_split(file), 1):
            if not line.strip():
                continue
            try:
                value = parsed(line)
            except BadInput:
                problems.refuse(MALFORMED, f"line {place}")
                continue
            yield value


def _split(file: BinaryIO) -> Iterator[bytes]:
    """Yield lines.

    Raises
    ------
    BadInput
        A line is longer than `LINE_CAP`.
    """
    while line := file.readline(LINE_CAP + 1):
        if len(line) > LINE_CAP:
            raise BadInput(f"a line of more than {LINE_CAP >> 20} MB", "one object a line", "")
        yield line
