"""What Lung-RADS v2022 or the Fleischner Society 2017 advise for each nodule, by rules in data.

Screening or incidental, age, risk and exclusions come from the records; type, diameters and change
from the images. What is missing leaves a range, or the question open; nothing is guessed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from suwen.core.codes import MEAN_DIAMETER, NEW_NODULE, VOLUME_CHANGE, Text
from suwen.core.nouns import Band, Case, Evidence, Finding, RecordValue
from suwen.core.registry import register
from suwen.imaging.followup.studies import Marked, Study, record_of, studies_of
from suwen.imaging.followup.task import FOLLOWUP, KNOWLEDGE
from suwen.imaging.management import findings as said
from suwen.imaging.management.context import Context, context_of
from suwen.imaging.management.guidelines import Advice, Fact, Facts, Guideline, Verdict, change_of
from suwen.imaging.tasks import SEGMENTATION
from suwen.lifecycle.examples import Output, Sample
from suwen.lifecycle.kinds import Value
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.rules import Published
from suwen.lifecycle.task import Reads

MANAGEMENT: Final = "imaging.nodule_management"
CONTEXT: Final = KNOWLEDGE / "followup_context.toml"
GUIDELINES: Final = {"screening": "lung_rads_2022.toml", "incidental": "fleischner_2017.toml"}
"""Rules by what the examination was for."""
MONTH_DAYS: Final = 30.44
SLOW_EXAMS: Final = 3
"""Examinations on which slow growth has to be seen (Lung-RADS v2022, note 8)."""


class NoduleManagement(Published):
    """The category of each nodule of the latest study, and what is advised for it."""

    name = MANAGEMENT
    title = Text(en="Lung nodule: category and advice by guideline", zh="肺结节：指南分类与建议")
    reads = (
        Reads("ImagingStudy", "CT", Text(en="Chest CT, axial slices", zh="胸部 CT 横断位")),
        Reads("Patient", "", Text(en="Age", zh="年龄")),
        Reads("ServiceRequest", "", Text(en="Screening, or another reason", zh="筛查或其他原因")),
        Reads("Observation", "", Text(en="Smoking status", zh="吸烟状况")),
        Reads("Condition", "", Text(en="Cancer, immunosuppression", zh="肿瘤、免疫抑制")),
    )
    answers = Value(MEAN_DIAMETER, "mm")
    after: tuple[str, ...] = (SEGMENTATION, FOLLOWUP)
    rules = tuple(KNOWLEDGE / name for name in GUIDELINES.values())
    domain = said.DOMAIN
    sources = said.SOURCES
    limits = said.LIMITS

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return one sample for each nodule of the latest study and guideline in question."""
        return advised(case, earlier)

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Return the mean diameter the rules look at; `parts` holds the verdict."""
        data: Advice = sample.data
        guideline = guideline_of(pack, data.purpose)
        verdict, crossed = judge(guideline, data)
        mean = float(data.now["total"])
        parts = {"verdict": verdict, "crossed": crossed}
        return Output(np.array([mean]), {"mean_mm": mean}, parts=parts)

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return the category with its advice, rule and inputs; or why there is none."""
        data: Advice = sample.data
        guideline = guideline_of(pack, data.purpose)
        verdict: Verdict = output.parts["verdict"]
        crossed = bool(output.parts["crossed"])
        return [said.finding(self.name, pack, sample, guideline, verdict, crossed)]

    def golden(self) -> list[Sample]:
        """Return the cases that go into the pack."""
        solid: Facts = {"kind": "solid", "total": 9.2, "total_mm3": 300.0}
        smaller: Facts = {"kind": "solid", "total": 7.0, "total_mm3": 200.0}
        return [
            Sample("screened", Advice("screening", solid, context={"context": "screening"})),
            Sample("grown", Advice("screening", solid, smaller, "matched", 180.0)),
            Sample("found", Advice("incidental", solid, context={"age": 60, "multiple": False})),
        ]


@lru_cache(maxsize=8)
def _guideline(text: str) -> Guideline:
    return Guideline(text)


def guideline_of(pack: Pack, purpose: str) -> Guideline:
    """Return the guideline of a purpose as the pack has it."""
    return _guideline(pack.path(GUIDELINES[purpose], 0).read_text(encoding="utf-8"))


def judge(guideline: Guideline, data: Advice) -> tuple[Verdict, bool]:
    """Return what a guideline says, and whether a stable nodule crossed a size threshold.

    A nodule that reaches a higher size category without growing by the guideline's measure is put
    where its size belongs (Lung-RADS v2022, note 6).
    """
    facts: dict[str, Fact] = {**data.context, **data.now}
    crossed = False
    if data.followed == "first":
        facts["change"] = "baseline"
    elif data.followed == "new":
        facts["change"] = "new"
    elif data.followed == "matched":
        facts["months"] = round(data.days / MONTH_DAYS, 1)
        facts["change"] = _change(guideline, data)
        earlier = _at_baseline(guideline, data.before, data.context)
        own = _at_baseline(guideline, data.now, data.context)
        if earlier is not None:
            facts["earlier"] = earlier
        if earlier is not None and own is not None and _by_size(facts):
            crossed = guideline.rank(own) > guideline.rank(earlier)
            facts["change"] = "baseline" if crossed else facts["change"]
    return guideline.evaluate(facts), crossed


def _by_size(facts: Facts) -> bool:
    """Say whether a higher size category decides: not for what grew, nor for proven slow growth."""
    proven = facts["kind"] != "ground-glass" and float(facts.get("exams", 0)) >= SLOW_EXAMS
    return facts["change"] in ("stable", "decreased") or (
        facts["change"] == "slowly-growing" and not proven
    )


def _change(guideline: Guideline, data: Advice) -> str:
    """Return the change by the guideline's threshold; of a part-solid nodule the worse of two."""
    months = data.days / MONTH_DAYS
    found = [change_of(guideline, float(data.before["total"]), float(data.now["total"]), months)]
    if data.now["kind"] == "part-solid":
        parts = (float(data.before.get("solid", 0.0)), float(data.now["solid"]))
        found.append(change_of(guideline, *parts, months))
    return min(found, key=("growing", "slowly-growing", "stable", "decreased").index)


def _at_baseline(guideline: Guideline, nodule: Facts, context: Facts) -> str | None:
    """Return the category a nodule would have had if first seen; None where it is not one."""
    found = guideline.evaluate({**context, **nodule, "change": "baseline"}).categories
    return found[0] if len(found) == 1 else None


def advised(case: Case, earlier: Sequence[Finding]) -> list[Sample]:
    """Return the samples of a Case: see `NoduleManagement.samples`."""
    segmented = [one for one in earlier if one.task == SEGMENTATION]
    if not any(one.band is not Band.ABSTAIN for one in segmented):
        return []
    studies = studies_of(case, segmented)
    if not studies or not studies[-1].nodules:
        return []
    now = studies[-1]
    followed = {cited: one for one in earlier if one.task == FOLLOWUP for cited in _cited(one)[:1]}
    rules = tomllib.loads(CONTEXT.read_text(encoding="utf-8"))
    context = context_of(case, record_of(case, now.series), now.day.isoformat(), rules)
    known = context.facts.get("context")
    purposes = [str(known)] if known else list(GUIDELINES)
    return [
        _sample(nodule, now, studies, followed.get(nodule.finding.id), context, purpose)
        for nodule in now.nodules
        for purpose in purposes
    ]


def _cited(followup: Finding) -> list[str]:
    """Return the ids of the findings a follow-up rests on, the current study's first."""
    return [
        one.record.removeprefix("Finding/")
        for one in followup.evidence
        if isinstance(one, RecordValue) and one.record.startswith("Finding/")
    ]


def _sample(
    nodule: Marked,
    now: Study,
    studies: Sequence[Study],
    followup: Finding | None,
    context: Context,
    purpose: str,
) -> Sample:
    own = {one.finding.id: one for study in studies for one in study.nodules}
    cited = _cited(followup) if followup else []
    before = own.get(cited[1]) if len(cited) > 1 else None
    answered = followup is not None and followup.band is not Band.ABSTAIN
    state = "first" if len(studies) == 1 else ""
    if followup is not None and answered:
        state = {VOLUME_CHANGE: "matched", NEW_NODULE: "new"}.get(followup.code, "")
    tracking = (followup.tracking if followup else None) or nodule.finding.tracking
    subsolid = nodule.made_of.kind != "solid"
    alike = [one for one in now.nodules if (one.made_of.kind != "solid") == subsolid]
    matched = before is not None and state == "matched"
    exams = _exams(tracking.uid, studies) if tracking else 1
    data = Advice(
        purpose=purpose,
        now=_facts(nodule),
        before=_facts(before) if matched and before is not None else {},
        followed=state,
        days=float((now.day - studies[-2].day).days) if len(studies) > 1 else 0.0,
        context={**context.facts, "multiple": len(alike) > 1, "exams": exams},
        uid=tracking.uid if tracking else "",
        label=tracking.label if tracking else "",
        side=nodule.data.side,
        lobe=nodule.data.lobe,
    )
    evidence: tuple[Evidence, ...] = (
        nodule.region,
        *(RecordValue(record=f"Finding/{one}", path="Finding.measures")
          for one in [nodule.finding.id, *([followup.id] if followup else [])]),
        *(RecordValue(record=one, path=one.partition("/")[0]) for one in context.records),
    )  # fmt: skip
    inputs = tuple(dict.fromkeys(one for study in studies for one in study.inputs))
    return Sample(f"{nodule.finding.id} {purpose}", data, evidence, (*inputs, *context.records))


def _exams(uid: str, studies: Sequence[Study]) -> int:
    """Return on how many studies the nodule is known, from the one that named it to the latest."""
    for place, study in enumerate(studies):
        if any(one.finding.tracking and one.finding.tracking.uid == uid for one in study.nodules):
            return len(studies) - place
    return 1


def _facts(one: Marked) -> dict[str, Fact]:
    made = one.made_of
    found: dict[str, Fact] = {
        "kind": made.kind,
        "total": round(made.mean_mm, 2),
        "total_mm3": round(one.mm3, 1),
    }
    if made.kind == "part-solid":
        found |= {"solid": round(made.solid_mm, 2), "solid_mm3": round(made.solid_mm3, 1)}
    return found


register(NoduleManagement())
