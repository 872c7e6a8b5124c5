"""What records tell of allergies, vaccinations, residence and earlier advice.

Values, conditions and drugs are read as for the risk equations (`health.risk.records`). Codes:
`knowledge/advice_records.toml`. Source: FHIR R4 AllergyIntolerance, Immunization, Goal, Task.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from suwen.core.codes import ADVICE, Text
from suwen.core.nouns import Case, Record, RecordValue
from suwen.health.risk.records import Rules, codings, matches, moment, names_in

Sources = tuple[RecordValue, ...]


@dataclass(frozen=True)
class Past:
    """What became of one piece of advice: how often it was carried out, not, or is still open."""

    done: int = 0
    not_done: int = 0
    open: int = 0
    last: str = ""
    """Day of the newest record that tells it, as YYYY-MM-DD; empty without a date."""


@dataclass(frozen=True)
class Given:
    """When a vaccine was last given, and the record that tells it."""

    when: datetime
    source: RecordValue


def allergies(case: Case, rules: Rules) -> dict[str, Sources]:
    """Return the allergies and intolerances on record, by flag."""
    row = rules["allergies"]
    found: dict[str, Sources] = {}
    for record in case.of("AllergyIntolerance"):
        content = record.content
        states = {c.get("code") for c in codings(content.get("verificationStatus"))}
        over = {c.get("code") for c in codings(content.get("clinicalStatus"))}
        if states & set(rules["retracted"]) or over & set(row["over"]):
            continue
        concept = codings(content.get("code"))
        for reaction in content.get("reaction", ()):
            concept += codings(reaction.get("substance"))
        for name in _named(concept, row["flag"]):
            found.setdefault(name, (_value(record, "AllergyIntolerance.code", concept),))
    return found


def vaccines(case: Case, rules: Rules) -> tuple[dict[str, Given], Sources]:
    """Return the newest dose of each vaccine, and every record of any vaccination."""
    newest: dict[str, Given] = {}
    every = []
    for record in case.of("Immunization"):
        content = record.content
        when = moment(content.get("occurrenceDateTime"))
        if content.get("status") != "completed" or when is None or when > case.at:
            continue
        concept = codings(content.get("vaccineCode"))
        source = _value(record, "Immunization.vaccineCode", concept, when)
        every.append(source)
        for name in _named(concept, rules["vaccines"]):
            if name not in newest or when >= newest[name].when:
                newest[name] = Given(when, source)
    return newest, tuple(every)


def residence(case: Case, rules: Rules) -> dict[str, Sources]:
    """Return the countries of residence that rules ask for, by flag."""
    found: dict[str, Sources] = {}
    for record in case.of("Patient"):
        for address in record.content.get("address", ()):
            country = str(address.get("country", "")).strip().lower()
            for name, words in rules["country"].items():
                if country in words:
                    path = "Patient.address.country"
                    found[name] = (RecordValue(record=record.reference, path=path),)
    return found


def tried(case: Case, rules: Rules) -> tuple[dict[str, Past], Sources]:
    """Return what became of earlier advice, by the id of its rule, and the records that tell it."""
    found: dict[str, Past] = {}
    sources = []
    for record, name, state, when in _outcomes(case):
        if when is not None and when > case.at:
            continue
        past = found.get(name, Past())
        kind = next(
            (one for one in ("done", "not_done", "open") if state in rules["tried"][one]), ""
        )
        if not kind:
            continue
        day = f"{when:%Y-%m-%d}" if when else ""
        counted = {**vars(past), kind: getattr(past, kind) + 1, "last": max(past.last, day)}
        found[name] = Past(**counted)
        path = "Goal.achievementStatus" if record.type == "Goal" else f"{record.type}.status"
        sources.append(RecordValue(record=record.reference, path=path))
    return found, tuple(sources)


def _outcomes(case: Case) -> Iterator[tuple[Record, str, str, datetime | None]]:
    """Yield each goal and task that names a rule, with the state it is in and since when."""
    for record in case.of("Goal"):
        content = record.content
        named = [
            str(one.get("value", ""))
            for one in content.get("identifier", ())
            if one.get("system") == ADVICE
        ]
        achieved = [c.get("code") for c in codings(content.get("achievementStatus"))]
        state = next((str(one) for one in achieved if one), str(content.get("lifecycleStatus", "")))
        for name in named:
            yield record, name, state, moment(content.get("statusDate") or content.get("startDate"))
    for record in case.of("Task"):
        content = record.content
        for coding in codings(content.get("code")):
            if coding.get("system") == ADVICE and content.get("status") != "entered-in-error":
                when = moment(content.get("lastModified") or content.get("authoredOn"))
                yield record, str(coding.get("code", "")), str(content.get("status", "")), when


def _named(concept: list[Mapping[str, Any]], flags: Mapping[str, Mapping[str, Any]]) -> list[str]:
    words = [one.lower() for one in names_in(concept)]

    def meant(row: Mapping[str, Any]) -> bool:
        barred = any(word in one for one in words for word in row.get("unless", ()))
        return not barred and matches(concept, words, row)

    return [name for name, row in flags.items() if meant(row)]


def _value(
    record: Record, path: str, concept: list[Mapping[str, Any]], when: datetime | None = None
) -> RecordValue:
    shown = next((one for one in names_in(concept) if one), "")
    dated = ", ".join(one for one in (shown, f"{when:%Y-%m-%d}" if when else "") if one)
    note = Text(en=dated, zh=dated) if dated else None
    return RecordValue(record=record.reference, path=path, note=note)
