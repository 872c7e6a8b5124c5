"""What is said of a nodule on two studies, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from suwen.core.codes import (
    DOUBLING_TIME,
    EARLIER_VOLUME,
    NEW_NODULE,
    RESOLVED_NODULE,
    VOLUME_CHANGE,
    Code,
    Text,
)
from suwen.core.nouns import Band, Finding, Interval, Measure, Tracking
from suwen.imaging.followup.growth import LONGEST_DAYS, Change, FollowUp
from suwen.imaging.volumes.nodule import site_of
from suwen.lifecycle.examples import Sample
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.sealed.guard import Range

DOMAIN: Final[Mapping[str, Range]] = {
    "days": Range(1, 3653, Text(en="The time between the studies in days", zh="两次检查间隔天数")),
    "slice_mm": Range(0, 3, Text(en="The slice spacing in mm", zh="层间距（mm）")),
}
"""Volumes are compared over at most ten years, on slices of at most 3 mm."""
SOURCES: Final = (
    "Devaraj et al., Radiology 284:630-644, 2017",
    "British Thoracic Society guideline, Thorax 70 Suppl 2:ii1-ii54, 2015",
    "Marchiano et al., Radiology 251:919-925, 2009",
)
LIMITS: Final = (
    "The variability is that of published repeat scans of solid nodules and of simulated repeat "
    "scans with this segmentation; no real repeat scans were measured.",
    "Registration was measured on phantoms and on one CT moved and deformed by computation.",
    "A nodule that is neither given by a person nor found on one study is not followed.",
)

EXPECTED: Final = Text(
    en="The place where the other study's nodule is expected.", zh="另一次检查中结节的对应位置。"
)
NOT_REGISTERED: Final = Text(
    en="The two studies could not be laid over each other, so no nodule is compared.",
    zh="两次检查无法配准，故不作比较。",
)
OPEN: Final[Mapping[str, Text]] = {
    "unmarked": Text(
        en="It is still there on the other study, where it was not marked: mark it there to "
        "compare.",
        zh="另一次检查的对应位置仍可见但未标注：标注后方可比较。",
    ),
    "not covered": Text(
        en="Its place lies outside the images of the other study, so it is neither new nor gone.",
        zh="其位置不在另一次检查的扫描范围内，故不能判定为新发或消失。",
    ),
    "ambiguous": Text(
        en="More than one nodule of the other study fits, or the sizes are too different: compare "
        "by eye.",
        zh="另一次检查有多个结节符合，或大小相差过大：请人工比较。",
    ),
}


def finding(
    task: str, pack: Pack, sample: Sample, change: Change | None, rules: Mapping[str, Any]
) -> Finding:
    """Return the finding of one nodule on two studies."""
    data: FollowUp = sample.data
    known: dict[str, Any] = {
        "task": task,
        "pack": pack.identity,
        "evidence": sample.evidence,
        "tracking": Tracking(uid=data.uid, label=data.label) if data.uid else None,
        "site": site_of(data.side, data.lobe),
    }
    if change is not None:
        reason = _changed(data, change, rules)
        return Finding(
            code=VOLUME_CHANGE, band=Band.RULE_IN, reason=reason, measures=_measures(data, change),
            **known,
        )  # fmt: skip
    if data.outcome in ("new", "resolved"):
        return Finding(
            code=NEW_NODULE if data.outcome == "new" else RESOLVED_NODULE,
            band=Band.RULE_IN,
            reason=_came_or_went(data),
            measures=(_exact(EARLIER_VOLUME, data.before_mm3, "mm3"),),
            **known,
        )
    return Finding(
        code=VOLUME_CHANGE, band=Band.ABSTAIN, reason=data.refusal or OPEN[data.outcome], **known
    )


def _exact(code: Code, value: float, unit: str) -> Measure:
    return Measure(code=code, interval=Interval(value=value, low=value, high=value), unit=unit)


def _measures(data: FollowUp, change: Change) -> tuple[Measure, ...]:
    found = [
        Measure(code=VOLUME_CHANGE, interval=change.percent, unit="%"),
        _exact(EARLIER_VOLUME, data.before_mm3, "mm3"),
    ]
    if change.doubling_days is not None:
        found.append(Measure(code=DOUBLING_TIME, interval=change.doubling_days, unit="d"))
    return tuple(found)


def _changed(data: FollowUp, change: Change, rules: Mapping[str, Any]) -> Text:
    spread = 100 * rules["variability"]["solid" if data.solid else "subsolid"]
    percent = change.percent
    shown = {
        "a": f"{data.before_mm3:,.0f}",
        "b": f"{data.now_mm3:,.0f}",
        "from": data.before_day,
        "to": data.now_day,
        "days": f"{data.days:.0f}",
        "p": f"{percent.value:+.0f}",
        "low": f"{percent.low:+.0f}",
        "high": f"{percent.high:+.0f}",
        "spread": f"{spread:.0f}",
    }
    en = (
        "Earlier {a} mm³ on {from}, now {b} mm³ on {to} ({days} days): {p}% [{low} to {high}]; "
        + _TRENDS[change.trend].en
    ).format(**shown)
    zh = (
        "{from} 为 {a} mm³，{to} 为 {b} mm³（间隔 {days} 天）：{p}%［{low}～{high}］；"
        + _TRENDS[change.trend].zh
    ).format(**shown)
    if change.doubling_days is not None:
        days = change.doubling_days
        far = days.high >= LONGEST_DAYS
        high_en, high_zh = ("without limit", "无上限") if far else (f"{days.high:.0f}",) * 2
        en += f" Volume-doubling time {days.value:.0f} days [{days.low:.0f} to {high_en}]."
        zh += f"体积倍增时间 {days.value:.0f} 天［{days.low:.0f}～{high_zh}］。"
    en += f" Limits: {rules['source']['en']}."
    return Text(en=en, zh=f"{zh}界限来源：{rules['source']['zh']}。")


_TRENDS: Final = {
    "grown": Text(
        en="grown by more than the measurement varies ({spread}%).",
        zh="增大超出测量变异（{spread}%）。",
    ),
    "shrunk": Text(
        en="smaller by more than the measurement varies ({spread}%).",
        zh="缩小超出测量变异（{spread}%）。",
    ),
    "unchanged": Text(
        en="no change beyond what the measurement varies by ({spread}%), so no growth is said.",
        zh="变化未超出测量变异（{spread}%），不能判定增大。",
    ),
}


def _came_or_went(data: FollowUp) -> Text:
    if data.outcome == "new":
        return Text(
            en=f"{data.now_mm3:,.0f} mm³ on {data.now_day}; nothing like it at its place on "
            f"{data.before_day}.",
            zh=f"{data.now_day} 为 {data.now_mm3:,.0f} mm³；{data.before_day} 相应位置未见。",
        )
    return Text(
        en=f"{data.before_mm3:,.0f} mm³ on {data.before_day}; nothing like it at its place on "
        f"{data.now_day}.",
        zh=f"{data.before_day} 为 {data.before_mm3:,.0f} mm³；{data.now_day} 相应位置未见。",
    )
