"""WFDB records (PhysioNet): a header and the signal files it names, from bytes.

Reference: Moody, WFDB Applications Guide, header(5) and signal(5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import BadInput
from suwen.health.signals.recording_edf import Signal

Integers = NDArray[np.int32]
DEFAULT_RATE, DEFAULT_GAIN = 250.0, 200.0
FINEST: Final = 1000.0
"""Steps a unit at most in what is written: microvolts."""
DIFFERENCES: Final = 8
"""The format that holds differences from one sample to the next."""
MOST_SIGNALS: Final = 256
HEAD_CAP: Final = 200_000
"""Longest header in bytes."""
_FIRST_LINE = re.compile(
    r"(?P<name>[\w-]{1,64})(?P<segments>/\d+)?\s+(?P<signals>\d{1,4})"
    r"(?:\s+(?P<rate>[\d.]+(?:e[+-]?\d+)?)(?:/[\d.]+(?:\([\d.-]+\))?)?"
    r"(?:\s+(?P<samples>\d+)(?:\s+(?P<time>[\d:.]+)(?:\s+(?P<day>[\d/]+))?)?)?)?\s*",
    re.IGNORECASE,
)
_SECOND_LINE = re.compile(r"\S+\s+\d")
_SIGNAL_LINE = re.compile(
    r"(?P<file>[\w.~-]+)\s+(?P<format>\d{1,4})(?:x(?P<per_frame>\d+))?(?::(?P<skew>\d+))?"
    r"(?:\+(?P<offset>\d+))?"
    r"(?:\s+(?P<gain>-?[\d.]+(?:e[+-]?\d+)?)(?:\((?P<baseline>-?\d+)\))?(?:/(?P<unit>\S+))?"
    r"(?:\s+(?P<bits>\d+)(?:\s+(?P<zero>-?\d+)(?:\s+(?P<first>-?\d+)(?:\s+-?\d+(?:\s+\d+(?:\s+"
    r"(?P<name>.*))?)?)?)?)?)?)?\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Line:
    """What a header says about one signal."""

    file: str
    format: int
    per_frame: int
    skew: int
    offset: int
    gain: float
    baseline: int
    first: int
    unit: str
    name: str


@dataclass(frozen=True)
class Header:
    """A header: `frames` is 0 where it does not say how long the record is."""

    name: str
    rate: float
    frames: int
    start: datetime | None
    lines: tuple[Line, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """The signal files it names, each once."""
        return tuple(dict.fromkeys(line.file for line in self.lines))


def is_header(data: bytes) -> bool:
    """Say whether a text is meant as a header: its first two lines begin like one."""
    lines = _lines(data[:HEAD_CAP])
    first = _FIRST_LINE.fullmatch(lines[0]) if lines else None
    if first is None or len(lines) < 2:
        return False
    return bool(first["segments"] or _SECOND_LINE.match(lines[1]))


def read_header(data: bytes) -> Header:
    """Read a header.

    Raises
    ------
    BadInput
        It is none, or one of several segments.
    """
    lines = _lines(data) if len(data) <= HEAD_CAP else []
    first = _FIRST_LINE.fullmatch(lines[0]) if lines else None
    if first is None:
        raise BadInput("no WFDB header", "a line with name, signals, rate")
    if first["segments"]:
        raise BadInput(
            "a WFDB record of several segments",
            "one segment",
            "give the segments: each is a record",
        )
    count, rate = int(first["signals"]), float(first["rate"] or DEFAULT_RATE)
    if not 0 < count <= MOST_SIGNALS or len(lines) <= count or not 0 < rate < 1e6:
        raise BadInput(
            f"a WFDB header of {count} signals, {len(lines) - 1} of them told, at {rate:g} Hz",
            "a line for each signal",
        )
    found = tuple(_line(text) for text in lines[1 : count + 1])
    frames = int(first["samples"] or 0)
    return Header(first["name"], rate, frames, _start(first["time"], first["day"]), found)


def read_wfdb(header: bytes, files: Mapping[str, bytes]) -> tuple[datetime | None, list[Signal]]:
    """Return the start (by the recorder's clock) and the signals of a record.

    Parameters
    ----------
    header
        Content of the `.hea` file.
    files
        Content of the signal files by the names in the header; others may be there.

    Raises
    ------
    BadInput
        A file is missing, cut off, or of a format that is not read.
    """
    head = read_header(header)
    found: dict[int, Signal] = {}
    for name in head.files:
        if name not in files:
            raise BadInput("a WFDB header without its signal file", "the file it names beside it")
        own = [k for k, line in enumerate(head.lines) if line.file == name]
        lines = [head.lines[k] for k in own]
        values = _decoded(files[name], lines, head.frames)
        for k, line, column in zip(own, lines, values, strict=True):
            rate = head.rate * line.per_frame
            found[k] = Signal(line.name, rate, line.unit, _physical(column, line))
    return head.start, [found[k] for k in sorted(found)]


def _lines(data: bytes) -> list[str]:
    text = data.decode("latin-1")
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def _line(text: str) -> Line:
    match = _SIGNAL_LINE.fullmatch(text)
    if match is None:
        raise BadInput(
            "a WFDB header with a line that is no signal", "`100.dat 212 200 11 1024 ...`"
        )
    zero = int(match["zero"] or 0)
    return Line(
        file=match["file"],
        format=int(match["format"]),
        per_frame=int(match["per_frame"] or 1),
        skew=int(match["skew"] or 0),
        offset=int(match["offset"] or 0),
        gain=float(match["gain"] or 0) or DEFAULT_GAIN,
        baseline=zero if match["baseline"] is None else int(match["baseline"]),
        first=zero if match["first"] is None else int(match["first"]),
        unit=match["unit"] or "mV",
        name=(match["name"] or "ECG").strip(),
    )


def _start(clock: str | None, day: str | None) -> datetime | None:
    for form in ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S.%f"):
        try:
            return datetime.strptime(f"{day} {clock}", form)
        except ValueError:
            continue
    return None


def _physical(raw: Integers, line: Line) -> NDArray[np.float32]:
    values = ((raw - line.baseline) / line.gain).astype(np.float32)
    lost = LOST.get(line.format)
    if lost is not None:
        values[raw == lost] = np.nan
    return values


def _decoded(data: bytes, lines: list[Line], frames: int) -> list[Integers]:
    """Return the raw values of each signal of one file."""
    form, offset = lines[0].format, lines[0].offset
    if form not in FORMATS or any(line.format != form for line in lines):
        raise BadInput(f"a WFDB signal of format {form}", f"one of {sorted(FORMATS)}", "convert it")
    wide = sum(line.per_frame for line in lines)
    if not 0 < wide <= 100_000:
        raise BadInput("a WFDB record of impossible frames", "samples a frame above zero")
    body = np.frombuffer(data, np.uint8)[offset:]
    samples = FORMATS[form](body)
    there = len(samples) // wide
    if there < max(frames, 1):
        raise BadInput(f"a WFDB signal file of {there} frames", f"{frames} as its header says")
    table = samples[: (frames or there) * wide].reshape(-1, wide)
    columns, first = [], 0
    for line in lines:
        part = table[:, first : first + line.per_frame].reshape(-1)
        if form == DIFFERENCES:
            part = line.first + np.cumsum(part, dtype=np.int32)
        columns.append(part[min(line.skew * line.per_frame, len(part)) :])
        first += line.per_frame
    return columns


def _plain(kind: str, offset: int = 0) -> Callable[[NDArray[np.uint8]], Integers]:
    """Return a reader of whole numbers of some bytes each."""
    size = np.dtype(kind).itemsize

    def read(body: NDArray[np.uint8]) -> Integers:
        return body[: len(body) // size * size].view(kind).astype(np.int32) - offset

    return read


def _format_24(body: NDArray[np.uint8]) -> Integers:
    raw = body[: len(body) // 3 * 3].reshape(-1, 3).astype(np.int32)
    return _signed(raw[:, 0] | raw[:, 1] << 8 | raw[:, 2] << 16, 24)


def _format_212(body: NDArray[np.uint8]) -> Integers:
    """Two samples in three bytes; of an odd number the last takes two."""
    pad = -len(body) % 3
    raw = np.concatenate([body, np.zeros(pad, np.uint8)]).reshape(-1, 3).astype(np.int32)
    both = np.stack([raw[:, 0] | (raw[:, 1] & 15) << 8, raw[:, 2] | (raw[:, 1] >> 4) << 8], axis=1)
    return _signed(both.ravel(), 12)[: len(body) * 2 // 3]


def _format_310(body: NDArray[np.uint8]) -> Integers:
    """Three samples of ten bits in two words of 16, the third shared between both."""
    pad = -len(body) % 4
    raw = (
        np.concatenate([body, np.zeros(pad, np.uint8)]).view("<u2").reshape(-1, 2).astype(np.int32)
    )
    third = (raw[:, 0] >> 11) | (raw[:, 1] >> 11) << 5
    parts = [(raw[:, 0] >> 1) & 1023, (raw[:, 1] >> 1) & 1023, third]
    return _signed(np.stack(parts, axis=1).ravel(), 10)


def _format_311(body: NDArray[np.uint8]) -> Integers:
    """Three samples of ten bits one after another in a word of 32."""
    pad = -len(body) % 4
    raw = np.concatenate([body, np.zeros(pad, np.uint8)]).view("<u4").astype(np.int64)
    parts = [raw & 1023, (raw >> 10) & 1023, (raw >> 20) & 1023]
    return _signed(np.stack(parts, axis=1).ravel().astype(np.int32), 10)


def _signed(values: NDArray[np.int32], bits: int) -> Integers:
    return np.where(values >= 1 << (bits - 1), values - (1 << bits), values).astype(np.int32)


FORMATS: Final[Mapping[int, Callable[[NDArray[np.uint8]], Integers]]] = {
    DIFFERENCES: _plain("<i1"),
    16: _plain("<i2"),
    24: _format_24,
    32: _plain("<i4"),
    61: _plain(">i2"),
    80: _plain("u1", 128),
    160: _plain("<u2", 32768),
    212: _format_212,
    310: _format_310,
    311: _format_311,
}
"""Formats of signal files that are read; those compressed with FLAC are not."""
LOST: Final[Mapping[int, int]] = {
    16: -(1 << 15),
    24: -(1 << 23),
    32: -(1 << 31),
    61: -(1 << 15),
    80: -128,
    160: -(1 << 15),
    212: -2048,
    310: -512,
    311: -512,
}
"""What a format writes where nothing was recorded."""


def wfdb_files(
    name: str,
    values: NDArray[np.floating],
    rate: float,
    leads: Sequence[tuple[str, str]],
    start: datetime,
) -> dict[str, bytes]:
    """Return header and signal file of a WFDB record in format 16, by name.

    Parameters
    ----------
    name
        Of the record: letters, digits, `-` and `_`.
    values
        (leads, n); NaN where nothing was recorded.
    rate
        Samples a second.
    leads
        Name and unit of each.
    start
        Time of the first sample, written in UTC.
    """
    at = start.astimezone(UTC)
    lines = [f"{name} {len(leads)} {rate:.9g} {values.shape[1]} {at:%H:%M:%S.%f} {at:%d/%m/%Y}"]
    raw = np.full(values.shape[::-1], LOST[16], dtype="<i2")
    for k, (lead, unit) in enumerate(leads):
        there = np.isfinite(values[k])
        most = float(np.abs(values[k][there]).max(initial=0.0))
        gain = float(f"{min(FINEST, (2**15 - 2) / most if most else FINEST):.6g}")
        raw[there, k] = np.clip(np.rint(values[k][there] * gain), 1 - 2**15, 2**15 - 1)
        lines.append(f"{name}.dat 16 {gain:.6g}(0)/{unit or 'NU'} 16 0 0 0 0 {lead}")
    head = "\n".join([*lines, "# times in UTC", ""])
    return {f"{name}.hea": head.encode("ascii", "replace"), f"{name}.dat": raw.tobytes()}
