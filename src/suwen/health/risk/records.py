"""What FHIR records tell of the inputs of the risk equations: values, conditions, drugs, person.

Codes and validity times: `knowledge/risk_facts.toml`. Retracted records and what lies after the
moment of the Case are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from suwen.core.codes import SUWEN, Text
from suwen.core.nouns import Case, Record, RecordValue
from suwen.core.quantities import number, with_unit
from suwen.health.risk.equation import Quantity, Told

OWN: Final = f"{SUWEN}/risk-input"
"""System of observations that tell an input by its own name."""
OVER: Final = ("inactive", "remission", "resolved")
"""Clinical status of what is over."""
Rules = Mapping[str, Any]
Named = tuple[tuple[Record, ...], str, Sequence[Mapping[str, Any]]]
"""Records that together name something, where, and the codings and words they name it by."""


@dataclass(frozen=True)
class Reading:
    """One recorded value of an input, when it was true and where it stands."""

    told: Told
    when: datetime
    source: RecordValue


def observed(case: Case, rules: Rules, names: Mapping[str, Text]) -> dict[str, list[Reading]]:
    """Return the readings of each input of `names` within its validity, the newest last."""
    by_code = {code: name for name, row in rules["observed"].items() for code in row["codes"]}
    found: dict[str, list[Reading]] = {}
    for record, when in _observations(case, rules):
        for path, part in _parts(record):
            named = _input_of(part.get("code"), by_code)
            told = _told(part, rules) if named else None
            if named is None or named not in names or told is None:
                continue
            row = rules["observed"].get(named, {})
            if case.at - when > timedelta(days=row.get("days", rules["direct_days"])):
                continue
            source = RecordValue(
                record=record.reference, path=path, note=_note(names[named], told, when)
            )
            found.setdefault(named, []).append(Reading(told, when, source))
    return {name: sorted(all_of_it, key=lambda one: one.when) for name, all_of_it in found.items()}


def smoked(case: Case, rules: Rules) -> tuple[str, RecordValue] | None:
    """Return the newest smoking status: current, former or never."""
    row = rules["smoking"]
    newest: tuple[datetime, str, RecordValue] | None = None
    for record, when in _observations(case, rules):
        if not {c.get("code") for c in codings(record.content.get("code"))} & set(row["codes"]):
            continue
        said = {c.get("code") for c in codings(record.content.get("valueCodeableConcept"))}
        states = [name for name in ("current", "former", "never") if said & set(row[name])]
        if not states or case.at - when > timedelta(days=row["days"]):
            continue
        if newest is None or when >= newest[0]:
            words = names_in(codings(record.content.get("valueCodeableConcept")))
            shown = f"{next((one for one in words if one), states[0])}, {when:%Y-%m-%d}"
            path = "Observation.valueCodeableConcept"
            note = Text(en=shown, zh=shown)
            newest = when, states[0], RecordValue(record=record.reference, path=path, note=note)
    return newest[1:] if newest else None


Flags = dict[str, tuple[RecordValue, ...]]
"""Conditions and drugs, each with the records that tell it."""


def flagged(case: Case, rules: Rules) -> tuple[Flags, Flags]:
    """Return the conditions and drugs that are recorded, and conditions that are only suspected.

    By FHIR R4 condition-ver-status: what is refuted or entered in error is not said at all; what is
    `unconfirmed`, `provisional` or `differential` is no fact before somebody confirms it; a
    condition without a status is as it was stated.
    """
    firm: Flags = {}
    suspected: Flags = {}
    kinds = ((_conditions(case, rules), rules["conditions"]), (_drugs(case, rules), rules["drugs"]))
    for told, row in kinds:
        for records, path, concept in told:
            words = names_in(concept)
            if _hit(words, row.get("unless", ())):
                continue
            shown = next((one for one in words if one), "")
            note = Text(en=shown, zh=shown) if shown else None
            sources = tuple(
                RecordValue(record=one.reference, path=where, note=note)
                for one, where in zip(records, (path, "Medication.code"), strict=False)
            )
            found = suspected if unconfirmed(records[0], rules) else firm
            for name, rule in row["flag"].items():
                known = name in found or not matches(concept, words, rule)
                if not known and _in_time(records[0], rule, case.at):
                    found[name] = sources
    return firm, {name: told for name, told in suspected.items() if name not in firm}


def unconfirmed(record: Record, rules: Rules) -> bool:
    """Say whether a condition is not confirmed; what has no such status is as it was stated."""
    states = {c.get("code") for c in codings(record.content.get("verificationStatus"))}
    return bool(states & set(rules["unconfirmed"]))


def _in_time(record: Record, rule: Mapping[str, Any], at: datetime) -> bool:
    """Say whether something counts at a moment, where its rule asks for that.

    `current`: not what is over; `days`: not what began longer ago; `dated`: only with a beginning.
    """
    content = record.content
    began = moment(content.get("onsetDateTime") or content.get("recordedDate"))
    if rule.get("current"):
        states = {c.get("code") for c in codings(content.get("clinicalStatus"))}
        ended = moment(content.get("abatementDateTime"))
        if states & set(OVER) or (ended is not None and ended <= at):
            return False
    if began is None:
        return not rule.get("dated", False)
    return "days" not in rule or at - began <= timedelta(days=rule["days"])


def onset_age(case: Case, rules: Rules, born: date | None) -> tuple[float, RecordValue] | None:
    """Return the age at which type 2 diabetes began, where its condition tells it."""
    for (record,), path, concept in _conditions(case, rules):
        words = names_in(concept)
        rule = rules["conditions"]["flag"]["diabetes_type_2"]
        if unconfirmed(record, rules) or not matches(concept, words, rule):
            continue
        own = record.content.get("onsetAge")
        if isinstance(own, Mapping) and isinstance(own.get("value"), int | float):
            return float(own["value"]), RecordValue(record=record.reference, path=path)
        onset = moment(record.content.get("onsetDateTime"))
        if born is not None and onset is not None:
            return years(born, onset.date()), RecordValue(record=record.reference, path=path)
    return None


def years(born: date, day: date) -> float:
    """Return completed years of life."""
    return float(day.year - born.year - ((day.month, day.day) < (born.month, born.day)))


def moment(text: Any) -> datetime | None:
    """Return a FHIR date or time as a moment, of a part of a date its first; None for neither."""
    if not isinstance(text, str) or not text:
        return None
    padded = {4: f"{text}-01-01", 7: f"{text}-01"}.get(len(text), text)
    try:
        found = datetime.fromisoformat(padded)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def codings(concept: Any) -> list[Mapping[str, Any]]:
    """Return the codings of a CodeableConcept, its text as one more."""
    if not isinstance(concept, Mapping):
        return []
    return [*concept.get("coding", ()), {"display": concept.get("text", "")}]


def observed_at(content: Mapping[str, Any]) -> datetime | None:
    """Return when an Observation was true; None where it does not tell."""
    period = content.get("effectivePeriod")
    ended = period.get("end") or period.get("start") if isinstance(period, Mapping) else None
    told = content.get("effectiveDateTime") or content.get("effectiveInstant")
    return moment(told or ended or content.get("issued"))


def _observations(case: Case, rules: Rules) -> Iterator[tuple[Record, datetime]]:
    for record in case.of("Observation"):
        if record.content.get("status") in rules["retracted"]:
            continue
        when = observed_at(record.content)
        if when is not None and when <= case.at:
            yield record, when


def _parts(record: Record) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "Observation", record.content
    for place, part in enumerate(record.content.get("component", ())):
        yield f"Observation.component[{place}]", part


def _input_of(concept: Any, by_code: Mapping[str, str]) -> str | None:
    for coding in codings(concept):
        code = str(coding.get("code", ""))
        if coding.get("system") == OWN:
            return code.replace("-", "_")
        if code in by_code:
            return by_code[code]
    return None


def _told(part: Mapping[str, Any], rules: Rules) -> Told | None:
    quantity = part.get("valueQuantity")
    if isinstance(quantity, Mapping):
        value = quantity.get("value")
        if not isinstance(value, int | float) or quantity.get("comparator"):
            return None
        return Quantity(float(value), _unit(quantity, rules))
    if isinstance(part.get("valueBoolean"), bool):
        return bool(part["valueBoolean"])
    if isinstance(part.get("valueInteger"), int):
        return Quantity(float(part["valueInteger"]), "1")
    if isinstance(part.get("valueString"), str):
        return str(part["valueString"])
    for coding in codings(part.get("valueCodeableConcept")):
        if coding.get("code"):
            return str(coding["code"])
    return None


def _unit(quantity: Mapping[str, Any], rules: Rules) -> str:
    """Return the UCUM unit; an annotation such as `{creat}` says nothing about the size."""
    told = str(quantity.get("code") or quantity.get("unit") or "")
    for text in (told, told.partition("{")[0] or told):
        found = rules["units"].get(text.lower().replace(" ", ""))
        if found is not None:
            return str(found)
    return told.partition("{")[0] or told


def _note(name: Text, told: Told, when: datetime) -> Text:
    if isinstance(told, Quantity):
        shown = with_unit(number(told.value), told.unit)
        en, zh = shown, shown
    else:
        words = {True: ("yes", "是"), False: ("no", "否")}
        en, zh = words[told] if isinstance(told, bool) else (told, told)
    return Text(en=f"{name.en} {en}, {when:%Y-%m-%d}", zh=f"{name.zh} {zh}，{when:%Y-%m-%d}")


def _conditions(case: Case, rules: Rules) -> Iterator[Named]:
    for record in case.of("Condition"):
        states = {c.get("code") for c in codings(record.content.get("verificationStatus"))}
        began = moment(record.content.get("onsetDateTime") or record.content.get("recordedDate"))
        if states & set(rules["retracted"]) or (began is not None and began > case.at):
            continue
        yield (record,), "Condition.code", codings(record.content.get("code"))


def _drugs(case: Case, rules: Rules) -> Iterator[Named]:
    substances = {record.id: record for record in case.of("Medication")}
    for kind in ("MedicationStatement", "MedicationRequest"):
        for record in case.of(kind):
            content = record.content
            began = moment(content.get("authoredOn") or content.get("effectiveDateTime"))
            if content.get("status") not in rules["drugs"]["active"]:
                continue
            if began is not None and began > case.at:
                continue
            concept = codings(content.get("medicationCodeableConcept"))
            records: tuple[Record, ...] = (record,)
            reference = content.get("medicationReference")
            if isinstance(reference, Mapping):
                parts = str(reference.get("reference", "")).partition("/_history")[0].split("/")
                if (named := substances.get(parts[-1])) is not None:
                    records = (record, named)
                    concept += codings(named.content.get("code"))
                concept.append({"display": reference.get("display", "")})
            yield records, f"{kind}.medication", concept


def matches(
    concept: Sequence[Mapping[str, Any]], words: Sequence[str], rule: Mapping[str, Any]
) -> bool:
    """Say whether a concept is what a rule names: by code (of ICD-10, ATC a prefix) or by words."""
    for coding in concept:
        system, code = str(coding.get("system", "")), str(coding.get("code", ""))
        if "icd-10" in system and code.startswith(tuple(rule.get("icd", ()))):
            return True
        if "snomed" in system and code in rule.get("snomed", ()):
            return True
        if "cvx" in system and code in rule.get("cvx", ()):
            return True
        if ("atc" in system or "whocc" in system) and code.startswith(tuple(rule.get("atc", ()))):
            return True
    return _hit(words, rule["words"])


def names_in(concept: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the words that a concept is named by."""
    return [str(coding.get("display", "")) for coding in concept]


def _hit(texts: Sequence[str], words: Sequence[str]) -> bool:
    return any(word in text.lower() for text in texts for word in words)
