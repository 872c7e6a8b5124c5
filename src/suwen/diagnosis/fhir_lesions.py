"""One FHIR Observation a lesion, the ImagingStudy it lies on, and the values both are made of.

The findings of all tasks on one lesion are members of its Observation, which can be read by itself:
place, identity over studies (the DICOM Tracking UID), measures and probabilities as components.

Reference: FHIR R4 (4.0.1) Observation (grouping: `hasMember`), ImagingStudy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from suwen.core.codes import AI_GENERATED, PULMONARY_NODULE, SUWEN, UCUM, Language
from suwen.core.nouns import (
    Band,
    Finding,
    Interval,
    Measure,
    Reference,
    Report,
    Review,
    Tracking,
    canonical,
    digest_of,
)
from suwen.core.quantities import unit_sign
from suwen.diagnosis.observations import FINDING_SYSTEM
from suwen.diagnosis.problems import Problem, latest_reviews, problems, shown
from suwen.diagnosis.wording import concept

Resource = dict[str, Any]

CATEGORY = {
    "system": "http://terminology.hl7.org/CodeSystem/observation-category",
    "code": "imaging",
    "display": "Imaging",
}
STUDY = "ImagingStudy/"
INTERNAL = "extension"
"""Extensions of a stored study name its blobs, which mean nothing outside."""


def lesion_observations(
    report: Report,
    language: Language,
    status: Callable[[Review | None], str],
    reference: Callable[[str], str],
) -> list[Resource]:
    """Return an Observation for each lesion that findings share, in reading order.

    Parameters
    ----------
    report, language
        What is said, and in which language texts are.
    status
        Status of an Observation after the last review of it.
    reference
        Reference of the Observation of a finding, by the finding's id.
    """
    kept = {finding.id for finding in shown(report)}
    return [
        _lesion(problem, report, language, status, (reference, kept))
        for problem in problems(report.findings)
        if problem.findings[0].tracking is not None
    ]


def _lesion(
    problem: Problem,
    report: Report,
    language: Language,
    status: Callable[[Review | None], str],
    members: tuple[Callable[[str], str], set[str]],
) -> Resource:
    reference, kept = members
    every = (*problem.findings, *problem.earlier)
    stays = [finding for finding in every if finding.id in kept]
    told = [finding for finding in problem.findings if finding.id in kept]
    tracking = problem.tracking or every[0].tracking or Tracking(uid="", label="")
    reviews = latest_reviews(report)
    rejected = next((reviews[one.id] for one in every if one.id in reviews), None)
    code = next((one.code for one in every if one.code == PULMONARY_NODULE), every[0].code)
    observation: Resource = {
        "resourceType": "Observation",
        "id": stable_id("lesion", report.id, tracking.uid),
        "meta": tagged(),
        "identifier": [
            {"system": FINDING_SYSTEM, "value": f"lesion/{tracking.uid}"},
            {"system": "urn:dicom:uid", "value": f"urn:oid:{tracking.uid}"},
        ],
        "status": status(None if stays else rejected),
        "category": [{"coding": [CATEGORY]}],
        "code": {"coding": [code.coding()], "text": tracking.label},
        "subject": {"reference": f"Patient/{report.patient}"},
        "effectiveDateTime": report.created.isoformat(),
        "issued": report.created.isoformat(),
        "extension": [tracked(tracking)],
    }
    if problem.site:
        site = problem.site
        observation["bodySite"] = {"coding": [site.coding()], "text": site.name.of(language)}
    if stays:
        observation["hasMember"] = [{"reference": reference(one.id)} for one in stays]
    if studies := _studies(stays or every):
        observation["derivedFrom"] = [{"reference": one} for one in studies]
    edited = {name for name in reviews if reviews[name].text}
    if parts := _components([one for one in told if one.id not in edited], language):
        observation["component"] = parts
    return observation


def _components(findings: Sequence[Finding], language: Language) -> list[Resource]:
    """Return each measure and probability once, of the finding that stands first."""
    found: dict[tuple[str, str], Resource] = {}
    for finding in findings:
        if finding.probability is not None and finding.band is not Band.ABSTAIN:
            key = (finding.code.system, finding.code.code)
            text = concept(finding.code).of(language)
            found.setdefault(
                key,
                {
                    "code": {"coding": [finding.code.coding()], "text": text},
                    "valueQuantity": quantity(finding.probability, "%", 100.0),
                },
            )
        for measure in finding.measures:
            key = (measure.code.system, measure.code.code)
            found.setdefault(key, component(measure, language))
    return list(found.values())


def _studies(findings: Sequence[Finding]) -> list[Reference]:
    """Return the ImagingStudies that findings lie on."""
    records = (one.record for finding in findings for one in finding.evidence)
    return list(dict.fromkeys(record for record in records if record.startswith(STUDY)))


def imaging_studies(report: Report, known: Mapping[Reference, Mapping[str, Any]]) -> list[Resource]:
    """Return the known ImagingStudies that the report's findings lie on, as sent to others."""
    sent = {}
    for reference in _studies(report.findings):
        if reference in known:
            _, name, _, version = (*reference.split("/"), "", "")[:4]
            study = _without_blobs(known[reference])
            sent[name] = {**study, "id": name, "meta": {"versionId": version or "1"}}
    return list(sent.values())


def _without_blobs(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_blobs(part) for key, part in value.items() if key != INTERNAL}
    if isinstance(value, list | tuple):
        return [_without_blobs(part) for part in value]
    return value


def tracked(tracking: Tracking) -> Resource:
    """Return the identity of a lesion over studies as an extension."""
    parts = (("uid", tracking.uid), ("identifier", tracking.label))
    return {
        "url": f"{SUWEN}/tracking",
        "extension": [{"url": url, "valueString": value} for url, value in parts],
    }


def stable_id(*parts: str) -> str:
    """Return a stable FHIR id derived from `parts`."""
    return digest_of(canonical(list(parts)))[:32]


def coded(system: str, code: str, display: str, text: str = "") -> Resource:
    """Return a CodeableConcept of one coding; its text is the display where none is given."""
    coding = {"system": system, "code": code, "display": display}
    return {"coding": [coding], "text": text or display}


def tagged() -> Resource:
    """Return the meta of what artificial intelligence asserted."""
    return {"security": [AI_GENERATED.coding()]}


def component(measure: Measure, language: Language) -> Resource:
    """Return a measure as a component."""
    name = concept(measure.code).of(language)
    return {
        "code": {"coding": [measure.code.coding()], "text": name},
        "valueQuantity": quantity(measure.interval, measure.unit),
    }


def quantity(interval: Interval, unit: str, scale: float = 1.0) -> Resource:
    """Return the value with its unit, and its interval as an extension."""
    numbers = {name: round(getattr(interval, name) * scale, 4) for name in ("value", "low", "high")}
    return {
        "extension": [
            {
                "url": f"{SUWEN}/interval",
                "extension": [
                    {"url": "low", "valueDecimal": numbers["low"]},
                    {"url": "high", "valueDecimal": numbers["high"]},
                    {"url": "level", "valueDecimal": interval.level},
                ],
            }
        ],
        "value": numbers["value"],
        "unit": unit_sign(unit) or unit,
        "system": UCUM,
        "code": unit,
    }
