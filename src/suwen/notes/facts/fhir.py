"""Facts of notes as FHIR R4 resources, each with where it is said and who said that it is said.

A problem becomes a Condition (denied: verificationStatus refuted; possible: provisional), one of a
relative a FamilyMemberHistory, a drug a MedicationStatement, an allergy an AllergyIntolerance, a
value an Observation, an operation a Procedure. What is hypothetical or under a condition, or of
somebody else, becomes nothing: there is no resource that would not say more than the note.

A fact that a person corrected or added is asserted by the person; what the software had read stays
as a resource entered in error, so that a receiver of an earlier version corrects itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from suwen.core.codes import (
    AI_GENERATED,
    CLINICIAN_ASSERTED,
    EXPERIENCER,
    FACT_DETAIL,
    PRESENCE,
    SUWEN,
    TEMPORALITY,
    UCUM,
    UNMAPPED,
    Language,
)
from suwen.core.nouns import Finding, Review, TextSpan

Resource = dict[str, Any]
CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFIED: Final = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
ALLERGY_CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
ALLERGY_VERIFIED: Final = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
FAMILY: Final = ("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "FAMMEMB", "family member")
AUTHOR: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
WRONG: Final = "entered-in-error"
SPAN: Final = f"{SUWEN}/StructureDefinition/text-span"
"""Extension: where in a document something is said (document, start, end)."""
_VERIFICATION: Final = {"present": "confirmed", "absent": "refuted", "possible": "provisional"}
_COMPARATORS: Final = ("<", "<=", ">=", ">")
_DOSE: Final = re.compile(r"(?P<low>[\d.]+)(?:-(?P<high>[\d.]+))? (?P<unit>\S+)")
_FREQUENCY: Final = re.compile(r"(?P<times>[\d.]+)/(?P<period>[\d.]+)(?P<unit>[a-z]+)")
_DATE: Final = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?")


@dataclass(frozen=True)
class Acts:
    """What people said of facts, and what they are called, by their ids.

    `wrong` are the facts that stand no more.
    """

    wrong: Sequence[Finding] = ()
    reviews: Sequence[Review] = ()
    people: Mapping[str, str] = field(default_factory=dict)

    def on(self, finding: Finding) -> Review | None:
        """Return the last act on a fact, or the one by which it stands for another."""
        own = (finding.id,)
        return next(
            (one for one in reversed(self.reviews) if one.finding in own or one.replaced_by in own),
            None,
        )


NOBODY: Final = Acts()


def resources(
    findings: Iterable[Finding],
    patient: str,
    recorded: datetime,
    language: Language,
    acts: Acts = NOBODY,
) -> list[Resource]:
    """Return the resources of facts, each followed by its Provenance.

    Parameters
    ----------
    findings
        Findings of `notes.facts` that stand; others are passed over.
    patient
        Reference of the patient (`Patient/…`).
    recorded
        When the facts were drawn from the notes, with its time zone.
    language
        Of the displayed texts.
    acts
        What people said of facts.
    """
    made: list[Resource] = []
    wrong = {finding.id for finding in acts.wrong}
    for finding in (*findings, *acts.wrong):
        maker = _maker_of(finding)
        if maker is None:
            continue
        resource = maker(finding, meaning(finding), patient, language)
        security = (CLINICIAN_ASSERTED if finding.person else AI_GENERATED).coding()
        resource |= {
            "id": finding.id,
            "meta": {"security": [security]},
            "extension": _spans(finding),
        }
        if finding.id in wrong:
            _withdraw(resource)
        made += [resource, _provenance(finding, resource, recorded, acts)]
    return made


def _withdraw(resource: Resource) -> None:
    """Mark a resource as entered in error (FHIR R4 con-5, ait-2: then without clinical status)."""
    systems = {"Condition": VERIFIED, "AllergyIntolerance": ALLERGY_VERIFIED}
    if system := systems.get(resource["resourceType"]):
        resource["verificationStatus"] = _coded(system, WRONG)
        resource.pop("clinicalStatus", None)
    else:
        resource["status"] = WRONG


def meaning(finding: Finding) -> dict[str, str]:
    """Return presence, time and person of a fact by their systems."""
    wanted = (PRESENCE, TEMPORALITY, EXPERIENCER)
    return {one.code.system: one.code.code for one in finding.measures if one.code.system in wanted}


def details(finding: Finding) -> dict[str, str]:
    """Return dose, route, frequency, time ... of a fact."""
    parts = (one.code.code.partition("=") for one in finding.measures
             if one.code.system == FACT_DETAIL)  # fmt: skip
    return {name: value for name, _, value in parts}


Maker = Callable[[Finding, Mapping[str, str], str, Language], Resource]


def _maker_of(finding: Finding) -> Maker | None:
    how, kind = meaning(finding), finding.site.code if finding.site else ""
    if PRESENCE not in how:
        return None
    if how[PRESENCE] not in _VERIFICATION or how.get(EXPERIENCER) == "other":
        return None
    if how.get(EXPERIENCER) == "family":
        return _family if kind == "problem" and how[PRESENCE] == "present" else None
    makers: dict[str, Maker] = {"problem": _condition, "allergy": _allergy}
    if how[PRESENCE] == "present":
        makers |= {"drug": _medication, "value": _observation, "procedure": _procedure}
    return makers.get(kind)


def _concept(finding: Finding, language: Language) -> Resource:
    text = finding.code.name.of(language)
    if finding.code.system == UNMAPPED:
        return {"text": text}
    coding = {**finding.code.coding(), "display": text}
    return {"coding": [coding], "text": text}


def _coded(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}


def _condition(
    finding: Finding, how: Mapping[str, str], patient: str, language: Language
) -> Resource:
    made: Resource = {
        "resourceType": "Condition",
        "verificationStatus": _coded(VERIFIED, _VERIFICATION[how[PRESENCE]]),
        "code": _concept(finding, language),
        "subject": {"reference": patient},
    }
    if how[PRESENCE] != "absent":
        past = how.get(TEMPORALITY) == "historical"
        made["clinicalStatus"] = _coded(CLINICAL, "inactive" if past else "active")
        parts = details(finding)
        when = parts.get("onset", "") or parts.get("time", "")
        if _DATE.fullmatch(when):
            made["onsetDateTime"] = when
        elif when:
            made["onsetString"] = when
    return made


def _family(finding: Finding, how: Mapping[str, str], patient: str, language: Language) -> Resource:
    system, code, display = FAMILY
    return {
        "resourceType": "FamilyMemberHistory",
        "status": "partial",
        "patient": {"reference": patient},
        "relationship": {"coding": [{"system": system, "code": code, "display": display}]},
        "condition": [{"code": _concept(finding, language)}],
    }


def _allergy(
    finding: Finding, how: Mapping[str, str], patient: str, language: Language
) -> Resource:
    status = {"present": "confirmed", "absent": "refuted", "possible": "unconfirmed"}
    made: Resource = {
        "resourceType": "AllergyIntolerance",
        "verificationStatus": _coded(ALLERGY_VERIFIED, status[how[PRESENCE]]),
        "code": _concept(finding, language),
        "patient": {"reference": patient},
    }
    if how[PRESENCE] != "absent":
        made["clinicalStatus"] = _coded(ALLERGY_CLINICAL, "active")
    return made


def _medication(
    finding: Finding, how: Mapping[str, str], patient: str, language: Language
) -> Resource:
    past = how.get(TEMPORALITY) == "historical"
    made: Resource = {
        "resourceType": "MedicationStatement",
        "status": "stopped" if past else "active",
        "medicationCodeableConcept": _concept(finding, language),
        "subject": {"reference": patient},
    }
    if dosage := _dosage(details(finding)):
        made["dosage"] = [dosage]
    return made


def _dosage(parts: Mapping[str, str]) -> Resource:
    made: Resource = {}
    if found := _FREQUENCY.fullmatch(parts.get("frequency", "")):
        times = float(found["times"])
        repeat = {"period": float(found["period"]), "periodUnit": found["unit"]}
        made["timing"] = {"repeat": {"frequency": max(1, round(times)), **repeat}}
    if "as-needed" in parts:
        made["asNeededBoolean"] = True
    if parts.get("route"):
        made["route"] = {"text": parts["route"]}
    if found := _DOSE.fullmatch(parts.get("dose", "")):
        unit = {"unit": found["unit"], "system": UCUM, "code": found["unit"]}
        low = {"value": float(found["low"]), **unit}
        if found["high"]:
            high = {"value": float(found["high"]), **unit}
            made["doseAndRate"] = [{"doseRange": {"low": low, "high": high}}]
        else:
            made["doseAndRate"] = [{"doseQuantity": low}]
    said = [parts[name] for name in ("dose", "route", "frequency", "duration") if parts.get(name)]
    if said:
        made["text"] = ", ".join(said)
    return made


def _observation(
    finding: Finding, how: Mapping[str, str], patient: str, language: Language
) -> Resource:
    measure = finding.measures[0]
    unit = {"unit": measure.unit, "system": UCUM, "code": measure.unit}
    made: Resource = {
        "resourceType": "Observation",
        "status": "preliminary",
        "code": _concept(finding, language),
        "subject": {"reference": patient},
    }
    parts = details(finding)
    if "to" in parts:
        made["valueRange"] = {
            "low": {"value": measure.interval.value, **unit},
            "high": {"value": float(parts["to"]), **unit},
        }
        return made
    made["valueQuantity"] = {"value": measure.interval.value, **unit}
    if (sign := parts.get("comparator", "")) in _COMPARATORS:
        made["valueQuantity"]["comparator"] = sign
    return made


def _procedure(
    finding: Finding, how: Mapping[str, str], patient: str, language: Language
) -> Resource:
    return {
        "resourceType": "Procedure",
        "status": "unknown",
        "code": _concept(finding, language),
        "subject": {"reference": patient},
    }


def _spans(finding: Finding) -> list[Resource]:
    return [
        {
            "url": SPAN,
            "extension": [
                {"url": "document", "valueReference": {"reference": one.record}},
                {"url": "start", "valueInteger": one.start},
                {"url": "end", "valueInteger": one.end},
            ],
        }
        for one in finding.evidence
        if isinstance(one, TextSpan) and one.note is None
    ]


def _provenance(finding: Finding, resource: Resource, recorded: datetime, acts: Acts) -> Resource:
    documents = dict.fromkeys(one.record for one in finding.evidence if isinstance(one, TextSpan))
    act = acts.on(finding)
    agents = [] if finding.person else [_assembler(finding.pack)]
    if act is not None:
        agents.append(_author(act.person, "author" if finding.person else "verifier", acts))
    elif finding.person:
        agents.append(_author(finding.person, "author", acts))
    entities = [{"role": "source", "what": {"reference": document}} for document in documents]
    if finding.person and act is not None and act.replaced_by:
        entities.append({"role": "revision", "what": _before(act.finding, acts)})
    return {
        "resourceType": "Provenance",
        "id": f"p{finding.id[:31]}",
        "target": [{"reference": f"{resource['resourceType']}/{finding.id}"}],
        "recorded": (act.at if act else recorded).isoformat(),
        "agent": agents,
        "entity": entities,
    }


def _assembler(pack: str) -> Resource:
    name, _, digest = pack.partition("+")
    identifier = {"system": f"{SUWEN}/packs", "value": digest}
    return {
        "type": _coded(AUTHOR, "assembler"),
        "who": {"display": name, "identifier": identifier},
    }


def _author(person: str, kind: str, acts: Acts) -> Resource:
    who: Resource = {"identifier": {"system": f"{SUWEN}/person", "value": person}}
    if person in acts.people:
        who["display"] = acts.people[person]
    return {"type": _coded(AUTHOR, kind), "who": who}


def _before(name: str, acts: Acts) -> Resource:
    """Return what stands for a fact that was corrected: its resource, where it has one."""
    for before in acts.wrong:
        if before.id == name and (maker := _maker_of(before)):
            kind = maker(before, meaning(before), "", "en")["resourceType"]
            return {"reference": f"{kind}/{name}"}
    return {"identifier": {"system": f"{SUWEN}/finding", "value": name}}
