"""A risk as a hundred people: so many of them it happens to, so many it may, the rest not.

Reference: Galesic et al., Health Psychol 28:210-216, 2009 (icon arrays and numeracy).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PEOPLE: Final = 100
CELL_WIDTH: Final = 10
CELL_HEIGHT: Final = 13
"""Room of one person, in units of the drawing."""
PERSON: Final = "a2 2 0 1 1 4 0a2 2 0 1 1 -4 0m-1 8.5v-3.4a3 3 0 0 1 6 0v3.4z"
"""A head and a trunk, drawn from the left edge of the head."""


@dataclass(frozen=True)
class People:
    """A hundred people as three outlines in a box of `width` and `height`.

    `ill` are those it happens to, `maybe` those between the limits, `well` the others; `count` is
    how many are ill, rounded, and 0 where the risk is less than one in a hundred.
    """

    ill: str
    maybe: str
    well: str
    width: int
    height: int
    count: int


def people(
    percent: float, low: float | None = None, high: float | None = None, wide: int = 20
) -> People:
    """Return a risk in percent as a hundred people, `wide` of them in a row.

    Parameters
    ----------
    percent
        The risk, in percent.
    low, high
        Its limits, where there are any: below the lower all are drawn as ill.
    wide
        People in a row; divides a hundred.
    """
    sure = _count(percent if low is None else low)
    most = max(sure, _count(percent if high is None else high))
    return People(
        _outline(0, sure, wide),
        _outline(sure, most, wide),
        _outline(most, PEOPLE, wide),
        wide * CELL_WIDTH,
        PEOPLE // wide * CELL_HEIGHT,
        _count(percent),
    )


def _count(percent: float) -> int:
    return min(max(int(percent + 0.5), 0), PEOPLE)


def _outline(begin: int, end: int, wide: int) -> str:
    places = (divmod(k, wide) for k in range(begin, end))
    return "".join(f"M{x * CELL_WIDTH + 3} {y * CELL_HEIGHT + 3}{PERSON}" for y, x in places)
