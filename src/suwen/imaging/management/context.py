"""What the records say about patient and examination that a guideline asks for.

Only what is recorded is returned; what is not stays absent, and the guideline says so. The risk is
high where a recorded factor makes it so, low only for a recorded never-smoker without one, not even
a suspected one, and otherwise unknown. A suspected cancer excludes nobody: the nodule may be it.

Reference: MacMahon et al., Radiology 284:228-243, 2017 (risk factors); FHIR R4 ServiceRequest,
Condition, Observation, FamilyMemberHistory; code lists in `knowledge/followup_context.toml`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from suwen.core.nouns import Case, Record, Reference
from suwen.imaging.management.guidelines import Fact

RETRACTED: Final = {"entered-in-error", "refuted", "cancelled", "revoked"}
SUSPECTED: Final = {"unconfirmed", "provisional", "differential"}
"""FHIR R4 condition-ver-status of what nobody has confirmed: guidelines ask for what is known."""
DAYS_A_YEAR: Final = 365.25


@dataclass(frozen=True)
class Context:
    """Facts by input name, and the record each rests on."""

    facts: Mapping[str, Fact] = field(default_factory=dict)
    records: tuple[Reference, ...] = ()


def context_of(case: Case, study: Record | None, day: str, rules: Mapping[str, Any]) -> Context:
    """Return what the records of a Case say.

    Parameters
    ----------
    case
        The records.
    study
        The ImagingStudy asked about, where it is known.
    day
        Its date, `YYYY-MM-DD`.
    rules
        The tables of `knowledge/followup_context.toml`.
    """
    facts: dict[str, Fact] = {}
    records: list[Reference] = []
    for name, found in (
        ("age", _age(case, day)),
        ("context", _ordered_for(case, study, day, rules)),
        ("excluded", _excluded(case, rules)),
        ("risk", _risk(case, rules)),
    ):
        if found is not None:
            facts[name] = found[0]
            records += found[1]
    return Context(facts, tuple(dict.fromkeys(records)))


Found = tuple[Fact, tuple[Reference, ...]] | None


def _age(case: Case, day: str) -> Found:
    for record in case.of("Patient"):
        born = str(record.content.get("birthDate", ""))
        if len(born) == 10 and day:
            days = (date.fromisoformat(day) - date.fromisoformat(born)).days
            return int(days / DAYS_A_YEAR), (record.reference,)
    return None


def _ordered_for(case: Case, study: Record | None, day: str, rules: Mapping[str, Any]) -> Found:
    """Return screening or incidental from the study's own words, or from an order of that time.

    An order with a reason that is no screening makes what is found incidental; without a reason
    nothing is known.
    """
    orders = [one for one in case.of("ServiceRequest") if _of_study(one, study, day)]
    codes, words = set(rules["screening"]["codes"]), rules["screening"]["words"]
    others = []
    for record in ([study] if study else []) + orders:
        concepts = list(_concepts(record, ("code", "reasonCode", "procedureCode")))
        told = [str(record.content.get("description", "")), *_names(concepts)]
        if {c.get("code") for c in concepts} & codes:
            return "screening", (record.reference,)
        if record is study or _hit(told, rules["order"]["words"]):
            if _hit(told, words):
                return "screening", (record.reference,)
            others.append(record)
    for record in others:
        if record.content.get("reasonCode") or record.content.get("reasonReference"):
            return "incidental", (record.reference,)
    return None


def _of_study(order: Record, study: Record | None, day: str) -> bool:
    """Say whether an order belongs to a study: named by it, or written in the 90 days before."""
    if order.content.get("status") in RETRACTED:
        return False
    named = [
        one.get("reference", "") for one in (study.content if study else {}).get("basedOn", ())
    ]
    if named:
        return any(one.split("/")[1:2] == [order.id] for one in named)
    written = str(order.content.get("authoredOn", ""))[:10]
    if len(written) < 10 or not day:
        return False
    return 0 <= (date.fromisoformat(day) - date.fromisoformat(written)).days <= 90


def _excluded(case: Case, rules: Mapping[str, Any]) -> Found:
    for record in _conditions(case):
        for name in ("cancer", "immunosuppression"):
            if not _states(record) & SUSPECTED and _is(record, rules[name]):
                return True, (record.reference,)
    return None


def _risk(case: Case, rules: Mapping[str, Any]) -> Found:
    told = [record for record in _conditions(case) if _is(record, rules["risk"])]
    factors = [record.reference for record in told if not _states(record) & SUSPECTED]
    for record in case.of("FamilyMemberHistory"):
        for condition in record.content.get("condition", ()):
            words = _names(_codings(condition.get("code")))
            if _hit(words, rules["risk"]["family_words"]) and _hit(words, rules["cancer"]["words"]):
                factors.append(record.reference)
    smoked, said = _smoked(case, rules["smoked"])
    if smoked:
        factors.append(said)
    if factors:
        return "high", tuple(dict.fromkeys(factors))
    return ("low", (said,)) if smoked is False and not told else None


def _smoked(case: Case, rule: Mapping[str, Any]) -> tuple[bool | None, Reference]:
    """Return the latest recorded smoking status: ever, never or unknown."""
    told = [
        record
        for record in case.of("Observation")
        if record.content.get("status") not in RETRACTED
        and rule["observation"] in {c.get("code") for c in _codings(record.content.get("code"))}
    ]
    told.sort(key=lambda record: str(record.content.get("effectiveDateTime", "")))
    for record in reversed(told):
        codes = {c.get("code") for c in _codings(record.content.get("valueCodeableConcept"))}
        if codes & set(rule["yes"]):
            return True, record.reference
        if codes & set(rule["no"]):
            return False, record.reference
    return None, ""


def _conditions(case: Case) -> Iterator[Record]:
    for record in case.of("Condition"):
        if not _states(record) & RETRACTED:
            yield record


def _states(record: Record) -> set[Any]:
    """Return the codes of a condition's two statuses."""
    return {
        c.get("code")
        for name in ("verificationStatus", "clinicalStatus")
        for c in _codings(record.content.get(name))
    }


def _is(record: Record, rule: Mapping[str, Sequence[str]]) -> bool:
    codings = _codings(record.content.get("code"))
    by_code = any(str(c.get("code", "")).startswith(tuple(rule["prefixes"])) for c in codings
                  if "icd-10" in str(c.get("system", "")))  # fmt: skip
    return by_code or _hit(_names(codings), rule["words"])


def _codings(concept: Any) -> list[Mapping[str, Any]]:
    """Return the codings of a CodeableConcept, its text as one more."""
    if not isinstance(concept, Mapping):
        return []
    return [*concept.get("coding", ()), {"display": concept.get("text", "")}]


def _concepts(record: Record, names: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    for name in names:
        found = record.content.get(name)
        for concept in found if isinstance(found, list) else [found]:
            yield from _codings(concept)


def _names(codings: Sequence[Mapping[str, Any]]) -> list[str]:
    return [str(coding.get("display", "")) for coding in codings]


def _hit(texts: Sequence[str], words: Sequence[str]) -> bool:
    return any(word in text.lower() for text in texts for word in words)
