"""The graph of assumed causes as a drawing: boxes, arrows, and what each is for one question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from suwen.core.codes import Language
from suwen.diagnosis.language import message
from suwen.health.risk.causal import Assumptions, Drawing, drawing
from suwen.server.language import say

WIDTH: Final = 360.0
ROW: Final = 66.0
"""Distance of the rows, in units of the drawing."""
BOX: Final = (66.0, 34.0)
"""Least width of a box, and its height."""
LETTER: Final = {"en": 5.6, "zh": 10.5}
"""Width of a letter; a box is as wide as its longest line."""
ROUND: Final = 4.0
TIP: Final = 5.0
"""Length of the tip of an arrow."""
LINE: Final = 12
"""Latin letters that fit in a line of a box; of Chinese half as many."""


KINDS: Final[Mapping[str, str]] = {
    "exposure": message("the factor that is changed"),
    "outcome": message("the outcome"),
    "held": message("has to be held alike; the equation does"),
    "missing": message("has to be held alike; the equation does not"),
    "through": message("on the way; the equation holds it fast"),
    "free": message("on the way; the equation leaves it free"),
    "hidden": message("common cause that nobody measures"),
    "other": message("not needed for this question"),
}
"""What a box can be, and the words for it."""


@dataclass(frozen=True)
class Box:
    """One thing of the graph: where its middle is, what it is for the question, its name."""

    x: float
    y: float
    width: float
    kind: str
    lines: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Arrow:
    """One assumed cause: a line with a tip; `kind` is `way`, `back` or `other`."""

    line: str
    tip: str
    kind: str


@dataclass(frozen=True)
class Causes:
    """The whole graph with the question marked in it, its legend, and all of it in words."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    legend: tuple[tuple[str, str], ...]
    words: tuple[str, ...]
    width: float
    height: float


def causes(
    factor: str, found: Assumptions, language: Language, drawn: Drawing | None = None
) -> Causes | None:
    """Return the graph with what a change of `factor` assumes marked; None where it is not drawn.

    Parameters
    ----------
    factor
        The input that is changed.
    found
        What reading its difference as an effect asks for.
    language
        Of the names.
    drawn
        The graph; by default that of cardiovascular disease.
    """
    known = drawn or drawing()
    exposure = known.node_of(factor)
    if exposure is None:
        return None
    kinds = _kinds(known, exposure, found)
    rows = max(row for _, row in known.places.values())
    boxes = {node: _box(known, node, kinds[node], language) for node in sorted(known.dag.nodes)}
    arrows = [
        _arrow(boxes[start], boxes[end], _role(known, exposure, kinds, start, end))
        for start, ends in known.dag.arrows.items()
        for end in ends
    ]
    used = set(kinds.values())
    return Causes(
        tuple(boxes.values()),
        tuple(sorted(arrows, key=lambda one: one.kind != "other")),
        tuple((kind, say(language, words)) for kind, words in KINDS.items() if kind in used),
        _words(known, language),
        WIDTH,
        rows * ROW + BOX[1] + 2 * ROUND,
    )


def _words(known: Drawing, language: Language) -> tuple[str, ...]:
    """Return each thing with what it causes."""
    mark = "、" if language == "zh" else ", "
    return tuple(
        f"{known.names[start].of(language)} → "
        + mark.join(known.names[end].of(language) for end in ends)
        for start, ends in known.dag.arrows.items()
    )


def _kinds(known: Drawing, exposure: str, found: Assumptions) -> dict[str, str]:
    way = known.dag.below(exposure) & known.dag.above((known.outcome,))
    kinds = {node: "free" if node in way else "other" for node in known.dag.nodes}
    groups = {
        "held": found.held,
        "missing": found.missing,
        "through": found.through,
        "hidden": found.hidden,
    }
    for kind, nodes in groups.items():
        kinds |= dict.fromkeys(nodes, kind)
    return {**kinds, exposure: "exposure", known.outcome: "outcome"}


def _role(known: Drawing, exposure: str, kinds: Mapping[str, str], start: str, end: str) -> str:
    """Say what an arrow is: on a way from the factor to the outcome, from behind, or neither."""
    below, above = known.dag.below(exposure) | {exposure}, known.dag.above((known.outcome,))
    if start in below and end in below and end in above:
        return "way"
    common = kinds[start] in ("held", "missing", "hidden")
    return "back" if common and end in (exposure, known.outcome) else "other"


def _middle(known: Drawing, node: str) -> tuple[float, float]:
    """Return the middle of a box; those at the edges are moved inside."""
    x, row = known.places[node]
    half = BOX[0] / 2 + 1
    return min(max(x / 100 * WIDTH, half), WIDTH - half), row * ROW + BOX[1] / 2 + ROUND


def _box(known: Drawing, node: str, kind: str, language: Language) -> Box:
    x, y = _middle(known, node)
    lines = wrapped(known.names[node].of(language), LINE if language == "en" else LINE // 2)
    width = max(BOX[0], max(map(len, lines)) * LETTER[language] + 8)
    first = -(len(lines) - 1) * 5.5
    return Box(x, y, width, kind, tuple((first + 11 * k, line) for k, line in enumerate(lines)))


def wrapped(name: str, most: int) -> list[str]:
    """Return a name in lines: broken between words, and Chinese anywhere."""
    if not name.isascii():
        return [name[k : k + most] for k in range(0, len(name), most)]
    lines = [""]
    for word in name.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > most:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _arrow(start: Box, end: Box, kind: str) -> Arrow:
    """Return the arrow between two boxes, its tip at the edge of the second."""
    x1, y1, x2, y2 = start.x, start.y, end.x, end.y
    dx, dy = x2 - x1, y2 - y1
    length = (dx * dx + dy * dy) ** 0.5
    reach = min(
        (end.width / 2 + 1) / abs(dx) if dx else 9.0, (BOX[1] / 2 + 1) / abs(dy) if dy else 9.0
    )
    ux, uy = dx / length, dy / length
    ex, ey = x2 - dx * reach, y2 - dy * reach
    bx, by = ex - ux * TIP, ey - uy * TIP
    wide = TIP * 0.45
    return Arrow(
        f"M{x1:.1f} {y1:.1f}L{bx:.1f} {by:.1f}",
        f"M{ex:.1f} {ey:.1f}L{bx - uy * wide:.1f} {by + ux * wide:.1f}"
        f"L{bx + uy * wide:.1f} {by - ux * wide:.1f}z",
        kind,
    )
