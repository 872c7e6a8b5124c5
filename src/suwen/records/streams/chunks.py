"""Chunks: readings of one channel as the bytes that are sealed, and the outline of many of them.

A chunk of a few readings is times and values as they are; a longer one holds the differences of its
times and its values with their bytes transposed (all first bytes, then all second ones), deflated
(RFC 1951): evenly sampled times become almost nothing. Values are exact, whatever they are.

The outline of readings keeps of each part the lowest and the highest as they are, so that the
outline of outlines is the outline of the whole.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import IntegrityError

Ticks = NDArray[np.int64]
Values = NDArray[np.float64]

FULL: Final = 16_384
"""Readings of a full chunk; a day at one in 5 seconds, three quarters of a minute at 360 Hz."""
PART: Final = 256
"""Readings of one part of an outline; a chunk of fewer than two parts has none."""
_PLAIN, _PACKED = 0, 1
_SHORT: Final = 24
"""Readings up to which a chunk is not deflated: it would hardly become shorter."""
_LEVEL: Final = 1
_HEADER = struct.Struct("<BI")


def packed_few(at: Sequence[int], values: Sequence[float]) -> bytes:
    """Return a few readings as a chunk, without making arrays of them."""
    n = len(at)
    return struct.pack(f"<BI{n}q{n}d", _PLAIN, n, *at, *values)


def packed(at: Ticks, values: Values) -> bytes:
    """Return readings, (n,) and (n,), as a chunk."""
    n = len(at)
    if n <= _SHORT:
        return _HEADER.pack(_PLAIN, n) + at.astype("<i8").tobytes() + values.astype("<f8").tobytes()
    steps = np.diff(at, prepend=np.int64(0)).astype("<i8")
    body = _transposed(steps) + _transposed(values.astype("<f8"))
    return _HEADER.pack(_PACKED, n) + zlib.compress(body, _LEVEL)


def unpacked(chunk: bytes) -> tuple[Ticks, Values]:
    """Return the readings of a chunk.

    Raises
    ------
    IntegrityError
        The bytes are no chunk.
    """
    try:
        kind, n = _HEADER.unpack_from(chunk)
        body = chunk[_HEADER.size :]
        if kind == _PACKED:
            body = zlib.decompressobj().decompress(body, 16 * n)
            at = np.cumsum(_restored(body[: 8 * n], n).view("<i8"), dtype=np.int64)
            return at, _restored(body[8 * n :], n).view("<f8").astype(np.float64)
        at = np.frombuffer(body, "<i8", n).astype(np.int64)
        return at, np.frombuffer(body, "<f8", n, offset=8 * n).astype(np.float64)
    except (struct.error, zlib.error, ValueError):
        raise IntegrityError(
            "stored samples are no chunk", "the bytes that were written", "restore the store"
        ) from None


def _transposed(numbers: NDArray[np.int64] | Values) -> bytes:
    return numbers.view(np.uint8).reshape(len(numbers), 8).T.tobytes()


def _restored(body: bytes, n: int) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.frombuffer(body, np.uint8, 8 * n).reshape(8, n).T).reshape(-1)


def parted(at: Ticks, values: Values) -> tuple[Ticks, Values]:
    """Return lowest and highest of each `PART` readings, in order of time."""
    edges = np.arange(0, len(at), PART)
    return extremes(at, values, edges)


def outlined(at: Ticks, values: Values, start: int, end: int, points: int) -> tuple[Ticks, Values]:
    """Return at most `points` readings: lowest and highest of each equal part of start..end.

    Readings that are few enough come back as they are.

    Parameters
    ----------
    at, values
        Times, rising, and values, (n,) each.
    start, end
        Microseconds since 1970-01-01 UTC; the times lie in start <= time < end.
    points
        At least 2.
    """
    if len(at) <= points:
        return at, values
    borders = np.linspace(start, end, points // 2 + 1)[:-1]
    edges = np.unique(np.searchsorted(at, borders))
    return extremes(at, values, edges[edges < len(at)])


def extremes(at: Ticks, values: Values, edges: NDArray[np.intp]) -> tuple[Ticks, Values]:
    """Return the first lowest and first highest of the parts that begin at `edges`."""
    sizes = np.diff(edges, append=len(at))
    places = [
        _first(values == np.repeat(ufunc.reduceat(values, edges), sizes), edges)
        for ufunc in (np.minimum, np.maximum)
    ]
    chosen = np.unique(np.concatenate(places))
    return at[chosen], values[chosen]


def _first(hit: NDArray[np.bool_], edges: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the first true place of each part; every part has one."""
    hits = np.flatnonzero(hit)
    return hits[np.searchsorted(hits, edges)]
