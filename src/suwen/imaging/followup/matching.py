"""Which nodule of one study is which of the other, and what became of the rest.

A nodule of the earlier study is expected where the registration puts it; the closest pairing within
the tolerance is taken, sizes have to be plausible, and what could be two things is left open. Of
what has no partner the other study is looked at before anything is said: a nodule is new, or gone,
only where the other study does not look the same at its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import scipy

from suwen.core.nouns import Point
from suwen.imaging.volumes.registration import Place, Registration, likeness
from suwen.imaging.volumes.volume import Volume

Outcome = Literal["matched", "new", "resolved", "unmarked", "not covered", "ambiguous"]
NEVER: Final = 1e6
VOLUME_FACTOR: Final = 20.0
"""A volume that rose or fell by more is not taken for the same nodule."""
SECOND_WITHIN: Final = 1.5
"""A second nodule within this multiple of the first one's distance leaves the match open."""
REMAINS: Final = 0.75
"""Correlation of the surroundings from which a nodule is still there, though nobody marked it
(phantom: 0.89 and more for nodules that are there, 0.63 and less for others)."""
CLOSE_MM: Final = 2.0
"""Distances below this count as equal when a second nodule lies near."""


@dataclass(frozen=True)
class Seen:
    """A nodule as one study shows it: middle (LPS, mm) and volume."""

    point: Point
    mm3: float

    @property
    def diameter_mm(self) -> float:
        """Diameter of the sphere of that volume."""
        return float((6 * self.mm3 / np.pi) ** (1 / 3))


@dataclass(frozen=True)
class Pair:
    """What became of a nodule.

    Parameters
    ----------
    before, now
        Its place in the lists of the earlier and the current study; None where it is not among
        them.
    place
        Where it lies, or would lie, in the other study (the current one for a pair).
    away_mm
        Distance of a pair from where it was expected.
    """

    before: int | None
    now: int | None
    outcome: Outcome
    place: Place
    away_mm: float = 0.0


def match(
    registration: Registration,
    studies: tuple[Volume, Volume],
    before: Sequence[Seen],
    now: Sequence[Seen],
) -> list[Pair]:
    """Return what became of every nodule of two studies; see the module's text.

    Parameters
    ----------
    registration
        From the earlier study to the current one, trusted.
    studies
        The earlier and the current study in HU.
    before, now
        Their nodules.
    """
    places = [registration.place(one.point) for one in before]
    away = np.array(
        [[np.linalg.norm(np.subtract(p.point, n.point)) for n in now] for p in places]
    ).reshape(len(before), len(now))
    allowed = np.array(
        [
            [a <= _reach(registration, b, n) for a, n in zip(row, now, strict=True)]
            for row, b in zip(away, before, strict=True)
        ],
        dtype=bool,
    ).reshape(away.shape)
    pairs: list[Pair] = []
    chosen = scipy.optimize.linear_sum_assignment(np.where(allowed, away, NEVER))
    for i, j in zip(*(index.tolist() for index in chosen), strict=True):
        if allowed[i, j]:
            sure = _alone(away, allowed, i, j) and _plausible(before[i], now[j])
            outcome: Outcome = "matched" if sure else "ambiguous"
            pairs.append(Pair(i, j, outcome, places[i], float(away[i, j])))
    turned = (studies[1], studies[0])
    paired_before, paired_now = {p.before for p in pairs}, {p.now for p in pairs}
    for i, one in enumerate(before):
        if i not in paired_before:
            outcome = _alone_outcome(registration, studies, one, places[i], "resolved")
            pairs.append(Pair(i, None, outcome, places[i]))
    for j, one in enumerate(now):
        if j not in paired_now:
            place = registration.place_back(one.point)
            outcome = _alone_outcome(registration, turned, one, place, "new")
            pairs.append(Pair(None, j, outcome, place))
    return sorted(pairs, key=lambda p: (p.now is None, p.now or 0, p.before or 0))


def _reach(registration: Registration, before: Seen, now: Seen) -> float:
    """Return how far a partner may lie: the tolerance, plus half the smaller diameter."""
    return registration.tolerance_mm + min(before.diameter_mm, now.diameter_mm) / 2


def _alone(
    away: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    allowed: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
    i: int,
    j: int,
) -> bool:
    """Say whether no other nodule of either study would fit nearly as well."""
    near = max(float(away[i, j]), CLOSE_MM) * SECOND_WITHIN
    rivals = (allowed & (away <= near))[i].sum() + (allowed & (away <= near))[:, j].sum()
    return int(rivals) <= 2


def _plausible(before: Seen, now: Seen) -> bool:
    return 1 / VOLUME_FACTOR <= now.mm3 / before.mm3 <= VOLUME_FACTOR


def _alone_outcome(
    registration: Registration,
    studies: tuple[Volume, Volume],
    one: Seen,
    place: Place,
    gone: Literal["new", "resolved"],
) -> Outcome:
    """Return the outcome of a nodule of the first study that has no partner in the second."""
    if not place.covered:
        return "not covered"
    rigid = registration.rigid if gone == "resolved" else registration.rigid.inverse
    alike = likeness(*studies, rigid, one.point, place.point, one.diameter_mm)
    return "unmarked" if alike >= REMAINS else gone
