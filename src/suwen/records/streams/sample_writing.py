"""Storing readings once each, whatever order and however often they come.

New readings behind the newest one (what devices send nearly always) are written as they are, one
small chunk a channel and commit; of `MERGED` small chunks or more one is made. A reading that falls
among stored ones is merged into the chunks it meets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import Any, Final, NamedTuple

import numpy as np
from sqlalchemy import Connection, bindparam, select, update

from suwen.core.errors import BadInput
from suwen.core.nouns import canonical
from suwen.core.streams import Channel, Stretch
from suwen.records.database import Prepared, insert_many
from suwen.records.keys import Secrets
from suwen.records.sample_places import code_of, number_of, place_of_channel, place_of_chunk
from suwen.records.streams.chunks import FULL, Ticks, Values, packed_few
from suwen.records.streams.samples import (
    MANY,
    chunk_at,
    chunk_rows,
    newest,
    opened,
    removed,
    rewrite,
    spans,
)
from suwen.records.tables import stream_channel, stream_chunk
from suwen.records.vault import PatientKey

MERGED: Final = 96
"""Small chunks of a channel from which on they are made one; up to 63 more, by the channel, so that
not all of a ward's channels are merged in one commit."""
MERGES: Final = 8
"""Channels merged in one commit at most: the others wait for the next."""
FEW: Final = 16
"""Readings up to which a lot is written without making arrays of it."""
_NEVER: Final = -(2**63)
_MOVE = Prepared(
    update(stream_channel)
    .where(stream_channel.c.number == bindparam("channel"))
    .values({name: bindparam(name) for name in ("latest", "head", "received", "small")})
)


@dataclass(frozen=True)
class Kept:
    """What became of readings that were put.

    Parameters
    ----------
    stored
        New ones.
    absorbed
        Stored before with the same value.
    conflicting
        Stored before with another value, which stays.
    late
        Of a time whose readings were thinned already, so that nobody can say whether they are new;
        not stored.
    """

    stored: int = 0
    absorbed: int = 0
    conflicting: int = 0
    late: int = 0

    def __add__(self, other: Kept) -> Kept:
        return Kept(
            self.stored + other.stored,
            self.absorbed + other.absorbed,
            self.conflicting + other.conflicting,
            self.late + other.late,
        )


class Lot(NamedTuple):
    """Readings of one channel about to be stored: any order, repetitions allowed."""

    patient: str
    channel: Channel
    at: Sequence[int] | Ticks
    values: Sequence[float] | Values


@dataclass
class Put:
    """What became of lots: counts, what is new, and what was set aside with its state."""

    kept: Kept = field(default_factory=Kept)
    new: list[tuple[str, Stretch]] = field(default_factory=list)
    aside: list[tuple[Lot, str]] = field(default_factory=list)


@dataclass
class _Line:
    """The row of a channel while it is written to."""

    number: int
    latest: int = _NEVER
    head: int = _NEVER
    small: int = 0
    touched: bool = False


class Writer:
    """Puts lots of several patients inside one transaction.

    Parameters
    ----------
    keys
        The patients' keys, read with their rows locked.
    received
        When the lots came in, microseconds since 1970-01-01 UTC.
    telling
        Whether `Put.new` is to hold what was stored.
    """

    def __init__(
        self,
        connection: Connection,
        secrets: Secrets,
        keys: Mapping[str, PatientKey],
        received: int,
        telling: bool = False,
    ) -> None:
        self._connection = connection
        self._secrets = secrets
        self._keys = keys
        self._received = received
        self._telling = telling
        self._lines: dict[int, _Line] = {}
        self._rows: list[dict[str, Any]] = []
        self._put = Put()

    def put(self, lots: Sequence[Lot]) -> Put:
        """Store what is new of `lots`, and say what became of all of it."""
        numbers = [number_of(self._secrets, lot.patient, lot.channel) for lot in lots]
        self._lines = _lines(self._connection, numbers)
        fresh: dict[int, Lot] = {}
        for number, lot in zip(numbers, lots, strict=True):
            if number not in self._lines:
                self._lines[number] = _Line(number)
                fresh[number] = lot
            self._one(self._lines[number], lot)
        self._flush()
        self._merge_small(dict(zip(numbers, (lot.patient for lot in lots), strict=True)))
        self._write_lines(fresh)
        return self._put

    def _one(self, line: _Line, lot: Lot) -> None:
        if len(lot.at) <= FEW and not isinstance(lot.at, np.ndarray) and self._few(line, lot):
            return
        at, values, repeated = _in_order(lot)
        self._count(Kept(absorbed=repeated))
        at, values = self._without_conflicts(lot, at, values)
        if at[0] > line.latest:
            self._append(line, lot, at, values)
        else:
            self._merge(line, lot, at, values)

    def _few(self, line: _Line, lot: Lot) -> bool:
        """Append a few new readings past arrays; False where that is not all there is to do."""
        at, values = lot.at, lot.values
        if at[0] <= line.latest or any(one >= two for one, two in pairwise(at)):
            return False
        key, first = self._keys[lot.patient], int(at[0])
        content = key.seal(place_of_chunk(line.number, first, 0), packed_few(at, values))  # type: ignore[arg-type]
        self._rows.append(
            {
                "channel": line.number,
                "first": first,
                "last": int(at[-1]),
                "size": len(at),
                "step": 0,
                "generation": key.current,
                "outline": None,
                "content": content,
            }
        )
        line.latest, line.head, line.touched = int(at[-1]), first, True
        line.small += 1
        self._count(Kept(stored=len(at)))
        self._tell(lot, at, values)
        return True

    def _append(self, line: _Line, lot: Lot, at: Ticks, values: Values) -> None:
        """Store readings in whose time nothing is stored."""
        self._write(line, self._keys[lot.patient], at, values)
        self._count(Kept(stored=len(at)))
        self._tell(lot, at, values)

    def _write(self, line: _Line, key: PatientKey, at: Ticks, values: Values) -> None:
        rows = chunk_rows(key, line.number, at, values)
        self._rows += rows
        line.small += sum(row["size"] < FULL for row in rows)
        line.touched = True
        if at[-1] >= line.latest:
            line.latest, line.head = int(at[-1]), rows[-1]["first"]

    def _merge(self, line: _Line, lot: Lot, at: Ticks, values: Values) -> None:
        """Store readings that may lie among stored ones: only chunks they meet are written anew."""
        self._flush()
        met = spans(self._connection, line.number, int(at[0]), int(at[-1]))
        halves = np.array([span.step // 2 for span in met], np.int64)
        lows = np.array([span.first for span in met], np.int64) - halves
        highs = np.array([span.last for span in met], np.int64) + halves - (halves > 0)
        chunk = np.searchsorted(lows, at, side="right") - 1
        inside = chunk >= 0
        inside[inside] = at[inside] <= highs[chunk[inside]]
        place = 2 * chunk + ~inside
        edges = [0, *(np.flatnonzero(np.diff(place)) + 1).tolist(), len(at)]
        for start, end in pairwise(edges):
            part = at[start:end], values[start:end]
            if not inside[start]:
                self._append(line, lot, *part)
            elif met[chunk[start]].step:
                self._set_aside(lot, "late", *part)
            else:
                self._into(line, lot, met[chunk[start]].first, *part)

    def _into(self, line: _Line, lot: Lot, first: int, at: Ticks, values: Values) -> None:
        """Store what is new of readings in the time of one chunk."""
        key = self._keys[lot.patient]
        row = chunk_at(self._connection, line.number, first)
        old_at, old_values = opened(key, line.number, row)
        place = np.searchsorted(old_at, at)  # All lie in the chunk's time, so there is one.
        known = old_at[place] == at
        same = known & (old_values[place] == values)
        self._count(Kept(absorbed=int(same.sum())))
        self._set_aside(lot, "conflicting", at[known & ~same], values[known & ~same])
        at, values = at[~known], values[~known]
        if not len(at):
            return
        self._count(Kept(stored=len(at)))
        self._tell(lot, at, values)
        removed(self._connection, line.number, [first])
        line.small = max(0, line.small - (row.size < FULL))
        both_at, both = np.concatenate([old_at, at]), np.concatenate([old_values, values])
        order = np.argsort(both_at, kind="stable")
        self._write(line, key, both_at[order], both[order])

    def _flush(self) -> None:
        insert_many(self._connection, stream_chunk, self._rows)
        self._rows = []

    def _without_conflicts(self, lot: Lot, at: Ticks, values: Values) -> tuple[Ticks, Values]:
        """Return readings without those of a time that the lot itself gave another value for."""
        again = np.zeros(len(at), bool)
        again[1:] = at[1:] == at[:-1]
        if again.any():
            self._set_aside(lot, "conflicting", at[again], values[again])
        return at[~again], values[~again]

    def _set_aside(self, lot: Lot, state: str, at: Ticks, values: Values) -> None:
        if len(at):
            self._count(Kept(**{state: len(at)}))
            self._put.aside.append((lot._replace(at=at, values=values), state))

    def _count(self, kept: Kept) -> None:
        self._put.kept += kept

    def _tell(self, lot: Lot, at: Sequence[int] | Ticks, values: Sequence[float] | Values) -> None:
        if self._telling:
            stretch = Stretch(
                lot.channel, np.array(at, dtype=np.int64), np.array(values, dtype=np.float64)
            )
            self._put.new.append((lot.patient, stretch))

    def _merge_small(self, patients: Mapping[int, str]) -> None:
        """Make one chunk of many small ones, of a few channels."""
        full = [line for line in self._lines.values() if line.small >= MERGED + line.number % 64]
        for line in sorted(full, key=lambda line: -line.small)[:MERGES]:
            key = self._keys[patients[line.number]]
            found = newest(self._connection, line.number, line.small + 1)
            run = max(
                (list(run) for small, run in groupby(found, _is_small) if small),
                key=len,
                default=[],
            )
            line.small, line.touched = 0, True
            if len(run) > 1:
                first = rewrite(self._connection, key, line.number, run)
                if run[-1].last >= line.latest:
                    line.head = first

    def _write_lines(self, fresh: Mapping[int, Lot]) -> None:
        rows, moves = [], []
        for line in self._lines.values():
            if not line.touched:
                continue
            values = {"latest": line.latest, "head": line.head, "small": line.small}
            if line.number in fresh:
                lot = fresh[line.number]
                key = self._keys[lot.patient]
                named = canonical(list(lot.channel))
                rows.append(
                    {
                        "number": line.number,
                        "patient": lot.patient,
                        "code": code_of(self._secrets, lot.patient, lot.channel.code),
                        "received": self._received,
                        "generation": key.current,
                        "content": key.seal(place_of_channel(line.number), named),
                    }
                    | values
                )
            else:
                moves.append({"channel": line.number, "received": self._received} | values)
        insert_many(self._connection, stream_channel, rows)
        _MOVE.many(self._connection, moves)


def _is_small(row: Any) -> bool:
    return bool(row.step == 0 and row.size < FULL)


def _lines(connection: Connection, numbers: Sequence[int]) -> dict[int, _Line]:
    c = stream_channel.c
    found: dict[int, _Line] = {}
    wanted = list(dict.fromkeys(numbers))
    for start in range(0, len(wanted), MANY):
        query = select(c.number, c.latest, c.head, c.small).where(
            c.number.in_(wanted[start : start + MANY])
        )
        for row in connection.execute(query):
            found[row.number] = _Line(*row)
    return found


def _in_order(lot: Lot) -> tuple[Ticks, Values, int]:
    """Return a lot's readings in order of time, and how many were repetitions left out.

    Raises
    ------
    BadInput
        Lengths differ, or a value is not finite.
    """
    at, values = np.asarray(lot.at, dtype=np.int64), np.asarray(lot.values, dtype=np.float64)
    if at.shape != values.shape or at.ndim != 1 or not len(at):
        raise BadInput("times and values that do not go together", "as many of each", "")
    if not np.isfinite(values).all():
        raise BadInput("a value that is no finite number", "numbers", "leave it out")
    if len(at) > 1 and not (np.diff(at) > 0).all():
        order = np.argsort(at, kind="stable")
        at, values = at[order], values[order]
        same = np.zeros(len(at), bool)
        same[1:] = (at[1:] == at[:-1]) & (values[1:] == values[:-1])
        return at[~same], values[~same], int(same.sum())
    return at, values, 0
