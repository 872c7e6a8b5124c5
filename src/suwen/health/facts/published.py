"""The tables of the risk equations, and how a value is looked up in one.

Numbers of publications stand in `knowledge/risk_*.toml` and `knowledge/news2.toml`; in use they are
read from the signed pack, so that an answer is replayed with the numbers of its day.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge"
NAMES: Final = (
    "risk_equations.toml",
    "risk_units.toml",
    "risk_prevent.toml",
    "risk_pce.toml",
    "risk_score2.toml",
    "risk_qrisk3.toml",
    "risk_framingham.toml",
    "risk_points.toml",
    "news2.toml",
)
"""Files that decide an answer, in the order they stand in the pack."""
RULES: Final = tuple(KNOWLEDGE / name for name in NAMES)

Table = Mapping[str, Any]
Value = float | bool | str
Inputs = Mapping[str, Value]
"""Inputs of one equation by name, in the units it asks for; what is not known is left out."""


@lru_cache(maxsize=4)
def tables(paths: tuple[Path, ...] = RULES) -> Mapping[str, Table]:
    """Return the content of each file by its name without the ending."""
    return {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in paths}


def row_of(rows: Sequence[Mapping[str, Any]], value: float) -> Mapping[str, Any]:
    """Return the last row whose bound is reached (`from`) or passed (`above`).

    The first row has no bound: it holds for everything below the second.
    """
    found = rows[0]
    for row in rows[1:]:
        reached = value > row["above"] if "above" in row else value >= row["from"]
        if reached:
            found = row
    return found


def points_of(rows: Sequence[Mapping[str, Any]], value: float) -> int:
    """Return the points of the row that holds for `value`."""
    return int(row_of(rows, value)["points"])
