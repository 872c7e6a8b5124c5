"""Device exports in: files recognised, read as a stream, stored in batches, and told of.

Readings go to the sample store; `devices.record` says which of them also become Observations.
"""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

import numpy as np

from suwen.core.errors import BadInput, SuwenError
from suwen.core.streams import MICROSECONDS, Channel, Reading, Stretch
from suwen.gateway.devices.accelerations import with_movement
from suwen.gateway.devices.converted import Converter
from suwen.gateway.devices.quantities import clinical, quantities
from suwen.gateway.devices.recognised import NAMES, UnknownFormat, format_of
from suwen.gateway.devices.sample import Problems, Samples, Source

DAY: Final = 86_400 * MICROSECONDS
BATCH: Final = 50_000
"""Readings stored in one transaction, about 20 MB while they wait."""
_DAY: Final = 24
"""Most readings of one vital sign by one device in a day (UTC) that become Observations: a cuff, a
scale, a meter or a spot check, not a sensor that is worn."""
SPAN_DAYS: Final = 31
"""Days of readings looked at together when Observations are made."""
_UNFORESEEN: Final = (
    ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RuntimeError,
    zipfile.BadZipFile, zlib.error, EOFError,
)  # fmt: skip
"""What reading raises where no format foresees the content, or a member of an archive is broken."""


class Kept(Protocol):
    """How many readings were new, were there already, and contradict what is there."""

    @property
    def stored(self) -> int:
        """New ones."""
        ...

    @property
    def absorbed(self) -> int:
        """There already."""
        ...

    @property
    def conflicting(self) -> int:
        """Another value at the same time; the one stored first stays."""
        ...


class Samplestore(Protocol):
    """What is needed of `records.Streams`."""

    def put(self, patient: str, stretches: Sequence[Stretch], source: str = "") -> Kept:
        """Store readings of one patient: all in one transaction, or none."""
        ...

    def read(self, patient: str, code: str, start: datetime, end: datetime) -> list[Stretch]:
        """Return the readings of one quantity, a stretch a channel."""
        ...


@dataclass
class Tally:
    """The readings of one channel: how many, and from when to when."""

    count: int
    first: int
    last: int


@dataclass
class Imported:
    """What an import read, stored and refused."""

    files: Counter[str] = field(default_factory=Counter)
    """Files by format."""
    channels: dict[Channel, Tally] = field(default_factory=dict)
    read: int = 0
    stored: int = 0
    absorbed: int = 0
    conflicting: int = 0
    repeated: int = 0
    """Samples whose id at their source had come before in this import."""
    observations: int = 0
    problems: Problems = field(default_factory=Problems)
    errors: list[tuple[str, SuwenError]] = field(default_factory=list)
    """Files that are broken; what came before the broken place is stored."""
    unknown: list[str] = field(default_factory=list)
    """Files that are no export of a device."""
    days: Counter[tuple[Channel, int]] = field(default_factory=Counter)
    """Readings of vital signs by channel and day."""
    without_unit: Counter[str] = field(default_factory=Counter)
    """Samples by quantity that were refused because nobody said their unit."""


def samples_of(source: Source, problems: Problems) -> tuple[str, Samples]:
    """Return the format of a file and its samples.

    Raises
    ------
    BadInput
        At once or while reading: the file is unknown or broken; what came before was yielded.
    """
    try:
        form = format_of(source)
    except _UNFORESEEN:
        raise _not_as_its_format() from None
    return form.name, _guarded(form.read(source, problems))


def _guarded(samples: Samples) -> Samples:
    """Yield samples; content that no format foresees is one clear error."""
    try:
        yield from samples
    except _UNFORESEEN:
        raise _not_as_its_format() from None


def _not_as_its_format() -> BadInput:
    return BadInput(
        "a file whose entries are not as its format says", "a whole export", "export it again"
    )


def import_readings(
    files: Iterable[Source],
    patient: str,
    store: Samplestore,
    now: datetime | None = None,
    born: str = "",
    assumed: Mapping[str, str] | None = None,
) -> Imported:
    """Read device exports of one patient and store their readings.

    Parameters
    ----------
    files
        As from `files.sources`.
    patient
        Whose they are: the id in the store.
    store
        Where the readings go.
    now
        The present moment, from which on times are in the future.
    born
        The patient's date of birth: a file that states another one is not read.
    assumed
        Unit of a quantity (its key) where a file gives none, as somebody said.

    Raises
    ------
    BadInput
        None of the files is an export of a device.
    """
    out = read_exports(files, patient, store, now, born, assumed)
    if not out.files and not out.errors:
        raise no_export()
    return out


def no_export() -> BadInput:
    """Return the error for files none of which is an export of a device."""
    return BadInput(
        "no file that is a known export of a device",
        f"one of {', '.join(NAMES)}",
        "check the files; archives other than ZIP have to be unpacked",
    )


def read_exports(
    files: Iterable[Source],
    patient: str,
    store: Samplestore,
    now: datetime | None = None,
    born: str = "",
    assumed: Mapping[str, str] | None = None,
) -> Imported:
    """Do the same where files that are no export are no error: they are named in `unknown`."""
    out = Imported()
    out.problems.born = born
    converter = Converter(out.problems, now, assumed)
    for source in files:
        opened = _opened(source, out)
        if opened is None:
            continue
        name, samples = opened
        readings = with_movement(_noted(converter.readings(samples), source.name, out))
        for batch in _batches(readings, out):
            kept = store.put(patient, batch, name)
            out.stored += kept.stored
            out.absorbed += kept.absorbed
            out.conflicting += kept.conflicting
    out.read, out.repeated = converter.read, converter.repeated
    out.without_unit = converter.without_unit
    return out


def _opened(source: Source, out: Imported) -> tuple[str, Samples] | None:
    """Return the format of a file and its samples; None, and noted, where it has none."""
    out.problems.file = source.name
    try:
        name, samples = samples_of(source, out.problems)
    except UnknownFormat:
        out.unknown.append(source.name)
        return None
    except SuwenError as error:
        out.errors.append((source.name, error))
        return None
    except OSError as error:
        unreadable = BadInput(f"it cannot be opened ({type(error).__name__})", "a file", "")
        out.errors.append((source.name, unreadable))
        return None
    out.files[name] += 1
    return name, samples


def _noted(readings: Iterator[Reading], name: str, out: Imported) -> Iterator[Reading]:
    """Yield readings until the file ends or is broken; a broken one is noted."""
    try:
        yield from readings
    except SuwenError as error:
        out.errors.append((name, error))


def _batches(readings: Iterator[Reading], out: Imported) -> Iterator[list[Stretch]]:
    """Yield at most `BATCH` readings at a time as stretches, and count them by channel and day."""
    waiting: dict[Channel, tuple[list[int], list[float]]] = {}
    count = 0
    for reading in readings:
        at, values = waiting.setdefault(reading.channel, ([], []))
        at.append(reading.tick)
        values.append(reading.value)
        count += 1
        if count == BATCH:
            yield _stretches(waiting, out)
            waiting, count = {}, 0
    if waiting:
        yield _stretches(waiting, out)


def _stretches(
    waiting: dict[Channel, tuple[list[int], list[float]]], out: Imported
) -> list[Stretch]:
    found = []
    for channel, (ticks, numbers) in waiting.items():
        at, values = np.array(ticks, np.int64), np.array(numbers, np.float64)
        order = np.argsort(at, kind="stable")
        at, values = at[order], values[order]
        found.append(Stretch(channel, at, values))
        first, last = int(at[0]), int(at[-1])
        tally = out.channels.setdefault(channel, Tally(0, first, last))
        tally.count += len(at)
        tally.first, tally.last = min(tally.first, first), max(tally.last, last)
        key = quantities().by_code.get(channel.code, "")
        if clinical(key):
            days, counts = np.unique(at // DAY, return_counts=True)
            for day, number in zip(days.tolist(), counts.tolist(), strict=True):
                out.days[channel, day] += number
    return found
