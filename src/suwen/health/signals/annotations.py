"""Annotations of WFDB records (MIT format): when, and what the annotators wrote.

Reference: Moody, WFDB Programmer's Guide, annotation codes; annot(5), MIT format.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import BadInput

SYMBOLS: Final = dict(enumerate(' NLRaVFJASEj/Q~_|_sT*D"=pB^t+u?![]en@xf()r'))
"""Symbol of each annotation code."""
BEATS: Final = frozenset("NLRBAaJSVrFejnE/fQ?")
"""Symbols of beats."""
_SKIP, _NUMBER, _SUBTYPE, _CHANNEL, _TEXT = 59, 60, 61, 62, 63


class Annotations(NamedTuple):
    """Samples, rising, (n,), and the symbol at each, (n,)."""

    samples: NDArray[np.int64]
    symbols: NDArray[np.str_]


def read_annotations(data: bytes) -> Annotations:
    """Read an annotation file (`.atr`).

    Raises
    ------
    BadInput
        It ends within an annotation.
    """
    words = np.frombuffer(data[: len(data) // 2 * 2], "<u2").tolist()
    samples, symbols = [], []
    now, place = 0, 0
    try:
        while words[place]:
            code, step = words[place] >> 10, words[place] & 1023
            place += 1
            if code == _SKIP:
                far = words[place] << 16 | words[place + 1]
                now += far - (1 << 32) if far >= 1 << 31 else far
                place += 2
            elif code == _TEXT:
                place += (step + 1) // 2
            elif code not in (_NUMBER, _SUBTYPE, _CHANNEL):
                now += step
                samples.append(now)
                symbols.append(SYMBOLS.get(code, ""))
    except IndexError:
        raise BadInput("annotations that are cut off", "a whole file, ended by zeros") from None
    return Annotations(np.array(samples, dtype=np.int64), np.array(symbols, dtype=np.str_))
