"""Where the first right one of a ranking stands.

Source: Voorhees, The TREC-8 question answering track report, 1999 (reciprocal rank).
"""

from __future__ import annotations

from collections.abc import Iterable


def reciprocal_rank(ranked: Iterable[str], right: Iterable[str]) -> float:
    """Return 1 / place of the first that is right, 0 where none is named."""
    wanted = set(map(str, right))
    return next((1 / place for place, one in enumerate(ranked, 1) if str(one) in wanted), 0.0)
