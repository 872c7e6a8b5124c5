"""Has a vital sign left somebody's own usual level, and since when? By rules, for each quantity.

Reference: see `health.baseline`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import SUWEN, Code, Text
from suwen.core.nouns import Band, Case, Finding, Interval, Measure, RecordValue, Reference
from suwen.core.quantities import with_unit
from suwen.core.registry import register
from suwen.core.streams import Channel, Stretch, ticks
from suwen.health.baseline.level import (
    KNOWLEDGE,
    Change,
    Days,
    Level,
    Trend,
    change_of,
    days_of,
    rules,
    trend_of,
    usual,
)
from suwen.health.facts.measured import Value, Variable, values_of, variables_in
from suwen.lifecycle.examples import Output, Sample
from suwen.lifecycle.kinds import Answers, Calculated
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.rules import Published
from suwen.lifecycle.run import abstention
from suwen.lifecycle.sealed.guard import Range
from suwen.lifecycle.task import Reads

BASELINE: Final = "health.baseline"
OWN: Final = Code(
    system=f"{SUWEN}/codes",
    code="personal-baseline",
    name=Text(en="Personal baseline", zh="个人基线"),
)
EPOCH: Final = date(1970, 1, 1)
MONTH: Final = 30
"""Days that a trend is told for."""


@dataclass(frozen=True)
class History:
    """One value a day of one quantity.

    Parameters
    ----------
    variable
        Key of the quantity.
    day, values
        As in `baseline.Days`, (n,).
    today
        Day of the question, in days since 1970-01-01.
    newest
        The newest value, as measured.
    records
        Record of each day's last value, (n,).
    at
        Moment of the newest value.
    """

    variable: str
    day: NDArray[np.int64]
    values: NDArray[np.float64]
    today: int
    newest: float
    records: tuple[Reference, ...] = ()
    at: datetime | None = field(default=None)


@lru_cache(maxsize=1)
def variables() -> Mapping[str, Variable]:
    """Return the quantities by key."""
    return {one.key: one for one in variables_in(KNOWLEDGE)}


class PersonalBaseline(Published):
    """Each vital sign against the person's own level of the last 90 days."""

    name = BASELINE
    title = Text(en="Vital signs against the person's own level", zh="生命体征与个人基线比较")
    reads: tuple[Reads, ...] = (
        Reads("Observation", "", Text(en="Vital signs of weeks", zh="数周的生命体征")),
    )
    answers: Answers = Calculated(OWN)
    after: tuple[str, ...] = ()
    timed = True
    rules = (KNOWLEDGE,)
    domain: Mapping[str, Range] = {
        "days": Range(0, 91, Text(en="Days with a value", zh="有数值的天数")),
    }
    sources = (
        "Sen, JASA 63:1379-1389, 1968 (trend)",
        "Jackson et al., IEEE Signal Process Lett 12:105-108, 2005; Killick, Fearnhead & Eckley, "
        "JASA 107:1590-1598, 2012 (change of level)",
        "Fearnhead & Rigaill, JASA 114:169-183, 2019 (extremes drawn in)",
    )
    limits = (
        "Says that a level moved, not why, and not whether it is dangerous: a level that was "
        "always high counts as usual.",
        "A slow drift is told as a trend, a step as a change; one can look like the other.",
        "The penalty was set on simulated people; on real ones false changes may be more or fewer.",
        "Days are told apart by the offset of the moment asked about.",
    )

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return one sample for each quantity with two weeks of values or more."""
        by_key: dict[str, list[Value]] = {}
        since = case.at - timedelta(days=int(rules()["history_days"]))
        for one in values_of(case, variables()):
            variable = variables()[one.variable]
            if since < one.at <= case.at and variable.low <= one.value <= variable.high:
                by_key.setdefault(one.variable, []).append(one)
        found = []
        for key in variables():
            values = sorted(by_key.get(key, ()), key=lambda one: (one.at, one.record))
            made = _history(key, values, case.at) if values else None
            if made is not None:
                inputs = tuple(dict.fromkeys(one.record for one in values))
                evidence = (_pointer(made.records[-1]),)
                found.append(Sample(key, made, evidence, inputs))
        return found

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Return level, spread, trend and change by name."""
        data: History = sample.data
        days = Days(data.day, data.values)
        if _unasked(data):
            return Output(np.zeros(0), {"days": float(len(days))})
        level, trend = usual(days), trend_of(days)
        change = change_of(days, _least(pack, data.variable))
        values = {"level": level.centre, "spread": level.spread, "newest": data.newest}
        if trend is not None:
            values |= {"slope": trend.slope, "slope_low": trend.low, "slope_high": trend.high}
        if change is not None:
            values |= {"changed_since": float(change.since), "changed_by": change.size}
        return Output(
            np.zeros(0),
            {"days": float(len(days))},
            parts={"level": level, "trend": trend, "change": change},
            values={name: round(value, 6) for name, value in values.items()},
        )

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return what changed with the days before and after, or why nothing can be said."""
        data: History = sample.data
        if reason := _unasked(data):
            return [abstention(self, pack, sample, [reason])]
        change, level = output.parts["change"], output.parts["level"]
        variable, at = variables()[data.variable], data.at
        drift = None if change else _drift(variable, output.parts["trend"])
        return [
            Finding(
                task=self.name,
                pack=pack.identity,
                code=OWN.model_copy(update={"name": _title(variable, change, drift)}),
                band=Band.RULE_IN if change else Band.GREY if drift else Band.RULE_OUT,
                reason=_reason(variable, data, level, output),
                measures=(_measure(variable, level),),
                evidence=_pointed(variable, data, change) or sample.evidence,
                valid_until=at + timedelta(hours=int(rules()["valid_hours"])) if at else None,
            )
        ]

    def golden(self) -> list[Sample]:
        """Return the cases that go into the pack."""
        day = np.arange(20_000, 20_060, dtype=np.int64)
        wave = np.array([0.0, 1.5, -1.0, 0.5, -1.5, 1.0, -0.5] * 9)[:60]
        step = np.where(np.arange(60) >= 48, 9.0, 0.0)
        return [
            _made("steady", "resting_heart_rate", day, 62 + wave),
            _made("changed", "resting_heart_rate", day, 62 + wave + step),
            _made("few", "body_weight", day[:6], 80 + wave[:6]),
        ]


def _made(key: str, variable: str, day: NDArray[np.int64], values: NDArray[np.float64]) -> Sample:
    return Sample(key, History(variable, day, values, int(day[-1]), float(values[-1])))


def _history(key: str, values: Sequence[Value], at: datetime) -> History | None:
    """Return the days of one quantity; None where too few for anybody to expect an answer."""
    unit = variables()[key].unit
    stretch = Stretch(
        Channel(variables()[key].codes[0], unit, ""),
        np.array([ticks(one.at) for one in values], dtype=np.int64),
        np.array([one.value for one in values]),
    )
    zone = at.tzinfo or UTC
    days = days_of(stretch, at, zone)
    if len(days) < int(rules()["shortest_days"]):
        return None
    last = {(one.at.astimezone(zone).date() - EPOCH).days: one.record for one in values}
    return History(
        key,
        days.day,
        days.values,
        (at.date() - EPOCH).days,
        values[-1].value,
        tuple(last[int(day)] for day in days.day),
        values[-1].at,
    )


def _least(pack: Pack, key: str) -> float:
    table = tomllib.loads(pack.path(KNOWLEDGE.name, 0).read_text(encoding="utf-8"))
    return float(table["least"][key])


def _unasked(data: History) -> Text | None:
    """Say why nothing is said of a quantity; None where something can be."""
    name, few = variables()[data.variable].name, int(rules()["fewest_days"])
    if len(data.day) < few:
        return Text(
            en=f"{name.en}: values on {len(data.day)} days; a baseline needs {few}.",
            zh=f"{name.zh}：仅 {len(data.day)} 天有数值；建立基线需要 {few} 天。",
        )
    old = data.today - int(data.day[-1])
    if old > int(rules()["newest_days"]):
        return Text(
            en=f"{name.en}: the newest value is {old} days old.",
            zh=f"{name.zh}：最新数值已是 {old} 天前。",
        )
    return None


def _pointer(record: Reference, note: Text | None = None, weight: float = 1.0) -> RecordValue:
    return RecordValue(record=record, path="Observation.value", note=note, weight=weight)


def _shown(value: float, variable: Variable, more: int = 0) -> str:
    """Return the size of a value with its unit; `more` digits than people write."""
    digits = int(rules()["digits"][variable.key]) + more
    return with_unit(f"{abs(value):.{digits}f}", variable.unit)


def _day(day: int) -> Text:
    found = EPOCH + timedelta(days=day)
    return Text(en=f"{found.day} {found:%B %Y}", zh=f"{found.year}年{found.month}月{found.day}日")


def _title(variable: Variable, change: Change | None, drift: Text | None) -> Text:
    name = variable.name
    if change is None and drift is not None:
        small = f"{drift.en[0].lower()}{drift.en[1:]}"
        return Text(en=f"{name.en}: {small}", zh=f"{name.zh}：{drift.zh}")
    if change is None:
        return Text(en=f"{name.en}: own usual level", zh=f"{name.zh}：处于个人基线")
    since, size = _day(change.since), _shown(change.size, variable)
    up = change.size > 0
    return Text(
        en=f"{name.en} {size} {'above' if up else 'below'} own baseline since {since.en}",
        zh=f"自{since.zh}起{name.zh}{'高于' if up else '低于'}个人基线 {size}",
    )


def _drift(variable: Variable, trend: Trend | None) -> Text | None:
    """Say how the level drifts; None where it does not, or by less than is worth a sentence."""
    if trend is None or not trend.clear:
        return None
    if abs(MONTH * trend.slope) < rules()["least"][variable.key]:
        return None
    size = _shown(MONTH * trend.slope, variable)
    low, high = sorted(abs(MONTH * one) for one in (trend.low, trend.high))
    span = (_shown(low, variable), _shown(high, variable))
    up = trend.slope > 0
    return Text(
        en=f"{'Rising' if up else 'Falling'} by {size} a month ({span[0]} to {span[1]})",
        zh=f"每月{'上升' if up else '下降'} {size}（{span[0]} 至 {span[1]}）",
    )


def _reason(variable: Variable, data: History, level: Level, output: Output) -> Text:
    change, trend = output.parts["change"], output.parts["trend"]
    centre, spread, newest = (
        _shown(one, variable, more)
        for one, more in ((level.centre, 0), (level.spread, 1), (data.newest, 0))
    )
    en = [f"Usual {centre} (spread {spread}, {level.days} days); newest {newest}."]
    zh = [f"平时 {centre}（波动 {spread}，{level.days} 天）；最新 {newest}。"]
    if change is not None:
        before, after = (_shown(one.centre, variable) for one in (change.before, change.after))
        en.append(f"Before {before} on {change.before.days} days, since then {after} on "
                  f"{change.after.days}.")  # fmt: skip
        zh.append(
            f"此前 {change.before.days} 天为 {before}，此后 {change.after.days} 天为 {after}。"
        )
    elif (told := _drift(variable, trend)) is not None:
        en.append(f"{told.en}.")
        zh.append(f"{told.zh}。")
    return Text(en=" ".join(en), zh="".join(zh))


def _measure(variable: Variable, level: Level) -> Measure:
    low, high = level.centre - 1.96 * level.spread, level.centre + 1.96 * level.spread
    name = Text(en=f"Own usual level: {variable.name.en}", zh=f"个人基线：{variable.name.zh}")
    interval = Interval(value=level.centre, low=low, high=high, level=0.95)
    return Measure(
        code=OWN.model_copy(update={"name": name}), interval=interval, unit=variable.unit
    )


def _pointed(variable: Variable, data: History, change: Change | None) -> tuple[RecordValue, ...]:
    """Return the first day of the new level, the day before it and the newest, by their records."""
    if not data.records:
        return ()
    chosen: dict[int, Any] = {len(data.day) - 1: None}
    if change is not None:
        start = int(np.searchsorted(data.day, change.since))
        chosen = {start: None, start - 1: None, **chosen}
    found = []
    for k in chosen:
        day, value = _day(int(data.day[k])), _shown(float(data.values[k]), variable)
        note = Text(
            en=f"{variable.name.en} {value} on {day.en} (of that day)",
            zh=f"{variable.name.zh} {value}，{day.zh}（当日）",
        )
        found.append(_pointer(data.records[k], note, 1.0 if k in (len(data.day) - 1,) else 0.5))
    return tuple(found)


register(PersonalBaseline())
