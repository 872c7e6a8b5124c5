"""Which lobe of a lung a point of a chest CT lies in, and how near to the fissure that is.

`fissures.py` says where the fissures run; here is the answer for a point. Where a fissure is nearer
than its place is known, both lobes are named and the code is that of the lung. Where the images do
not show both lungs whole no lobe is named, since the fissures are looked for in shares of a lung.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from suwen.core.codes import Text
from suwen.core.nouns import Point
from suwen.imaging.anatomy.fissures import Fissure, find_fissures
from suwen.imaging.anatomy.lungs import Lungs
from suwen.imaging.volumes.nodule import Position
from suwen.imaging.volumes.volume import Volume

SEEN_MM: Final = 5.0
"""How well the place of a fissure is known where it is seen: 21 points marked by eye on the two
fissures seen on LIDC-IDRI-0063 are 2.5 and 2.8 mm away on average, 5.1 mm at most; methods of this
kind are 2 to 3 mm off on average (see `fissures.py`)."""
CONTINUED_MM: Final = 10.0
"""Where it is seen elsewhere and continued to here."""
USUAL_MM: Final = 15.0
"""Where anatomy alone says where it runs. This and the one above are our choice."""
FAR_MM: Final = 20.0
"""So far from a fitted fissure it makes no difference whether it is seen next to the point."""
THICKEST_MM: Final = 5.0
"""On thicker slices fissures are not looked for."""
LEAST_SHARE: Final = 0.45
"""The smaller lung has at least this share of the larger one: with a collapsed or missing lobe the
fissures run elsewhere."""

_SIDES: Final = {"right": Text(en="Right", zh="右肺"), "left": Text(en="Left", zh="左肺")}
_LEVELS: Final = {
    "upper": Text(en="upper", zh="上叶"),
    "middle": Text(en="middle", zh="中叶"),
    "lower": Text(en="lower", zh="下叶"),
}

NOT_WHOLE: Final = Text(
    en="No lobe is named: the images do not show both lungs whole.",
    zh="未标注肺叶：图像未完整显示双肺。",
)
TOO_THICK: Final = Text(
    en="No lobe is named: the slices are thicker than 5 mm.",
    zh="未标注肺叶：层厚超过 5 mm。",
)
UNEQUAL: Final = Text(
    en="No lobe is named: one lung is far smaller than the other; the fissures may run elsewhere.",
    zh="未标注肺叶：一侧肺明显小于另一侧，叶间裂位置可能改变。",
)
OUTSIDE: Final = Text(
    en="No lobe is named: the place lies outside the lungs.", zh="未标注肺叶：该处在肺外。"
)


@dataclass(frozen=True)
class _Border:
    """A fissure beside a point: signed distance in mm, and how well its place is known there."""

    fissure: Fissure
    away: float
    known_mm: float

    @property
    def seen(self) -> bool:
        return self.known_mm == SEEN_MM

    def sides(self, above: str, below: str) -> list[str]:
        """Return the lobes the point may lie in."""
        return [above] * (self.away > -self.known_mm) + [below] * (self.away < self.known_mm)


@dataclass(frozen=True)
class Lobes:
    """The lobes of both lungs, or the reason why they are not told apart."""

    lungs: Lungs
    fissures: Mapping[str, Fissure]
    refusal: Text | None = None

    def at(self, point: Point) -> Position:
        """Return where a point (LPS, mm) lies: the lobe, or the lung where two lobes may be."""
        side = self.lungs.side(point)
        if self.refusal is not None or not side:
            return Position(side, text=self.refusal or OUTSIDE)
        levels, borders = self._levels(side, point)
        if len(levels) == 1:
            nearest = min(borders, key=lambda one: abs(one.away))
            return Position(side, levels[0], _sentence(side, levels, nearest))
        doubtful = min(borders, key=lambda one: abs(one.away) - one.known_mm)
        return Position(side, text=_sentence(side, levels, doubtful))

    def _levels(self, side: str, point: Point) -> tuple[list[str], list[_Border]]:
        """Return in which lobes of a lung a point may lie, and the fissures beside it."""
        oblique = self._border(f"{side}_oblique", point)
        levels, borders = oblique.sides("upper", "lower"), [oblique]
        if side == "right" and "upper" in levels:
            horizontal = self._border("right_horizontal", point)
            levels = horizontal.sides("upper", "middle") + levels[1:]
            borders.append(horizontal)
        return levels, borders

    def _border(self, name: str, point: Point) -> _Border:
        fissure, place = self.fissures[name], np.array(point)
        known = CONTINUED_MM if fissure.fitted else USUAL_MM
        known = SEEN_MM if fissure.seen_at(place) else known
        return _Border(fissure, float(fissure.distance(place)), known)


def find_lobes(volume: Volume, lungs: Lungs) -> Lobes:
    """Return the lobes of a chest CT in HU (axial slices), or why they are not told apart."""
    refusal = _refusal(volume, lungs)
    return Lobes(lungs, {} if refusal else find_fissures(volume, lungs), refusal)


def _refusal(volume: Volume, lungs: Lungs) -> Text | None:
    """Say why lobes are not told apart on a CT; None where nothing speaks against it."""
    sizes = [int((lungs.labels == number).sum()) for number in (1, 2)]
    if not all(sizes) or _cut(lungs):
        return NOT_WHOLE
    if volume.spacing[0] > THICKEST_MM + 0.05:
        return TOO_THICK
    return UNEQUAL if min(sizes) < LEAST_SHARE * max(sizes) else None


def _cut(lungs: Lungs) -> bool:
    """Say whether a lung reaches the border of the images."""
    inside = lungs.labels > 0
    return any(np.take(inside, (0, -1), axis).any() for axis in range(3))


def _sentence(side: str, levels: list[str], border: _Border) -> Text:
    """Say the lobes, the distance from a fissure, and how well that fissure is known."""
    names = [_LEVELS[one] for one in levels]
    en = f"{_SIDES[side].en} {' or '.join(one.en for one in names)} lobe"
    zh = _SIDES[side].zh + "或".join(one.zh for one in names)
    title, mm = border.fissure.title, f"{abs(border.away):.0f} mm"
    if border.seen or (border.fissure.fitted and abs(border.away) > FAR_MM):
        en, zh = f"{en}, {mm} from the {title.en}", f"{zh}，距{title.zh} {mm}"
    elif border.fissure.fitted:
        en = f"{en}, {mm} from the {title.en} (seen elsewhere, not here)"
        zh = f"{zh}，距{title.zh} {mm}（{title.zh}在他处可见，此处显示不清）"
    else:
        en = f"{en}, {mm} from where the {title.en} usually runs (it is not seen on this CT)"
        zh = f"{zh}，距{title.zh}的常见位置 {mm}（本次 CT 未见{title.zh}）"
    if len(levels) > 1:
        en += f": nearer than its place is known ({border.known_mm:.0f} mm)"
        zh += f"，小于其定位误差（{border.known_mm:.0f} mm）"
    return Text(en=f"{en}.", zh=f"{zh}。")
