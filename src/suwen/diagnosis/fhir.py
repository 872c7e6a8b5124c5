"""The report as a FHIR R4 transaction: DiagnosticReport, Observations, Devices, Provenance.

Sources: FHIR R4 (4.0.1); HL7 v3 ObservationValue AIAST, the tag of what artificial intelligence
asserted. Ids derive from the report and its findings, and every entry is a PUT, so sending the same
report twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from html import escape
from typing import Any

from suwen.core.codes import CLINICIAN_ASSERTED, SUWEN, Language
from suwen.core.nouns import (
    Act,
    Band,
    Finding,
    ImageRegion,
    Reference,
    Report,
    Review,
    SimilarExample,
    Tracking,
)
from suwen.diagnosis.fhir_lesions import (
    coded,
    component,
    imaging_studies,
    lesion_observations,
    quantity,
    stable_id,
    tagged,
    tracked,
)
from suwen.diagnosis.language import both, say
from suwen.diagnosis.lesions import CITED, cited, identities
from suwen.diagnosis.noted import from_text
from suwen.diagnosis.observations import FINDING_SYSTEM
from suwen.diagnosis.problems import latest_reviews, problems, shown
from suwen.diagnosis.view import Particulars
from suwen.diagnosis.wording import BAND_CHIPS, SECTION_TITLES, Section, concept, quoted

Resource = dict[str, Any]

REPORT_STATUS = {"draft": "preliminary", "final": "final", "withdrawn": "cancelled"}
INTERPRETATIONS = {
    Band.RULE_IN: ("POS", "Positive"),
    Band.GREY: ("IND", "Indeterminate"),
    Band.RULE_OUT: ("NEG", "Negative"),
}
INTERPRETATION_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
AGENT_SYSTEM = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
ABSENT_SYSTEM = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
DERIVED_FROM = {"DocumentReference", "ImagingStudy", "Media", "Observation", "MolecularSequence"}
"""Resource types that Observation.derivedFrom may point to."""
IMAGING_CODE = ("http://loinc.org", "18748-4", "Diagnostic imaging study")
OTHER_CODE = (f"{SUWEN}/codes", "decision-support-report", "Decision support report")


def fhir_bundle(
    report: Report, language: Language, particulars: Particulars | None = None
) -> Resource:
    """Return the report as a FHIR R4 transaction Bundle.

    Each lesion is one Observation more, whose members are the findings on it and whose components
    are their measures; the ImagingStudies they lie on stand beside (`Particulars.studies`). What
    notes say is written by its own room.

    A rejected finding is left out of the report's results and stays as an Observation
    `entered-in-error`, so that a receiver of an earlier version corrects itself. An edited finding
    carries the person's words instead of the model's numbers, and is tagged as theirs.

    Parameters
    ----------
    report
        Draft (`preliminary`), final, or withdrawn (`cancelled`; `entered-in-error` once signed).
    language
        Of the narrative and the conclusion; codes carry their own names.
    particulars
        Input digests and names of people, for the Provenance.
    """
    known = particulars or Particulars()
    packs = sorted({finding.pack for finding in report.findings if not finding.person})
    resources = [_device(pack) for pack in packs]
    resources += [
        _observation(finding, report, language)
        for finding in report.findings
        if not from_text(finding)
    ]
    resources += lesion_observations(
        report, language, lambda one: _observation_status(report, one), partial(_cited, report)
    )
    resources.append(_diagnostic_report(report, language))
    resources += imaging_studies(report, known.studies)
    resources.append(_provenance(report, packs, known))
    return {
        "resourceType": "Bundle",
        "id": report.id,
        "type": "transaction",
        "entry": [entry(resource) for resource in resources],
    }


def entry(resource: Resource) -> dict[str, Any]:
    """Return a resource as an entry of a transaction."""
    return {
        "fullUrl": f"{SUWEN}/{_reference(resource)}",
        "resource": resource,
        "request": {"method": "PUT", "url": _reference(resource)},
    }


def _reference(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _withdrawn_status(report: Report) -> str:
    return "entered-in-error" if report.signed_at else "cancelled"


def _device(pack: str) -> Resource:
    name, _, rest = pack.partition("@")
    version, _, manifest = rest.partition("+")
    device: Resource = {
        "resourceType": "Device",
        "id": stable_id("device", pack),
        "identifier": [{"system": f"{SUWEN}/pack", "value": pack}],
        "status": "active",
        "deviceName": [{"name": name, "type": "model-name"}],
        "type": {"text": "Artificial intelligence model (Suwen pack)"},
    }
    if manifest:
        device["serialNumber"] = manifest
    if version:
        device["version"] = [{"value": version}]
    return device


def _observation(finding: Finding, report: Report, language: Language) -> Resource:
    review = latest_reviews(report).get(finding.id)
    observation: Resource = {
        "resourceType": "Observation",
        "id": stable_id("observation", report.id, finding.id),
        "meta": tagged(),
        "identifier": [{"system": FINDING_SYSTEM, "value": finding.id}],
        "status": _observation_status(report, review),
        "code": {"coding": [finding.code.coding()], "text": concept(finding.code).of(language)},
        "subject": {"reference": f"Patient/{report.patient}"},
        "effectiveDateTime": report.created.isoformat(),
        "issued": report.created.isoformat(),
        "method": {"text": finding.task},
        "device": {"reference": f"Device/{stable_id('device', finding.pack)}"},
    }
    if finding.site:
        site = finding.site
        observation["bodySite"] = {"coding": [site.coding()], "text": site.name.of(language)}
    if extensions := _extensions(finding, identities(report.findings)):
        observation["extension"] = extensions
    if review and review.act is Act.EDITED:
        observation["meta"] = {"security": [CLINICIAN_ASSERTED.coding()]}
        observation["performer"] = [_person(review.person, Particulars())]
        observation["valueString"] = quoted(review.text, 4000)
    else:
        observation.update(_value(finding, language))
    sources = dict.fromkeys(
        evidence.record
        for evidence in finding.evidence
        if evidence.record.partition("/")[0] in DERIVED_FROM
    )
    own = {one.id for one in report.findings}
    sources |= dict.fromkeys(_cited(report, one) for one in cited(finding) if one in own)
    if sources:
        observation["derivedFrom"] = [{"reference": source} for source in sources]
    if notes := _notes(finding, review, language):
        observation["note"] = notes
    return observation


def _cited(report: Report, finding: str) -> str:
    """Return the reference of the Observation of a finding of the report."""
    return f"Observation/{stable_id('observation', report.id, finding)}"


def _observation_status(report: Report, review: Review | None) -> str:
    if review and review.act is Act.REJECTED:
        return "entered-in-error"
    return (
        _withdrawn_status(report) if report.status == "withdrawn" else REPORT_STATUS[report.status]
    )


def _extensions(finding: Finding, known: Mapping[str, Tracking]) -> list[Resource]:
    extensions: list[Resource] = [{"url": f"{SUWEN}/status", "valueCode": finding.status.value}]
    if finding.tracking:
        extensions.append(tracked(known.get(finding.tracking.uid, finding.tracking)))
    if finding.valid_until:
        until = finding.valid_until.isoformat()
        extensions.append({"url": f"{SUWEN}/valid-until", "valueDateTime": until})
    return extensions


def _value(finding: Finding, language: Language) -> Resource:
    """Return value, interpretation and components, or why there is no value."""
    if finding.band is Band.ABSTAIN:
        text = finding.reason.of(language) if finding.reason else ""
        return {"dataAbsentReason": coded(ABSENT_SYSTEM, "unknown", "Unknown", text)}
    value: Resource = {}
    if finding.probability:
        value["valueQuantity"] = quantity(finding.probability, "%", 100.0)
        code, display = INTERPRETATIONS[finding.band]
        chip = say(language, BAND_CHIPS[finding.band])
        meaning = coded(INTERPRETATION_SYSTEM, code, display, chip)
        meaning["coding"].append({"system": f"{SUWEN}/band", "code": finding.band.value})
        value["interpretation"] = [meaning]
    if finding.measures:
        value["component"] = [component(measure, language) for measure in finding.measures]
    return value


def _notes(finding: Finding, review: Review | None, language: Language) -> list[Resource]:
    notes: list[Resource] = []
    if finding.reason and finding.band is not Band.ABSTAIN:
        notes.append({"text": finding.reason.of(language)})
    if review and review.reason:
        text = quoted(review.reason)
        notes.append({"authorString": review.person, "time": review.at.isoformat(), "text": text})
    return notes


def _diagnostic_report(report: Report, language: Language) -> Resource:
    imaging = any(isinstance(e, ImageRegion) for f in report.findings for e in f.evidence)
    system, code, display = IMAGING_CODE if imaging else OTHER_CODE
    withdrawn = report.status == "withdrawn"
    resource: Resource = {
        "resourceType": "DiagnosticReport",
        "id": report.id,
        "meta": tagged(),
        "language": "zh-CN" if language == "zh" else "en",
        "text": {"status": "generated", "div": _narrative(report, language)},
        "identifier": [{"system": f"{SUWEN}/report", "value": report.id}],
        "status": _withdrawn_status(report) if withdrawn else REPORT_STATUS[report.status],
        "code": coded(system, code, display),
        "subject": {"reference": f"Patient/{report.patient}"},
        "effectiveDateTime": report.created.isoformat(),
        "issued": (report.signed_at or report.created).isoformat(),
    }
    kept = [finding for problem in problems(shown(report)) for finding in problem.findings]
    if kept:
        references = [f"Observation/{stable_id('observation', report.id, f.id)}" for f in kept]
        resource["result"] = [{"reference": reference} for reference in references]
    if imaging:
        studies = dict.fromkeys(
            e.record for f in kept for e in f.evidence if e.record.startswith("ImagingStudy/")
        )
        if studies:
            resource["imagingStudy"] = [{"reference": study} for study in studies]
    if report.status == "final" and report.signed_by:
        resource["resultsInterpreter"] = [_person(report.signed_by, Particulars())]
    impression = _lines(report, Section.IMPRESSION, language)
    if impression:
        resource["conclusion"] = "\n".join(impression)
    return resource


def _lines(report: Report, section: Section, language: Language) -> list[str]:
    return [s.text.of(language) for s in report.statements if s.section == section]


def _narrative(report: Report, language: Language) -> str:
    """Return the statements as XHTML, everything in them escaped."""
    parts = []
    for section in Section:
        if lines := _lines(report, section, language):
            items = "".join(f"<li>{escape(quoted(line, 2000))}</li>" for line in lines)
            parts.append(f"<p><b>{say(language, SECTION_TITLES[section])}</b></p><ul>{items}</ul>")
    body = "".join(parts) or f"<p>{both('No finding to review').of(language)}</p>"
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{body}</div>'


def _person(person: str, particulars: Particulars) -> Resource:
    who: Resource = {"identifier": {"system": f"{SUWEN}/person", "value": person}}
    if person in particulars.people:
        who["display"] = particulars.people[person]
    return who


def _provenance(report: Report, packs: Sequence[str], particulars: Particulars) -> Resource:
    targets = [f"DiagnosticReport/{report.id}"]
    targets += [
        f"Observation/{stable_id('observation', report.id, f.id)}"
        for f in report.findings
        if not from_text(f)
    ]
    agents: list[Resource] = [
        {
            "type": coded(AGENT_SYSTEM, "assembler", "Assembler"),
            "who": {"reference": f"Device/{stable_id('device', pack)}"},
        }
        for pack in packs
    ] or [
        {
            "type": coded(AGENT_SYSTEM, "assembler", "Assembler"),
            "who": {"display": "Suwen"},
        }
    ]
    for person in dict.fromkeys(entry.person for entry in report.reviews):
        kind = coded(AGENT_SYSTEM, "verifier", "Verifier")
        agents.append({"type": kind, "who": _person(person, particulars)})
    last = max([report.created, *(entry.at for entry in report.reviews)])
    if report.signed_at:
        last = max(last, report.signed_at)
    resource: Resource = {
        "resourceType": "Provenance",
        "id": stable_id("provenance", report.id),
        "meta": tagged(),
        "target": [{"reference": target} for target in targets],
        "occurredDateTime": report.created.isoformat(),
        "recorded": last.isoformat(),
        "agent": agents,
    }
    if entities := _entities(report, particulars):
        resource["entity"] = entities
    return resource


def _entities(report: Report, particulars: Particulars) -> list[Resource]:
    """Return what the findings rest on: records by reference, bytes by their digest."""
    references: dict[Reference, None] = {}
    for finding in report.findings:
        references.update(
            dict.fromkeys(e.record for e in finding.evidence if not isinstance(e, SimilarExample))
        )
        references.update(dict.fromkeys(particulars.inputs.get(finding.id, ())))
    own = {finding.id for finding in report.findings}
    return [
        {"role": "source", "what": _what(reference)}
        for reference in references
        if reference.removeprefix(CITED) not in own
    ]


def _what(reference: Reference) -> Resource:
    kind, _, rest = reference.partition("/")
    if kind[:1].isupper():
        return {"reference": reference}
    return {"identifier": {"system": f"{SUWEN}/{kind}", "value": rest}}
