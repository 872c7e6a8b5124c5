"""What would have to be assumed to read a difference as an effect: a graph, a set, an E-value.

A directed acyclic graph in data says what is assumed to cause what. The back-door criterion gives
the smallest sets of measured things that have to be held alike; where none exists, no model can
tell the effect from such data. The E-value says how strong an unknown common cause had to be.

References: Pearl, Causality, 2nd ed., 2009, sections 1.2 (d-separation), 3.3 (back-door criterion);
Lauritzen et al., Networks 20:491-505, 1990 (moral graph); VanderWeele & Ding, Ann Intern Med
167:268-274, 2017 (E-value).
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Final

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.health.facts.published import KNOWLEDGE

CARDIOVASCULAR: Final = KNOWLEDGE / "causal_cardiovascular.toml"
MOST: Final = 8
"""Most things in an adjustment set that is looked for."""


@dataclass(frozen=True)
class Dag:
    """A directed acyclic graph.

    Parameters
    ----------
    arrows
        The nodes that each node points to; a node without arrows may be left out.
    hidden
        Nodes that nobody measures.

    Raises
    ------
    BadInput
        The arrows go round in a circle.
    """

    arrows: Mapping[str, tuple[str, ...]]
    hidden: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        for node in self.arrows:
            if node in self.below(node):
                raise BadInput(
                    f"a causal graph in which {node} causes itself",
                    "a graph without circles",
                    "take one of the arrows of the circle out",
                )

    @property
    def nodes(self) -> frozenset[str]:
        """Every node."""
        return frozenset(self.arrows) | {end for ends in self.arrows.values() for end in ends}

    def below(self, node: str) -> frozenset[str]:
        """Return what a node causes, directly or through others."""
        return _reached(self.arrows, self.arrows.get(node, ()))

    def above(self, nodes: Iterable[str]) -> frozenset[str]:
        """Return nodes with all their causes."""
        causes: dict[str, tuple[str, ...]] = {}
        for start, ends in self.arrows.items():
            for end in ends:
                causes[end] = (*causes.get(end, ()), start)
        return _reached(causes, nodes)

    def separated(self, first: str, second: str, given: Iterable[str]) -> bool:
        """Say whether two nodes are d-separated: in the moral graph of all causes, without `given`.

        Lauritzen et al. 1990: parents of one child are married, arrows become lines.
        """
        held = frozenset(given)
        kept = self.above((first, second, *held))
        lines: dict[str, set[str]] = {node: set() for node in kept}
        parents: dict[str, list[str]] = {node: [] for node in kept}
        for start, ends in self.arrows.items():
            for end in ends:
                if start in kept and end in kept:
                    parents[end].append(start)
        for child, couple in parents.items():
            for one, other in combinations((child, *couple), 2):
                lines[one].add(other)
                lines[other].add(one)
        open_lines = {node: tuple(ends - held) for node, ends in lines.items() if node not in held}
        return second not in _reached(open_lines, (first,))

    def suffices(self, exposure: str, outcome: str, given: Iterable[str]) -> bool:
        """Say whether a set meets the back-door criterion for the effect of `exposure`."""
        held = frozenset(given)
        if held & (self.below(exposure) | {exposure, outcome}):
            return False
        return self.without_arrows_of(exposure).separated(exposure, outcome, held)

    def without_arrows_of(self, node: str) -> Dag:
        """Return the graph in which a node causes nothing."""
        arrows = {start: ends for start, ends in self.arrows.items() if start != node}
        return Dag(arrows, self.hidden)

    def adjustment_sets(self, exposure: str, outcome: str) -> list[tuple[str, ...]]:
        """Return the minimal sets of measured nodes that suffice, the smallest first.

        One empty set: nothing has to be held. None: the effect cannot be told from measured things.

        Raises
        ------
        BadInput
            One of both is no node.
        """
        if unknown := {exposure, outcome} - self.nodes:
            raise BadInput(
                f"no node {sorted(unknown)} in the graph", f"one of {sorted(self.nodes)}"
            )
        barred = self.below(exposure) | self.hidden | {exposure, outcome}
        candidates = sorted(self.above((exposure, outcome)) - barred)
        found: list[tuple[str, ...]] = []
        behind = self.without_arrows_of(exposure)
        for size in range(min(len(candidates), MOST) + 1):
            for chosen in combinations(candidates, size):
                smaller = any(set(one) <= set(chosen) for one in found)
                if not smaller and behind.separated(exposure, outcome, chosen):
                    found.append(chosen)
        return found


def _reached(ways: Mapping[str, Iterable[str]], starts: Iterable[str]) -> frozenset[str]:
    seen, waiting = set(), list(starts)
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting += ways.get(node, ())
    return frozenset(seen)


@dataclass(frozen=True, eq=False)
class Drawing:
    """A graph from data with the names of its nodes and the inputs of equations they stand for.

    `places` are where they stand when it is drawn: per cent of the width, and the row from the top.
    """

    dag: Dag
    outcome: str
    names: Mapping[str, Text]
    inputs: Mapping[str, tuple[str, ...]]
    places: Mapping[str, tuple[float, float]]
    source: str
    doi: str

    def node_of(self, name: str) -> str | None:
        """Return the node that an input of an equation stands for."""
        return next((node for node, names in self.inputs.items() if name in names), None)

    @lru_cache(maxsize=32)  # noqa: B019  a drawing lives as long as the program
    def adjustment_sets(self, exposure: str) -> list[tuple[str, ...]]:
        """Return the minimal sets that suffice for the effect of a node on the outcome."""
        return self.dag.adjustment_sets(exposure, self.outcome)


@lru_cache(maxsize=2)
def drawing(path: Path = CARDIOVASCULAR) -> Drawing:
    """Return the graph of a knowledge file."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    rows = content["node"]
    arrows = {start: tuple(ends) for start, ends in content["arrows"].items()}
    hidden = frozenset(node for node, row in rows.items() if row.get("hidden"))
    return Drawing(
        Dag(arrows, hidden),
        content["outcome"],
        {node: Text(**row["name"]) for node, row in rows.items()},
        {node: tuple(row.get("inputs", ())) for node, row in rows.items()},
        {node: (float(row["at"][0]), float(row["at"][1])) for node, row in rows.items()},
        content["source"],
        content["doi"],
    )


@dataclass(frozen=True)
class Assumptions:
    """What reading a difference as the effect of one factor would ask for.

    Parameters
    ----------
    held
        What has to be held alike and the equation holds.
    missing
        What has to be held alike and the equation does not hold.
    through
        What lies on the way from the factor to the outcome and the equation holds fast, so that
        the difference leaves out what goes through it.
    hidden
        Common causes that nobody measures; with any, no set suffices.
    source
        Of the graph.
    """

    held: tuple[str, ...]
    missing: tuple[str, ...]
    through: tuple[str, ...]
    hidden: tuple[str, ...]
    source: str


def assumptions(
    factor: str, inputs: Sequence[str], drawn: Drawing | None = None
) -> Assumptions | None:
    """Return what an equation's difference lacks to be an effect; None where nothing is drawn.

    Parameters
    ----------
    factor
        The input that is changed.
    inputs
        The inputs of the equation.
    drawn
        The graph; by default that of cardiovascular disease.
    """
    known = drawn or drawing()
    exposure = known.node_of(factor)
    if exposure is None:
        return None
    dag, outcome = known.dag, known.outcome
    used = {node for name in inputs if (node := known.node_of(name))} - {exposure}
    sets = known.adjustment_sets(exposure)
    common = (dag.above((exposure,)) & dag.above((outcome,))) - {exposure}
    if sets:
        best: tuple[str, ...] = min(sets, key=lambda one: (len(set(one) - used), len(one), one))
        needed = frozenset(best)
    else:
        needed = common - dag.hidden
    hidden = frozenset() if sets else common & dag.hidden
    return Assumptions(
        tuple(sorted(needed & used)),
        tuple(sorted(needed - used)),
        tuple(sorted(used & dag.below(exposure))),
        tuple(sorted(hidden)),
        known.source,
    )


def e_value(ratio: float) -> float:
    """Return the E-value of a risk ratio (VanderWeele & Ding 2017).

    An unmeasured common cause would have to go with both factor and outcome by a risk ratio of at
    least this to explain the ratio away.

    Raises
    ------
    BadInput
        The ratio is not above 0.
    """
    if not (ratio > 0 and math.isfinite(ratio)):
        raise BadInput(f"a risk ratio of {ratio}", "a number above 0", "check the two risks")
    above = max(ratio, 1 / ratio)
    return above + math.sqrt(above * (above - 1))


def e_value_of_limit(low: float, high: float) -> float:
    """Return the E-value of the limit of an interval nearer to 1; 1 where the interval holds 1.

    Raises
    ------
    BadInput
        The limits are not in order, or not above 0.
    """
    if not 0 < low <= high:
        raise BadInput(f"an interval from {low} to {high}", "0 < low <= high", "swap the limits")
    if low <= 1 <= high:
        return 1.0
    return e_value(low if low > 1 else high)


def said(
    found: Assumptions,
    ratio: float | None,
    limits: tuple[float, float] | None = None,
    drawn: Drawing | None = None,
) -> list[Text]:
    """Return the assumptions in words.

    `ratio` is that of the two risks, where there is one; `limits` are its interval, where that is
    published.
    """
    known = drawn or drawing()

    def listed(nodes: Sequence[str]) -> Text:
        names = [known.names[node] for node in nodes]
        return Text(en=", ".join(one.en for one in names), zh="、".join(one.zh for one in names))

    lines = [_needs(listed((*found.held, *found.missing)), listed(found.missing), found)]
    if found.hidden:
        hidden = listed(found.hidden)
        lines.append(
            Text(
                en=f"No set of measured things suffices: {hidden.en} is a common cause that nobody "
                "measures here.",
                zh=f"任何可测变量的组合都不够：{hidden.zh}是此处无人测量的共同原因。",
            )
        )
    if found.through:
        way = listed(found.through)
        lines.append(
            Text(
                en=f"The equation holds fast what lies on the way ({way.en}): what acts through it "
                "is left out of the difference.",
                zh=f"方程固定了中间环节（{way.zh}）：经其产生的作用未计入差值。",
            )
        )
    if ratio is not None:
        value = e_value(ratio)
        lines.append(
            Text(
                en=f"E-value {value:.2f}: an unknown cause that goes with both by a risk ratio of "
                f"{value:.2f} could explain all of it.",
                zh=f"E 值 {value:.2f}：若存在与两者风险比均达 {value:.2f} 的未知原因，"
                "即可解释全部差异。",
            )
        )
    if limits is not None:
        lines.append(_of_limit(e_value_of_limit(*limits)))
    return lines


def _of_limit(value: float) -> Text:
    """Return what the E-value of the limit nearer to 1 says."""
    if value == 1.0:
        return Text(
            en="The published limits hold no difference: nothing has to be explained away.",
            zh="已发表的区间包含“无差异”：无需其他原因解释。",
        )
    return Text(
        en=f"At the limit of the published interval nearer to no difference the E-value is "
        f"{value:.2f}.",
        zh=f"在已发表区间中最接近“无差异”的一端，E 值为 {value:.2f}。",
    )


def _needs(needed: Text, missing: Text, found: Assumptions) -> Text:
    if not (found.held or found.missing):
        en, zh = "nothing has to be held alike", "无需固定其他因素"
    else:
        en, zh = f"held alike would have to be {needed.en}", f"须固定{needed.zh}"
    if found.missing:
        en += f"; the equation does not hold {missing.en}"
        zh += f"；该方程未包含{missing.zh}"
    return Text(
        en=f"To read it as an effect (assumed graph: {found.source}), {en}.",
        zh=f"若要解释为因果效应（假定因果图：{found.source}），{zh}。",
    )
