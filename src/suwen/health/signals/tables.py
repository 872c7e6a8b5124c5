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
    at, letters, chance = _columns(data, _BEATS_HEAD)
    try:
        kind = np.array([LETTERS.index(letter) for letter in letters], dtype=np.int64)
        return BeatTable(np.array(at, dtype=float), kind, np.array(chance, dtype=float))
    except ValueError:
        raise BadInput("a table of beats with a row that is none", _BEATS_HEAD) from None


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
        columns = [map(float, column) for column in _columns(data, _STRETCHES_HEAD)]
        return [Stretch(*row) for row in zip(*columns, strict=True)]
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


def _columns(data: bytes, head: str) -> list[list[str]]:
    """Return the columns of a table below its head."""
    first, _, text = data.decode("ascii", "replace").partition("\n")
    count = head.count(",") + 1
    cells = text.removesuffix("\n").replace("\n", ",").split(",") if text else []
    if first != head or len(cells) % count:
        raise BadInput("a table with other columns", head, "read it with the role it has")
    return [cells[k::count] for k in range(count)]
