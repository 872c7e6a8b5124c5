"""Atrial fibrillation that a recording shows, as a fact of the record: unconfirmed until read.

What `health.af` finds becomes a Condition that says so: unconfirmed, with the recording, the
stretch and the probability. It asks for a clinician to read the ECG; nothing that treats
fibrillation rests on it before. A clinician who accepts the finding confirms the Condition, who
rejects it refutes it.

Reference: Van Gelder et al., Eur Heart J 45:3314, 2024 (2024 ESC Guidelines: clinical atrial
fibrillation is documented by an ECG that a clinician has read, 30 s of a single lead or 12 leads);
HL7 FHIR R4 Condition, condition-ver-status.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from typing import Any, Final

from suwen.core.codes import SNOMED, SUWEN, TRANSLATION, Text
from suwen.core.nouns import Act, Band, Case, Finding, Record, RecordValue, TimeInterval
from suwen.core.quantities import percent
from suwen.health.af.runs import BURDEN
from suwen.health.af.task import AF, FIBRILLATION
from suwen.health.risk.records import (
    Rules,
    codings,
    matches,
    moment,
    names_in,
    unconfirmed,
)

SUSPECTED: Final = "suspected_atrial_fibrillation"
FLAG: Final = "atrial_fibrillation"
PROBABILITY: Final = f"{SUWEN}/probability"
CHINESE: Final = (
    {"url": "lang", "valueCode": "zh"},
    {"url": "content", "valueString": "心房颤动"},
)
RECORDING: Final = f"{SUWEN}/fibrillation-in-recording"
"""System of the identifier of such a Condition; its value is the recording."""
STATUS: Final = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"
UNCONFIRMED, CONFIRMED, REFUTED = "unconfirmed", "confirmed", "refuted"
Resource = dict[str, Any]


def seen(finding: Finding) -> bool:
    """Say whether a finding is atrial fibrillation in a recording.

    Single strips of a long recording are not: among thousands some are false.
    """
    told = finding.band in (Band.RULE_IN, Band.GREY) and finding.probability is not None
    single = finding.band is Band.GREY and BURDEN in {one.code for one in finding.measures}
    return finding.task == AF and finding.code == FIBRILLATION and told and not single


def seen_once(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that are `seen`, one a recording: the last, which tells of all of it."""
    return list({recording_of(one): one for one in findings if seen(one)}.values())


def recording_of(finding: Finding) -> str:
    """Return the recording of a finding, without its version: it makes one Condition."""
    return _place(finding).record.partition("/_history")[0]


def condition_of(finding: Finding, patient: str, at: datetime) -> Resource:
    """Return the Condition that a finding of fibrillation makes, not confirmed yet.

    Parameters
    ----------
    finding
        One that is `seen`.
    patient, at
        Whose it is, and when it was found.
    """
    place, known = _place(finding), finding.probability
    share = known.value if known is not None else 0.0
    where = f"{place.start:.0f}-{place.end:.0f} s"
    said = (
        f"{percent(share)} by {finding.pack.partition('@')[0]}, {where} of the recording. "
        f"/ {finding.pack.partition('@')[0]} 判定概率 {percent(share)}，记录第 {where}。"
    )
    reference = recording_of(finding)
    return {
        "resourceType": "Condition",
        "extension": [{"url": PROBABILITY, "valueDecimal": round(share, 4)}],
        "identifier": [{"system": RECORDING, "value": reference}],
        "clinicalStatus": {"coding": [{"system": CLINICAL, "code": "active"}]},
        "verificationStatus": _status(UNCONFIRMED),
        "code": {
            "coding": [
                {"system": SNOMED, "code": "49436004", "display": "Atrial fibrillation"},
                {"system": "http://hl7.org/fhir/sid/icd-10", "code": "I48.9"},
            ],
            "text": "Atrial fibrillation",
            "_text": {"extension": [{"url": TRANSLATION, "extension": list(CHINESE)}]},
        },
        "subject": {"reference": f"Patient/{patient}"},
        "recordedDate": at.isoformat(),
        "evidence": [
            {
                "code": [{"coding": [{"system": SNOMED, "code": FIBRILLATION.code}]}],
                "detail": [{"reference": reference}],
            }
        ],
        "note": [{"text": said}],
    }


def settled(condition: Mapping[str, Any], act: Act, by: str, at: datetime) -> Resource | None:
    """Return the Condition after what a clinician did with its finding; None where it stays.

    Parameters
    ----------
    condition
        As it stands.
    act
        Accepted: confirmed. Rejected: refuted. Withdrawn: as before anybody had read it.
    by, at
        Who did it, and when.
    """
    status = {Act.ACCEPTED: CONFIRMED, Act.REJECTED: REFUTED, Act.WITHDRAWN: UNCONFIRMED}.get(act)
    standing = {one.get("code") for one in codings(condition.get("verificationStatus"))}
    if status is None or status in standing:
        return None
    made: Resource = deepcopy(dict(condition))
    made["verificationStatus"] = _status(status)
    made["note"] = [*made.get("note", ()), {"time": at.isoformat(), "text": f"{status}: {by}"}]
    return made


def _status(code: str) -> Resource:
    return {"coding": [{"system": STATUS, "code": code}]}


def _place(finding: Finding) -> TimeInterval:
    """Return the most telling stretch of the recording."""
    return next(one for one in finding.evidence if isinstance(one, TimeInterval))


def suspicions(case: Case, rules: Rules) -> tuple[RecordValue, ...]:
    """Return what says that the person may have fibrillation: Conditions and their recordings.

    Empty where none does. What was confirmed or refuted is no suspicion any more.
    """
    found: list[RecordValue] = []
    by_name = {one.reference.partition("/_history")[0]: one for one in case.records}
    for record in case.of("Condition"):
        began = moment(record.content.get("recordedDate"))
        if not suspected(record, rules) or (began is not None and began > case.at):
            continue
        found.append(
            RecordValue(record=record.reference, path="Condition.code", note=_note(record))
        )
        found += [
            RecordValue(record=own.reference, path=own.type)
            for name in _recordings(record.content)
            if (own := by_name.get(name)) is not None
        ]
    return tuple(dict.fromkeys(found))


def suspected(record: Record, rules: Rules) -> bool:
    """Say whether a Condition is of fibrillation and not confirmed."""
    concept = codings(record.content.get("code"))
    if not matches(concept, names_in(concept), rules["conditions"]["flag"][FLAG]):
        return False
    return unconfirmed(record, rules)


def _recordings(condition: Mapping[str, Any]) -> Iterable[str]:
    for one in condition.get("evidence", ()):
        yield from (str(detail.get("reference", "")) for detail in one.get("detail", ()))


def _note(record: Record) -> Text:
    share = next(
        (
            percent(float(one["valueDecimal"]))
            for one in record.content.get("extension", ())
            if one.get("url") == PROBABILITY
        ),
        "",
    )
    return Text(
        en=f"Atrial fibrillation {f'{share} ' if share else ''}not confirmed",
        zh=f"心房颤动{f'（{share}）' if share else ''}，未经确认",
    )


def newest(conditions: Sequence[Record], finding: Finding) -> Record | None:
    """Return the Condition that a finding made; None where it made none."""
    name = recording_of(finding)
    return next((one for one in reversed(conditions) if made_of(one) == name), None)


def made_of(condition: Record) -> str:
    """Return the recording that a Condition was made of; empty for other Conditions."""
    identifiers = condition.content.get("identifier", ())
    own = (one for one in identifiers if one.get("system") == RECORDING)
    return next((str(one.get("value", "")) for one in own), "")
