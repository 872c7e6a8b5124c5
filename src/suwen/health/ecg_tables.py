"""What tasks say of all of a recording, as tables beside a finding: every beat, every stretch.

A finding names a few places; a reader who goes through the recording needs all of them. The tables
are CSV, so that any program reads them. A beat has its AAMI class (EC57: N, S, V, F), or Q where
the recording cannot be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import BadInput
from suwen.core.nouns import Attachment, Finding

CSV: Final = "text/csv"
BEATS, STRETCHES = "beats", "stretches"
"""Roles of the attachments."""
LETTERS: Final = "NSVFQ"
_BEATS_HEAD: Final = "seconds,class,probability"
_STRETCHES_HEAD: Final = "start,end,probability"


@dataclass(frozen=True)
class BeatTable:
    """Beats of a recording: `at` in seconds, rising, `kind` the place in `LETTERS`, (n,) each."""

    at: NDArray[np.float64]
    kind: NDArray[np.int64]
    probability: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.at)


@dataclass(frozen=True)
class Stretch:
    """A part of a recording, in seconds, of which something is said with this probability."""

    start: float
    end: float
    probability: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start


def beats_attachment(table: BeatTable) -> Attachment:
    """Return the beats as an attachment: milliseconds and percent are enough."""
    rows = zip(table.at.tolist(), table.kind.tolist(), table.probability.tolist(), strict=True)
    lines = [f"{at:.3f},{LETTERS[kind]},{chance:.2f}" for at, kind, chance in rows]
    return Attachment.of(BEATS, CSV, "\n".join([_BEATS_HEAD, *lines, ""]).encode())


def read_beats(data: bytes) -> BeatTable:
    """Return the beats of an attachment.

    Raises
    ------
    BadInput
        It is no table of beats.
    """
    rows = _rows(data, _BEATS_HEAD)
    try:
        kind = np.array([LETTERS.index(row[1]) for row in rows], dtype=np.int64)
        at, chance = (np.array([float(row[k]) for row in rows]) for k in (0, 2))
    except ValueError:
        raise BadInput("a table of beats with a row that is none", _BEATS_HEAD) from None
    return BeatTable(at, kind, chance)


def stretches_attachment(stretches: Sequence[Stretch]) -> Attachment:
    """Return stretches as an attachment."""
    lines = [f"{one.start:.2f},{one.end:.2f},{one.probability:.2f}" for one in stretches]
    return Attachment.of(STRETCHES, CSV, "\n".join([_STRETCHES_HEAD, *lines, ""]).encode())


def read_stretches(data: bytes) -> list[Stretch]:
    """Return the stretches of an attachment.

    Raises
    ------
    BadInput
        It is no table of stretches.
    """
    try:
        return [Stretch(*map(float, row)) for row in _rows(data, _STRETCHES_HEAD)]
    except ValueError:
        raise BadInput("a table of stretches with a row that is none", _STRETCHES_HEAD) from None


def attached(finding: Finding, role: str) -> Attachment | None:
    """Return the table of that role beside a finding."""
    return next(
        (one for one in finding.attachments if one.role == role and one.media_type == CSV), None
    )


def clock(seconds: float) -> str:
    """Return seconds as h:mm:ss."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _rows(data: bytes, head: str) -> list[list[str]]:
    first, *lines = data.decode("ascii", "replace").splitlines() or [""]
    rows = [line.split(",") for line in lines]
    if first != head or any(len(row) != len(head.split(",")) for row in rows):
        raise BadInput("a table with other columns", head, "read it with the role it has")
    return rows
