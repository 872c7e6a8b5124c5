"""How ill is somebody now? NEWS2 and qSOFA from the newest vital signs, by published rules.

A set with something missing gives the range it leaves, and a band only where all of the range has
one. An answer expires when the next set is due.

References: Royal College of Physicians, National Early Warning Score (NEWS) 2, London, 2017; Singer
et al., JAMA 315:801, 2016 (qSOFA).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import numpy as np

from suwen.core.codes import NEWS2, NEWS2_LEAST, NEWS2_MOST, SUWEN, Code, Text
from suwen.core.nouns import Band, Case, Finding, Interval, Measure, RecordValue
from suwen.core.registry import register
from suwen.health.early_warning import news2
from suwen.health.early_warning.vital_set import DROPOUT, RULES, VitalSet, newest_set, variables
from suwen.health.early_warning.vital_set import rules as set_rules
from suwen.health.facts.published import KNOWLEDGE, Table
from suwen.health.readings import plausible
from suwen.lifecycle.examples import Output, Sample
from suwen.lifecycle.kinds import Answers, Value
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.rules import Published
from suwen.lifecycle.run import abstention
from suwen.lifecycle.sealed.guard import Range
from suwen.lifecycle.task import Reads

EARLY_WARNING: Final = "health.early_warning"
UNIT: Final = "{score}"

QSOFA: Final = Code(system=f"{SUWEN}/codes", code="qsofa", name=Text(en="qSOFA", zh="qSOFA 评分"))
NAMES: Final[Mapping[str, Text]] = {
    "respiratory_rate": Text(en="respiratory rate", zh="呼吸频率"),
    "spo2": Text(en="oxygen saturation", zh="血氧饱和度"),
    "oxygen": Text(en="oxygen given or not", zh="是否吸氧"),
    "systolic_bp": Text(en="systolic blood pressure", zh="收缩压"),
    "pulse": Text(en="heart rate", zh="心率"),
    "consciousness": Text(en="consciousness", zh="意识状态"),
    "temperature": Text(en="temperature", zh="体温"),
}
RISKS: Final[Mapping[str, Text]] = {
    "low": Text(en="low", zh="低"),
    "low-medium": Text(en="low-medium", zh="低-中"),
    "medium": Text(en="medium", zh="中"),
    "high": Text(en="high", zh="高"),
}
BANDS: Final = {"low": Band.RULE_OUT, "low-medium": Band.GREY}
"""Bands of risks; of the others rule-in."""


@dataclass(frozen=True)
class Scored:
    """What `predict` hands to `findings`."""

    score: news2.Score
    qsofa: tuple[int, bool] | None = field(default=None)


class EarlyWarning(Published):
    """NEWS2 of the newest set of vital signs, with qSOFA beside it."""

    name = EARLY_WARNING
    title = Text(en="Early warning: NEWS2 and qSOFA", zh="早期预警：NEWS2 与 qSOFA")
    reads: tuple[Reads, ...] = (
        Reads("Observation", "", Text(en="Vital signs with their time", zh="带时间的生命体征")),
        Reads("Patient", "", Text(en="Age", zh="年龄")),
    )
    answers: Answers = Value(NEWS2, UNIT)
    after: tuple[str, ...] = ()
    timed = True
    rules = (KNOWLEDGE / "news2.toml", KNOWLEDGE / "risk_points.toml", RULES)
    read_by = (plausible.KNOWLEDGE, RULES)
    domain: Mapping[str, Range] = {
        "measured": Range(1, len(news2.PARAMETERS), Text(en="Vital signs measured", zh="已测项数")),
    }
    sources = (
        "Royal College of Physicians, National Early Warning Score (NEWS) 2, London, 2017",
        "Singer et al., JAMA 315:801-810, 2016 (qSOFA)",
    )
    limits = (
        "For people of 16 years and more, not in pregnancy; pregnancy is not looked for here.",
        "SpO2 scale 2 only where a record says that a clinician chose it.",
        "A Glasgow score below 15 counts as changed consciousness (3 points).",
        "How long a set stands follows the advised monitoring; 15 minutes at high risk are ours.",
    )

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return the newest set of vital signs; none without one."""
        found = newest_set(case)
        if found is None:
            return []
        evidence = (*found.sources.values(), *_not_counted(found))
        return [Sample(f"set {found.at}", found, evidence, found.inputs)]

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Return the least score that the set leaves; `parts` holds both scores."""
        data: VitalSet = sample.data
        score = news2.news2(data.observed, _table(pack, "news2.toml"))
        qsofa = None
        if data.for_qsofa is not None:
            qsofa = news2.qsofa(*data.for_qsofa, _table(pack, "risk_points.toml")["qsofa"])
        measured = len(news2.PARAMETERS) - len(score.missing)
        return Output(
            scores=np.array([float(score.low)]),
            domain={"measured": float(measured)},
            parts={"scored": Scored(score, qsofa)},
        )

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return the score with its points, or why there is none."""
        data: VitalSet = sample.data
        least = _table(pack, RULES.name)["least_years"]
        if not data.age >= least:
            return [abstention(self, pack, sample, [_not_asked(data.age, least)])]
        if not data.enough:
            reasons = [_too_little(data), *_doubted(data)]
            soon = timedelta(minutes=_table(pack, RULES.name)["valid_minutes"]["high"])
            until = data.at + soon if data.at else None
            said = abstention(self, pack, sample, reasons)
            return [said.model_copy(update={"valid_until": until})]
        scored: Scored = output.parts["scored"]
        chart = _table(pack, "news2.toml")
        measures = _measures(scored)
        valid = _valid(scored.score, _table(pack, RULES.name))
        return [
            Finding(
                task=self.name,
                pack=pack.identity,
                code=NEWS2.model_copy(update={"name": _titled(scored.score)}),
                band=_band(scored.score),
                reason=_reason(data, scored, news2.response(scored.score, chart)),
                measures=measures,
                evidence=(*_pointed(data, scored.score), *_not_counted(data)),
                valid_until=data.at + valid if data.at else None,
            )
        ]

    def golden(self) -> list[Sample]:
        """Return the cases that go into the pack."""
        whole = {"respiratory_rate": 24, "spo2": 93, "oxygen": True, "systolic_bp": 95}
        rest = {"pulse": 112, "consciousness": "C", "temperature": 38.6}
        return [
            _made("ill", **whole, **rest),
            _made("partial", **whole),
            _made("well", **whole | {"respiratory_rate": 14, "spo2": 98, "oxygen": False,
                  "systolic_bp": 125}, **rest | {"pulse": 70, "consciousness": "A",
                  "temperature": 36.8}),
        ]  # fmt: skip


def _made(key: str, **observed: Any) -> Sample:
    return Sample(key, VitalSet(news2.Observed(**observed), 60.0))


def _table(pack: Pack, name: str) -> Table:
    return tomllib.loads(pack.path(name, 0).read_text(encoding="utf-8"))


def _not_asked(age: float, least: int) -> Text:
    if np.isnan(age):
        return Text(
            en=f"NEWS2 is for people of {least} years and more; the age is not recorded.",
            zh=f"NEWS2 仅适用于 {least} 岁及以上者；年龄未记录。",
        )
    return Text(
        en=f"NEWS2 is for people of {least} years and more; the age is {age:.0f}.",
        zh=f"NEWS2 仅适用于 {least} 岁及以上者；年龄为 {age:.0f} 岁。",
    )


def _band(score: news2.Score) -> Band:
    """Return the band of the risk; grey where missing values leave low and higher open."""
    least = BANDS.get(score.risks[0], Band.RULE_IN)
    return Band.GREY if least is Band.RULE_OUT and score.risk != "low" else least


def _measures(scored: Scored) -> tuple[Measure, ...]:
    score = scored.score
    pairs = (
        [(NEWS2, score.low)]
        if score.total is not None
        else [(NEWS2_LEAST, score.low), (NEWS2_MOST, score.high)]
    )
    if scored.qsofa is not None:
        pairs.append((QSOFA, scored.qsofa[0]))
    return tuple(
        Measure(code=code, interval=Interval(value=n, low=n, high=n, level=1.0), unit=UNIT)
        for code, n in pairs
    )


def _valid(score: news2.Score, rules: Table) -> timedelta:
    """Return how long the set stands: the shortest time of any risk that it leaves."""
    name = "none" if score.high == 0 else score.risks[1]
    return timedelta(minutes=rules["valid_minutes"][name])


def _titled(score: news2.Score) -> Text:
    """Return the score's name with the clinical risk, or the span that it leaves."""
    first, last = (RISKS[one] for one in score.risks)
    if first == last:
        return Text(en=f"NEWS2 (clinical risk {first.en})", zh=f"NEWS2（临床风险{first.zh}）")
    return Text(
        en=f"NEWS2 (clinical risk {first.en} to {last.en})",
        zh=f"NEWS2（临床风险{first.zh}至{last.zh}）",
    )


def _reason(data: VitalSet, scored: Scored, response: Text) -> Text:
    score = scored.score
    risk = RISKS[score.risks[0]]
    if score.risk is None:
        top = RISKS[score.risks[1]]
        said = Text(
            en=f"Clinical risk between {risk.en} and {top.en}.",
            zh=f"临床风险介于{risk.zh}与{top.zh}之间。",
        )
    else:
        said = Text(en=f"Clinical risk {risk.en}.", zh=f"临床风险：{risk.zh}。")
    parts = [said]
    if score.missing:
        doubted = {one.variable for one in data.doubts if one.kind != DROPOUT}
        names = [NAMES[name] for name in score.missing if name not in doubted]
        if names:
            parts.append(
                Text(
                    en=f"Not measured: {', '.join(one.en for one in names)}.",
                    zh=f"未测量：{'、'.join(one.zh for one in names)}。",
                )
            )
    parts += _doubted(data)
    if data.observed.scale == 2:
        parts.append(Text(en="SpO2 scale 2.", zh="采用 SpO2 量表 2。"))
    if scored.qsofa is not None and scored.qsofa[1]:
        parts.append(
            Text(
                en="qSOFA is positive: look for organ failure where an infection is suspected.",
                zh="qSOFA 阳性：疑有感染时应评估器官功能。",
            )
        )
    parts.append(response)
    return Text(en=" ".join(one.en for one in parts), zh="".join(one.zh for one in parts))


def _too_little(data: VitalSet) -> Text:
    count, fewest = len(data.sources), set_rules()["fewest"]
    return Text(
        en=f"{count} of {len(news2.PARAMETERS)} vital signs can be counted; at least {fewest} are "
        "needed.",
        zh=f"{len(news2.PARAMETERS)} 项生命体征中仅 {count} 项可计入；至少需要 {fewest} 项。",
    )


def _doubted(data: VitalSet) -> list[Text]:
    """Return what does not count and why, in one sentence; nothing where all does."""
    if not data.doubts:
        return []
    told = [one.told(variables()[one.variable].name) for one in data.doubts]
    return [
        Text(
            en=f"Not counted: {'; '.join(one.en for one in told)}.",
            zh=f"未计入：{'；'.join(one.zh for one in told)}。",
        )
    ]


def _not_counted(data: VitalSet) -> tuple[RecordValue, ...]:
    return tuple(one.evidence(variables()[one.variable].name) for one in data.doubts)


def _pointed(data: VitalSet, score: news2.Score) -> tuple[RecordValue, ...]:
    """Return the values, those with most points first, each with its points."""
    found = []
    for name in sorted(data.sources, key=lambda one: -score.points.get(one, 0)):
        source, points = data.sources[name], score.points.get(name)
        if source.note is not None and points is not None:
            note = Text(
                en=f"{source.note.en}: {points} point{'' if points == 1 else 's'}",
                zh=f"{source.note.zh}：{points} 分",
            )
            source = source.model_copy(update={"note": note, "weight": float(points)})
        found.append(source)
    return tuple(found)


register(EarlyWarning())
