"""One lesion over several studies: which identity it keeps, and what is said of the past only.

A finding that compares studies cites the findings it rests on (`Finding/<id>` among its evidence),
the current study's image region first. Its tracking UID is the one the lesion got on the earliest
study; what other packs say of the lesion on the current study joins it there (DICOM PS3.3 C.18.8:
the same Tracking UID for the same lesion over time).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from suwen.core.codes import CATEGORIES, NEW_NODULE, RESOLVED_NODULE, VOLUME_CHANGE
from suwen.core.nouns import Finding, ImageRegion, RecordValue, Tracking

CITED = "Finding/"


def cited(finding: Finding) -> list[str]:
    """Return the ids of the findings that a finding rests on."""
    return [
        one.record.removeprefix(CITED)
        for one in finding.evidence
        if isinstance(one, RecordValue) and one.record.startswith(CITED)
    ]


def regions(finding: Finding) -> list[ImageRegion]:
    """Return where in images a finding's evidence lies."""
    return [one for one in finding.evidence if isinstance(one, ImageRegion)]


def compares(finding: Finding) -> bool:
    """Say whether a finding is about two studies."""
    return bool(cited(finding)) and len(regions(finding)) > 1


def is_assessment(finding: Finding) -> bool:
    """Say whether the concept itself is the answer: a category, new, no longer seen."""
    return finding.code.system == CATEGORIES or finding.code in (NEW_NODULE, RESOLVED_NODULE)


def is_change(finding: Finding) -> bool:
    """Say whether a finding measures how a lesion changed."""
    return any(measure.code == VOLUME_CHANGE for measure in finding.measures)


def identities(findings: Iterable[Finding]) -> dict[str, Tracking]:
    """Return the identity over studies by the tracking UID a finding has of its own."""
    known = {finding.id: finding for finding in findings}
    found: dict[str, Tracking] = {}
    for finding in known.values():
        for other in (known.get(name) for name in cited(finding)):
            own = finding.tracking
            if own and other and other.tracking and other.tracking != own:
                found[other.tracking.uid] = own
    return found


def identified(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings with the identity their lesion has over studies; for writing only.

    A finding that was changed has another id than the one it was stored under.
    """
    known = identities(findings)
    return [
        finding.model_copy(update={"tracking": known[finding.tracking.uid]})
        if finding.tracking and finding.tracking.uid in known
        else finding
        for finding in findings
    ]


def past(findings: Sequence[Finding]) -> set[str]:
    """Return the ids of findings on an earlier study of what was followed to a later one."""
    known = identities(findings)
    comparing = [finding for finding in findings if compares(finding)]
    current = {regions(finding)[0].study_uid for finding in comparing}
    older = {one.study_uid for finding in comparing for one in regions(finding)[1:]} - current
    followed = {finding.tracking.uid for finding in comparing if finding.tracking}
    found = set()
    for finding in findings:
        studies = {one.study_uid for one in regions(finding)}
        if cited(finding) or not studies or studies & current:
            continue
        uid = finding.tracking.uid if finding.tracking else ""
        named = known[uid].uid if uid in known else uid
        if studies <= older or named in followed:
            found.add(finding.id)
    return found
