"""What became of each nodule since the earlier CT: the same, grown, new, gone, or left open.

The task is answered by rules (`knowledge/followup.toml` in the pack), not by weights. Both studies
lie in the Case, and both are segmented by the same pack, as comparing volumes asks for.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.core.codes import VOLUME_CHANGE, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Band, Case, Evidence, Finding, ImageRegion, RecordValue, Tracking
from suwen.core.registry import register
from suwen.imaging.anatomy.lungs import lung_mask
from suwen.imaging.case.series import answered_volumes
from suwen.imaging.followup import findings as said
from suwen.imaging.followup import growth
from suwen.imaging.followup.growth import FollowUp
from suwen.imaging.followup.matching import Pair, match
from suwen.imaging.followup.studies import Marked, Study, reports_of, studies_of
from suwen.imaging.nodules import locate
from suwen.imaging.tasks import SEGMENTATION
from suwen.imaging.volumes.registration import Registration
from suwen.imaging.volumes.registration import register as lay_over
from suwen.lifecycle.examples import Output, Sample
from suwen.lifecycle.kinds import Value
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.rules import Published
from suwen.lifecycle.task import Reads

FOLLOWUP: Final = "imaging.nodule_followup"
KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge"
RULES: Final = "followup.toml"
NEW_LABEL: Final = "Nodule"
MOST_STUDIES: Final = 4
"""The latest studies through which an identity is followed; each pair is laid over each other."""


@dataclass(frozen=True)
class Step:
    """Two studies laid over each other, and what became of their nodules."""

    before: Study
    now: Study
    over: Registration
    pairs: tuple[Pair, ...]


class NoduleFollowUp(Published):
    """The same nodule on two studies: matched, new or resolved; growth and doubling time."""

    name = FOLLOWUP
    title = Text(en="Lung nodule: change since the earlier CT", zh="肺结节：与既往 CT 比较")
    reads = (Reads("ImagingStudy", "CT", Text(en="Two chest CT studies", zh="两次胸部 CT")),)
    answers = Value(VOLUME_CHANGE, "%")
    after: tuple[str, ...] = (SEGMENTATION,)
    rules = (KNOWLEDGE / RULES,)
    domain = said.DOMAIN
    sources = said.SOURCES
    limits = said.LIMITS

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return one sample for each nodule of the latest two studies."""
        return follow(case, earlier)

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Return the volume change in per cent; 0 where there are no two volumes."""
        data: FollowUp = sample.data
        found = change_in(pack, data)
        value = found.percent.value if found else 0.0
        domain = {"days": data.days, "slice_mm": data.slice_mm}
        return Output(np.array([value]), domain)

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return the change with its interval, or what became of the nodule."""
        data: FollowUp = sample.data
        return [said.finding(self.name, pack, sample, change_in(pack, data), variability(pack))]

    def golden(self) -> list[Sample]:
        """Return the cases that go into the pack."""
        return [
            Sample("grown", FollowUp("matched", 180, 200.0, 340.0)),
            Sample("unchanged", FollowUp("matched", 365, 200.0, 210.0)),
            Sample("subsolid", FollowUp("matched", 365, 900.0, 1180.0, solid=False)),
        ]


def variability(pack: Pack) -> Mapping[str, Any]:
    """Return the table of the pack that says how far repeated volumes differ."""
    return tomllib.loads(pack.path(RULES, 0).read_text(encoding="utf-8"))


def change_in(pack: Pack, data: FollowUp) -> growth.Change | None:
    """Return the change of a matched nodule, by the rules of a pack."""
    if data.outcome != "matched":
        return None
    limits = variability(pack)["variability"]
    spread = limits["solid" if data.solid else "subsolid"]
    return growth.change(data.before_mm3, data.now_mm3, data.days, spread)


def follow(case: Case, segmented: Sequence[Finding]) -> list[Sample]:
    """Return a sample for each nodule of the latest two studies of a Case; see `FollowUp`."""
    answered = any(one.band is not Band.ABSTAIN for one in segmented)
    if not answered or len({one.study_uid for one in answered_volumes(case)}) < 2:
        return []
    studies = studies_of(case, segmented)[-MOST_STUDIES:]
    if len(studies) < 2 or not any(study.nodules for study in studies[-2:]):
        return []
    steps = []
    for before, now in pairwise(studies):
        over = lay_over(before.series.volume, now.series.volume, lung_mask)
        pairs: list[Pair] = []
        if over.trusted:
            seen = [[one.seen for one in study.nodules] for study in (before, now)]
            volumes = (before.series.volume, now.series.volume)
            pairs = match(over, volumes, seen[0], seen[1])
        steps.append(Step(before, now, over, tuple(pairs)))
    inputs = tuple(dict.fromkeys(one for study in studies for one in study.inputs))
    last = steps[-1]
    if last.now.day == last.before.day:
        return []
    if not last.over.trusted:
        return [_refused(last, inputs)]
    identities = tracked(steps)
    reports = tuple(reports_of(case, last.before))
    return [_sample(case, last, pair, identities, reports, inputs) for pair in last.pairs]


def tracked(steps: Sequence[Step]) -> dict[str, Tracking]:
    """Return the identity of each nodule by its finding's id: that of the earliest study.

    A nodule that is not matched keeps its own UID; its label is numbered on where another has it.
    """
    found: dict[str, Tracking] = {}
    labels: set[str] = set()
    for one in steps[0].before.nodules:
        _keep(found, labels, one, _own(one))
    for step in steps:
        for pair in step.pairs:
            if pair.now is None:
                continue
            now = step.now.nodules[pair.now]
            if pair.outcome == "matched" and pair.before is not None:
                before = step.before.nodules[pair.before]
                found[now.finding.id] = found.get(before.finding.id, _own(before))
            else:
                own = _own(now)
                label = own.label if own.label not in labels else _next(labels)
                _keep(found, labels, now, Tracking(uid=own.uid, label=label))
    return found


def _keep(found: dict[str, Tracking], labels: set[str], one: Marked, tracking: Tracking) -> None:
    found[one.finding.id] = tracking
    labels.add(tracking.label)


def _own(one: Marked) -> Tracking:
    return one.finding.tracking or Tracking(uid=one.data.uid, label=one.data.label)


def _next(labels: set[str]) -> str:
    number = 1
    while f"{NEW_LABEL} {number}" in labels:
        number += 1
    return f"{NEW_LABEL} {number}"


def _refused(step: Step, inputs: tuple[str, ...]) -> Sample:
    key = f"{step.before.series.series_uid}>{step.now.series.series_uid}"
    days = (step.now.day - step.before.day).days
    data = FollowUp("ambiguous", days, refusal=said.NOT_REGISTERED)
    regions = [one.region for one in (*step.now.nodules, *step.before.nodules)]
    return Sample(key, data, tuple(regions), inputs)


def _sample(
    case: Case,
    step: Step,
    pair: Pair,
    identities: Mapping[str, Tracking],
    reports: tuple[RecordValue, ...],
    inputs: tuple[str, ...],
) -> Sample:
    before = None if pair.before is None else step.before.nodules[pair.before]
    now = None if pair.now is None else step.now.nodules[pair.now]
    one = now if now is not None else before
    if one is None:
        raise BadInput("a pair without a nodule", "at least one of the two", "match again")
    tracking = identities[one.finding.id]
    data = FollowUp(
        outcome=pair.outcome,
        days=float((step.now.day - step.before.day).days),
        before_mm3=before.mm3 if before else 0.0,
        now_mm3=now.mm3 if now else 0.0,
        before_day=step.before.day.isoformat(),
        now_day=step.now.day.isoformat(),
        solid=all(x.made_of.kind == "solid" for x in (before, now) if x),
        slice_mm=max(s.series.volume.spacing[0] for s in (step.before, step.now)),
        away_mm=round(pair.away_mm, 2),
        residual_mm=(round(step.over.residual_mm[0], 2), round(step.over.residual_mm[1], 2)),
        uid=tracking.uid,
        label=tracking.label,
        side=one.data.side,
        lobe=one.data.lobe,
    )
    evidence: list[Evidence] = [
        _region(now, step.now, pair),
        _region(before, step.before, pair),
        *(RecordValue(record=f"Finding/{x.finding.id}", path="Finding.measures")
          for x in (now, before) if x),
        *reports,
    ]  # fmt: skip
    key = f"{step.before.series.series_uid}>{step.now.series.series_uid} {one.finding.id}"
    named = (*inputs, *(report.record for report in reports))
    return Sample(key, data, tuple(evidence), tuple(dict.fromkeys(named)))


def _region(one: Marked | None, study: Study, pair: Pair) -> ImageRegion:
    """Return where a nodule lies in a study, or where it would lie."""
    if one is not None:
        return one.region
    point = pair.place.point
    return locate.region(study.series, point, point, said.EXPECTED)


register(NoduleFollowUp())
