"""European Data Format (EDF, EDF+) and its 24-bit form (BDF): signals from bytes.

References: Kemp et al., Electroenceph Clin Neurophysiol 82:391, 1992; Kemp and Olivan, Clin
Neurophysiol 114:1755, 2003 (EDF+).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import BadInput

HEAD: Final = 256
"""Bytes of the head, and of each signal's part of it."""
MOST_SIGNALS: Final = 512
WIDTHS: Final = (16, 8, 80, 8, 8, 8, 8, 8, 80, 8, 32)
"""Bytes of each field of a signal: label, transducer, unit, physical and digital limits,
prefilter, samples a data record, reserved."""
LABEL, UNIT, LOW, HIGH, DIGITAL_LOW, DIGITAL_HIGH, COUNT = 0, 2, 3, 4, 5, 6, 8
ANNOTATIONS: Final = ("EDF Annotations", "BDF Annotations")
_EDF, _BDF = b"0       ", b"\xffBIOSEMI"


@dataclass(frozen=True)
class Signal:
    """One signal as it stands in a file: `values` (n,) in `unit`, NaN where there is none."""

    name: str
    rate: float
    unit: str
    values: NDArray[np.float32] = field(repr=False)


def is_edf(data: bytes) -> bool:
    """Say whether bytes begin like EDF or BDF, with a start date at its place."""
    return data[:8] in (_EDF, _BDF) and data[170:171] == b"." and data[173:174] == b"."


def patient_field(data: bytes) -> str:
    """Return what the file says about the patient: in EDF+ code, sex, birth date and name."""
    return data[8:88].decode("latin-1").strip()


def read_edf(data: bytes) -> tuple[datetime | None, list[Signal]]:
    """Return the start (by the recorder's clock) and the signals.

    Raises
    ------
    BadInput
        The file is cut off, contradicts itself, has gaps (EDF+D) or no signal.
    """
    if not is_edf(data):
        raise BadInput("no EDF", "a file that begins as EDF or BDF")
    size = 3 if data[:8] == _BDF else 2
    try:
        records, duration = int(_text(data, 236, 8)), float(_text(data, 244, 8))
        count = int(_text(data, 252, 4))
        if not 0 < count <= MOST_SIGNALS:
            raise BadInput(f"an EDF of {count} signals", f"1 to {MOST_SIGNALS}")
        fields = _fields(data, count)
        samples = [int(text) for text in fields[COUNT]]
    except (ValueError, OverflowError):
        raise BadInput(
            "an EDF whose head holds no numbers where they belong", "a whole file"
        ) from None
    if _text(data, 192, 44).startswith(("EDF+D", "BDF+D")):
        raise BadInput("an EDF+ recording with gaps (EDF+D)", "a continuous one", "export EDF+C")
    wide = sum(samples)
    if min(samples) < 0 or wide <= 0 or not duration >= 0:
        raise BadInput("an EDF of impossible sizes", "samples a data record above zero")
    body = len(data) - HEAD * (1 + count)
    records = body // (wide * size) if records == -1 else records
    if records < 1 or records * wide * size > body:
        raise BadInput("an EDF that is cut off", f"{records} data records of {wide * size} bytes")
    table = _numbers(data, HEAD * (1 + count), records * wide, size).reshape(records, wide)
    found, first = [], 0
    for k, each in enumerate(samples):
        part, first = table[:, first : first + each], first + each
        if fields[LABEL][k] not in ANNOTATIONS and each and duration > 0:
            found.append(_signal([field[k] for field in fields], part.ravel(), each / duration))
    if not found:
        raise BadInput("an EDF with annotations only", "one with a signal")
    return _start(data), found


def _text(data: bytes, at: int, size: int) -> str:
    return data[at : at + size].decode("latin-1").strip(" \0")


def _fields(data: bytes, count: int) -> list[list[str]]:
    found, at = [], HEAD
    for width in WIDTHS:
        found.append([_text(data, at + k * width, width) for k in range(count)])
        at += width * count
    return found


def _numbers(data: bytes, at: int, count: int, size: int) -> NDArray[np.int32]:
    if size == 2:
        return np.frombuffer(data, "<i2", count, at).astype(np.int32)
    raw = np.frombuffer(data, np.uint8, 3 * count, at).reshape(-1, 3).astype(np.int32)
    whole = raw[:, 0] | raw[:, 1] << 8 | raw[:, 2] << 16
    return np.where(whole >= 1 << 23, whole - (1 << 24), whole).astype(np.int32)


def _signal(fields: list[str], raw: NDArray[np.int32], rate: float) -> Signal:
    try:
        low, high = float(fields[LOW]), float(fields[HIGH])
        bottom, top = int(fields[DIGITAL_LOW]), int(fields[DIGITAL_HIGH])
        gain = (high - low) / (top - bottom)
    except (ValueError, ZeroDivisionError):
        raise BadInput("an EDF signal without its limits", "physical and digital limits") from None
    if not np.isfinite(gain) or gain == 0:
        raise BadInput("an EDF signal of no range", "physical limits that differ")
    values = (raw * gain + (low - bottom * gain)).astype(np.float32)
    return Signal(fields[LABEL], rate, fields[UNIT], values)


def _start(data: bytes) -> datetime | None:
    """Return the start; years 85 to 99 are of the last century."""
    try:
        day, month, year = (int(part) for part in _text(data, 168, 8).split("."))
        hour, minute, second = (int(part) for part in _text(data, 176, 8).split("."))
        century = 1900 if year >= 85 else 2000
        return datetime(century + year, month, day, hour, minute, second)
    except (ValueError, TypeError):
        return None
