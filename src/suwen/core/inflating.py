"""Compressed data grown back under a limit, and the largest file anything reads.

A few hundred kilobytes may inflate to gigabytes (a "bomb"): data is inflated piece by piece and
stopped before it harms.
"""

from __future__ import annotations

import zlib
from typing import Final

from suwen.core.errors import BadInput, UnsafeInput
from suwen.core.settings import settings

MIB: Final = 1024 * 1024
INFLATED_BYTES: Final = 512 * MIB
"""Most bytes that compressed data may grow to."""


def check_size(data: bytes, kind: str = "file") -> None:
    """Refuse a file over `SUWEN_MAX_UPLOAD_MB`.

    Raises
    ------
    UnsafeInput
        The file is larger.
    """
    limit = settings().max_upload_mb * MIB
    if len(data) > limit:
        raise UnsafeInput(
            f"a {kind} of {len(data) // MIB} MiB",
            f"at most {limit // MIB} MiB",
            "split it, or raise SUWEN_MAX_UPLOAD_MB if you trust its source",
        )


def inflate(compressed: bytes, window: int = -zlib.MAX_WBITS, limit: int = INFLATED_BYTES) -> bytes:
    """Inflate piece by piece and stop at `limit`; `window` as in zlib (-15 raw, 31 gzip).

    Raises
    ------
    UnsafeInput
        It would grow beyond `limit` bytes.
    BadInput
        It is damaged or ends too early.
    """
    stream = zlib.decompressobj(window)
    pieces: list[bytes] = []
    total = 0
    rest = compressed
    try:
        while not stream.eof:
            piece = stream.decompress(rest, MIB)
            rest = stream.unconsumed_tail
            total += len(piece)
            if total > limit:
                raise UnsafeInput(
                    f"compressed data that grows beyond {limit // MIB} MiB",
                    "data that inflates to less",
                    "treat the file as hostile, or send it uncompressed",
                )
            if not piece and not rest:
                break
            pieces.append(piece)
    except zlib.error:
        raise BadInput(
            "the compressed data is damaged", "an intact stream", "send the file again"
        ) from None
    if not stream.eof:
        raise BadInput("the compressed data ends too early", "all of it", "send the file again")
    return b"".join(pieces)
