"""Lobes on drawn chests: distance of fitted from drawn fissures, and points in the right lobe.

The floor is the anatomical prior alone. Drawn fissures are shifted (SD 8 mm), tilted and waved at
random about the lines of anatomy; intervals are bootstrapped over chests.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.imaging.anatomy.lobes import Lobes, find_lobes
from suwen.imaging.anatomy.lungs import find_lungs
from suwen.imaging.volumes.nodule import site_of
from suwen.imaging.volumes.phantom import Sheet, chest_phantom
from suwen.imaging.volumes.volume import Volume

HEIGHT_MM: Final = 264
POINTS: Final = 1000
NEAR_MM: Final = 10.0
"""The distance is a mean over points this near to a drawn fissure."""
CHESTS: Final = 8

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Condition:
    """How chests are drawn."""

    name: str
    slice_mm: float
    noise_hu: float = 0.0
    inner_mm: float = 0.0
    drawn: bool = True


CONDITIONS: Final = (
    Condition("1 mm", 1.0),
    Condition("2 mm", 2.0),
    Condition("3 mm", 3.0),
    Condition("3 mm, noise 60 HU", 3.0, noise_hu=60),
    Condition("3 mm, inner part missing", 3.0, inner_mm=60),
    Condition("3 mm, none drawn", 3.0, drawn=False),
)


def sheets(seed: int, inner_mm: float) -> dict[str, Sheet]:
    """Return three random fissures."""
    random = np.random.default_rng(1000 + seed)

    def oblique(height: float, slope: float, side: int) -> Sheet:
        return Sheet(
            1 if side > 0 else -1,
            height + random.normal(0, 8),
            slope + random.normal(0, 0.12),
            random.normal(0, 0.12),
            2 * abs(random.normal()),
            inner_mm,
        )

    right, left = oblique(-12.0, 0.88, -1), oblique(-14.0, 1.0, 1)
    horizontal = Sheet(
        -1,
        17 + random.normal(0, 6),
        0.03 + random.normal(0, 0.1),
        random.normal(0, 0.12),
        2 * abs(random.normal()),
        inner_mm,
        right,
    )
    return {"right_oblique": right, "right_horizontal": horizontal, "left_oblique": left}


def truth(drawn: dict[str, Sheet], points: Points, right: NDArray[np.bool_]) -> list[str]:
    """Return the code of the lobe that each point was drawn in."""
    away = {name: one.distance(*points.T[::-1]) for name, one in drawn.items()}
    return [_code(one, {k: v[i] for k, v in away.items()}) for i, one in enumerate(right)]


def _code(right: bool, away: dict[str, float]) -> str:
    if not right:
        return site_of("left", "upper" if away["left_oblique"] > 0 else "lower").code
    if away["right_oblique"] < 0:
        return site_of("right", "lower").code
    return site_of("right", "upper" if away["right_horizontal"] > 0 else "middle").code


def measured(condition: Condition, seed: int) -> list[float]:
    """Return mm and share right of the fit, of the prior, and what is named and right of one chest.

    The order: seen fissures, mm, prior's mm, right, prior's right, named, right of those named.
    """
    drawn = sheets(seed, condition.inner_mm)
    shape = (round(HEIGHT_MM / condition.slice_mm), 250, 250)
    spacing = (condition.slice_mm, 1.4, 1.4)
    shown = tuple(drawn.values()) if condition.drawn else ()
    volume = chest_phantom(seed, (), shape, spacing, shown).volume
    random = np.random.default_rng(seed)
    noise = random.normal(0, condition.noise_hu, shape) if condition.noise_hu else 0
    volume = Volume((volume.values + noise).astype(np.int16), volume.affine)
    lungs = find_lungs(volume)
    answer = find_lobes(volume, lungs)
    inside = lungs.grid.to_point(np.argwhere(lungs.labels > 0).astype(float))
    points = inside[random.choice(len(inside), POINTS, replace=False)]
    right = np.array([lungs.side(tuple(one)) == "right" for one in points])
    known = truth(drawn, points, right)
    said = [answer.at(tuple(one)) for one in points]
    told = [one.site.code for one in said]
    named = [i for i, one in enumerate(said) if one.lobe]
    alone = {name: replace(one, shape=np.zeros(6)) for name, one in answer.fissures.items()}
    prior = replace(answer, fissures=alone)
    found = [float(np.mean([one.fitted for one in answer.fissures.values()]))]
    found += [_away(one, drawn, points, right) for one in (answer, prior)]
    found += [_right(one, points, right, known) for one in (answer, prior)]
    return [*found, len(named) / POINTS, float(np.mean([told[i] == known[i] for i in named]))]


def _away(
    answer: Lobes, drawn: dict[str, Sheet], points: Points, right: NDArray[np.bool_]
) -> float:
    """Return the mean distance in mm of found from drawn fissures."""
    means = []
    for name, sheet in drawn.items():
        true = sheet.distance(*points.T[::-1])
        near = (right == (sheet.side < 0)) & (np.abs(true) < NEAR_MM)
        if sheet.above is not None:
            near &= sheet.above.distance(*points.T[::-1]) > 0
        means.append(np.abs(answer.fissures[name].distance(points[near]) - true[near]).mean())
    return float(np.mean(means))


def _right(answer: Lobes, points: Points, right: NDArray[np.bool_], known: list[str]) -> float:
    away = {name: one.distance(points) for name, one in answer.fissures.items()}
    told = [_code(one, {k: v[i] for k, v in away.items()}) for i, one in enumerate(right)]
    return float(np.mean([a == b for a, b in zip(told, known, strict=True)]))


def interval(values: NDArray[np.float64]) -> str:
    """Return a mean with its bootstrap interval over chests."""
    random = np.random.default_rng(0)
    drawn = values[random.integers(0, len(values), (2000, len(values)))].mean(1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return f"{values.mean():.3f} [{low:.3f}, {high:.3f}]"


def main() -> None:
    """Print a line a condition."""
    print(
        "| chests | fissures seen | mm | prior mm | right | prior right | named | right of named |"
    )
    for condition in CONDITIONS:
        rows = np.array([measured(condition, 100 + seed) for seed in range(CHESTS)])
        line = " | ".join(interval(column) for column in rows.T)
        print(f"| {condition.name} ({CHESTS}) | {line} |", flush=True)


if __name__ == "__main__":
    main()
