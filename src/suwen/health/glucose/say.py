"""A glucose forecast in words: its probabilities, its alarms, and why there is none."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from suwen.core.codes import SUWEN, Code, Text
from suwen.core.nouns import PROBABILITY, Band, Finding, Interval, Measure, RecordValue
from suwen.core.quantities import percent
from suwen.health.glucose import fit
from suwen.health.glucose.case import gaps_of
from suwen.health.glucose.window import HOUR, STEP, Array, Window, groups, knowledge, variable
from suwen.lifecycle import say
from suwen.lifecycle.examples import Output, Sample
from suwen.lifecycle.pack import Pack

SHOWN: Final = 3
"""Groups named as evidence: those that moved the forecast most."""
RANGE: Final = (70.0, 180.0)
"""mg/dL; a forecast that stays inside with its interval rules an alarm out."""
MMOL: Final = 18.016
"""mg/dL in 1 mmol/L."""


def unasked(window: Window) -> list[Text]:
    """Say why no forecast can be made of this window; nothing where it can."""
    fresh = float(knowledge()["fresh_minutes"])
    if window.late > fresh:
        return [
            Text(
                en=f"The newest reading is {window.late:.0f} minutes old; a forecast needs one of "
                f"the last {fresh:.0f} minutes.",
                zh=f"最新读数距今 {window.late:.0f} 分钟；预测需要最近 {fresh:.0f} 分钟内的读数。",
            )
        ]
    near = np.isfinite(window.values[-HOUR - 1 :])
    if near[-4:].all() and near.mean() > 0.6:
        return []
    count, longest = (0, 0.0) if window.past is None else gaps_of(window.past)
    lost = (1 - near.mean()) * 60
    return [
        Text(
            en=f"Of the last hour {lost:.0f} minutes are missing"
            + (f" ({count} gaps, the longest {longest:.0f} minutes)." if count else "."),
            zh=f"最近一小时缺少 {lost:.0f} 分钟数据"
            + (f"（{count} 处中断，最长 {longest:.0f} 分钟）。" if count else "。"),
        )
    ]


def finding(task: Any, pack: Pack, sample: Sample, output: Output) -> Finding:
    """Return the forecast of one horizon with its probabilities, band and reason."""
    window: Window = sample.data
    found = say.finding(task, pack, sample, output)
    value = _possible(found.measures[0].interval)
    likely = probabilities(pack, window, output)
    raised = [entry for entry in knowledge()["level"] if _alarm(pack, window, entry, likely)]
    inside = RANGE[0] <= value.low and value.high <= RANGE[1]
    band = Band.RULE_IN if raised else Band.RULE_OUT if inside else Band.GREY
    measures = [
        found.measures[0].model_copy(update={"code": _named(window.ahead, []), "interval": value})
    ]
    for entry in knowledge()["level"]:
        chance = likely[entry["key"]]
        code = Code(
            system=f"{SUWEN}/codes",
            code=f"glucose-{entry['key'].replace('_', '-')}",
            name=Text(**entry["name"]),
        )
        exact = Interval(value=chance, low=chance, high=chance, level=found_level(value))
        measures.append(Measure(code=code, interval=exact, unit=PROBABILITY))
    return found.model_copy(
        update={
            "code": _named(window.ahead, raised),
            "band": band,
            "measures": tuple(measures),
            "reason": _reason(window, value, likely, raised),
        }
    )


def _possible(found: Interval) -> Interval:
    """Return an interval without what no living person shows."""
    glucose = variable()
    low, high = max(found.low, glucose.low), min(found.high, glucose.high)
    return found.model_copy(update={"low": min(low, found.value), "high": max(high, found.value)})


def found_level(value: Interval) -> float:
    """Return the level of a forecast's interval, which its probabilities carry too."""
    return value.level


def probabilities(pack: Pack, window: Window, output: Output) -> dict[str, float]:
    """Return the probability of each level by key, the mean over the members."""
    values, errors = np.asarray(output.scores), np.asarray(output.spread)
    found = {}
    for entry in knowledge()["level"]:
        level = float(entry.get("below", entry.get("above")))
        under = [
            fit.probability_below(
                level, float(value), float(error), pack.member(k)["left"][str(window.ahead)]
            )
            for k, (value, error) in enumerate(zip(values, errors, strict=True))
        ]
        mean = float(np.mean(under))
        found[entry["key"]] = mean if "below" in entry else 1 - mean
    return found


def _alarm(pack: Pack, window: Window, entry: Any, likely: dict[str, float]) -> bool:
    key, ahead = entry["key"], str(window.ahead)
    cut = np.mean([pack.member(k)["cuts"][ahead][key] for k in range(pack.members)])
    return bool(likely[key] >= cut)


def _named(ahead: int, raised: list[Any]) -> Code:
    """Return the concept with its horizon and the gravest alarm."""
    name = Text(en=f"Glucose in {ahead} minutes", zh=f"{ahead} 分钟后葡萄糖")
    if raised:
        alarm = Text(**_gravest(raised)["alarm"])
        name = Text(en=f"{name.en}: {alarm.en}", zh=f"{name.zh}：{alarm.zh}")
    return Code(system=f"{SUWEN}/codes", code=f"glucose-forecast-{ahead}", name=name)


def _gravest(raised: list[Any]) -> Any:
    """Return the alarm to name: low before high, far before near."""
    order = ("very_low", "low", "very_high", "high")
    return min(raised, key=lambda entry: order.index(entry["key"]))


def _reason(window: Window, value: Interval, likely: dict[str, float], raised: list[Any]) -> Text:
    now = float(window.values[-1])
    shown = (now, value.value, value.low, value.high)
    mg, mmol = ([f"{one / by:{form}}" for one in shown] for by, form in ((1, ".0f"), (MMOL, ".1f")))
    en = [
        f"Now {mg[0]} mg/dL ({mmol[0]} mmol/L), in {window.ahead} minutes about {mg[1]} "
        f"({mmol[1]}), 9 in 10 between {mg[2]} and {mg[3]} ({mmol[2]} to {mmol[3]})."
    ]
    zh = [
        f"现为 {mg[0]} mg/dL（{mmol[0]} mmol/L），{window.ahead} 分钟后约 {mg[1]}"
        f"（{mmol[1]}），约九成在 {mg[2]} 至 {mg[3]}（{mmol[2]} 至 {mmol[3]}）之间。"
    ]
    for entry in raised:
        alarm, chance = Text(**entry["alarm"]), percent(likely[entry["key"]])
        en.append(f"{alarm.en[0].upper()}{alarm.en[1:]} (probability {chance}).")
        zh.append(f"{alarm.zh}（概率 {chance}）。")
    if window.interval > float(knowledge()["usual_interval"]):
        en.append(
            f"This sensor reports every {window.interval:.0f} minutes; the forecast was learnt "
            f"from sensors that report every {STEP:.0f}, and is less exact here."
        )
        zh.append(
            f"该传感器每 {window.interval:.0f} 分钟上报一次；模型基于每 {STEP:.0f} "
            "分钟上报的传感器训练，此处准确度较低。"
        )
    return Text(en=" ".join(en), zh="".join(zh))


def moving(window: Window, moved: Array) -> tuple[RecordValue, ...]:
    """Return the groups that moved the forecast most, each at the newest reading."""
    found = []
    for k in np.argsort(-np.abs(moved), kind="stable")[:SHOWN].tolist():
        name = list(groups().values())[k]
        up = moved[k] > 0
        note = Text(
            en=f"{name.en} {'raised' if up else 'lowered'} the forecast by {abs(moved[k]):.0f} "
            "mg/dL",
            zh=f"{name.zh}使预测{'升高' if up else '降低'} {abs(moved[k]):.0f} mg/dL",
        )
        found.append(
            RecordValue(
                record=window.record,
                path="Observation.value",
                weight=float(moved[k]),
                note=note,
            )
        )
    return tuple(found)
