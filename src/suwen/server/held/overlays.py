"""Where findings lie in images and what can be laid over them, ready for the viewer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from suwen.core.codes import Language, Text
from suwen.core.nouns import Evidence, Finding, ImageRegion, RecordValue
from suwen.diagnosis.problems import Problem
from suwen.imaging.case.series import NIFTI_TYPES
from suwen.server.language import page_text

PNG = "image/png"
OVERLAYS = {"mask": "mask", "saliency": "saliency", "occlusion": "saliency"}
KEY_IMAGE = "key-image-"
PICTURES = {"key-image-saliency", "key-image-saliency-against"}
"""Maps that lie over a single picture already; of a volume they are a copy of `saliency`."""
INSTANCE = re.compile(r"instance\.where\(uid='([0-9.]+)'\)")

Place = dict[str, Any]
"""`series` (its key), and in mm (LPS) `point`, `low` and `high`; in a picture `point` is None."""


@dataclass(frozen=True)
class Layers:
    """How the pages reach images: the address of an attachment, the key of a series, the bytes."""

    url: Callable[[str], str]
    series: Callable[[str, str], str]
    """From the UIDs of a series and of an instance (either may be empty); empty: not shown."""
    blob: Callable[[str], bytes]
    """The bytes of an attachment of this case."""

    def place(self, evidence: Evidence) -> Place | None:
        """Return where evidence lies in an image that can be shown."""
        if isinstance(evidence, ImageRegion):
            key = self.series(evidence.series_uid, evidence.instance_uid)
            box = {"low": evidence.low, "high": evidence.high}
            return {"series": key, "point": evidence.centre, **box} if key else None
        if isinstance(evidence, RecordValue) and (named := INSTANCE.search(evidence.path)):
            key = self.series("", named[1])
            return {"series": key, "point": None} if key else None
        return None


def places(layers: Layers, findings: Iterable[Finding]) -> list[Place]:
    """Return where findings lie, the first of each series."""
    found: dict[str, Place] = {}
    for finding in findings:
        for place in filter(None, map(layers.place, finding.evidence)):
            found.setdefault(place["series"], place)
    return list(found.values())


def hidden_reason(finding: Finding, role: str) -> Text | None:
    """Return why a saliency map of `finding` is shown to no one; None when it may be seen.

    Each map stands under its method: `occlusion` under its own name, every other one draws the
    role `saliency`. A map without a check is not shown either.
    """
    plain = role.removeprefix(KEY_IMAGE).removesuffix("-against")
    if OVERLAYS.get(plain) != "saliency":
        return None
    occlusion = "occlusion" in role
    methods = [e for e in finding.explanations if ("occlusion" in e.method) == occlusion]
    if not methods:
        return page_text("it was not checked")
    return next((item.hidden_because for item in methods if item.hidden_because), None)


def overlays(language: Language, problem: Problem, layers: Layers) -> list[dict[str, str]]:
    """Return masks and saliency maps; a hidden one has its reason in place of its address.

    One saliency map a problem: the first that may be shown, else the first hidden one; a map that
    failed its checks was mostly not even kept, and its explanation still says why. What a mark of
    the search rests on stands back behind what its score rests on.
    """
    masks: dict[str, dict[str, str]] = {}
    maps: list[dict[str, str]] = []
    hidden: list[dict[str, str]] = []
    for finding, role, digest in _drawn(problem):
        lies = places(layers, [finding])
        known = {"series": lies[0]["series"] if lies else "", "url": layers.url(digest)}
        if OVERLAYS.get(role) == "mask":
            masks[digest] = {"kind": "mask", **known}
        elif reason := hidden_reason(finding, role):
            hidden.append({"kind": "saliency", "hidden": reason.of(language)})
        else:
            form = "picture" if role in PICTURES else "map"
            place = len(maps) if "occlusion" in role else 0
            maps.insert(place, {"kind": "saliency", "form": form, **known})
    maps = [*maps, *hidden] or [
        {"kind": "saliency", "hidden": item.hidden_because.of(language)}
        for finding in problem.findings
        for item in finding.explanations
        if item.hidden_because
    ]
    return [*masks.values(), *maps[:1]]


def _drawn(problem: Problem) -> Iterator[tuple[Finding, str, str]]:
    """Yield what can be drawn: the finding, the role and the digest; what lies now first."""
    for finding in (*problem.findings, *problem.earlier):
        volumes = any(one.media_type in NIFTI_TYPES for one in finding.attachments)
        for attachment in finding.attachments:
            over = attachment.role in OVERLAYS and attachment.media_type in NIFTI_TYPES
            alone = attachment.role in PICTURES and not volumes
            if over or (alone and attachment.media_type == PNG):
                yield finding, attachment.role, attachment.digest
