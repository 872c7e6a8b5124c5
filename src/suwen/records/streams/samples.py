"""Chunks of a channel on a connection of the caller's: written sealed, found, opened, joined.

Chunks of a channel never overlap in time, so a reading stands in one of them or in none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, Row, bindparam, delete, func, select

from suwen.core.streams import MICROSECONDS
from suwen.records.database import Prepared, insert_many
from suwen.records.sample_places import place_of_chunk
from suwen.records.streams.chunks import FULL, PART, Ticks, Values, packed, parted, unpacked
from suwen.records.tables import stream_chunk
from suwen.records.vault import PatientKey

MANY: Final = 400
"""Values of one IN."""
LONGEST_STEP: Final = 3600 * MICROSECONDS
"""Longest time a mean of thinned readings stands for."""
_C: Final = stream_chunk.c
_OF_CHANNEL = _C.channel == bindparam("channel")
_LOWER = Prepared(select(func.max(_C.first)).where(_OF_CHANNEL, _C.first <= bindparam("start")))
_RANGE = Prepared(
    select(stream_chunk)
    .where(_OF_CHANNEL, _C.first >= bindparam("low"), _C.first <= bindparam("high"))
    .where(_C.first - _C.step / 2 <= bindparam("end"), _C.last + _C.step / 2 >= bindparam("start"))
    .order_by(_C.first)
)
_SPANS = Prepared(
    select(_C.first, _C.last, _C.step)
    .where(_OF_CHANNEL, _C.first >= bindparam("low"), _C.first <= bindparam("high"))
    .order_by(_C.first)
)
_ONE = Prepared(select(stream_chunk).where(_OF_CHANNEL, _C.first == bindparam("start")))
_NEWEST = Prepared(
    select(stream_chunk).where(_OF_CHANNEL).order_by(_C.first.desc()).limit(bindparam("most"))
)
_REMOVE = Prepared(delete(stream_chunk).where(_OF_CHANNEL, _C.first == bindparam("start")))


def chunk_rows(
    key: PatientKey, number: int, at: Ticks, values: Values, step: int = 0
) -> list[dict[str, Any]]:
    """Return readings in order as the rows of sealed chunks, none longer than `FULL`."""
    rows = []
    for start in range(0, len(at), FULL):
        part_at, part = at[start : start + FULL], values[start : start + FULL]
        first = int(part_at[0])
        outline = None
        if len(part_at) >= 2 * PART:
            place = place_of_chunk(number, first, step, "outline")
            outline = key.seal(place, packed(*parted(part_at, part)))
        rows.append(
            {
                "channel": number,
                "first": first,
                "last": int(part_at[-1]),
                "size": len(part_at),
                "step": step,
                "generation": key.current,
                "outline": outline,
                "content": key.seal(place_of_chunk(number, first, step), packed(part_at, part)),
            }
        )
    return rows


def rewrite(
    connection: Connection, key: PatientKey, number: int, chunks: Sequence[Row[Any]]
) -> int:
    """Write consecutive chunks as few full ones; return the first time of the last of them."""
    at, values = joined(key, number, chunks)
    removed(connection, number, [row.first for row in chunks])
    rows = chunk_rows(key, number, at, values)
    insert_many(connection, stream_chunk, rows)
    return int(rows[-1]["first"])


def removed(connection: Connection, number: int, firsts: Sequence[int]) -> None:
    """Remove chunks of a channel, in whose place others are written."""
    _REMOVE.many(connection, [{"channel": number, "start": first} for first in firsts])


def lower(connection: Connection, number: int, start: int) -> int:
    """Return the first time of the chunk that `start` may lie in; `start` where there is none."""
    found = _LOWER(connection, channel=number, start=start).scalar()
    return start if found is None else int(found)


def newest(connection: Connection, number: int, most: int) -> list[Row[Any]]:
    """Return the newest chunks of a channel, at most so many, in order of time."""
    return list(reversed(_NEWEST(connection, channel=number, most=most).all()))


def chunk_at(connection: Connection, number: int, first: int) -> Row[Any]:
    """Return the chunk of a channel that begins at `first`."""
    return _ONE(connection, channel=number, start=first).one()


def spans(connection: Connection, number: int, start: int, end: int) -> list[Row[Any]]:
    """Return first, last and step of the chunks around and in start..end, contents left alone."""
    low, high = lower(connection, number, start), end + LONGEST_STEP // 2
    return list(_SPANS(connection, channel=number, low=low, high=high).all())


def overlapping(connection: Connection, number: int, start: int, end: int) -> list[Row[Any]]:
    """Return the chunks of a channel that hold readings, or stand for some, in start..end."""
    low, high = lower(connection, number, start), end + LONGEST_STEP // 2
    return list(_RANGE(connection, channel=number, low=low, high=high, start=start, end=end).all())


def joined(key: PatientKey, number: int, rows: Iterable[Row[Any]]) -> tuple[Ticks, Values]:
    """Return the readings of chunks, one after the other."""
    parts = [opened(key, number, row) for row in rows]
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.float64)
    return np.concatenate([at for at, _ in parts]), np.concatenate([v for _, v in parts])


def opened(key: PatientKey, number: int, row: Any) -> tuple[Ticks, Values]:
    """Return the readings of one chunk."""
    place = place_of_chunk(number, row.first, row.step)
    return unpacked(key.unseal(row.generation, place, bytes(row.content)))
