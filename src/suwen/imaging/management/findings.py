"""What a guideline says of a nodule: category, advice, rule, inputs, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from suwen.core.codes import (
    CATEGORIES,
    GUIDELINE_CATEGORY,
    MEAN_DIAMETER,
    Code,
    Text,
)
from suwen.core.nouns import Band, Finding, Interval, Measure, Tracking
from suwen.imaging.management.guidelines import Advice, Fact, Guideline, Verdict
from suwen.imaging.volumes.nodule import site_of
from suwen.lifecycle.examples import Sample
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.sealed.guard import Range

DOMAIN: Final[Mapping[str, Range]] = {
    "mean_mm": Range(1, 120, Text(en="The mean diameter in mm", zh="平均直径（mm）")),
}
SOURCES: Final = (
    "American College of Radiology, Lung-RADS v2022; Christensen et al., CHEST 165:738-753, 2024",
    "MacMahon et al., Radiology 284:228-243, 2017 (Fleischner Society)",
)
LIMITS: Final = (
    "The rules are the guidelines' tables in our own words; the publications decide.",
    "Calcification, fat, airway nodules, cysts, pleural and perifissural shape and spiculation are "
    "not measured; they are taken as absent and named in each answer.",
    "The type of the nodule is a rule on Hounsfield units: on the half of the LIDC-IDRI patients "
    "it was not chosen on, kappa with the readers is 0.41 [0.29, 0.53]; part-solid is mostly "
    "called solid.",
    "Single or multiple counts the nodules that were given or found, not those that were missed.",
)
WORDS: Final[Mapping[Fact, Text]] = {
    "solid": Text(en="solid", zh="实性"),
    "part-solid": Text(en="part-solid", zh="部分实性"),
    "ground-glass": Text(en="ground-glass", zh="磨玻璃"),
    "baseline": Text(en="by size, as when first seen", zh="按首次发现的大小"),
    "new": Text(en="new", zh="新发"),
    "growing": Text(en="growing", zh="增大"),
    "slowly-growing": Text(en="growing slowly", zh="缓慢增大"),
    "stable": Text(en="stable", zh="稳定"),
    "decreased": Text(en="smaller", zh="缩小"),
    "screening": Text(en="screening", zh="筛查"),
    "incidental": Text(en="incidental", zh="偶然发现"),
    "low": Text(en="low", zh="低"),
    "high": Text(en="high", zh="高"),
}
ONLY_IF: Final = {
    "screening": Text(en="Only if this was a screening examination: ", zh="仅当本次为筛查检查时："),
    "incidental": Text(
        en="Only if the nodule was found incidentally: ", zh="仅当结节为偶然发现时："
    ),
}
CROSSED: Final = Text(
    en=" It crossed a size threshold without growing by the guideline's measure, so its size now "
    "decides.",
    zh="其未达指南的增大标准但跨过大小界值，故按目前大小分类。",
)
BY_BOTH: Final = Text(
    en=" Mean diameter and volume lead to different rows.", zh="平均直径与体积对应不同分类。"
)
ESSENTIAL: Final = ("kind", "total")
"""Without these a range says nothing."""


def finding(
    task: str, pack: Pack, sample: Sample, guideline: Guideline, verdict: Verdict, crossed: bool
) -> Finding:
    """Return the finding of one nodule under one guideline."""
    data: Advice = sample.data
    known: dict[str, Any] = {
        "task": task,
        "pack": pack.identity,
        "evidence": sample.evidence,
        "tracking": Tracking(uid=data.uid, label=data.label) if data.uid else None,
        "site": site_of(data.side, data.lobe),
    }
    if verdict.outside or not verdict.categories or set(ESSENTIAL) & set(verdict.missing):
        code = GUIDELINE_CATEGORY
        return Finding(code=code, band=Band.ABSTAIN, reason=_no_answer(guideline, verdict), **known)
    mean = guideline.rounded(float(data.now["total"]))
    return Finding(
        code=code_of(guideline, verdict),
        band=Band.RULE_IN if verdict.decided else Band.GREY,
        reason=_reason(guideline, verdict, data.purpose, crossed),
        measures=(
            Measure(
                code=MEAN_DIAMETER,
                interval=Interval(value=mean, low=mean, high=mean),
                unit="mm",
            ),
        ),
        **known,
    )


def code_of(guideline: Guideline, verdict: Verdict) -> Code:
    """Return the category, or the range of categories, as a concept."""
    ends = list(dict.fromkeys((verdict.categories[0], verdict.categories[-1])))
    names = [guideline.categories[name].name for name in ends]
    prefix, title = guideline.prefix, guideline.name
    if len(ends) == 1:
        name = Text(
            en=f"{title.en}: {ends[0]}, {names[0].en}", zh=f"{title.zh}：{ends[0]}，{names[0].zh}"
        )
        return Code(system=CATEGORIES, code=f"{prefix}{ends[0]}", name=name)
    name = Text(
        en=f"{title.en}: between {ends[0]} ({names[0].en}) and {ends[1]} ({names[1].en})",
        zh=f"{title.zh}：{ends[0]}（{names[0].zh}）至 {ends[1]}（{names[1].zh}）",
    )
    return Code(system=CATEGORIES, code=f"{prefix}{ends[0]}..{ends[1]}", name=name)


def _no_answer(guideline: Guideline, verdict: Verdict) -> Text:
    if verdict.outside:
        return Text(
            en=" ".join(one.en for one in verdict.outside),
            zh="".join(one.zh for one in verdict.outside),
        )
    names = _names(guideline, verdict.missing or ESSENTIAL)
    return Text(
        en=f"{guideline.name.en} cannot be decided: not known is {names.en}.",
        zh=f"{guideline.name.zh} 无法判定：缺少{names.zh}。",
    )


def _reason(guideline: Guideline, verdict: Verdict, purpose: str, crossed: bool) -> Text:
    """Return the advice of each category, then rules, inputs, what is missing and the source."""
    start = ONLY_IF[purpose] if "context" in verdict.missing else Text(en="", zh="")
    advice = [(name, guideline.categories[name]) for name in verdict.categories]
    en = start.en + " ".join(f"{n} ({c.name.en}): {c.management.en}" for n, c in advice)
    zh = start.zh + "".join(f"{n}（{c.name.zh}）：{c.management.zh}" for n, c in advice)
    if crossed:
        en, zh = en + CROSSED.en, zh + CROSSED.zh
    if len(verdict.categories) > 1 and not verdict.missing:
        en, zh = en + BY_BOTH.en, zh + BY_BOTH.zh
    rules = "; ".join(f"{one} ({guideline.rule(one).clause})" for one in verdict.rules)
    en += f" Rule: {rules}."
    zh += f"规则：{rules}。"
    used = [(_name(guideline, name), _value(name, value)) for name, value in verdict.inputs.items()]
    en += " Decided by: " + "; ".join(f"{n.en} {v.en}" for n, v in used) + "."
    zh += "依据：" + "；".join(f"{n.zh} {v.zh}" for n, v in used) + "。"
    if verdict.missing:
        names = _names(guideline, verdict.missing)
        en, zh = en + f" Not known: {names.en}.", zh + f"缺少：{names.zh}。"
    if verdict.assumed:
        names = _names(guideline, verdict.assumed)
        en += f" Not measured or recorded, taken as absent or complete: {names.en}."
        zh += f"未测量或未记录，按无或完整处理：{names.zh}。"
    en += f" {guideline.for_all.en} Source: {guideline.source}."
    return Text(en=en, zh=f"{zh}{guideline.for_all.zh}来源：{guideline.source}。")


def _name(guideline: Guideline, name: str) -> Text:
    if name.endswith("_mm3"):
        solid = name.startswith("solid")
        return Text(en="volume of the solid part", zh="实性成分体积") if solid else Text(
            en="volume", zh="体积")  # fmt: skip
    return guideline.inputs[name]


def _names(guideline: Guideline, names: tuple[str, ...]) -> Text:
    found = [_name(guideline, name) for name in names]
    return Text(en=", ".join(one.en for one in found), zh="、".join(one.zh for one in found))


def _value(name: str, value: Fact) -> Text:
    if isinstance(value, bool):
        words = {"multiple": ("multiple" if value else "single", "多发" if value else "单发")}
        en, zh = words.get(name, ("yes" if value else "no", "是" if value else "否"))
        return Text(en=en, zh=zh)
    if isinstance(value, str):
        return WORDS.get(value, Text(en=value, zh=value))
    unit = " mm³" if name.endswith("_mm3") else " mm" if name in ("total", "solid") else ""
    text = f"{value:g}{unit}"
    return Text(en=text, zh=text)
