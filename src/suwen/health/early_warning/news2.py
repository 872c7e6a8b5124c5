"""NEWS2 and qSOFA: the aggregate score, what is missing as a range, risk and response.

References: Royal College of Physicians, National Early Warning Score (NEWS) 2, London, 2017 (chart
in `knowledge/news2.toml`, reproduced with acknowledgement); Singer et al., JAMA 315:801-810, 2016,
doi 10.1001/jama.2016.0287 (qSOFA, `knowledge/risk_points.toml`). For people aged 16 or more, not in
pregnancy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.health.facts.published import Inputs, Table, Value, points_of, tables

PARAMETERS: Final = (
    "respiratory_rate",
    "spo2",
    "oxygen",
    "systolic_bp",
    "pulse",
    "consciousness",
    "temperature",
)
LEVELS: Final = ("low", "low-medium", "medium", "high")


@dataclass(frozen=True)
class Observed:
    """Vital signs of one moment; None where nothing was measured.

    Parameters
    ----------
    respiratory_rate, pulse
        Per minute.
    spo2
        Oxygen saturation in percent.
    oxygen
        Whether supplemental oxygen was given.
    systolic_bp
        mmHg.
    consciousness
        A, C (new confusion), V, P or U.
    temperature
        Degrees Celsius.
    scale
        Scale of the oxygen saturation: 2 only where a clinician decided so.
    """

    respiratory_rate: float | None = None
    spo2: float | None = None
    oxygen: bool | None = None
    systolic_bp: float | None = None
    pulse: float | None = None
    consciousness: str | None = None
    temperature: float | None = None
    scale: int = 1


@dataclass(frozen=True)
class Score:
    """NEWS2 of one moment.

    Parameters
    ----------
    points
        Points of each parameter that was measured.
    low, high
        Least and largest aggregate that the missing parameters leave; equal when none is missing.
    missing
        Parameters that were not measured.
    risks
        Clinical risk at the least and at the largest: `low`, `low-medium`, `medium` or `high`.
    """

    points: Mapping[str, int]
    low: int
    high: int
    missing: tuple[str, ...]
    risks: tuple[str, str]

    @property
    def total(self) -> int | None:
        """The aggregate score; None where a missing parameter leaves a range."""
        return self.low if not self.missing else None

    @property
    def risk(self) -> str | None:
        """The clinical risk; None where the range spans more than one."""
        return self.risks[0] if self.risks[0] == self.risks[1] else None


def news2(observed: Observed, chart: Table | None = None) -> Score:
    """Return the score of one set of vital signs.

    Parameters
    ----------
    observed
        What was measured.
    chart
        `knowledge/news2.toml`, read from the room where not given.

    Raises
    ------
    BadInput
        The scale is neither 1 nor 2, or the level of consciousness none of A, C, V, P, U.
    """
    chart = tables()["news2"] if chart is None else chart
    on_air_or_not = (False, True) if observed.oxygen is None else (observed.oxygen,)
    possible = [
        {name: _possible(name, one, chart) for name in PARAMETERS}
        for one in (replace(observed, oxygen=oxygen) for oxygen in on_air_or_not)
    ]
    least = min(({n: min(p) for n, p in one.items()} for one in possible), key=_total)
    most = max(({n: max(p) for n, p in one.items()} for one in possible), key=_total)
    missing = tuple(name for name in PARAMETERS if getattr(observed, name) is None)
    return Score(
        points={name: least[name] for name in PARAMETERS if least[name] == most[name]
                and name not in missing},
        low=_total(least),
        high=_total(most),
        missing=missing,
        risks=(_risk(least, chart), _risk(most, chart)),
    )  # fmt: skip


def _total(points: Mapping[str, int]) -> int:
    return sum(points.values())


def _possible(name: str, observed: Observed, chart: Table) -> tuple[int, ...]:
    """Return the points a parameter can have: one where it was measured."""
    scores = chart["scores"]
    value = getattr(observed, name)
    if name == "oxygen":
        return (int(scores["oxygen"]) if value else 0,)
    if name == "consciousness":
        if value is not None and value not in scores[name]:
            raise BadInput(
                "a level of consciousness that is none of the chart",
                "A, C, V, P or U",
                "record it as the NEWS2 chart asks",
            )
        return tuple(scores[name].values()) if value is None else (int(scores[name][value]),)
    rows = scores[_column(observed)] if name == "spo2" else scores[name]
    if value is None:
        return tuple(int(row["points"]) for row in rows)
    return (points_of(rows, _rounded(float(value), float(chart["steps"][name]))),)


def _column(observed: Observed) -> str:
    if observed.scale not in (1, 2):
        raise BadInput(
            f"NEWS2 with an SpO2 scale {observed.scale}",
            "1, or 2 where a clinician decided so",
            "say which scale applies",
        )
    if observed.scale == 1:
        return "spo2_scale_1"
    return "spo2_scale_2_oxygen" if observed.oxygen else "spo2_scale_2_air"


def _rounded(value: float, step: float) -> float:
    """Return a value with the digits of the chart, halves up."""
    return round(math.floor(value / step + 0.5 + 1e-9) * step, 6)


def _risk(points: Mapping[str, int], chart: Table) -> str:
    total = _total(points)
    if total >= chart["risk"]["high_from"]:
        return "high"
    if total >= chart["risk"]["medium_from"]:
        return "medium"
    return "low-medium" if max(points.values()) >= chart["risk"]["red_score"] else "low"


def response(score: Score, chart: Table | None = None) -> Text:
    """Return the response the college advises for the largest score that is possible."""
    chart = tables()["news2"] if chart is None else chart
    wanted = "none" if score.high == 0 else score.risks[1]
    return next(Text(**one["name"]) for one in chart["response"] if one["risk"] == wanted)


def qsofa(
    respiratory_rate: float, systolic_bp: float, glasgow: float, table: Table | None = None
) -> tuple[int, bool]:
    """Return the qSOFA points (0 to 3) and whether they are positive (2 or more).

    Parameters
    ----------
    respiratory_rate
        Per minute; one point from 22.
    systolic_bp
        mmHg; one point up to 100.
    glasgow
        Glasgow Coma Scale; one point below 15 (altered mentation).
    table
        `qsofa` of `knowledge/risk_points.toml`, read from the room where not given.
    """
    row: Mapping[str, Any] = tables()["risk_points"]["qsofa"] if table is None else table
    points = points_of(row["respiratory_rate"], respiratory_rate)
    points += int(systolic_bp <= row["systolic_bp_at_most"])
    points += int(glasgow < row["glasgow_below"])
    return points, points >= row["positive_from"]


def answer(table: Table, key: str, inputs: Inputs) -> dict[str, Value]:
    """Return NEWS2 or qSOFA from inputs by name; `table`: of NEWS2 the chart, else the points."""
    if key == "qSOFA":
        found = qsofa(
            float(inputs["respiratory_rate"]),
            float(inputs["systolic_bp"]),
            float(inputs["glasgow_coma_scale"]),
            table["qsofa"],
        )
        return {"score": float(found[0]), "positive": found[1]}
    score = news2(observed_of(inputs), table)
    values: dict[str, Value] = {f"parameter_{name}": float(n) for name, n in score.points.items()}
    if score.total is not None:
        values |= {"total": float(score.total), "risk": score.risks[0]}
    return values | {"total_low": float(score.low), "total_high": float(score.high)}


def observed_of(inputs: Inputs) -> Observed:
    """Return vital signs by name as a set; what is not there was not measured."""
    numbers: dict[str, Any] = {
        name: float(inputs[name])
        for name in ("respiratory_rate", "spo2", "systolic_bp", "pulse", "temperature")
        if name in inputs
    }
    if "supplemental_oxygen" in inputs:
        numbers["oxygen"] = bool(inputs["supplemental_oxygen"])
    if "consciousness" in inputs:
        numbers["consciousness"] = str(inputs["consciousness"])
    return Observed(**numbers, scale=int(inputs.get("spo2_scale", 1)))
