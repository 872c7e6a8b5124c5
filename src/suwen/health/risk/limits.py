"""How far a published association of one factor may lie from its estimate, where limits are stated.

With proportional hazards a change of a factor multiplies the cumulative hazard by the hazard ratio
to the power of the change. The interval is that of the factor's own coefficient, the others held at
their estimates; it is not the interval of the risk itself, which no equation here publishes.

Reference: `knowledge/risk_limits.toml`.
"""

from __future__ import annotations

import math
import tomllib
from functools import lru_cache
from typing import Any, Final

from suwen.core.nouns import Interval
from suwen.health.facts.published import KNOWLEDGE, Inputs, Table
from suwen.health.risk.what_if import WhatIf

LIMITS: Final = KNOWLEDGE / "risk_limits.toml"
SOMETHING: Final = 1e-9
"""Percent of risk that a published number of four digits cannot tell apart."""


@lru_cache(maxsize=1)
def published() -> list[Table]:
    """Return the entries of `risk_limits.toml`."""
    entries: list[Table] = tomllib.loads(LIMITS.read_text(encoding="utf-8"))["limits"]
    return entries


def limits_of(change: WhatIf, outcome: str) -> Interval | None:
    """Return the risk after a change with its limits, in percent; None where none are published.

    Parameters
    ----------
    change
        An equation's answers with and without the change.
    outcome
        The risk that is asked for, in percent.
    """
    entry = next((one for one in published() if change.equation in one["keys"]), None)
    before, after = (float(one.values[outcome]) for one in (change.before, change.after))
    if entry is None or not 0 < before < 100:
        return None
    ratios = entry[str(change.before.inputs["sex"])].get(_term(change))
    if ratios is None:
        return None
    moved = _moved(change, entry)
    ends = [_risk(before, ratio**moved) for ratio in ratios]
    low, high = min(*ends, after), max(*ends, after)
    if high - low < SOMETHING:
        return None
    return Interval(value=after, low=low, high=high, level=entry["level"])


def _term(change: WhatIf) -> str:
    """Return the name of the term that a changed input stands in."""
    if change.changed != "systolic_bp":
        return change.changed
    treated = change.before.inputs.get("bp_treated", False)
    return f"{'treated' if treated else 'untreated'}_systolic_bp"


def _moved(change: WhatIf, entry: Table) -> float:
    """Return by how many units the term moves."""

    def at(inputs: Inputs) -> float:
        value: Any = inputs[change.changed]
        return math.log(value) if change.changed in entry["ln"] else float(value)

    return at(change.after.inputs) - at(change.before.inputs)


def _risk(before: float, ratio: float) -> float:
    """Return a risk in percent after the cumulative hazard is multiplied by a ratio."""
    return float(100 * (1 - (1 - before / 100) ** ratio))
