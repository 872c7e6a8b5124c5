"""Units of what the equations ask for: conversion, and values that no living person has.

Source: `knowledge/risk_units.toml`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from suwen.core.codes import Text
from suwen.core.quantities import number, with_unit
from suwen.health.facts.published import Table


def converted(table: Table, quantity: str, value: float, unit: str, wanted: str) -> float | None:
    """Return a value in another unit of its quantity; None where a unit is none of the quantity."""
    row: Mapping[str, Any] = table["quantity"][quantity]
    if unit not in row["units"] or wanted not in row["units"]:
        return None
    if unit == wanted:
        return value
    offset = row.get("offset", {})
    base = (value - offset.get(unit, 0.0)) / row["units"][unit]
    return float(base * row["units"][wanted] + offset.get(wanted, 0.0))


def refused(table: Table, quantity: str, name: Text, value: float, unit: str) -> Text | None:
    """Say why a value cannot be true, and in which unit it could be; None where it can."""
    row: Mapping[str, Any] = table["quantity"][quantity]
    low, high = row["possible"]

    def possible(as_unit: str) -> bool:
        found = converted(table, quantity, value, as_unit, row["base"])
        return found is not None and low <= found <= high

    if not math.isfinite(value):
        return Text(en=f"{name.en} is not a number.", zh=f"{name.zh}不是有效数值。")
    if unit not in row["units"]:
        known = ", ".join(row["units"])
        return Text(
            en=f"{name.en} is recorded in {unit or 'no unit'}, which is none of {known}.",
            zh=f"{name.zh}的单位为 {unit or '（缺失）'}，不属于 {known}。",
        )
    if possible(unit):
        return None
    shown = with_unit(number(value), unit)
    others = [other for other in row["units"] if other != unit and possible(other)]
    hint = Text(en="", zh="")
    if others:
        hint = Text(
            en=f" In {others[0]} it would be possible: the unit is probably wrong.",
            zh=f"若单位为 {others[0]} 则可能成立：单位可能有误。",
        )
    return Text(
        en=f"{name.en} {shown} cannot be true of a person.{hint.en}",
        zh=f"{name.zh} {shown} 不可能为真实数值。{hint.zh}",
    )
